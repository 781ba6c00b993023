# SQL files into C. Without -v mode: the header of the named statements;
# mode=c: their table; mode=schema: the schema's files in order.
# A statement starts at "-- name: x"; other comment lines are dropped.

function quote(s) {
  gsub(/\\/, "&&", s)
  gsub(/"/, "\\\"", s)
  gsub(/\t/, "  ", s)
  return "\"" s "\\n\""
}
function stop(why) {
  print FILENAME ":" FNR ": " why > "/dev/stderr"
  failed = 1
  exit 1
}
function kind_of(path) {
  if (path ~ /migrations\//) return "m"
  if (path ~ /functions\//) return "f"
  if (path ~ /views\//) return "v"
  return "g"
}

BEGIN {
  n = 0
}

mode == "schema" {
  if (FNR == 1) {
    if (NR > 1) body = body " },\n"
    name = FILENAME
    sub(/.*\//, "", name)
    body = body "\t{ \"" name "\", '" kind_of(FILENAME) "',\n"
  }
  body = body "\t  " quote($0) "\n"
  next
}

/^-- name: / {
  name = $3
  if (name in seen) stop("statement " name " has that name already")
  if (name !~ /^[a-z][a-z0-9_]*$/) stop("bad name " name)
  seen[name] = 1
  names[n++] = name
  next
}
/^[ \t]*--/ || /^[ \t]*$/ { next }
{
  if (n == 0) stop("text before the first name")
  text[names[n - 1]] = text[names[n - 1]] "\t  " quote($0) "\n"
}

END {
  if (failed) exit 1
  if (mode == "schema") {
    print "#include \"store/schema.h\"\n\nconst struct schema_file schema_files[] = {"
    print body " },\n\t{ NULL, 0, NULL }\n};"
    exit 0
  }
  if (mode == "c") {
    print "#include \"store/sql.gen.h\"\n\nconst struct statement statements[] = {\n\t{ \"none\", \"SELECT 1\" },"
    for (i = 0; i < n; i++) {
      if (text[names[i]] == "") { print names[i] ": no text" > "/dev/stderr"; exit 1 }
      print "\t{ \"" names[i] "\",\n" text[names[i]] "\t},"
    }
    print "};"
    exit 0
  }
  print "/* Made by tools/sqlembed.awk from sql/queries. */"
  print "#ifndef SERVICEOS_SQL_GEN_H\n#define SERVICEOS_SQL_GEN_H\n"
  print "enum sql_id {\n\tSQL_NONE,"
  for (i = 0; i < n; i++) print "\tSQL_" toupper(names[i]) ","
  print "\tSQL__MAX\n};\n\nstruct statement {\n\tconst char *name;\n\tconst char *text;\n};"
  print "extern const struct statement statements[];\n\n#endif"
}
