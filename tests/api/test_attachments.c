/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments: what is kept, who reads it, and how it is handed over. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"

static const char *
upload(const char *ticket, const char *name, const void *data, size_t len)
{
	call_raw("POST", fmt("/api/tickets/%s/attachments?filename=%s", ticket, name), data, len,
	    "application/x-anything");
	expect(201);
	return keep_id(text("attachment_id"));
}

static void
send_form(const char *ticket, const char *query, const char *head, const char *content)
{
	const char *body = fmt(
	    "--b0\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--b0--\r\n", head, content);

	call_raw("POST", fmt("/api/tickets/%s/attachments%s", ticket, query), body, strlen(body),
	    "multipart/form-data; boundary=b0");
}

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket");
}

TEST(a_file_is_kept_under_its_content_and_its_type_is_told_from_it)
{
	static const unsigned char png[] =
	    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89";
	const char *ticket = make_ticket("t"),
		   *id = upload(ticket, "shot.html", png, sizeof(png) - 1), *path;
	struct stat st;

	ck_assert_str_eq(text("content_type"), "image/png");
	ck_assert_int_eq(number("size"), sizeof(png) - 1);
	path = fmt("%s/files/" ORG "/%.2s/%s", conf.state_dir, text("sha256"), text("sha256"));
	ck_assert_int_eq(stat(path, &st), 0);
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect(200);
	ck_assert_ptr_nonnull(strstr(header("X-Accel-Redirect"), "/_state/files/" ORG "/"));
	ck_assert_str_eq(header("Content-Type"), "image/png");
	ck_assert_ptr_null(header("Cache-Control"));
	ck_assert_ptr_nonnull(
	    strstr(header("X-File-Disposition"), "inline; filename=\"shot.html\""));
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_str_eq(text("attachments.0.attachment_id"), id);
	relay();
	call("GET", fmt("/api/v1/events?topic=ticket.attachment.added&ticket_id=%s", ticket), NULL);
	ck_assert_uint_eq(count("data"), 1);
}
END

TEST(what_a_browser_could_run_is_saved_and_not_shown)
{
	const char *page = "<!DOCTYPE html><html><script>alert(1)</script></html>";
	const char *id = upload(make_ticket("t"), "a%C3%A4.txt", page, strlen(page));

	ck_assert_str_eq(text("content_type"), "text/html");
	call("GET", fmt("/api/attachments/%s", id), NULL);
	ck_assert_str_eq(header("Content-Type"), "application/octet-stream");
	ck_assert_str_eq(header("X-File-Disposition"),
	    "attachment; filename=\"a__.txt\"; filename*=UTF-8''a%C3%A4.txt");
}
END

TEST(a_signed_link_needs_no_credential_and_nothing_of_it_can_change)
{
	const char *id = upload(make_ticket("t"), "a.txt", "hello", 5), *url = text("download_url");
	const char *path = strstr(url, "/api/"),
		   *other = upload(make_ticket("u"), "b.txt", "other", 5);

	caller.key = NULL;
	call("GET", path, NULL);
	expect(200);
	call("GET", fmt("/api/attachments/%s%s", other, strchr(path, '?')), NULL);
	expect(401);
	call("GET", fmt("%s0", path), NULL);
	expect(401);
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect(401);
	caller.key = other_key;
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect(404);
	caller.key = make_key(ORG, "read:customers");
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect_problem(403, "insufficient_scope");
}
END

TEST(a_fresh_link_is_had_by_a_credential_and_never_by_a_link)
{
	const char *id = upload(make_ticket("t"), "a.txt", "hello", 5), *url, *path;

	call("GET", fmt("/api/attachments/%s?link=true", id), NULL);
	expect(200);
	ck_assert_str_eq(header("Content-Type"), "application/json");
	ck_assert_ptr_null(header("X-Accel-Redirect"));
	ck_assert_str_eq(text("attachment_id"), id);
	ck_assert_str_eq(text("filename"), "a.txt");
	ck_assert_str_eq(text("internal"), "false");
	ck_assert_int_eq(number("size"), 5);
	url = text("download_url");
	path = strstr(url, "/api/");
	call("GET", fmt("/api/attachments/%s?link=false", id), NULL);
	expect(200);
	ck_assert_ptr_nonnull(header("X-Accel-Redirect"));
	call("GET", fmt("/api/attachments/%s?link=yes", id), NULL);
	expect_field("link", "type");
	caller.key = NULL;
	call("GET", path, NULL);
	expect(200);
	ck_assert_ptr_nonnull(header("X-Accel-Redirect"));
	call("GET", fmt("%s&link=true", path), NULL);
	expect_field("link", "not_allowed");
	call("GET", fmt("/api/attachments/%s?link=true", id), NULL);
	expect(401);
}
END

TEST(a_name_that_is_none_or_reads_otherwise_than_it_is_written_is_refused)
{
	static const char *const bad[] = { "%20", "%20%20", ".", "..", ".%20.", "%E2%80%AEgnp.exe",
		"a%E2%81%A6b", "a%E2%80%8Eb", "%D8%9C" };
	static const char *const raw[] = { " ", "..", "\xe2\x80\xaegnp.exe", "a\xe2\x81\xa9" };
	const char *ticket = make_ticket("t");
	unsigned i;

	for (i = 0; i < LENGTH(bad); i++) {
		call_raw("POST", fmt("/api/tickets/%s/attachments?filename=%s", ticket, bad[i]),
		    "x", 1, NULL);
		expect_field("filename", "format");
	}
	for (i = 0; i < LENGTH(raw); i++) {
		send_form(ticket, "", fmt("name=\"file\"; filename=\"%s\"", raw[i]), "hello");
		expect_field("filename", "format");
	}
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "0");
	upload(ticket, "..%D8%A7%E2%80%8B.a", "x", 1);
}
END

TEST(a_range_that_the_file_does_not_have_is_refused_with_its_size)
{
	static const char *const out[] = { "bytes=5-", "bytes=7-9", "bytes=-0", "bytes=3-2",
		"bytes=x", "bytes=", "bytes=0-1;", "BYTES=9-,8-9", "bytes=99999999999999999999-" };
	static const char *const in[] = { "bytes=0-", "bytes=4-4", "bytes=-1", "bytes=-99",
		"bytes=9-, 0 - 1", "lines=9-", "bytes=2-99" };
	const char *id = upload(make_ticket("t"), "a.txt", "hello", 5);
	unsigned i;

	for (i = 0; i < LENGTH(out); i++) {
		caller.headers = fmt("Range: %s\n", out[i]);
		call("GET", fmt("/api/attachments/%s", id), NULL);
		expect_problem(416, "range_not_satisfiable");
		ck_assert_str_eq(header("Content-Range"), "bytes */5");
		ck_assert_ptr_null(header("X-Accel-Redirect"));
		ck_assert_str_eq(header("Cache-Control"), "no-store");
	}
	for (i = 0; i < LENGTH(in); i++) {
		caller.headers = fmt("Range: %s\n", in[i]);
		call("GET", fmt("/api/attachments/%s", id), NULL);
		expect(200);
		ck_assert_ptr_nonnull(header("X-Accel-Redirect"));
	}
	caller.headers = "Range: bytes=9-\nIf-Range: \"x\"\n";
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect(200);
}
END

TEST(a_bad_name_or_an_empty_or_too_large_file_is_refused)
{
	const char *ticket = make_ticket("t");
	long before = conf.attachment_max;

	call_raw("POST", fmt("/api/tickets/%s/attachments", ticket), "x", 1, NULL);
	expect_field("filename", "required");
	call_raw("POST", fmt("/api/tickets/%s/attachments?filename=..%%2Fx", ticket), "x", 1, NULL);
	expect_field("filename", "format");
	call_raw("POST", fmt("/api/tickets/%s/attachments?filename=x", ticket), "", 0, NULL);
	expect_field("body", "required");
	conf.attachment_max = 10;
	call_raw(
	    "POST", fmt("/api/tickets/%s/attachments?filename=x", ticket), "01234567890", 11, NULL);
	conf.attachment_max = before;
	expect_problem(413, "body_too_large");
	call_raw("POST", "/api/tickets/0190163d-8694-739b-aea5-966c26f8ad91/attachments?filename=x",
	    "x", 1, NULL);
	expect(404);
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "0");
}
END

TEST(a_file_belongs_to_a_comment_and_goes_where_it_goes)
{
	const char *ticket = make_ticket("t"), *other_one = make_ticket("u"),
		   *comment = make_comment(ticket, "see the picture"), *id;

	call_raw("POST",
	    fmt("/api/tickets/%s/attachments?filename=a.txt&comment_id=%s", other_one, comment),
	    "x", 1, NULL);
	expect_field("comment_id", "unknown_reference");
	call_raw("POST", fmt("/api/tickets/%s/attachments?filename=a.txt&comment_id=x", ticket),
	    "x", 1, NULL);
	expect_field("comment_id", "format");
	call_raw("POST",
	    fmt("/api/tickets/%s/attachments?filename=a.txt&comment_id=%s", ticket, comment), "x",
	    1, NULL);
	expect(201);
	ck_assert_str_eq(text("comment_id"), comment);
	id = keep_id(text("attachment_id"));
	upload(ticket, "b.txt", "y", 1);
	ck_assert_str_eq(text("comment_id"), "null");
	call("POST", fmt("/api/tickets/%s/merge", other_one),
	    fmt("{\"ticket_ids\":[\"%s\"]}", ticket));
	expect(200);
	call("GET", fmt("/api/tickets/%s?include=attachments", other_one), NULL);
	ck_assert_uint_eq(count("attachments"), 2);
	ck_assert_str_eq(text("attachments.0.attachment_id"), id);
	ck_assert_str_eq(text("attachments.0.comment_id"), comment);
	call("POST", fmt("/api/tickets/%s/unmerge", ticket), "{}");
	expect(200);
	call("GET", fmt("/api/tickets/%s?include=attachments", ticket), NULL);
	ck_assert_uint_eq(count("attachments"), 2);
	sql("DELETE FROM comment WHERE comment_id = '%s'", comment);
	ck_assert_str_eq(sql_text("SELECT string_agg(filename, ' ') FROM attachment"), "b.txt");
}
END

TEST(a_deleted_file_is_gone)
{
	const char *id = upload(make_ticket("t"), "a.txt", "hello", 5);

	call("DELETE", fmt("/api/attachments/%s", id), NULL);
	expect(204);
	call("GET", fmt("/api/attachments/%s", id), NULL);
	expect(404);
	call("DELETE", fmt("/api/attachments/%s", id), NULL);
	expect(404);
}
END

TEST(a_form_has_the_file_as_a_part)
{
	const char *ticket = make_ticket("t");

	send_form(ticket, "", "name=\"file\"; filename=\"a.txt\"", "hello");
	expect(201);
	ck_assert_str_eq(text("filename"), "a.txt");
	ck_assert_int_eq(number("size"), 5);
	ck_assert_str_eq(
	    text("sha256"), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	send_form(ticket, "", "name=file; filename=a; filename*=UTF-8''%c3%a4.txt", "hello");
	ck_assert_str_eq(text("filename"), "\xc3\xa4.txt");
	send_form(ticket, "?filename=mine.txt", "name=file; filename=a", "hello");
	ck_assert_str_eq(text("filename"), "mine.txt");
}
END

TEST(a_form_that_is_none_or_holds_something_else_is_refused)
{
	const char *ticket = make_ticket("t"), *path = fmt("/api/tickets/%s/attachments", ticket);
	static const char two[] =
	    "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nA\r\n"
	    "--b\r\nContent-Disposition: form-data; name=file; filename=b\r\n\r\nB\r\n--b--";
	long before = conf.attachment_max;

	send_form(ticket, "", "name=other; filename=a", "hello");
	expect_field("other", "unknown_field");
	send_form(ticket, "", "name=file", "hello");
	expect_field("filename", "required");
	send_form(ticket, "", "name=file; filename=\"../x\"", "hello");
	expect_field("filename", "format");
	send_form(ticket, "", "name=file; filename=a", "");
	expect_field("file", "required");
	call_raw("POST", path, two, sizeof(two) - 1, "multipart/form-data; boundary=b");
	expect_field("file", "too_many");
	call_raw("POST", path, "--b--", 5, "multipart/form-data; boundary=b");
	expect_field("file", "required");
	call_raw("POST", path, two, sizeof(two) - 5, "multipart/form-data; boundary=b");
	expect_problem(422, "validation_failed");
	call_raw("POST", path, two, 60, "multipart/form-data; boundary=b");
	expect_problem(400, "bad_request");
	call_raw("POST", path, two, sizeof(two) - 1, "multipart/form-data");
	expect_problem(400, "bad_request");
	conf.attachment_max = 4;
	send_form(ticket, "", "name=file; filename=a", "hello");
	conf.attachment_max = before;
	expect_problem(413, "body_too_large");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "0");
}
END

TEST(an_upload_with_a_key_is_done_once_whatever_its_boundary)
{
	const char *ticket = make_ticket("t"), *id, *hash;
	static const char again[] =
	    "--zz\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nhello\r\n--zz--";

	caller.headers = "Idempotency-Key: upload-1\n";
	send_form(ticket, "", "name=file; filename=a", "hello");
	expect(201);
	id = text("attachment_id");
	call_raw("POST", fmt("/api/tickets/%s/attachments", ticket), again, sizeof(again) - 1,
	    "multipart/form-data; boundary=zz");
	expect(201);
	ck_assert_str_eq(text("attachment_id"), id);
	ck_assert_str_eq(header("Idempotency-Replayed"), "true");
	send_form(ticket, "", "name=file; filename=a", "hellO");
	expect_problem(422, "idempotency_key_reused");
	send_form(ticket, "", "name=file; filename=b", "hello");
	expect_problem(422, "idempotency_key_reused");
	ck_assert_str_eq(sql_text("SELECT count(*) FROM attachment"), "1");
	hash = sql_text("SELECT key_hash FROM idempotency_key ORDER BY created_at DESC LIMIT 1");
	sql("SELECT pg_advisory_lock(hashtextextended('" ORG ":%s', 0))", hash);
	send_form(ticket, "", "name=file; filename=a", "hello");
	sql("SELECT pg_advisory_unlock_all()");
	expect_problem(409, "idempotency_in_flight");
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("attachments");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_file_is_kept_under_its_content_and_its_type_is_told_from_it);
	tcase_add_test(c, what_a_browser_could_run_is_saved_and_not_shown);
	tcase_add_test(c, a_signed_link_needs_no_credential_and_nothing_of_it_can_change);
	tcase_add_test(c, a_fresh_link_is_had_by_a_credential_and_never_by_a_link);
	tcase_add_test(c, a_name_that_is_none_or_reads_otherwise_than_it_is_written_is_refused);
	tcase_add_test(c, a_range_that_the_file_does_not_have_is_refused_with_its_size);
	tcase_add_test(c, a_bad_name_or_an_empty_or_too_large_file_is_refused);
	tcase_add_test(c, a_file_belongs_to_a_comment_and_goes_where_it_goes);
	tcase_add_test(c, a_deleted_file_is_gone);
	tcase_add_test(c, a_form_has_the_file_as_a_part);
	tcase_add_test(c, a_form_that_is_none_or_holds_something_else_is_refused);
	tcase_add_test(c, an_upload_with_a_key_is_done_once_whatever_its_boundary);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("attachments", all);
}
