/* SPDX-License-Identifier: Apache-2.0 */
/* The three handlers that serve most operations from their row alone. */
#include "http/req.h"

int
api_list(struct req *r)
{
	const struct resource *shape = r->route->reply;

	if (shape->parent != NULL && r->match.nargs > 0)
		return reply_list(r, shape, r->route->list,
		    arena_printf(r->arena, "t.%s = $2", shape->parent), P(r->args[0]));
	return reply_list(r, shape, r->route->list, NULL, 0, NULL);
}

/* The ids of the path: the resource's own is the last, its parent's the one before. */
int
api_get(struct req *r)
{
	unsigned n = r->match.nargs;
	const char *id = n == 0 ? r->org : r->args[n - 1];

	reply_resource(r, 200, r->route->reply, n > 1 ? r->args[n - 2] : NULL, id);
	return 0;
}

/* Run route->exec, then show the resource in the same transaction, or answer 204. */
int
api_exec(struct req *r)
{
	const struct route *route = r->route;
	const char *values[ROUTE_ARGS_MAX + 3];
	unsigned i, n = 0, nargs = r->match.nargs;
	const char *id, *parent;

	values[n++] = r->org;
	for (i = 0; i < nargs; i++)
		values[n++] = r->args[i];
	if ((route->flags & R_CREATE) != 0)
		values[n++] = r->new_id;
	if (route->body != NULL)
		values[n++] = r->body_text;
	r->exec_slot = db_queue(r->db, route->exec, (int)n, values);
	if (route->reply == NULL)
		return reply_empty(r);
	id = r->new_id != NULL ? r->new_id : nargs > 0 ? r->args[nargs - 1] : r->org;
	parent = r->new_id != NULL ? (nargs > 0 ? r->args[nargs - 1] : NULL)
	         : nargs > 1       ? r->args[nargs - 2]
	                           : NULL;
	return reply_resource(r, 200, route->reply, parent, id);
}
