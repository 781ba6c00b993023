/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serviceos-scheduler: what happens by itself. One loop that sleeps until the
 * next duty is due or a worker's wake-up comes through Redis.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/util.h"
#include "config.h"
#include "http/prefork.h"
#include "jobs/housekeeping.h"
#include "jobs/job.h"
#include "jobs/relay.h"
#include "store/db.h"
#include "store/files.h"
#include "store/redis.h"

#define RECONNECT_US 1000000

struct scheduler {
	struct arena *arena;
	struct db *db;
	struct db *app; /* as the workers: what is done within one organisation */
	struct redis *redis;
	redisContext *wake; /* subscribed to the workers' wake-ups; NULL while Redis is away */
	int64_t wake_retry_us;
	int64_t relay_us, jobs_us, snooze_us, expire_us, sweep_us, jwks_us,
	    figures_us; /* when next */
};

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
	s->relay_us = s->jobs_us = 0; /* what was published while we were deaf */
}

/* Any number of wake-ups means one thing: look now. */
static void
drain_wakes(struct scheduler *s)
{
	void *reply = NULL;

	if (redisBufferRead(s->wake) != REDIS_OK) {
		redisFree(s->wake);
		s->wake = NULL;
		return;
	}
	while (redisGetReplyFromReader(s->wake, &reply) == REDIS_OK && reply != NULL)
		freeReplyObject(reply);
	s->relay_us = s->jobs_us = 0;
}

static bool
due(int64_t *next, int64_t interval_us)
{
	int64_t now = mono_us();

	if (now < *next)
		return false;
	*next = now + interval_us;
	return true;
}

static void
duties(struct scheduler *s)
{
	if (due(&s->relay_us, 1000000) && relay_run(s->db, s->redis, s->arena) > 0)
		s->relay_us = 0; /* there may be more */
	if (due(&s->jobs_us, 1000000) && jobs_run(s->db, s->app, s->arena))
		s->jobs_us = s->relay_us = 0; /* it goes on, and may have left events */
	if (due(&s->snooze_us, 1000000))
		every_second(s->db, s->arena);
	if (due(&s->expire_us, 60000000))
		drop_expired(s->db, s->arena);
	if (due(&s->sweep_us, INT64_C(3600000000)))
		files_sweep(s->db, s->arena);
	if (due(&s->jwks_us, 300000000))
		fetch_jwks();
	if (due(&s->figures_us, 5000000))
		write_figures(s);
	arena_reset(s->arena);
}

static int
loop(struct scheduler *s, int signals)
{
	struct pollfd p[2];
	int64_t wait;

	for (;;) {
		subscribe(s);
		duties(s);
		wait = ((s->relay_us < s->jobs_us ? s->relay_us : s->jobs_us) - mono_us()) / 1000;
		p[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
		p[1] =
		    (struct pollfd){ .fd = s->wake == NULL ? -1 : s->wake->fd, .events = POLLIN };
		if (poll(p, 2,
			wait < 0      ? 0
			: wait > 1000 ? 1000
				      : (int)wait) == -1 &&
		    errno != EINTR)
			fatal("poll: %s", strerror(errno));
		if ((p[0].revents & POLLIN) != 0)
			return 0;
		if (p[1].revents != 0)
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
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
	struct scheduler s = { .wake = NULL };
	const char *path = NULL, *error;
	int option, signals;

	while ((option = getopt(argc, argv, "c:V")) != -1) {
		if (option == 'c') {
			path = optarg;
		} else if (option == 'V') {
			puts(PACKAGE_STRING);
			return 0;
		} else {
			fprintf(stderr, "usage: serviceos-scheduler [-V] [-c file]\n");
			return 2;
		}
	}
	log_open("scheduler", LOG_INFO);
	if (conf_load(path, &error) == -1)
		fatal("%s", error);
	log_open("scheduler", (enum log_level)log_level_parse(conf.log_level));
	signals = block_signals();
	s.arena = arena_new();
	s.db = db_new(conf.db_scheduler_url, "serviceos-scheduler", conf.db_timeout * 5);
	s.app = db_new(conf.db_url, "serviceos-scheduler", conf.db_timeout * 5);
	s.redis = redis_new(conf.redis_url);
	log_info("ready");
	notify_systemd("READY=1");
	option = loop(&s, signals);
	notify_systemd("STOPPING=1");
	log_info("stopped");
	db_free(s.db);
	db_free(s.app);
	redis_free(s.redis);
	arena_free(s.arena);
	if (s.wake != NULL)
		redisFree(s.wake);
	return option;
}
