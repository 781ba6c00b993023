/* SPDX-License-Identifier: Apache-2.0 */
/* A condition against one stored ticket, with what became of each comparison. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/condition.h"
#include "store/db.h"

enum condition_verdict
condition_judge(struct db *db, struct arena *arena, const char *org, const char *ticket,
    const struct condition *c, struct buf *trace)
{
	const char **values = arena_alloc(arena, ((size_t)c->nvalues + 2) * sizeof(*values));
	const PGresult *row;
	struct buf sql;
	int i;

	values[0] = org;
	values[1] = ticket;
	if (c->nvalues > 0)
		memcpy(values + 2, c->values, (size_t)c->nvalues * sizeof(*values));
	buf_init(&sql, arena, 1024);
	buf_printf(&sql, "SELECT %s IS TRUE", c->sql);
	for (i = 0; i < c->nleaves; i++)
		buf_printf(&sql, ", %s IS TRUE", c->leaves[i].sql);
	buf_str(&sql,
	    " FROM ticket t WHERE t.org_id = $1 AND t.ticket_id = $2 AND t.deleted_at IS NULL");
	row = db_result(db, db_queue_text(db, sql.data, c->nvalues + 2, values));
	if (row == NULL)
		return CONDITION_FAILED;
	if (PQntuples(row) == 0)
		return CONDITION_NO_TICKET;
	buf_char(trace, '[');
	for (i = 0; i < c->nleaves; i++) {
		buf_str(trace, i == 0 ? "{\"path\":" : ",{\"path\":");
		buf_json_str(trace, c->leaves[i].path);
		buf_printf(trace, ",\"matched\":%s}",
		    *PQgetvalue(row, 0, i + 1) == 't' ? "true" : "false");
	}
	buf_char(trace, ']');
	return *PQgetvalue(row, 0, 0) == 't' ? CONDITION_HOLDS : CONDITION_HOLDS_NOT;
}
