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
	return fmt("%s", text("attachment_id"));
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
	const char *ticket = fmt("%s", make_ticket("t")),
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
	ck_assert_ptr_nonnull(
	    strstr(header("Content-Disposition"), "inline; filename=\"shot.html\""));
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
	ck_assert_str_eq(header("Content-Disposition"),
	    "attachment; filename=\"a__.txt\"; filename*=UTF-8''a%C3%A4.txt");
}
END

TEST(a_signed_link_needs_no_credential_and_nothing_of_it_can_change)
{
	const char *id = upload(make_ticket("t"), "a.txt", "hello", 5),
		   *url = fmt("%s", text("download_url"));
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

TEST(a_bad_name_or_an_empty_or_too_large_file_is_refused)
{
	const char *ticket = fmt("%s", make_ticket("t"));
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

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("attachments");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_file_is_kept_under_its_content_and_its_type_is_told_from_it);
	tcase_add_test(c, what_a_browser_could_run_is_saved_and_not_shown);
	tcase_add_test(c, a_signed_link_needs_no_credential_and_nothing_of_it_can_change);
	tcase_add_test(c, a_bad_name_or_an_empty_or_too_large_file_is_refused);
	tcase_add_test(c, a_deleted_file_is_gone);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("attachments", all);
}
