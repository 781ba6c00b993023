/* SPDX-License-Identifier: Apache-2.0 */
/* Every named statement against a fresh schema, and the tables of the routes against the views. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static PGconn *
app(void)
{
	return PQconnectdb(fmt("host=%s dbname=%s user=serviceos_app", getenv("SERVICEOS_TEST_PG"),
	    sql_text("SELECT current_database()")));
}

TEST(every_statement_can_be_prepared)
{
	PGconn *conn = app();
	PGresult *res;
	unsigned i;

	for (i = 1; i < SQL__MAX; i++) {
		res = PQprepare(conn, statements[i].name, statements[i].text, 0, NULL);
		ck_assert_msg(PQresultStatus(res) == PGRES_COMMAND_OK, "%s: %s", statements[i].name,
		    PQerrorMessage(conn));
		PQclear(res);
	}
	PQfinish(conn);
}
END

    /* What api_exec passes: the organisation, the path's ids, the new id, the body. */
    static int
    values_passed(unsigned index)
{
	const struct route *route = route_at(index);
	const char *const *p;
	int n = 1;

	for (p = route_params(index); *p != NULL; p++)
		n++;
	return n + ((route->flags & R_CREATE) != 0) + (route->body != NULL);
}

TEST(every_statement_of_a_route_takes_what_the_route_passes)
{
	PGconn *conn = app();
	PGresult *res;
	unsigned i;

	for (i = 0; i < route_count(); i++) {
		const struct route *route = route_at(i);

		if (route->exec == SQL_NONE)
			continue;
		PQclear(PQprepare(conn, "s", statements[route->exec].text, 0, NULL));
		res = PQdescribePrepared(conn, "s");
		ck_assert_msg(PQnparams(res) == values_passed(i),
		    "%s: %s takes %d values, given %d", route->id, statements[route->exec].name,
		    PQnparams(res), values_passed(i));
		PQclear(res);
		PQclear(PQexec(conn, "DEALLOCATE s"));
	}
	PQfinish(conn);
}
END

TEST(every_resource_shows_its_views_columns_and_no_others)
{
	const struct field *f;
	unsigned i;
	int k;

	for (i = 0; i < route_count(); i++) {
		const struct resource *shape = route_at(i)->reply;
		PGconn *conn;
		PGresult *res;

		if (shape == NULL || shape->view == NULL)
			continue;
		conn = app();
		res = PQexec(conn, fmt("SELECT * FROM %s LIMIT 0", shape->view));
		for (f = shape->fields; f->name != NULL; f++)
			ck_assert_msg(
			    (f->flags & (F_OUT | F_OPT)) != F_OUT || PQfnumber(res, f->name) != -1,
			    "%s has no column %s", shape->view, f->name);
		for (k = 0; k < PQnfields(res); k++) {
			for (f = shape->fields; f->name != NULL; f++)
				if ((f->flags & F_OUT) != 0 &&
				    strcmp(f->name, PQfname(res, k)) == 0)
					break;
			ck_assert_msg(f->name != NULL || strcmp(PQfname(res, k), "org_id") == 0 ||
					  (shape->parent != NULL &&
					      strcmp(PQfname(res, k), shape->parent) == 0),
			    "%s.%s is not declared", shape->view, PQfname(res, k));
		}
		PQclear(res);
		PQfinish(conn);
	}
}
END

TEST(every_rows_limit_is_a_real_one)
{
	call("GET", "/api/tickets?limit=0", NULL);
	expect_field("limit", "range");
	call("GET", "/api/tickets?limit=101", NULL);
	expect_field("limit", "range");
	call("GET", "/api/tickets?limit=x", NULL);
	expect_field("limit", "type");
}
END

    static TCase *
    cases(void)
{
	TCase *tc = tcase_create("statements");

	tcase_add_test(tc, every_statement_can_be_prepared);
	tcase_add_test(tc, every_statement_of_a_route_takes_what_the_route_passes);
	tcase_add_test(tc, every_resource_shows_its_views_columns_and_no_others);
	tcase_add_test(tc, every_rows_limit_is_a_real_one);
	return tc;
}

int
main(void)
{
	return harness_main("statements", (TCase * (*[])(void)){ cases, NULL });
}
