/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures_qa.h"

#include <stdio.h>

#define PASSWORD ",\"password\":\"correct horse\""

const char *agent, *ticket_id, *card;

void
qa_fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM qa_scorecard; DELETE FROM app_user; DELETE FROM team");
	agent = make_reviewer("ada");
	ticket_id = make_ticket_of(fmt("{\"title\":\"t\",\"assignee_user_id\":\"%s\"}", agent));
	card = make(
	    "/api/qa/scorecards", "{\"name\":\"Card\",\"criteria\":" CRITERIA "}", "scorecard_id");
}

const char *
make_reviewer(const char *name)
{
	return make_user(name, PASSWORD);
}

const char *
make_review(const char *members)
{
	return make("/api/qa/reviews",
	    fmt("{\"ticket_id\":\"%s\",\"scorecard_id\":\"%s\"%s}", ticket_id, card, members),
	    "review_id");
}

void
patch_review(const char *review, const char *body)
{
	call("PATCH", fmt("/api/qa/reviews/%s", review), body);
}

void
as_user(const char *name)
{
	static char token[2048];

	caller.bearer = NULL;
	call("POST", "/api/v1/auth/login",
	    fmt("{\"email\":\"%s@example.com\",\"password\":\"correct horse\"}", name));
	expect(200);
	snprintf(token, sizeof(token), "%s", text("access_token"));
	caller.bearer = token;
	caller.key = NULL;
}

void
as_admin(void)
{
	caller_reset();
}
