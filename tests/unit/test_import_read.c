/* SPDX-License-Identifier: Apache-2.0 */
/* Records of files: CSV with all that RFC 4180 allows and much that it does not, and JSON. */
#include "jobs/import_read.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "unit.h"

static struct import_reader in;

static void
open_text(const char *text, size_t len)
{
	if (in.file != NULL)
		fclose(in.file);
	in = (struct import_reader){ .delimiter = ',' };
	in.file = fmemopen((void *)(uintptr_t)text, len, "r");
}

/* Every record as "<line>:<field>|<field>" or "<line>!<problem>", one after the other. */
static const char *
csv(const char *text, size_t len)
{
	struct buf out;
	unsigned i;

	open_text(text, len);
	reader_start(&in);
	reader_find_delimiter(&in);
	buf_init(&out, arena, 256);
	while (reader_csv(&in, arena)) {
		if (in.problem != NULL) {
			buf_printf(&out, "%d!%s ", (int)in.at, in.problem);
			continue;
		}
		buf_printf(&out, "%d:", (int)in.at);
		for (i = 0; i < in.nfields; i++)
			buf_printf(&out, "%s%s", i == 0 ? "" : "|", in.fields[i]);
		buf_char(&out, ' ');
	}
	return out.data;
}

static const char *
json(const char *text, size_t len)
{
	struct buf out;

	static const char *const lists[] = { "tickets", "results", NULL };

	open_text(text, len);
	in.lists = lists;
	reader_start(&in);
	buf_init(&out, arena, 256);
	while (reader_json(&in, arena))
		buf_printf(&out, "%d%s%s ", (int)in.at, in.problem == NULL ? ":" : "!",
		    in.problem == NULL ? in.text.data : in.problem);
	return out.data;
}

#define CSV(text) csv(text, sizeof(text) - 1)
#define JSON(text) json(text, sizeof(text) - 1)

START_TEST(rows_are_split_as_rfc_4180_says)
{
	ck_assert_str_eq(CSV("a,b\r\n1,2\r\n"), "1:a|b 2:1|2 ");
	ck_assert_str_eq(CSV("a,b\n1,2"), "1:a|b 2:1|2 ");
	ck_assert_str_eq(CSV("\"a,b\",\"c\"\"d\"\n"), "1:a,b|c\"d ");
	ck_assert_str_eq(CSV("\"two\r\nlines\",x\ny\n"), "1:two\r\nlines|x 3:y ");
	ck_assert_str_eq(CSV(",,\n"), "1:|| ");
	ck_assert_str_eq(CSV("a\n\"\"\n"), "1:a ");
	ck_assert_str_eq(CSV("a\n\n\r\nb\n"), "1:a 4:b ");
	ck_assert_str_eq(CSV("a\rb,c\n"), "1:a\rb|c ");
	ck_assert_str_eq(CSV("5\" disk,b\n"), "1:5\" disk|b ");
	ck_assert_str_eq(CSV("a,\"\""), "1:a| ");
	ck_assert_str_eq(CSV(" \"a\" ,b\n"), "1: \"a\" |b ");
	ck_assert_str_eq(CSV("a\r"), "1:a ");
	ck_assert_str_eq(CSV(""), "");
	ck_assert_str_eq(CSV("\n\n"), "");
}
END_TEST

START_TEST(the_header_tells_the_delimiter_and_a_mark_is_skipped)
{
	ck_assert_str_eq(CSV("\xef\xbb\xbf"
			     "a;b\n1,5;2\n"),
	    "1:a|b 2:1,5|2 ");
	ck_assert_str_eq(CSV("a\tb\n1,2\t3;4\n"), "1:a|b 2:1,2|3;4 ");
	ck_assert_str_eq(CSV("\xef\xbb"), "1!utf8 ");
}
END_TEST

START_TEST(a_bad_row_is_named_and_the_next_one_is_read)
{
	ck_assert_str_eq(CSV("a\n\"x\"y\nb\n"), "1:a 2!text_after_quote 3:b ");
	ck_assert_str_eq(CSV("a\nx\xff\nb\n"), "1:a 2!utf8 3:b ");
	ck_assert_str_eq(CSV("a\nx\0y\nb\n"), "1:a 2!nul_character 3:b ");
	ck_assert_str_eq(CSV("a\n\"never\nb\nc\n"), "1:a 2!unterminated_quote 3:b 4:c ");
	ck_assert_str_eq(CSV("a\n\"never"), "1:a 2!unterminated_quote ");
}
END_TEST

START_TEST(a_row_that_is_too_long_is_not_kept)
{
	size_t len = RECORD_MAX + 100;
	char *text = arena_alloc(arena, len);

	memset(text, 'x', len);
	memcpy(text, "a\n", 2);
	memcpy(text + len - 3, "\nb\n", 3);
	ck_assert_str_eq(csv(text, len), "1:a 2!too_long 3:b ");
	memset(text, ',', RECORD_MAX + 50);
	memcpy(text, "a\n", 2);
	ck_assert_ptr_nonnull(strstr(csv(text, len), "too_many_columns"));
	memcpy(text, "{ ", 2);
	ck_assert_ptr_nonnull(strstr(json(text, len), "too_long"));
}
END_TEST

START_TEST(json_comes_in_lines_or_in_a_list)
{
	ck_assert_str_eq(JSON("{\"a\":1}\n\n{\"b\":2}"), "1:{\"a\":1} 3:{\"b\":2} ");
	ck_assert_str_eq(JSON("\xef\xbb\xbf[1]\n"), "1:1 ");
	ck_assert_str_eq(
	    JSON(" [ {\"a\":\"]}\\\"\"},\n{\"b\":{}} ]\n"), "1:{\"a\":\"]}\\\"\"} 2:{\"b\":{}} ");
	ck_assert_str_eq(JSON("[{\"a\":1}, oops, null, \"x,]\", [1,2], {\"b\":1}]"),
	    "1:{\"a\":1} 1:oops 1:null 1:\"x,]\" 1:[1,2] 1:{\"b\":1} ");
	ck_assert_str_eq(
	    JSON("[{\"a\":1}]\n[{\"b\":1}]{\"c\":1}"), "1:{\"a\":1} 2:{\"b\":1} 2:{\"c\":1} ");
	ck_assert_str_eq(JSON("[]"), "");
	ck_assert_str_eq(JSON(""), "");
	ck_assert_str_eq(
	    JSON("{\"a\":1}\nnonsense\n{\"b\":1}\n"), "1:{\"a\":1} 2:nonsense 3:{\"b\":1} ");
}
END_TEST

START_TEST(a_list_may_be_any_member_of_an_object)
{
	ck_assert_str_eq(JSON("{\"tickets\": [{\"a\":1}], \"count\": 1}"), "1:{\"a\":1} ");
	ck_assert_str_eq(
	    JSON(
		"{\"n\":null,\"users\":[{\"u\":1}],\n\"tickets\" : [{\"a\":1}],\"x\":{\"tickets\":[7]},"
		"\"results\":[{\"b\":1}]}\n{\"c\":1}"),
	    "2:{\"a\":1} 2:{\"b\":1} 3:{\"c\":1} ");
	ck_assert_str_eq(JSON("{\"title\": [1]}"), "1:{\"title\": [1]} ");
	ck_assert_str_eq(
	    JSON("{\"a\": \"tickets\", \"b\": [1]}"), "1:{\"a\": \"tickets\", \"b\": [1]} ");
	ck_assert_str_eq(JSON("{\"tickets\":[]}"), "");
	ck_assert_str_eq(JSON("{\"tickets\":[{\"a\":1}]"), "1:{\"a\":1} 1!cut_off ");
}
END_TEST

START_TEST(an_object_over_several_lines_is_one_record)
{
	ck_assert_str_eq(JSON("{\n \"a\": [\n1\n],\n\"b\"\n:\n2\n}\n{\"c\":1}"),
	    "1:{\n\"a\": [\n1\n],\n\"b\"\n:\n2\n} 9:{\"c\":1} ");
	ck_assert_str_eq(JSON("[\n{\n\"a\": 1\n},\n{\"b\":1}\n]"), "2:{\n\"a\": 1\n} 5:{\"b\":1} ");
}
END_TEST

START_TEST(what_is_broken_or_cut_off_does_not_swallow_the_rest)
{
	ck_assert_str_eq(JSON("{\"a\":1\n{\"b\":2}\n"), "1!syntax 2:{\"b\":2} ");
	ck_assert_str_eq(JSON("{\"a\":1,\n{\"b\":2}\n"), "1!syntax 2:{\"b\":2} ");
	ck_assert_str_eq(JSON("{\"a\":\"x\n{\"b\":2}\n"), "1!syntax 2:{\"b\":2} ");
	ck_assert_str_eq(JSON("[{\"a\":1,\n{\"b\":2}]\n"), "1!syntax 2:{\"b\":2} ");
	ck_assert_str_eq(JSON("[{\"a\":1"), "1!cut_off ");
	ck_assert_str_eq(JSON("[{\"a\":1},\n"), "1:{\"a\":1} 2!cut_off ");
	ck_assert_str_eq(JSON("{\"a\":1"), "1!cut_off ");
}
END_TEST

START_TEST(reading_goes_on_from_any_record)
{
	static const char text[] = "a,b\n\"1\n\",2\n3,4\n";
	int64_t offset, line;

	open_text(text, sizeof(text) - 1);
	reader_start(&in);
	reader_csv(&in, arena);
	reader_csv(&in, arena);
	offset = in.offset;
	line = in.line;
	open_text(text, sizeof(text) - 1);
	in.offset = offset;
	in.line = line;
	ck_assert_int_eq(reader_seek(&in), 0);
	ck_assert(reader_csv(&in, arena));
	ck_assert_str_eq(in.fields[0], "3");
	ck_assert_int_eq(in.at, 4);
	ck_assert(!reader_csv(&in, arena));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { rows_are_split_as_rfc_4180_says,
		the_header_tells_the_delimiter_and_a_mark_is_skipped,
		a_bad_row_is_named_and_the_next_one_is_read, a_row_that_is_too_long_is_not_kept,
		json_comes_in_lines_or_in_a_list, a_list_may_be_any_member_of_an_object,
		an_object_over_several_lines_is_one_record,
		what_is_broken_or_cut_off_does_not_swallow_the_rest,
		reading_goes_on_from_any_record, NULL };
	int failed = unit_main("import_read", tests);

	fclose(in.file);
	return failed;
}
