/* SPDX-License-Identifier: Apache-2.0 */
/* serviceos-stream: the open event streams of this host, in one loop. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/program.h"
#include "http/prefork.h"
#include "store/db.h"
#include "store/redis.h"
#include "stream/hub.h"

#define STATEMENT_MS 1000 /* everybody waits meanwhile */

static int
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* A descriptor for each stream. */
static void
raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < (rlim_t)conf.stream_max + 64)
		log_warn("stream_max is %ld, but only %llu files may be open", conf.stream_max,
		    (unsigned long long)files.rlim_cur);
}

static int
run(void)
{
	static struct hub h;
	char path[256];
	const char *error;
	int fd, status;

	h.signals.fd = block_signals();
	raise_limit();
	h.arena = arena_new();
	h.db = db_new(conf.db_url, "serviceos-stream", STATEMENT_MS);
	h.redis = redis_new(conf.redis_url);
	snprintf(path, sizeof(path), "%s/stream.sock", conf.socket_dir);
	fd = listen_unix(path, "", &error);
	if (fd == -1)
		fatal("%s", error);
	log_info("ready");
	notify_systemd("READY=1");
	status = hub_run(&h, fd);
	figures_write(&h);
	log_info("stopped");
	db_free(h.db);
	redis_free(h.redis);
	arena_free(h.arena);
	return status;
}

int
main(int argc, char **argv)
{
	program_start("stream", argc, argv);
	return run();
}
