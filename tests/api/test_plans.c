/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With organizations of some size, what is asked often reads no large table from
 * end to end: PostgreSQL's own count of sequential scans stays as it is, also for
 * what the functions behind a report do.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const char *view, *by_field[4], *agent, *ticket;

static void
fill(const char *org, int tickets)
{
	sql("BEGIN; SELECT set_config('app.org', '%s', true), set_config('app.quiet', 'on', true);"
	    "INSERT INTO ticket (org_id, ticket_id, number, title, description, status, priority, customer_id, assignee_user_id,"
	    " ai_classification, tags, custom_fields, channel, created_at, updated_at, first_response_at, resolved_at)"
	    " SELECT '%s', uuid7(), 1000000 + i, 'Question about invoice word' || i %% 500, 'ref' || i || ' is not right',"
	    "  CASE WHEN i %% 10 < 3 THEN 'open' ELSE 'closed' END, CASE WHEN i %% 20 = 0 THEN 'urgent' ELSE 'normal' END,"
	    "  o.default_customer_id, (SELECT user_id FROM app_user u WHERE u.org_id = '%s' LIMIT 1),"
	    "  jsonb_build_object('topic', 'topic' || i %% 7, 'confidence', 0.5), ARRAY['t' || i %% 50],"
	    "  jsonb_build_object('plan', 'p' || i %% 1000, 'seats', i %% 1000), 'api',"
	    "  now() - i * interval '20 minutes', now() - i * interval '20 minutes', now() - i * interval '19 minutes',"
	    "  CASE WHEN i %% 10 >= 3 THEN now() - i * interval '18 minutes' END"
	    "  FROM generate_series(1, %d) i, organization o WHERE o.org_id = '%s'; COMMIT",
	    org, org, org, tickets, org);
}

/* Sequential scans until now of the tables that are large here, by table. */
static const char *
scans(void)
{
	static const struct db_context context = { .org = ORG, .actor_type = "system" };

	/* What either connection has counted is written down at the end of a transaction. */
	db_begin(worker->db, worker->arena, DB_READ, &context);
	db_result(worker->db,
	    db_queue_text(worker->db, "SELECT pg_stat_force_next_flush()::text", 0, NULL));
	ck_assert(db_commit(worker->db));
	sql("SELECT pg_stat_force_next_flush()");
	sql("SELECT 1");
	return sql_text(
	    "SELECT string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname) "
	    "FROM pg_stat_user_tables WHERE relname IN ('ticket', 'ticket_tag', 'ticket_field') OR schemaname = 'search_part'");
}

/* Rows of tickets and of their custom fields. */
static long
rows_read(void)
{
	scans();
	return atol(sql_text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_user_tables "
			     "WHERE relname IN ('ticket', 'ticket_field')"));
}

static void
reads_few_rows(const char *method, const char *path, const char *body, long most)
{
	long before = rows_read(), n;

	call(method, path, body);
	expect(200);
	n = rows_read() - before;
	ck_assert_msg(n < most, "%s %s: %ld rows were read", path, body == NULL ? "" : body, n);
}

static void
reads_no_table_from_end_to_end(const char *method, const char *path, const char *body)
{
	const char *before = scans(), *after;

	call(method, path, body);
	ck_assert_msg(status >= 200 && status < 300, "%s: %d %s", path, status, reply_body);
	after = scans();
	ck_assert_msg(strcmp(after, before) == 0, "%s %s %s: sequential scans %s, then %s", method,
	    path, body == NULL ? "" : body, before, after);
}

static const char *
make_view(const char *conditions)
{
	return make("/api/organizations/" ORG "/views",
	    fmt("{\"name\":\"%u\",\"conditions\":%s}", (unsigned)random(), conditions), "view_id");
}

static void
prepare(void)
{
	static bool done;

	caller_reset();
	if (done)
		return;
	done = true;
	agent = make_user("plan", "");
	sql("INSERT INTO custom_field (org_id, field_id, key, label, type) SELECT o, uuid7(), f, f, t FROM (VALUES "
	    "('plan', 'text'), ('seats', 'number')) AS x(f, t), (VALUES ('" ORG "'), ('" OTHER
	    "')) AS y(o)");
	view = make_view("{\"all\":[{\"field\":\"status\",\"op\":\"eq\",\"value\":\"open\"},"
			 "{\"field\":\"priority\",\"op\":\"eq\",\"value\":\"urgent\"}]}");
	by_field[0] = make_view(
	    "{\"field\":\"custom_fields.plan\",\"op\":\"in\",\"value\":[\"p7\",\"gold\"]}");
	by_field[1] = make_view("{\"field\":\"custom_fields.seats\",\"op\":\"eq\",\"value\":7}");
	by_field[3] =
	    make_view("{\"field\":\"custom_fields.seats\",\"op\":\"gt\",\"value\":997.5}");
	by_field[2] = make_view("{\"field\":\"tags\",\"op\":\"contains_all\",\"value\":[\"t7\"]}");
	fill(ORG, 12000); /* of which a view by a custom field or a tag shows few */
	fill(OTHER, 24000);
	ticket = make_ticket_of("{\"title\":\"special\",\"custom_fields\":{\"plan\":\"gold\"}}");
	sql("SET stats_fetch_consistency = none");
	sql("VACUUM (ANALYZE)"); /* a list of words that wait for their index is scanned: it has
	                            been emptied */
}

TEST(lists_and_views_go_by_an_index)
{
	static const char *const lists[] = { "/api/tickets?limit=50",
		"/api/tickets?status=open&limit=50",
		"/api/tickets?priority=urgent&status=open&limit=50", "/api/tickets?tag=t7&limit=50",
		"/api/tickets?cf.plan=gold", "/api/tickets?cf.seats=7",
		"/api/tickets?sort=-cf.plan&limit=50",
		"/api/tickets?updated_since=2026-01-01T00:00:00Z&limit=50",
		"/api/v1/events?limit=50" };
	unsigned i;

	prepare();
	for (i = 0; i < LENGTH(lists); i++)
		reads_no_table_from_end_to_end("GET", lists[i], NULL);
	reads_no_table_from_end_to_end(
	    "GET", fmt("/api/organizations/" ORG "/views/%s/tickets", view), NULL);
	reads_no_table_from_end_to_end(
	    "GET", fmt("/api/organizations/" ORG "/views/%s/count", view), NULL);
	for (i = 0; i < LENGTH(by_field); i++) {
		reads_few_rows("GET",
		    fmt("/api/organizations/" ORG "/views/%s/tickets", by_field[i]), NULL, 1000);
		reads_few_rows("GET", fmt("/api/organizations/" ORG "/views/%s/count", by_field[i]),
		    NULL, 1000);
	}
	reads_no_table_from_end_to_end("GET", fmt("/api/tickets/%s/activity", ticket), NULL);
}
END

TEST(searches_go_by_an_index)
{
	static const char *const bodies[] = {
		"{\"query\":\"ref77\"}", "{\"query\":\"word77\"}",
		"{\"query\":\"\\\"about invoice\\\" word7\"}", "{\"query\":\"invioce\"}",
		"{\"query\":\"word7\",\"facets\":[\"status\"],\"conditions\":{\"field\":\"status\",\"op\":\"eq\",\"value\":\"open\"}}"
	};
	unsigned i;

	prepare();
	for (i = 0; i < LENGTH(bodies); i++)
		reads_no_table_from_end_to_end("POST", "/api/v1/search", bodies[i]);
	/* Of 500 hits the page alone; the others are counted by the index of their ids. */
	reads_few_rows("POST", "/api/v1/search",
	    "{\"query\":\"about\",\"facets\":[\"status\"],\"limit\":10}", 12);
}
END

TEST(the_planner_knows_that_an_id_belongs_to_one_organization)
{
	const char *plan;

	prepare();
	plan = sql_text("EXPLAIN SELECT 1 FROM ticket WHERE org_id = '" ORG
			"' AND ticket_id = ANY (ARRAY(SELECT target_id FROM ticket_link))");
	ck_assert_msg(
	    strstr(plan, "rows=10 ") != NULL, "%s", plan); /* of each array, so it thinks */
}
END

TEST(reports_of_a_month_go_by_an_index)
{
	static const char *const reports[] = { "overview", "volume", "volume?group_by=tag",
		"agents", "sla", "ai", "tickets?limit=50" };
	unsigned i;

	prepare();
	for (i = 0; i < LENGTH(reports); i++)
		reads_no_table_from_end_to_end("GET", fmt("/api/reports/%s", reports[i]), NULL);
	reads_no_table_from_end_to_end("GET", fmt("/api/reports/agents/%s", agent), NULL);
}
END

/* But for one of each set of tags: what is counted stands in indexes. */
TEST(reports_of_a_year_read_no_ticket)
{
	static const char *const reports[] = { "overview?", "volume?", "volume?group_by=tag&",
		"volume?group_by=assignee&measure=solved&", "volume?group_by=topic&", "agents?",
		"agents?group_by=team&", "sla?", "ai?" };
	unsigned i;

	prepare();
	for (i = 0; i < LENGTH(reports); i++)
		reads_few_rows("GET",
		    fmt("/api/reports/%sfrom=%s", reports[i],
			sql_text("SELECT iso(now() - interval '365 days')")),
		    NULL, 101);
}
END

TEST(a_scan_would_be_seen)
{
	const char *before;

	prepare();
	before = scans();
	sql("SELECT count(*) FROM ticket WHERE description LIKE '%%no such%%'");
	sql("SELECT pg_stat_force_next_flush()");
	ck_assert_str_ne(scans(), before);
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("plans");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, lists_and_views_go_by_an_index);
	tcase_add_test(c, searches_go_by_an_index);
	tcase_add_test(c, the_planner_knows_that_an_id_belongs_to_one_organization);
	tcase_add_test(c, reports_of_a_month_go_by_an_index);
	tcase_add_test(c, reports_of_a_year_read_no_ticket);
	tcase_add_test(c, a_scan_would_be_seen);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("plans", all);
}
