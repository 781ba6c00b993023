/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_MAIL_H
#define SERVICEOS_MAIL_H

/*
 * E-mail to customers. "notify" turns an event into mail, as the workers' role
 * in the organisation; "mail" sends it by conf.smtp_url, at most four at a time.
 * Without a mail server neither does anything: there is no mail then.
 */

#include "jobs/transfer.h"
#include "store/due.h"

struct arena;
struct mailer;

struct due_kind notify_kind(struct due_work *);
struct mailer *mailer_new(CURLM *, struct db *, struct arena *);
void mailer_free(struct mailer *);
struct due_kind mailer_kind(struct mailer *);

#endif
