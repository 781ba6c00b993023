/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_CONF_H
#define SERVICEOS_CONF_H

/* The configuration: one file of `key = value`, the environment over it. */

#include <stdbool.h>
#include <stdio.h>

struct conf {
#define STR const char *
#define INT long
#define BOOL bool
#define CONF(name, type, def, reload, text) type name;
#include "base/conf.def"
#undef CONF
#undef STR
#undef INT
#undef BOOL
};

/* The values in force. Replaced as a whole by conf_load(). */
extern struct conf conf;

/*
 * Read the file (NULL: defaults and environment only). `#` starts a comment
 * line; a value runs to the end of its line, unquoted, blanks trimmed. An
 * unknown key, a wrong type or an out-of-range value fails with file, line
 * and key in *error (static storage), and the old values stay. 0 or -1.
 */
int conf_load(const char *path, const char **error);
/* Print every key with its text and default, as a sample file. */
void conf_print_sample(FILE *);

#endif
