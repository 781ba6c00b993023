/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, buffers, identifiers, times, encodings, configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"
#include "unit.h"

static char order[16];

static void
note(void *arg)
{
	strcat(order, arg);
}

START_TEST(arena_memory_is_zeroed_and_aligned_after_every_reset)
{
	int round, i;
	size_t k;

	for (round = 0; round < 3; round++) {
		for (i = 1; i < 400; i++) {
			char *p = arena_alloc(arena, (size_t)i * 7);

			ck_assert_uint_eq((uintptr_t)p % 16, 0);
			for (k = 0; k < (size_t)i * 7; k++)
				ck_assert_int_eq(p[k], 0);
			memset(p, 0xff, (size_t)i * 7);
		}
		arena_reset(arena);
	}
	ck_assert_uint_ge(arena_high_water(arena), 400 * 400 / 2 * 7);
}
END_TEST

START_TEST(defers_run_last_in_first_out)
{
	static char one[] = "1", two[] = "2", three[] = "3";

	order[0] = '\0';
	arena_defer(arena, note, one);
	arena_defer(arena, note, two);
	arena_defer(arena, note, three);
	arena_reset(arena);
	ck_assert_str_eq(order, "321");
	arena_reset(arena);
	ck_assert_str_eq(order, "321");
}
END_TEST

START_TEST(a_buffer_grows_and_stays_terminated)
{
	struct buf b;
	int i;

	buf_init(&b, arena, 0);
	for (i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	ck_assert_uint_eq(b.len, 3890);
	ck_assert_uint_eq(strlen(b.data), b.len);
	ck_assert_str_eq(b.data + b.len - 4, "999,");
}
END_TEST

START_TEST(a_json_string_escapes_what_it_must)
{
	struct buf b;

	buf_init(&b, arena, 0);
	buf_json(&b, "a\"\\\n\x01/\xc3\xa9\0z", 10);
	ck_assert_str_eq(b.data, "\"a\\\"\\\\\\n\\u0001/\xc3\xa9\\u0000z\"");
}
END_TEST

START_TEST(uuids_are_version_7_and_grow)
{
	char a[37], b[37];
	int i;

	uuid7(a);
	for (i = 0; i < 10000; i++) {
		uuid7(b);
		ck_assert(uuid_valid(b));
		ck_assert_int_eq(b[14], '7');
		ck_assert_ptr_nonnull(strchr("89ab", b[19]));
		ck_assert_int_lt(strcmp(a, b), 0);
		memcpy(a, b, sizeof(a));
	}
	ck_assert(!uuid_valid(""));
	ck_assert(!uuid_valid("01900000-0000-7000-8000-00000000000"));
	ck_assert(!uuid_valid("01900000-0000-7000-8000-0000000000000"));
	ck_assert(!uuid_valid("01900000x0000-7000-8000-000000000000"));
	ck_assert(!uuid_valid("0190000g-0000-7000-8000-000000000000"));
}
END_TEST

START_TEST(a_fork_does_not_repeat_an_id)
{
	char mine[37], theirs[37];
	int fd[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		uuid7(theirs);
		_exit(write(fd[1], theirs, 37) == 37 ? 0 : 1);
	}
	uuid7(mine);
	ck_assert_int_eq(read(fd[0], theirs, 37), 37);
	waitpid(pid, NULL, 0);
	close(fd[0]);
	close(fd[1]);
	ck_assert_str_ne(mine, theirs);
}
END_TEST

START_TEST(times_are_real_ones_with_a_zone)
{
	static const char *const good[] = { "2026-01-01T00:00:00Z",
		"2028-02-29T23:59:59.999999999+14:00", "0001-01-01T00:00:00-12:00",
		"9999-12-31t23:59:59z", "2000-02-29T00:00:00Z" };
	static const char *const bad[] = { "", "2026-01-01", "2026-01-01T00:00:00",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+1:00",
		"2026-01-01T00:00:00+16:00", "2026-01-01T00:00:00Zx", "2026-1-01T00:00:00Z",
		"0000-01-01T00:00:00Z", "2026-01-01 00:00:00Z" };
	char iso[25];
	unsigned i;

	for (i = 0; i < LENGTH(good); i++)
		ck_assert_msg(time_valid(good[i]), "%s", good[i]);
	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(!time_valid(bad[i]), "%s", bad[i]);
	time_iso(iso, 1781389574052);
	ck_assert_str_eq(iso, "2026-06-13T22:26:14.052Z");
	time_iso(iso, -1);
	ck_assert_str_eq(iso, "1969-12-31T23:59:59.999Z");
	ck_assert(time_valid(iso));
}
END_TEST

START_TEST(base64url_is_strict_and_round)
{
	static const char *const bad[] = { "A", "AA=", "AAA=", "AA==", "A+", "A/AA", "AB", "AAB",
		"AAAAA", "A A" };
	unsigned char *raw, bytes[40];
	unsigned i;
	long n;

	for (i = 0; i < sizeof(bytes); i++) {
		char *text;

		random_bytes(bytes, sizeof(bytes));
		text = base64url_encode(arena, bytes, i);
		n = base64url_decode(arena, text, strlen(text), &raw);
		ck_assert_int_eq(n, (long)i);
		ck_assert_int_eq(memcmp(raw, bytes, i), 0);
	}
	for (i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(
		    base64url_decode(arena, bad[i], strlen(bad[i]), &raw) == -1, "%s", bad[i]);
}
END_TEST

static const char *
load(const char *text)
{
	static char path[] = "/tmp/serviceos-conf-XXXXXX";
	const char *error = "ok";
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (conf_load(path, &error) == 0)
		error = "ok";
	unlink(path);
	return error;
}

START_TEST(a_configuration_is_read_or_refused_with_file_line_and_key)
{
	ck_assert_str_eq(load("# comment\n\n  rate_auth = 7  \nbase_url=https://x/?a=b\n"), "ok");
	ck_assert_int_eq(conf.rate_auth, 7);
	ck_assert_str_eq(conf.base_url, "https://x/?a=b");
	ck_assert_ptr_nonnull(
	    strstr(load("rate_auth = 1\nnonsense = 1\n"), "line 2: there is no key \"nonsense\""));
	ck_assert_ptr_nonnull(strstr(load("rate_auth = x\n"), "rate_auth: must be a number"));
	ck_assert_ptr_nonnull(strstr(load("rate_auth\n"), "line 1"));
	ck_assert_ptr_nonnull(strstr(load("secret_key = 12\n"), "secret_key"));
	ck_assert_ptr_nonnull(strstr(load("jwt_secret = short\n"), "jwt_secret"));
	ck_assert_ptr_nonnull(strstr(load("trusted_networks = 10.0.0.0/33\n"), "trusted_networks"));
	ck_assert_ptr_nonnull(strstr(load("legacy_headers = on\n"), "legacy_headers"));
	ck_assert_ptr_nonnull(strstr(load("workers_fast = 0\n"), "workers_fast"));
	ck_assert_int_eq(conf.rate_auth, 7); /* a bad file changes nothing */
}
END_TEST

START_TEST(the_environment_stands_above_the_file)
{
	setenv("SERVICEOS_RATE_AUTH", "99", 1);
	ck_assert_str_eq(load("rate_auth = 7\n"), "ok");
	ck_assert_int_eq(conf.rate_auth, 99);
	setenv("SERVICEOS_RATE_AUTH", "-1", 1);
	ck_assert_ptr_nonnull(strstr(load(""), "rate_auth"));
	unsetenv("SERVICEOS_RATE_AUTH");
}
END_TEST

START_TEST(the_sample_is_a_valid_configuration)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	conf_print_sample(out);
	fclose(out);
	ck_assert_str_eq(load(text), "ok");
	free(text);
}
END_TEST

/* What log lines say when standard error is this pipe. */
START_TEST(a_log_line_is_one_json_object_whatever_it_says)
{
	char line[8192];
	int fd[2], saved = dup(2);
	ssize_t n;

	ck_assert_int_eq(pipe(fd), 0);
	dup2(fd[1], 2);
	log_open("test", LOG_INFO);
	log_request("r\"1");
	log_warn("a\nb \"quoted\" \x1b[31m \\ %s", "\xc3\xa9");
	log_debug("not seen");
	log_request(NULL);
	dup2(saved, 2);
	close(saved);
	n = read(fd[0], line, sizeof(line) - 1);
	ck_assert_int_gt(n, 0);
	line[n] = '\0';
	ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
	ck_assert_ptr_nonnull(strstr(line, "\"level\":\"warn\""));
	ck_assert_ptr_nonnull(strstr(line, "\"request_id\":\"r\\\"1\""));
	ck_assert_ptr_nonnull(strstr(line, "a\\u000ab \\\"quoted\\\" \\u001b[31m \\\\ \xc3\xa9"));
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(a_full_pipe_drops_the_line_and_counts_it)
{
	char rest[4096];
	int fd[2], saved = dup(2), i;

	metrics_init(1, 1);
	ck_assert_int_eq(pipe(fd), 0);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	memset(rest, 'x', sizeof(rest));
	while (write(fd[1], rest, sizeof(rest)) > 0)
		;
	fcntl(fd[1], F_SETFL, 0);
	dup2(fd[1], 2);
	log_open("test", LOG_INFO);
	for (i = 0; i < 3; i++)
		log_error("nobody reads this");
	dup2(saved, 2);
	close(saved);
	close(fd[0]);
	close(fd[1]);
	ck_assert_int_eq(metric_sum(M_log_lines_dropped_total), 3);
	log_open("test", LOG_ERROR);
}
END_TEST

START_TEST(figures_of_several_processes_are_added)
{
	struct buf out;
	pid_t pid;

	metrics_init(2, 3);
	metrics_slot(1);
	metric_request(1, 200, 1500);
	pid = fork();
	if (pid == 0) {
		metrics_slot(2);
		metric_request(1, 503, 7000000);
		metric_add(M_requests_total, 5);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	metric_add(M_requests_total, 2);
	ck_assert_int_eq(metric_sum(M_requests_total), 7);
	ck_assert_int_eq(metric_route_ok(1), 1);
	buf_init(&out, arena, 0);
	metrics_print(&out, (const char *(*)(unsigned))(void *)strerror);
	ck_assert_ptr_nonnull(strstr(out.data, "serviceos_requests_total 7\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "le=\"0.002\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "le=\"+Inf\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "class=\"5xx\"} 1\n"));
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { arena_memory_is_zeroed_and_aligned_after_every_reset,
		defers_run_last_in_first_out, a_buffer_grows_and_stays_terminated,
		a_json_string_escapes_what_it_must, uuids_are_version_7_and_grow,
		a_fork_does_not_repeat_an_id, times_are_real_ones_with_a_zone,
		base64url_is_strict_and_round,
		a_configuration_is_read_or_refused_with_file_line_and_key,
		the_environment_stands_above_the_file, the_sample_is_a_valid_configuration,
		a_log_line_is_one_json_object_whatever_it_says,
		a_full_pipe_drops_the_line_and_counts_it, figures_of_several_processes_are_added,
		NULL };

	return unit_main("base", all);
}
