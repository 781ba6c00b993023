/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serviceos-scheduler: what happens by itself. One loop that sleeps until the
 * next duty is due or a worker's wake-up comes through Redis; long jobs have a
 * process beside it.
 */
#include <curl/curl.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/program.h"
#include "base/util.h"
#include "http/prefork.h"
#include "jobs/housekeeping.h"
#include "jobs/key_set.h"
#include "jobs/mail.h"
#include "jobs/process.h"
#include "jobs/relay.h"
#include "jobs/sla.h"
#include "jobs/webhook.h"
#include "jobs/workflow.h"
#include "store/db.h"
#include "store/due.h"
#include "store/files.h"
#include "store/redis.h"

#define RECONNECT_US 1000000
#define WOKEN_MAX 16

struct scheduler {
	struct arena *arena;
	struct db *db;
	struct db *app; /* as the workers: what is done within one organisation */
	struct job_process jobs;
	struct redis *redis;
	CURLM *multi; /* all that goes out */
	struct webhooks *webhooks;
	struct mailer *mailer;
	struct key_set *keys;
	struct due_work work;
	struct due_kind kinds[8]; /* ends in .kind NULL */
	struct due *due;
	char woken[WOKEN_MAX][64]; /* organisations that something happened in */
	int nwoken;                /* more than WOKEN_MAX: nobody knows which */
	int due_ms;                /* until the next due job */
	redisContext *wake; /* subscribed to the workers' wake-ups; NULL while Redis is away */
	int64_t wake_retry_us;
	int64_t relay_us, words_us, timed_us, snooze_us, expire_us, sweep_us, jwks_us,
	    figures_us; /* when next */
};

/* Due jobs by kind: how many, and how late the oldest one is. */
static void
write_due(struct scheduler *s, FILE *out)
{
	static const struct db_context everybody = { .org = "", .actor_type = "system" };
	const PGresult *rows;
	int i;

	db_begin(s->db, s->arena, DB_READ, &everybody);
	rows = db_rows(s->db, SQL_DUE_AGES, 0, NULL);
	db_commit(s->db);
	fprintf(out, "# HELP serviceos_due_age_seconds How late the oldest due job is.\n"
		     "# TYPE serviceos_due_age_seconds gauge\n");
	for (i = 0; rows != NULL && i < PQntuples(rows); i++)
		fprintf(out, "serviceos_due_age_seconds{kind=\"%s\"} %s\n", PQgetvalue(rows, i, 0),
		    PQgetvalue(rows, i, 4));
	fprintf(out,
	    "# HELP serviceos_due_jobs Due jobs by state; dead ones wait for serviceosctl jobs.\n"
	    "# TYPE serviceos_due_jobs gauge\n");
	for (i = 0; rows != NULL && i < PQntuples(rows); i++)
		fprintf(out,
		    "serviceos_due_jobs{kind=\"%s\",state=\"ready\"} %s\n"
		    "serviceos_due_jobs{kind=\"%s\",state=\"running\"} %s\n"
		    "serviceos_due_jobs{kind=\"%s\",state=\"dead\"} %s\n",
		    PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 0),
		    PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 3));
}

/* Tell Prometheus through a file that /metrics repeats. */
static void
write_figures(struct scheduler *s)
{
	char path[512], temporary[520];
	int64_t lag = relay_lag(s->db, s->arena);
	FILE *out;

	snprintf(path, sizeof(path), "%s/scheduler.prom", conf.state_dir);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	out = fopen(temporary, "we");
	if (out == NULL)
		return;
	fprintf(out,
	    "# HELP serviceos_relay_lag_seconds Age of the oldest event without a number.\n"
	    "# TYPE serviceos_relay_lag_seconds gauge\nserviceos_relay_lag_seconds %lld\n"
	    "# HELP serviceos_scheduler_time_seconds When the scheduler wrote this.\n"
	    "# TYPE serviceos_scheduler_time_seconds gauge\nserviceos_scheduler_time_seconds %lld\n",
	    (long long)lag, (long long)(wall_ms() / 1000));
	write_due(s, out);
	if (fclose(out) == 0)
		(void)!rename(temporary, path);
}

static void
subscribe(struct scheduler *s)
{
	struct timeval limit = { .tv_usec = 50000 };
	redisReply *reply;

	if (s->wake != NULL || mono_us() < s->wake_retry_us)
		return;
	s->wake_retry_us = mono_us() + RECONNECT_US;
	s->wake = redis_connect_plain(conf.redis_url, limit);
	if (s->wake == NULL)
		return;
	reply = redisCommand(s->wake, "SUBSCRIBE serviceos:relay");
	if (reply == NULL) {
		redisFree(s->wake);
		s->wake = NULL;
		return;
	}
	freeReplyObject(reply);
	s->relay_us = 0; /* what was published while we were deaf */
	job_process_wake(&s->jobs);
	s->nwoken = WOKEN_MAX + 1;
}

/* Something happened in the organisation; empty when it is not known in which. */
static void
note_woken(void *arg, const char *org)
{
	struct scheduler *s = arg;
	int i;

	for (i = 0; i < s->nwoken && i < WOKEN_MAX; i++)
		if (strcmp(s->woken[i], org) == 0)
			return;
	if (*org == '\0' || strlen(org) >= sizeof(s->woken[0]) || s->nwoken >= WOKEN_MAX)
		s->nwoken = WOKEN_MAX + 1;
	else
		snprintf(s->woken[s->nwoken++], sizeof(s->woken[0]), "%s", org);
}

/* ["message", channel, organisation] */
static void
note_message(struct scheduler *s, const redisReply *message)
{
	if (message->type == REDIS_REPLY_ARRAY && message->elements == 3)
		note_woken(s, message->element[2]->str);
}

static void
drain_wakes(struct scheduler *s)
{
	void *reply = NULL;

	if (redisBufferRead(s->wake) != REDIS_OK) {
		redisFree(s->wake);
		s->wake = NULL;
		return;
	}
	while (redisGetReplyFromReader(s->wake, &reply) == REDIS_OK && reply != NULL) {
		note_message(s, reply);
		freeReplyObject(reply);
	}
	s->relay_us = 0;
	job_process_wake(&s->jobs);
}

/* What is due at a time of its own: webhooks and the like. */
static void
due_duties(struct scheduler *s)
{
	int i;

	if (s->nwoken > WOKEN_MAX)
		due_look_all(s->due, s->arena);
	else
		for (i = 0; i < s->nwoken; i++)
			due_look(s->due, s->arena, s->woken[i]);
	s->nwoken = 0;
	transfers_step(s->multi);
	s->due_ms = due_run(s->due, s->arena);
}

static void
duties(struct scheduler *s)
{
	if (time_due(&s->relay_us, 1000000) &&
	    relay_run(s->db, s->redis, s->arena, note_woken, s) > 0)
		s->relay_us = 0; /* there may be more */
	due_duties(s);
	if (time_due(&s->words_us, 1000000) && keep_up_words(s->db, s->arena))
		s->words_us = 0;
	if (time_due(&s->timed_us, conf.workflow_interval * INT64_C(1000000)) &&
	    workflows_timed(&s->work))
		s->timed_us = 0;
	if (time_due(&s->snooze_us, 1000000))
		every_second(s->db, s->arena);
	if (time_due(&s->expire_us, 60000000))
		drop_expired(s->db, s->arena);
	if (time_due(&s->sweep_us, INT64_C(3600000000)))
		files_sweep(s->db, s->arena);
	if (time_due(&s->jwks_us, 300000000))
		key_set_fetch(s->keys);
	if (time_due(&s->figures_us, 5000000))
		write_figures(s);
	arena_reset(s->arena);
}

static int
loop(struct scheduler *s, int signals)
{
	struct signalfd_siginfo signal;
	struct curl_waitfd fds[3];
	int64_t wait;

	for (;;) {
		subscribe(s);
		duties(s);
		wait = ((s->relay_us < s->words_us ? s->relay_us : s->words_us) - mono_us()) / 1000;
		wait = wait > s->due_ms ? s->due_ms : wait;
		fds[0] = (struct curl_waitfd){ .fd = signals, .events = CURL_WAIT_POLLIN };
		fds[1] = (struct curl_waitfd){ .fd = s->jobs.news, .events = CURL_WAIT_POLLIN };
		fds[2] = (struct curl_waitfd){ .fd = s->wake == NULL ? signals : s->wake->fd,
			.events = CURL_WAIT_POLLIN };
		curl_multi_poll(s->multi, fds, s->wake == NULL ? 2 : 3,
		    wait < 0      ? 0
		    : wait > 1000 ? 1000
				  : (int)wait,
		    NULL);
		if ((fds[0].revents & CURL_WAIT_POLLIN) != 0) {
			if (read(signals, &signal, sizeof(signal)) == sizeof(signal) &&
			    signal.ssi_signo == SIGCHLD) {
				log_error("the process of jobs has ended");
				return 1;
			}
			return 0;
		}
		if (job_process_news(&s->jobs))
			s->relay_us = s->words_us = 0; /* a step may have left events and words */
		if (s->wake != NULL && fds[2].revents != 0)
			drain_wakes(s);
	}
}

static int
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
	struct scheduler s = { .wake = NULL };
	int signals, status;

	program_start("scheduler", argc, argv);
	signals = block_signals();
	if (!job_process_start(&s.jobs))
		fatal("the process of jobs: %s", strerror(errno));
	s.arena = arena_new();
	s.db = db_new(conf.db_scheduler_url, "serviceos-scheduler", conf.db_timeout * 5);
	s.app = db_new(conf.db_url, "serviceos-scheduler", conf.db_timeout * 5);
	s.redis = redis_new(conf.redis_url);
	s.multi = transfers_new();
	s.keys = key_set_new(s.multi);
	s.mailer = mailer_new(s.multi, s.db, s.arena);
	s.webhooks = webhooks_new(s.multi, s.db, s.app, s.arena);
	s.work = (struct due_work){ .app = s.app, .db = s.db, .arena = s.arena };
	s.kinds[0] = webhooks_kind(s.webhooks);
	s.kinds[1] = sla_kind(&s.work);
	s.kinds[2] = sla_apply_kind(&s.work);
	s.kinds[3] = sla_recount_kind(&s.work);
	s.kinds[4] = workflow_kind(&s.work);
	s.kinds[5] = notify_kind(&s.work);
	s.kinds[6] = mailer_kind(s.mailer);
	s.due = due_new(s.db, s.redis, s.kinds);
	s.work.due = s.due;
	webhooks_tell(s.webhooks, s.due);
	log_info("ready");
	notify_systemd("READY=1");
	status = loop(&s, signals);
	notify_systemd("STOPPING=1");
	job_process_end(&s.jobs);
	log_info("stopped");
	due_free(s.due);
	webhooks_free(s.webhooks);
	mailer_free(s.mailer);
	key_set_free(s.keys);
	curl_multi_cleanup(s.multi);
	db_free(s.db);
	db_free(s.app);
	redis_free(s.redis);
	arena_free(s.arena);
	if (s.wake != NULL)
		redisFree(s.wake);
	return status;
}
