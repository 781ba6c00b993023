/* SPDX-License-Identifier: Apache-2.0 */
/* serviceos-api: the master and its pools of workers. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/program.h"
#include "http/fcgi.h"
#include "http/prefork.h"
#include "http/req.h"
#include "store/numbers.h"

/* What a worker keeps of the memory of a large reply. Giving it back after each
 * list of 50 and taking it anew cost forty page faults. */
#define KEEP_BYTES (1 << 20)
#define READY_MS 10000

static int
work(struct slot *slot, const struct pool *pool, unsigned index)
{
	struct worker *worker;
	char name[64];
	int status;

	snprintf(name, sizeof(name), "serviceos-api/%s/%u", pool->name, index);
	worker = worker_new(name);
	worker_warm(worker, strcmp(pool->name, "slow") == 0); /* SIGTERM ends it here at once */
	status = fcgi_serve(worker, slot, pool);
	worker_free(worker);
	return status;
}

static void
ready(void)
{
	log_info("ready");
}

static void
add_pool(struct prefork *p, const char *name, long workers)
{
	char path[256];
	const char *error;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.sock", conf.socket_dir, name);
	fd = listen_unix(path, conf.socket_group, &error);
	if (fd == -1)
		fatal("%s", error);
	p->pools[p->npools++] =
	    (struct pool){ .name = name, .listen_fd = fd, .workers = (unsigned)workers };
}

int
main(int argc, char **argv)
{
	struct prefork p = {
		.work = work, .reload = program_reload, .route_name = route_name, .ready = ready
	};

	program_start("api", argc, argv);
	mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	route_init();
	metrics_init((unsigned)(conf.workers_fast + conf.workers_slow + conf.workers_auth) * 2,
	    route_count());
	rate_init();
	redis_init();
	numbers_init();
	p.request_timeout_s = conf.request_timeout;
	p.ready_ms = READY_MS;
	add_pool(&p, "fast", conf.workers_fast);
	add_pool(&p, "slow", conf.workers_slow);
	add_pool(&p, "auth", conf.workers_auth);
	return prefork_run(&p);
}
