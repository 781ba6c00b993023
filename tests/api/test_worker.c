/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has done before its first request, with PostgreSQL and without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/metrics.h"
#include "base/util.h"
#include "harness.h"

/* Statements of its connection in which the word search_candidates is. */
static const char *
searches_prepared(struct worker *w)
{
	static const struct db_context nobody = { .org = "" };
	const PGresult *res;
	const char *n;

	db_begin(w->db, w->arena, DB_READ, &nobody);
	res = db_result(w->db,
	    db_queue_text(w->db,
		"SELECT count(*) FROM pg_prepared_statements WHERE position('search' || '_candidates' IN statement) > 0",
		0, NULL));
	ck_assert_ptr_nonnull(res);
	n = fmt("%s", PQgetvalue(res, 0, 0));
	db_commit(w->db);
	arena_reset(w->arena);
	return n;
}

TEST(a_warm_worker_is_connected_before_its_first_request)
{
	struct worker *w = worker_new("test-warm");
	int64_t before = metric_sum(M_db_connects_total);

	worker_warm(w, false);
	ck_assert_int_eq(metric_sum(M_db_connects_total), before + 1);
	ck_assert_str_eq(searches_prepared(w), "0");
	ck_assert_int_eq(metric_sum(M_db_connects_total), before + 1);
	worker_free(w);
}
END

TEST(a_worker_for_searches_has_made_one_before_its_first_request)
{
	struct worker *w = worker_new("test-warm");
	int64_t before = metric_sum(M_db_errors_total);

	worker_warm(w, true);
	ck_assert_str_eq(searches_prepared(w), "1");
	ck_assert_int_eq(metric_sum(M_db_errors_total), before);
	worker_free(w);
}
END

/* A server that takes connections and says nothing. */
TEST(a_worker_whose_database_does_not_answer_comes_up_all_the_same)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *url = conf.db_url;
	char directory[] = "/tmp/sos-silent.XXXXXX";
	struct worker *w;
	int64_t began;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", directory);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	conf.db_url = fmt("host=%s dbname=none", directory);
	w = worker_new("test-warm");
	conf.db_url = url;
	began = mono_us();
	worker_warm(w, true);
	ck_assert_int_lt(mono_us() - began, 2000000);
	ck_assert(db_failed(w->db));
	worker_free(w);
	close(listener);
	unlink(address.sun_path);
	rmdir(directory);
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("worker");

	tcase_add_test(tc, a_warm_worker_is_connected_before_its_first_request);
	tcase_add_test(tc, a_worker_for_searches_has_made_one_before_its_first_request);
	tcase_add_test(tc, a_worker_whose_database_does_not_answer_comes_up_all_the_same);
	return tc;
}

int
main(void)
{
	return harness_main("worker", (TCase * (*[])(void)){ cases, NULL });
}
