/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_REPLACE_H
#define SERVICEOS_REPLACE_H

/*
 * A worker that has served its number is replaced when the master grants it:
 * its successor is started beside it, and once that is ready the worker leaves.
 * One worker at a time; the next one's turn is when this one has gone.
 */

#include <stdbool.h>

/*
 * Begin, or look how far it is. Unless it may (a reload replaces everyone), none
 * is begun, and a successor that is not ready is sent away. One that does not
 * get ready within so many milliseconds is too, and the next attempt waits as long.
 */
void replace_spent(bool may, long ready_ms);
/* Whether a successor is awaited. */
bool replace_under_way(void);

#endif
