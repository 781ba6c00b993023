/* SPDX-License-Identifier: Apache-2.0 */
/* SQL as superuser in the scratch database, and the texts that need not be freed. */
#include "harness_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

#define TURNS 64

char *
turn(void)
{
	static char texts[TURNS][8192];
	static unsigned next;

	return texts[next++ % TURNS];
}

const char *
fmt(const char *format, ...)
{
	char *text_ = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	return text_;
}

void
run_sql(const char *text_, char *value)
{
	PGresult *res = PQexec(super, text_);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		fprintf(stderr, "%s\n%s", text_, PQerrorMessage(super));
		abort();
	}
	if (value != NULL)
		snprintf(value, 8192, "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
}

void
sql(const char *format, ...)
{
	char *text_ = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	run_sql(text_, NULL);
}

const char *
sql_text(const char *format, ...)
{
	char *text_ = turn(), *value = turn();
	va_list args;

	va_start(args, format);
	vsnprintf(text_, 8192, format, args);
	va_end(args);
	run_sql(text_, value);
	return value;
}

const char *
keep_id(const char *id)
{
	static char kept[256][40];
	static unsigned n;

	snprintf(kept[++n % LENGTH(kept)], sizeof(kept[0]), "%s", id);
	return kept[n % LENGTH(kept)];
}
