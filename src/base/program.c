/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "config.h"

static const char *name, *path;

static int
load(const char **error)
{
	if (conf_load(path, error) == -1)
		return -1;
	log_open(name, (enum log_level)log_level_parse(conf.log_level));
	return 0;
}

void
program_start(const char *program, int argc, char **argv)
{
	bool check_only = false;
	const char *error;
	int option;

	name = program;
	while ((option = getopt(argc, argv, "c:nV")) != -1) {
		if (option == 'c') {
			path = optarg;
		} else if (option == 'n') {
			check_only = true;
		} else if (option == 'V') {
			puts(PACKAGE_STRING);
			exit(0);
		} else {
			fprintf(stderr, "usage: serviceos-%s [-nV] [-c file]\n", name);
			exit(2);
		}
	}
	log_open(name, LOG_INFO);
	if (load(&error) == -1)
		fatal("%s", error);
	if (check_only)
		exit(0);
}

int
program_reload(void)
{
	const char *error;

	if (load(&error) == 0)
		return 0;
	log_error("configuration not reloaded: %s", error);
	return -1;
}
