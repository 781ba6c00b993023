/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_SCOREBOARD_H
#define SERVICEOS_SCOREBOARD_H

/*
 * The master's side of the slots: start workers, reap them, replace them, and
 * end those that take too long. Two generations fit side by side: the current
 * one, which is kept complete, and an old one, which is leaving.
 */

#include <stdbool.h>

struct prefork;

void board_init(struct prefork *);
/* Start what the current generation lacks. */
void board_fill(void);
/* Collect the dead; unless draining, note when each is to be replaced. */
void board_reap(bool draining);
/* Start the replacements that are due. */
void board_respawn(void);
/* End workers that answer one request, or leave, for too long. */
void board_enforce(void);
/* Milliseconds until a replacement is due, at most `most`. */
long board_next(long most);

/* Whether every worker of the current generation serves. */
bool board_ready(void);
/* Whether one of them keeps dying young. */
bool board_failing(void);
/* Living workers: all, or those that are not of the current generation. */
unsigned board_alive(void);
unsigned board_alive_old(void);

/* All present workers become the old generation. */
void board_turn(void);
/* Undo that: the old generation is current again, and what was started since is old. */
void board_turn_back(void);
/* The next worker behind this slot that has served its number and is to stay; -1 for none. */
int board_spent(int after);
/* Start one more for a worker's pool, not yet of the current generation: its slot, or -1. */
int board_add(int beside);
/* The one that was added takes the worker's place in the current generation. */
void board_exchange(int worker, int added);
/* Tell those who are not of the current generation, or everyone, to go between requests. */
void board_dismiss(bool everyone);
void board_kill_all(void);

#endif
