/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Until a successor is ready it is not of the current generation, so all that
 * may come between ends well: when it dies nobody starts it again, when it is
 * dismissed nobody misses it, and a reload waits for its end as for that of
 * any worker that leaves.
 */
#include "http/replace.h"

#include <stdint.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/util.h"
#include "http/prefork.h"
#include "http/scoreboard.h"

static int spent = -1; /* slot of the worker that is being replaced, -1 for none */
static int successor;  /* slot */
static int64_t until;  /* so long the successor may take to get ready */
static int64_t retry_at;

bool
replace_under_way(void)
{
	return spent != -1;
}

static void
begin(long ready_ms)
{
	static int last; /* so that each has its turn, if others fail again and again */
	int next = board_spent(last);

	if (next == -1)
		return;
	last = next;
	successor = board_add(next);
	if (successor == -1) {
		retry_at = mono_ms() + ready_ms;
		return;
	}
	spent = next;
	until = mono_ms() + ready_ms;
}

static void
succeed(const struct slot *worker, const struct slot *next)
{
	if (worker->pid != 0) {
		metric_add(M_worker_replacements_total, 1);
		log_info("worker %d has answered %lld requests and is replaced by %d", worker->pid,
		    (long long)worker->served, next->pid);
	}
	board_exchange(spent, successor);
	board_dismiss(false);
	spent = -1;
}

static void
give_up(long ready_ms)
{
	board_dismiss(false);
	retry_at = mono_ms() + ready_ms;
	spent = -1;
}

void
replace_spent(bool may, long ready_ms)
{
	const struct slot *slots;
	unsigned n;

	if (spent == -1) {
		if (may && mono_ms() >= retry_at && board_alive_old() == 0)
			begin(ready_ms);
		return;
	}
	slots = prefork_slots(&n);
	if (slots[successor].pid != 0 && (slots[successor].ready || slots[spent].pid == 0)) {
		succeed(&slots[spent], &slots[successor]);
	} else if (slots[successor].pid == 0 || mono_ms() >= until) {
		log_warn("replacement given up: the new worker does not come up");
		give_up(ready_ms);
	} else if (!may) {
		give_up(ready_ms);
	}
}
