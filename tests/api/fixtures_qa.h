/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_TEST_FIXTURES_QA_H
#define SERVICEOS_TEST_FIXTURES_QA_H

/* What the tests of QA scoring share: ada, her ticket, a scorecard, and reviews. */

#include "harness.h"

#define CRITERIA \
	"[{\"key\":\"tone\",\"name\":\"Tone\",\"weight\":3},{\"key\":\"facts\",\"name\":\"Facts\",\"max_score\":10}," \
	"{\"key\":\"privacy\",\"name\":\"Privacy\",\"auto_fail\":true}]"
#define SCORES(tone, facts, privacy) \
	"[{\"criterion\":\"tone\",\"score\":" #tone "},{\"criterion\":\"facts\",\"score\":" #facts \
	"},{\"criterion\":\"privacy\",\"score\":" #privacy "}]"
#define GOOD ",\"status\":\"submitted\",\"scores\":" SCORES(5, 10, 5)
#define BAD ",\"status\":\"submitted\",\"scores\":" SCORES(1, 1, 1)

extern const char *agent, *ticket_id, *card;

/* The admin of ORG, ada, one ticket of hers and one scorecard. Use as a checked fixture's setup. */
void qa_fresh(void);
/* A user who can log in; its id. */
const char *make_reviewer(const char *name);
/* A review of the ticket with further members, its id. */
const char *make_review(const char *members);
void patch_review(const char *review, const char *body);
/* The next calls are this user's, or the admin's key again. */
void as_user(const char *name);
void as_admin(void);

#endif
