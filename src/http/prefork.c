/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master: one loop around sigtimedwait(). Signals stay blocked, so none is
 * lost between looking and waiting; the scoreboard is looked at once a second.
 */
#include "http/prefork.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "http/replace.h"
#include "http/scoreboard.h"

#define DRAIN_MS 30000
#define TICK_MS 1000
#define FILES 8192 /* a thousand connections each of the web server and then some */

static struct prefork *config;
static sigset_t wanted;
static bool announced;
static bool reload_wanted;
static int64_t reload_until; /* 0 when no reload is under way */

static int
wait_signal(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return sigtimedwait(&wanted, NULL, &t);
}

/* New workers first; the sockets stay open throughout, so that nobody is refused. */
static void
begin_reload(void)
{
	reload_wanted = false;
	if (config->reload != NULL && config->reload() == -1)
		return;
	board_turn();
	board_fill();
	reload_until = mono_ms() + config->ready_ms;
}

/* The old workers go only when the new ones serve; if they never do, the old ones stay. */
static void
finish_reload(void)
{
	if (board_ready()) {
		log_info("reloaded");
	} else if (mono_ms() >= reload_until || board_failing()) {
		log_error("reload given up: the new workers do not come up");
		board_turn_back();
		board_fill();
	} else {
		return;
	}
	board_dismiss(false);
	reload_until = 0;
}

/* One reload after the other: there is room for two generations, not for three. */
static void
reload(void)
{
	if (reload_wanted && reload_until == 0 && board_alive_old() == 0)
		begin_reload();
	if (reload_until != 0)
		finish_reload();
}

static int
drain(void)
{
	int64_t deadline = mono_ms() + DRAIN_MS;

	notify_systemd("STOPPING=1");
	board_dismiss(true);
	while (board_alive() > 0 && mono_ms() < deadline)
		if (wait_signal(50) == SIGCHLD)
			board_reap(true);
	board_kill_all();
	log_info("stopped");
	return 0;
}

static void
announce(void)
{
	if (announced || !board_ready())
		return;
	announced = true;
	notify_systemd("READY=1");
	if (config->ready != NULL)
		config->ready();
}

static void
watchdog(void)
{
	static int64_t last;
	const char *usec = getenv("WATCHDOG_USEC");

	if (usec == NULL || mono_ms() - last < atoll(usec) / 4000)
		return;
	last = mono_ms();
	notify_systemd("WATCHDOG=1");
}

static void
prepare(void)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	struct rlimit files;
	unsigned i;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN); /* a log reader that went away must not end us */
	sigemptyset(&wanted);
	for (i = 0; i < LENGTH(signals); i++)
		sigaddset(&wanted, signals[i]);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
}

int
prefork_run(struct prefork *p)
{
	bool waiting;
	int sig;

	config = p;
	prepare();
	board_init(p);
	board_fill();
	for (;;) {
		/* for a flag, not for a signal */
		waiting = !announced || reload_until != 0 || replace_under_way();
		sig = wait_signal(board_next(waiting ? 20 : TICK_MS));
		if (sig == SIGTERM || sig == SIGINT)
			return drain();
		if (sig == SIGHUP)
			reload_wanted = true;
		board_reap(false);
		/* Before who died is started again: a successor may be there already. */
		replace_spent(!reload_wanted && reload_until == 0, config->ready_ms);
		board_respawn();
		reload();
		board_enforce();
		announce();
		watchdog();
	}
}
