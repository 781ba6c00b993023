/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_PROGRAM_H
#define SERVICEOS_PROGRAM_H

/*
 * What every daemon does first: its options (-c file, -n to check the
 * configuration and leave, -V), its configuration and its log. Name is
 * "stream" for serviceos-stream. It comes back only to a daemon that shall run.
 */
void program_start(const char *name, int argc, char **argv);
/* The same file again; 0, or -1 with the old configuration still in force. */
int program_reload(void);

#endif
