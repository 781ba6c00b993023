/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets beside a real Redis, beside a stopped one, and beside none. */
#include "http/ratelimit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "store/redis.h"
#include "unit.h"

static char directory[] = "/tmp/serviceos-rate-XXXXXX";
static char url[128], name[64];
static pid_t server;
static struct redis *redis;

static void
start_redis(void)
{
	int64_t until = mono_us() + 10000000;

	server = fork();
	if (server == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", url + 5,
		    "--save", "", "--dir", directory, (char *)NULL);
		_exit(127);
	}
	while (redis_ping(redis) != 0 && mono_us() < until)
		usleep(20000);
}

static void
stop_redis(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(url + 5);
}

/* A caller that no test has used, in a window that does not end during the test. */
static const char *
fresh(void)
{
	static int n;

	while (wall_ms() % 60000 > 50000)
		usleep(100000);
	snprintf(name, sizeof(name), "org:%d:%d", (int)getpid(), ++n);
	return name;
}

START_TEST(a_budget_is_spent_one_by_one_and_then_refused)
{
	const char *who = fresh();
	struct rate rate;
	int i;

	for (i = 9; i >= 0; i--) {
		ck_assert(rate_take(redis, TIER_BULK, who, 10, &rate));
		ck_assert_int_eq(rate.remaining, i);
		ck_assert_int_eq(rate.limit, 10);
		ck_assert_int_eq(rate.retry_after, 0);
	}
	ck_assert(!rate_take(redis, TIER_BULK, who, 10, &rate));
	ck_assert_int_eq(rate.remaining, 0);
	ck_assert_int_ge(rate.retry_after, 1);
	ck_assert_int_eq(rate.reset % 60, 0);
	ck_assert_int_gt(rate.reset, wall_ms() / 1000);
}
END_TEST

START_TEST(eight_processes_together_get_exactly_the_limit)
{
	const char *who = fresh();
	int fd[2], i, k, total = 0, mine;

	ck_assert_int_eq(pipe(fd), 0);
	for (i = 0; i < 8; i++)
		if (fork() == 0) {
			struct redis *own = redis_new(url);
			struct rate rate;

			for (mine = 0, k = 0; k < 200; k++)
				mine += rate_take(own, TIER_AUTH, who, 500, &rate);
			_exit(write(fd[1], &mine, sizeof(mine)) == sizeof(mine) ? 0 : 1);
		}
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(read(fd[0], &mine, sizeof(mine)), sizeof(mine));
		total += mine;
	}
	for (i = 0; i < 8; i++)
		wait(NULL); /* the server, too, is a child: it does not end here */
	close(fd[0]);
	close(fd[1]);
	ck_assert_int_eq(total, 500);
}
END_TEST

START_TEST(a_common_request_makes_no_call_to_redis)
{
	const char *who = fresh();
	struct rate rate;
	redisReply *reply;
	long calls;
	int i;

	reply = redis_run(redis, "CONFIG RESETSTAT");
	freeReplyObject(reply);
	for (i = 0; i < 2000; i++)
		ck_assert(rate_take(redis, TIER_GENERAL, who, 1000000, &rate));
	reply = redis_run(redis, "INFO stats");
	calls = strtol(strstr(reply->str, "total_commands_processed:") + 25, NULL, 10);
	freeReplyObject(reply);
	ck_assert_int_lt(calls, 50);
}
END_TEST

START_TEST(a_changed_limit_counts_from_the_next_call)
{
	const char *who = fresh();
	struct rate rate;

	ck_assert(rate_take(redis, TIER_BULK, who, 1, &rate));
	ck_assert(!rate_take(redis, TIER_BULK, who, 1, &rate));
	ck_assert(rate_take(redis, TIER_BULK, who, 5, &rate));
	ck_assert(!rate_take(redis, TIER_BULK, who, 1, &rate));
}
END_TEST

START_TEST(a_name_with_odd_bytes_is_a_name)
{
	struct rate rate;

	fresh();
	ck_assert(rate_take(redis, TIER_BULK, "a b\r\nFLUSHALL\r\n%s%b{}\"'\\", 1, &rate));
	ck_assert(!rate_take(redis, TIER_BULK, "a b\r\nFLUSHALL\r\n%s%b{}\"'\\", 1, &rate));
}
END_TEST

static void
spend(const char *who)
{
	struct rate rate;
	int i, taken = 0;

	for (i = 0; i < 15; i++)
		taken += rate_take(redis, TIER_AUTH, who, 10, &rate);
	ck_assert_int_eq(taken, 10);
}

START_TEST(a_stopped_redis_costs_little_and_the_limit_still_holds)
{
	const char *who = fresh();
	int64_t start = mono_us();

	kill(server, SIGSTOP);
	spend(who);
	ck_assert_int_lt(mono_us() - start, 1000000); /* three time-outs, then the breaker */
	ck_assert(redis_is_down());
	who = fresh(); /* may wait for a new minute */
	start = mono_us();
	spend(who);
	ck_assert_int_lt(mono_us() - start, 200000);
	kill(server, SIGCONT);
	start = mono_us();
	while (redis_is_down() && mono_us() - start < 5000000) {
		usleep(50000);
		redis_publish(redis, "wake", ""); /* finds out as well as any other command */
	}
	ck_assert(!redis_is_down());
}
END_TEST

START_TEST(a_budget_spent_with_redis_is_not_given_again_without_it)
{
	const char *who = fresh();
	struct rate rate;

	spend(who);
	kill(server, SIGSTOP);
	while (!redis_is_down())
		redis_ping(redis);
	usleep(300000); /* a refusal is remembered for a moment */
	ck_assert(!rate_take(redis, TIER_AUTH, who, 10, &rate));
	kill(server, SIGCONT);
	while (redis_is_down()) {
		usleep(50000);
		redis_ping(redis);
	}
}
END_TEST

/* Nor the other way round: what was taken meanwhile is told to Redis when it is back. */
START_TEST(a_budget_spent_without_redis_is_not_given_again_with_it)
{
	const char *who = fresh();
	struct rate rate;
	int i;

	stop_redis();
	for (i = 0; i < 7; i++)
		ck_assert(rate_take(redis, TIER_AUTH, who, 10, &rate));
	start_redis();
	while (redis_is_down()) {
		usleep(50000);
		redis_ping(redis);
	}
	for (i = 0; i < 3; i++)
		ck_assert(rate_take(redis, TIER_AUTH, who, 10, &rate));
	ck_assert(!rate_take(redis, TIER_AUTH, who, 10, &rate));
	ck_assert_int_eq(rate.remaining, 0);
}
END_TEST

START_TEST(a_redis_that_comes_back_empty_is_taken_back)
{
	struct rate rate;
	int64_t start;

	stop_redis();
	spend(fresh());
	start_redis();
	start = mono_us();
	while (redis_is_down() && mono_us() - start < 5000000) {
		usleep(50000);
		rate_take(redis, TIER_AUTH, fresh(), 10, &rate);
	}
	ck_assert(!redis_is_down());
	spend(fresh());
}
END_TEST

START_TEST(connections_that_died_with_an_old_redis_do_not_count_against_the_new_one)
{
	struct redis *many[5];
	int i;

	for (i = 0; i < 5; i++) {
		many[i] = redis_new(url);
		ck_assert_int_eq(redis_ping(many[i]), 0);
	}
	stop_redis();
	start_redis();
	for (i = 0; i < 5; i++)
		redis_publish(many[i], "wake", "");
	ck_assert(!redis_is_down());
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(redis_ping(many[i]), 0);
		redis_free(many[i]);
	}
	ck_assert(!redis_is_down());
}
END_TEST

/* Killed in the middle of everything, again and again: the others go on. */
START_TEST(a_killed_worker_wedges_nobody)
{
	const char *who = fresh();
	struct rate rate;
	int i;

	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				rate_take(NULL, TIER_GENERAL, who, 1000000000, &rate);
		usleep(3000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ck_assert(rate_take(NULL, TIER_GENERAL, who, 1000000000, &rate));
	}
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { a_budget_is_spent_one_by_one_and_then_refused,
		eight_processes_together_get_exactly_the_limit,
		a_common_request_makes_no_call_to_redis, a_changed_limit_counts_from_the_next_call,
		a_name_with_odd_bytes_is_a_name,
		a_stopped_redis_costs_little_and_the_limit_still_holds,
		a_budget_spent_with_redis_is_not_given_again_without_it,
		a_budget_spent_without_redis_is_not_given_again_with_it,
		a_redis_that_comes_back_empty_is_taken_back,
		connections_that_died_with_an_old_redis_do_not_count_against_the_new_one,
		a_killed_worker_wedges_nobody, NULL };
	int result;

	if (mkdtemp(directory) == NULL)
		abort();
	snprintf(url, sizeof(url), "unix:%s/redis.sock", directory);
	log_open("test", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN); /* as the workers do */
	rate_init();
	redis = redis_new(url);
	start_redis();
	result = unit_main("ratelimit", all);
	stop_redis();
	redis_free(redis);
	rmdir(directory);
	return result;
}
