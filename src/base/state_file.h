/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_STATE_FILE_H
#define SERVICEOS_STATE_FILE_H

/* Files of an organisation under state_dir: <kind>/<org>/<id><suffix>. */

#define STATE_PATH 512

void state_path(
    char out[STATE_PATH], const char *kind, const char *org, const char *id, const char *suffix);
/* Open for reading and writing, made with its directories when it is not there; the web
 * server's group may read it. A descriptor, or -1 with errno. */
int state_open(const char *path);
/* Remove what has not been written to for so many seconds. */
void state_sweep(const char *kind, long seconds);

#endif
