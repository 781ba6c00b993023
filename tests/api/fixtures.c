/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/openapi.h"

struct ids own, other;
char platform_token[] = "pt_of_the_tests";

static void
copy(char out[40], const char *id)
{
	snprintf(out, 40, "%s", id);
}

static void
make_desk(struct ids *i, const char *org)
{
	call("PATCH", fmt("/api/organizations/%s", org),
	    "{\"inbound_address\":\"help@desk.example\"}");
	expect(200);
	copy(i->ticket, make_ticket("first"));
	copy(i->second, make_ticket("second"));
	copy(i->third, make_ticket("third"));
	copy(i->customer, make("/api/customers", "{\"name\":\"Ada\"}", "customer_id"));
	copy(i->spare, make("/api/customers", "{\"name\":\"Spare\"}", "customer_id"));
	copy(i->user,
	    make(fmt("/api/organizations/%s/users", org),
		fmt("{\"email\":\"%s@example.com\",\"name\":\"Agent\",\"password\":\"correct horse\"}",
		    org),
		"user_id"));
	copy(i->key, make(fmt("/api/organizations/%s/api-keys", org),
			 "{\"name\":\"k\",\"scopes\":[\"read:tickets\"]}", "key_id"));
	copy(i->comment, make_comment(i->ticket, "hello"));
	copy(i->note,
	    make(fmt("/api/tickets/%s/internal-notes", i->ticket), "{\"body\":\"n\"}", "note_id"));
	copy(
	    i->link, make(fmt("/api/tickets/%s/links", i->ticket),
			 fmt("{\"target_id\":\"%s\",\"kind\":\"related\"}", i->second), "link_id"));
	call("POST", fmt("/api/tickets/%s/tags", i->ticket), "{\"tags\":[\"blue\"]}");
	expect(200);
}

static void
make_house(struct ids *i, const char *org)
{
	copy(i->view,
	    make(fmt("/api/organizations/%s/views", org), "{\"name\":\"All\"}", "view_id"));
	copy(i->company, make("/api/companies", "{\"name\":\"Engines\"}", "company_id"));
	copy(i->team, make(fmt("/api/organizations/%s/teams", org),
			  fmt("{\"name\":\"Blue\",\"member_ids\":[\"%s\"]}", i->user), "team_id"));
	copy(i->hours, make(fmt("/api/organizations/%s/business-hours", org),
			   "{\"name\":\"Office\"}", "business_hours_id"));
	copy(i->field, make(fmt("/api/organizations/%s/custom-fields", org),
			   "{\"label\":\"Colour\",\"type\":\"text\"}", "field_id"));
	copy(i->queue,
	    make(fmt("/api/organizations/%s/queues", org), "{\"name\":\"Waiting\"}", "queue_id"));
	copy(i->macro, make(fmt("/api/organizations/%s/macros", org),
			   "{\"name\":\"Hello\",\"reply\":\"Hello\"}", "macro_id"));
}

/* They wait, but for an export that is there. */
static void
make_work(struct ids *i)
{
	copy(i->export, make_job("/api/exports", "{\"kind\":\"tickets\"}", "export_id"));
	run_jobs();
	copy(i->waiting_export, make_job("/api/exports", "{\"kind\":\"tickets\"}", "export_id"));
	copy(i->import,
	    make_job("/api/imports?format=ndjson&kind=tickets", "{\"title\":\"x\"}", "import_id"));
	copy(i->bulk_job,
	    make_job("/api/bulk/jobs", "{\"action\":\"close\",\"conditions\":{}}", "job_id"));
	sql("UPDATE job SET run_after = now() + interval '1 hour' WHERE kind IN ('bulk', 'import') "
	    "OR (kind = 'export' AND state = 'queued')");
}

static void
make_judgements(struct ids *i)
{
	copy(i->survey,
	    make("/api/csat/request", fmt("{\"ticket_id\":\"%s\"}", i->ticket), "survey_id"));
	copy(i->card,
	    make("/api/qa/scorecards",
		"{\"name\":\"Quality\",\"criteria\":[{\"key\":\"tone\",\"name\":\"Tone\"}]}",
		"scorecard_id"));
	copy(i->review,
	    make("/api/qa/reviews",
		fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\",\"agent_user_id\":\"%s\"}",
		    i->ticket, i->card, i->user),
		"review_id"));
}

static void
make_webhook(struct ids *i)
{
	copy(i->webhook,
	    make("/api/v1/webhooks", "{\"url\":\"https://hooks.example.com/x\"}", "webhook_id"));
	relay();
	sql("UPDATE webhook_delivery SET status = 'failed', created_at = '2026-06-13T12:00:00Z' WHERE webhook_id = '%s'",
	    i->webhook);
	sql("DELETE FROM due_job");
	copy(i->delivery,
	    sql_text("SELECT delivery_id FROM webhook_delivery WHERE webhook_id = '%s' LIMIT 1",
		i->webhook));
}

/* One of everything in the caller's organisation. */
void
make_all(struct ids *i, const char *org)
{
	make_desk(i, org);
	make_house(i, org);
	make_work(i);
	make_judgements(i);
	copy(i->attachment, make(fmt("/api/tickets/%s/attachments?filename=x.txt", i->ticket), "x",
				"attachment_id"));
	make_webhook(i);
	copy(i->policy, make("/api/sla/policies",
			    "{\"name\":\"Silver\",\"active\":false,\"targets\":{\"normal\":{"
			    "\"first_response_minutes\":60}}}",
			    "policy_id"));
	copy(i->timer, make("/api/sla/timers",
			   fmt("{\"ticket_id\":\"%s\",\"metric\":\"custom\",\"target_minutes\":60}",
			       i->second),
			   "timer_id"));
	copy(i->workflow,
	    make("/api/workflows",
		"{\"name\":\"Flow\",\"enabled\":false,\"trigger\":{\"type\":\"event\","
		"\"topics\":[\"ticket.created\"]},\"actions\":[{\"action\":\"stop\"}]}",
		"workflow_id"));
	call("PUT", "/api/customers/by-external-id/crm-1", "{\"name\":\"Known\"}");
	expect(201);
}

static const char *
id_of(const struct route *route, const char *parameter, const struct ids *i)
{
	/* What the first id of a path names, by the word before it. */
	static const struct {
		const char *part;
		size_t at;
	} kinds[] = { { "/customers/", offsetof(struct ids, customer) },
		{ "/users/", offsetof(struct ids, user) },
		{ "/views/", offsetof(struct ids, view) },
		{ "/api-keys/", offsetof(struct ids, key) },
		{ "/companies/", offsetof(struct ids, company) },
		{ "/teams/", offsetof(struct ids, team) },
		{ "/business-hours/", offsetof(struct ids, hours) },
		{ "/custom-fields/", offsetof(struct ids, field) },
		{ "/bulk/jobs/", offsetof(struct ids, bulk_job) },
		{ "/queues/", offsetof(struct ids, queue) },
		{ "/exports/", offsetof(struct ids, export) },
		{ "/imports/", offsetof(struct ids, import) },
		{ "/api/attachments/", offsetof(struct ids, attachment) },
		{ "/csat/surveys/", offsetof(struct ids, survey) },
		{ "/qa/scorecards/", offsetof(struct ids, card) },
		{ "/qa/reviews/", offsetof(struct ids, review) },
		{ "/sla/policies/", offsetof(struct ids, policy) },
		{ "/sla/timers/", offsetof(struct ids, timer) },
		{ "/workflows/", offsetof(struct ids, workflow) },
		{ "/webhooks/", offsetof(struct ids, webhook) },
		{ "/:org_id/macros/", offsetof(struct ids, macro) } };
	unsigned n;

	if (strcmp(parameter, "user_id") == 0 || strcmp(parameter, "agent_id") == 0)
		return i->user;
	if (strcmp(parameter, "macro_id") == 0)
		return i->macro;
	if (strcmp(parameter, "comment_id") == 0)
		return i->comment;
	if (strcmp(parameter, "note_id") == 0)
		return i->note;
	if (strcmp(parameter, "link_id") == 0)
		return i->link;
	if (strcmp(parameter, "delivery_id") == 0)
		return i->delivery;
	if (strcmp(parameter, "tag") == 0)
		return "blue";
	if (strcmp(parameter, "external_id") == 0)
		return "crm-1";
	if (strcmp(route->id, "exports.cancel") == 0)
		return i->waiting_export;
	for (n = 0; n < LENGTH(kinds); n++)
		if (strstr(route->path, kinds[n].part) != NULL)
			return (const char *)i + kinds[n].at;
	return i->ticket;
}

/* The route's path with these ids, in the caller's organisation. */
const char *
path_of(const struct route *route, const struct ids *i)
{
	char *out = (char *)fmt("%s", "");
	const char *p = route->path;
	char name[32];

	out[0] = '\0';
	while (*p != '\0') {
		size_t len = strcspn(p, ":");

		strncat(out, p, len);
		p += len;
		if (*p != ':')
			break;
		len = strcspn(++p, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		strcat(out, strcmp(name, "org_id") == 0 ? ORG : id_of(route, name, i));
		p += len;
	}
	if (strcmp(route->id, "attachments.upload") == 0)
		strcat(out, "?filename=x.txt");
	if (strcmp(route->id, "events.stream") == 0)
		strcat(out, "?org_id=" ORG);
	if (strcmp(route->id, "imports.create") == 0)
		strcat(out, "?format=ndjson&kind=tickets");
	return out;
}

bool
has_id(const struct route *route)
{
	const char *p = strstr(route->path, ":");

	return p != NULL && (strncmp(p, ":org_id", 7) != 0 || strchr(p + 1, ':') != NULL);
}

/* A body that is right but for ids, from the examples of the fields. */
const char *
example_body(const struct route *route)
{
	static struct arena *arena;
	struct buf out;

	if (route->body == NULL)
		return NULL;
	if (route->example != NULL)
		return route->example;
	if (arena == NULL)
		arena = arena_new();
	arena_reset(arena);
	buf_init(&out, arena, 1024);
	openapi_example(&out, route->body, route->use == 0 ? F_CREATE : route->use);
	return fmt("%s", out.data);
}

/* Bodies that need ids of things that exist. */
const char *
body_of(const struct route *route)
{
	const char *id = route->id;
	const char *merge = sql_text("SELECT merge_id FROM ticket_merge "
				     "WHERE unmerged_at IS NULL AND org_id = '" ORG "' LIMIT 1");

	if (strcmp(id, "tickets.merge") == 0)
		return fmt("{\"ticket_ids\":[\"%s\"]}", own.third);
	if (strcmp(id, "tickets.unmerge") == 0)
		return fmt("{\"merge_id\":\"%s\"}", *merge == '\0' ? own.ticket : merge);
	if (strcmp(id, "customers.upsert") == 0)
		return "{\"name\":\"Known\",\"email\":\"known@example.com\"}";
	if (strcmp(id, "tickets.split") == 0)
		return fmt("{\"comment_ids\":[\"%s\"]}", make_comment(own.ticket, "moves"));
	if (strcmp(id, "tickets.link") == 0)
		return fmt("{\"target_id\":\"%s\",\"kind\":\"blocks\"}", own.second);
	if (strcmp(id, "tickets.assign") == 0)
		return fmt("{\"assignee_user_id\":\"%s\"}", own.user);
	if (strcmp(id, "customers.merge") == 0)
		return fmt("{\"customer_ids\":[\"%s\"]}", own.spare);
	if (strcmp(id, "notes.create") == 0 || strcmp(id, "notes.update") == 0)
		return "{\"body\":\"note\",\"mentions\":[]}";
	if (strcmp(id, "tags.rename") == 0)
		return "{\"tag\":\"green\"}";
	if (strcmp(id, "auth.login") == 0)
		return "{\"email\":\"" ORG "@example.com\",\"password\":\"correct horse\"}";
	if (strcmp(id, "attachments.upload") == 0)
		return "the file";
	if (strcmp(id, "imports.create") == 0)
		return "{\"title\":\"x\"}";
	if (strcmp(id, "inbound.email") == 0)
		return "From: Ada <ada@example.com>\r\nSubject: Help\r\n\r\nHelp!\r\n";
	if (strcmp(id, "presence.register") == 0)
		return fmt("{\"agent_id\":\"%s\"}", own.user);
	if (strcmp(id, "workflows.dryRun") == 0)
		return fmt("{\"ticket_id\":\"%s\"}", own.second);
	if (strcmp(id, "sla.createTimer") == 0)
		return fmt("{\"ticket_id\":\"%s\",\"target_minutes\":60}", make_ticket("promised"));
	if (strcmp(id, "sla.pause") == 0)
		return fmt("{\"timer_id\":\"%s\"}", own.timer);
	if (strcmp(id, "sla.resume") == 0) {
		call("POST", "/api/sla/timers/pause", fmt("{\"timer_id\":\"%s\"}", own.timer));
		return fmt("{\"timer_id\":\"%s\"}", own.timer);
	}
	if (strcmp(id, "csat.request") == 0)
		return fmt("{\"ticket_id\":\"%s\"}", make_ticket("ask"));
	if (strcmp(id, "csat.submit") == 0) {
		call(
		    "POST", "/api/csat/request", fmt("{\"ticket_id\":\"%s\"}", make_ticket("ask")));
		return fmt("{\"token\":\"%s\",\"score\":5}", text("token"));
	}
	if (strcmp(id, "qa.createReview") == 0)
		return fmt(
		    "{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\",\"agent_user_id\":\"%s\"}",
		    own.ticket, own.card, own.user);
	if (strcmp(id, "qa.sample") == 0)
		return fmt("{\"scorecard_id\":\"%s\",\"count\":5,\"reviewer_user_ids\":[\"%s\"]}",
		    own.card, own.user);
	if (strcmp(id, "queues.next") == 0)
		return fmt("{\"user_id\":\"%s\"}", own.user);
	if (strcmp(id, "teams.addMembers") == 0)
		return fmt("{\"member_ids\":[\"%s\"]}", own.user);
	if (strcmp(id, "users.update") == 0)
		return "{\"name\":\"Agent Two\"}";
	if (strcmp(id, "tickets.clone") == 0 || strcmp(id, "apiKeys.rotate") == 0 ||
	    strcmp(id, "auth.logout") == 0)
		return "{}";
	if (strcmp(id, "auth.refresh") == 0) {
		call("POST", "/api/v1/auth/login",
		    "{\"email\":\"" ORG "@example.com\",\"password\":\"correct horse\"}");
		return fmt("{\"refresh_token\":\"%s\"}", text("refresh_token"));
	}
	return example_body(route);
}

void
as_platform(const struct route *route)
{
	if ((route->flags & R_PLATFORM) == 0)
		return;
	caller.key = NULL;
	caller.bearer = platform_token;
}
