# SPDX-License-Identifier: Apache-2.0
"""The rounds of tests/bench/run: wrk through nginx beside pgbench, interleaved."""
import argparse
import os
import re
import statistics
import subprocess
import sys

parser = argparse.ArgumentParser()
for name in ("dir", "url", "pg", "pgbench", "sock", "queries"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--rounds", type=int, required=True)
parser.add_argument("--seconds", type=int, required=True)
args = parser.parse_args()


def path(name):
    return os.path.join(args.dir, name)


def write(name, text):
    with open(path(name), "w") as out:
        out.write(text)
    return path(name)


keys = dict(line.split() for line in open(path("keys")))
tickets = [line.split() for line in open(path("tickets"))]

# One request of wrk's after the other, over all organisations.
lua_table = "local t = {\n" + "".join(
    '  {"%s", "%s"},\n' % (keys[org], ticket) for org, ticket in tickets) + "}\n"
LUA = lua_table + """
local n = 0
function init(args) math.randomseed(os.time()) n = math.random(#t) end
function request()
  n = n % #t + 1
  local key, id = t[n][1], t[n][2]
  REQUEST
end
function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""
GET = 'return wrk.format("GET", "/api/tickets/" .. id, {["X-API-Key"] = key})'
LIST = 'return wrk.format("GET", "/api/tickets?status=open&limit=50", {["X-API-Key"] = key})'
BODY = ('{"title":"Cannot login to dashboard","description":"User reports 500 error on login page",'
        '"priority":"high","tags":["login","bug"]}')
POST = ('return wrk.format("POST", "/api/tickets", {["X-API-Key"] = key, '
        '["Content-Type"] = "application/json"}, [[' + BODY + "]])")
one_key = next(iter(keys.values()))
POST_ONE = POST.replace('["X-API-Key"] = key', '["X-API-Key"] = "' + one_key + '"')
HEALTH = 'return wrk.format("GET", "/health")'

CONTEXT = ("SELECT set_config('app.org', ':org', true), set_config('app.actor_type', 'api_key', true), "
           "set_config('app.actor_id', 'bench', true), set_config('app.address', '127.0.0.1', true), "
           "set_config('app.request_id', 'bench', true), set_config('app.suppress', '', true);\n")


def statement(file, name):
    """A named statement of sql/queries."""
    text = open(os.path.join(args.queries, file)).read()
    found = re.search(r"-- name: %s\n(.*?)(?=\n-- name:|\Z)" % name, text, re.S).group(1)
    return "\n".join(line for line in found.splitlines() if not line.startswith("--"))


COLUMNS = ("t.ticket_id, t.org_id, t.number, t.title, t.description, t.status, t.priority, t.customer_id, "
           "t.company_id, t.team_id, t.queue_id, t.assignee_user_id, t.required_skills, t.tags, t.channel, "
           "t.external_id, t.custom_fields, t.ai_classification, t.snoozed_until, t.snooze_until_reply, "
           "t.merged_into_id, t.first_response_at, t.last_customer_comment_at, t.last_agent_comment_at, "
           "t.resolved_at, t.closed_at, t.reopened_count, t.created_by, t.version, t.created_at, t.updated_at")
by_org = {}
for org, ticket in tickets:
    by_org.setdefault(org, []).append(ticket)


def script(name, body, org_variable="\\set o random(1, 20)\n"):
    return write(name, org_variable + "\\startpipeline\n" + body + "\\endpipeline\n")


ORG = "bench_:o"
set_org = "SELECT set_config('app.org', 'bench_' || :o::int, true);\n"
# pgbench has no table of ids, so each client asks for the number of a random ticket's id.
get_sql = script("get.sql", set_org +
                 "SELECT t.* FROM ticket_v t WHERE t.org_id = 'bench_' || :o::int AND t.ticket_id = "
                 "(SELECT x.ticket_id FROM bench_id x WHERE x.org_id = 'bench_' || :o::int AND x.n = :n::int);\n",
                 "\\set o random(1, 20)\n\\set n random(1, 500)\n")
list_sql = script("list.sql", set_org + "SELECT " + COLUMNS +
                  ", t.created_at::text AS __sort, t.ticket_id::text AS __id FROM ticket_v t "
                  "WHERE t.org_id = 'bench_' || :o::int AND t.status = 'open' "
                  "ORDER BY t.created_at DESC, t.ticket_id DESC LIMIT 51;\n")
create = statement("tickets.sql", "ticket_create").rstrip(";\n ")
create = (create.replace("$4::jsonb", "'" + BODY + "'::jsonb").replace("$3::bigint", "take_bench_number()")
          .replace("$2", "uuid7()").replace("$1", "'bench_' || :o::int"))
post_sql = script("post.sql", "BEGIN;\n" + CONTEXT.replace("':org'", "'bench_' || :o::int") +
                  create + ";\nCOMMIT;\n")


def psql(user, text):
    subprocess.run([args.pgbench.replace("pgbench", "psql"), "-q", "-X", "-h", args.pg, "-U", user,
                    "serviceos", "-v", "ON_ERROR_STOP=1", "-c", text], check=True)


psql("postgres", "CREATE SEQUENCE bench_number START 1000000000; GRANT USAGE ON bench_number TO serviceos_app; "
     "CREATE FUNCTION take_bench_number() RETURNS bigint LANGUAGE sql AS $$SELECT nextval('bench_number')$$; "
     "CREATE TABLE bench_id AS SELECT org_id, ticket_id, row_number() OVER (PARTITION BY org_id ORDER BY random())::int AS n "
     "FROM ticket; CREATE UNIQUE INDEX ON bench_id (org_id, n); GRANT SELECT ON bench_id TO serviceos_app; ANALYZE bench_id")


def wrk(name, request, connections):
    """(requests a second, p50 ms, p99 ms)"""
    out = subprocess.run(["wrk", "-t2", "-c%d" % connections, "-d%ds" % args.seconds, "-s",
                          write(name + ".lua", LUA.replace("REQUEST", request)), args.url],
                         capture_output=True, text=True, check=True).stdout
    n, duration, p50, p99, errors = map(int, re.search(r"RESULT (.*)", out).group(1).split())
    if errors:
        sys.exit("%s: %d requests failed" % (name, errors))
    return n / (duration / 1e6), p50 / 1000, p99 / 1000


def pgbench(file, clients):
    out = subprocess.run([args.pgbench, "-h", args.pg, "-U", "serviceos_app", "-n", "-M", "prepared",
                          "-c", str(clients), "-j", "2", "-T", str(args.seconds), "-f", file, "serviceos"],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"tps = ([\d.]+)", out).group(1))


def memory():
    """Median PSS in MiB of the api workers."""
    sizes = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open("/proc/%s/cmdline" % pid).read()
            if "serviceos-api" in command and args.dir in command:
                sizes.append(int(re.search(r"^Pss:\s+(\d+)", open("/proc/%s/smaps_rollup" % pid).read(), re.M).group(1)))
        except OSError:
            pass
    return statistics.median(sizes) / 1024


results = {name: [] for name in ("health", "get", "list", "post", "post_one", "pg_get", "pg_list", "pg_post")}
for turn in range(args.rounds):
    print("round %d of %d" % (turn + 1, args.rounds), file=sys.stderr)
    results["health"].append(wrk("health", HEALTH, 32))
    results["get"].append(wrk("get", GET, 32))
    results["pg_get"].append(pgbench(get_sql, 8))
    results["list"].append(wrk("list", LIST, 32))
    results["pg_list"].append(pgbench(list_sql, 8))
    results["post"].append(wrk("post", POST, 64))
    results["pg_post"].append(pgbench(post_sql, 16))
    results["post_one"].append(wrk("post_one", POST_ONE, 64))


def median(name, index=0):
    values = results[name]
    return statistics.median(v[index] if isinstance(v, tuple) else v for v in values)


ceiling = 1 / (1 / median("health") + 1 / median("pg_get"))
rows = [
    ("GET one / pgbench", "get", median("pg_get"), 0.40, 0.50),
    ("GET one / additive ceiling", "get", ceiling, 0.70, 0.80),
    ("POST / pgbench", "post", median("pg_post"), 0.60, 0.80),
    ("list of 50 / pgbench, plain columns", "list", median("pg_list"), 0.50, 0.65),
    ("POST, all in one organization / spread", "post_one", median("post"), 0.90, 1.00),
]
print("\n| what | requests/s | beside | ratio | must | goal | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|---|")
for label, name, beside, must, goal in rows:
    print("| %s | %.0f | %.0f | **%.2f** | %.2f | %.2f | %.1f | %.1f |" %
          (label, median(name), beside, median(name) / beside, must, goal, median(name, 1), median(name, 2)))
print("\nhello through nginx (/health): %.0f requests/s; memory of an api worker (PSS): %.1f MiB" %
      (median("health"), memory()))
