/* SPDX-License-Identifier: Apache-2.0 */
/* serviceosctl: the operator's command. One row per command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "serviceosctl.h"

struct command {
	const char *words; /* "org create" */
	const char *arguments;
	int min, max; /* number of arguments */
	int (*run)(int argc, char **argv);
	const char *text;
};

/* clang-format off */
static const struct command commands[] = {
	{ "migrate",      "", 0, 0, ctl_migrate, "Bring the database's schema up to date." },
	{ "org create",   "ORG NAME", 2, 2, ctl_org_create, "Create an organization; nothing happens when it is there." },
	{ "org limits",   "ORG GENERAL BULK", 3, 3, ctl_org_limits, "Set its requests per hour and bulk requests per minute; - for the default." },
	{ "key create",   "ORG NAME SCOPE[,SCOPE] [GENERAL [BULK]]", 3, 5, ctl_key_create, "Create an API key and print it, optionally with limits of its own." },
	{ "key revoke",   "ORG KEY-ID", 2, 2, ctl_key_revoke, "Revoke an API key." },
	{ "user create",  "ORG EMAIL NAME ROLE", 4, 4, ctl_user_create, "Create a user with the password on standard input." },
	{ "demo",         "[TICKETS]", 0, 1, ctl_demo, "Load a believable data set into several organizations." },
	{ "import",       "ORG FILE [--kind K] [--format F] [--on-conflict C] [--mapping JSON] [--dry-run] [--resume IMPORT-ID]", 2, 14, ctl_import, "Import a file of any size, and show how far it is." },
	{ "jobs retry",   "KIND ID", 2, 2, ctl_jobs_retry, "Make a due job ready again, now and with all its attempts." },
	{ "jobs drop",    "KIND ID", 2, 2, ctl_jobs_drop, "Delete a due job." },
	{ "jobs",         "[STATE [KIND]]", 0, 2, ctl_jobs, "List due jobs: ready, running or dead; the first 200." },
	{ "openapi",      "", 0, 0, ctl_openapi, "Print the OpenAPI document." },
	{ "check-config", "[--defaults]", 0, 1, ctl_check_config, "Check the configuration, or print a sample of it." },
	{ "doctor",       "", 0, 0, ctl_doctor, "Say what is wrong with PostgreSQL, Redis, migrations, clock and sockets." },
	{ .words = NULL }
};
/* clang-format on */

static int
usage(void)
{
	const struct command *c;

	fprintf(stderr, "usage: serviceosctl [-V] [-c file] command [arguments]\n\n");
	for (c = commands; c->words != NULL; c++)
		fprintf(stderr, "  %-13s %s\n        %s\n", c->words, c->arguments, c->text);
	return 2;
}

/* Number of words of the command that argv begins with; 0 when it is another. */
static int
match(const char *words, int argc, char **argv)
{
	size_t first = strcspn(words, " ");

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], words, first) != 0)
		return 0;
	if (words[first] == '\0')
		return 1;
	return argc >= 2 && strcmp(argv[1], words + first + 1) == 0 ? 2 : 0;
}

int
main(int argc, char **argv)
{
	const struct command *c;
	const char *path = NULL;
	int option, n;

	while ((option = getopt(argc, argv, "+c:V")) != -1) {
		if (option == 'c') {
			path = optarg;
		} else if (option == 'V') {
			puts(PACKAGE_STRING);
			return 0;
		} else {
			return usage();
		}
	}
	argc -= optind;
	argv += optind;
	log_open("serviceosctl", LOG_WARN);
	for (c = commands; c->words != NULL; c++) {
		n = match(c->words, argc, argv);
		if (n == 0)
			continue;
		if (argc - n < c->min || argc - n > c->max)
			return usage();
		return ctl_start(path) == -1 ? 1 : c->run(argc - n, argv + n);
	}
	return usage();
}
