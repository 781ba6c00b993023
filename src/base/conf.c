/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/util.h"

struct conf conf;

enum conf_type { STR_TYPE, INT_TYPE, BOOL_TYPE };

struct row {
	const char *name;
	enum conf_type type;
	size_t offset;
	const char *otherwise;
	const char *text;
};

static const struct row rows[] = {
#define CONF(name, type, def, reload, text) \
	{ #name, type##_TYPE, offsetof(struct conf, name), def, text },
#include "base/conf.def"
#undef CONF
};

static char message[512];

static int __attribute__((format(printf, 2, 3))) refuse(const char **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	*error = message;
	return -1;
}

/* A value's copy for good: an older configuration's may still be in use somewhere. */
static const char *
keep(const char *value)
{
	static struct kept {
		struct kept *next;
		char *text;
	} * all;
	struct kept *k = xmalloc(sizeof(*k));

	k->text = xstrdup(value);
	k->next = all;
	all = k;
	return k->text;
}

static int
set(struct conf *c, const struct row *row, const char *value, const char **error)
{
	void *field = (char *)c + row->offset;
	char *end;
	long n;

	switch (row->type) {
	case STR_TYPE:
		*(const char **)field = keep(value);
		return 0;
	case BOOL_TYPE:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return refuse(error, "%s: must be true or false", row->name);
		*(bool *)field = strcmp(value, "true") == 0;
		return 0;
	case INT_TYPE:
		errno = 0;
		n = strtol(value, &end, 10);
		if (*value == '\0' || *end != '\0' || errno != 0 || n < 0)
			return refuse(
			    error, "%s: must be a number from 0, not \"%s\"", row->name, value);
		*(long *)field = n;
		return 0;
	}
	return -1;
}

static const struct row *
find(const char *name)
{
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static char *
trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int
read_line(struct conf *c, char *line, const char **error)
{
	char *key = trim(line), *equals;
	const struct row *row;

	if (*key == '\0' || *key == '#')
		return 0;
	equals = strchr(key, '=');
	if (equals == NULL)
		return refuse(error, "must be \"key = value\"");
	*equals = '\0';
	key = trim(key);
	row = find(key);
	if (row == NULL)
		return refuse(error, "there is no key \"%.64s\"", key);
	return set(c, row, trim(equals + 1), error);
}

static int
read_file(struct conf *c, const char *path, const char **error)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, why[400];
	size_t size = 0;
	int number = 0, result = 0;

	if (f == NULL)
		return refuse(error, "%s: %s", path, strerror(errno));
	while (result == 0 && getline(&line, &size, f) != -1) {
		number++;
		result = read_line(c, line, error);
	}
	free(line);
	fclose(f);
	if (result == -1) {
		snprintf(why, sizeof(why), "%s", *error);
		return refuse(error, "%s, line %d: %s", path, number, why);
	}
	return 0;
}

static int
read_environment(struct conf *c, const char **error)
{
	char name[64];
	const char *value;
	unsigned i;
	size_t n;

	for (i = 0; i < LENGTH(rows); i++) {
		snprintf(name, sizeof(name), "SERVICEOS_%s", rows[i].name);
		for (n = 0; name[n] != '\0'; n++)
			name[n] = (char)toupper((unsigned char)name[n]);
		value = getenv(name);
		if (value != NULL && set(c, &rows[i], value, error) == -1)
			return -1;
	}
	return 0;
}

static bool
is_hex64(const char *s)
{
	return *s == '\0' || (strlen(s) == 64 && s[strspn(s, "0123456789abcdefABCDEF")] == '\0');
}

static bool
is_cidr(const char *s)
{
	char address[64];
	const char *slash = strchr(s, '/');
	size_t len = slash == NULL ? strlen(s) : (size_t)(slash - s);
	unsigned char raw[16];
	long bits, max;
	char *end;

	if (len >= sizeof(address))
		return false;
	memcpy(address, s, len);
	address[len] = '\0';
	max = inet_pton(AF_INET, address, raw) == 1    ? 32
	      : inet_pton(AF_INET6, address, raw) == 1 ? 128
	                                               : -1;
	if (max == -1 || slash == NULL)
		return max != -1;
	bits = strtol(slash + 1, &end, 10);
	return end != slash + 1 && *end == '\0' && bits >= 0 && bits <= max;
}

static bool
are_cidrs(const char *list)
{
	char *copy = xstrdup(list), *save = NULL, *word;
	bool ok = true;

	for (word = strtok_r(copy, " \t,", &save); ok && word != NULL;
	     word = strtok_r(NULL, " \t,", &save))
		ok = is_cidr(word);
	free(copy);
	return ok;
}

static int
check(const struct conf *c, const char **error)
{
	if (c->workers_fast < 1 || c->workers_fast > 256 || c->workers_slow < 1 ||
	    c->workers_slow > 256 || c->workers_auth < 1 || c->workers_auth > 256)
		return refuse(error, "workers_fast, workers_slow, workers_auth: from 1 to 256");
	if (c->request_timeout < 1 || c->request_timeout > 600)
		return refuse(error, "request_timeout: from 1 to 600 seconds");
	if (c->db_timeout < 10 || c->db_timeout > 600000)
		return refuse(error, "db_timeout: from 10 to 600000 milliseconds");
	if (c->body_max < 1024)
		return refuse(error, "body_max: at least 1024 bytes");
	if (c->jwt_secret[0] != '\0' && strlen(c->jwt_secret) < 32)
		return refuse(error, "jwt_secret: at least 32 characters");
	if (!is_hex64(c->secret_key) || !is_hex64(c->platform_token_sha256))
		return refuse(error, "secret_key, platform_token_sha256: 64 hex digits or empty");
	if (strcmp(c->legacy_headers, "off") != 0 && strcmp(c->legacy_headers, "trusted") != 0)
		return refuse(error, "legacy_headers: off or trusted");
	if (!are_cidrs(c->trusted_networks))
		return refuse(error, "trusted_networks: CIDR ranges separated by blanks");
	if (c->due_lease < c->webhook_timeout + 5 || c->webhook_timeout < 1)
		return refuse(
		    error, "due_lease: at least 5 more than webhook_timeout, which is at least 1");
	if (!are_cidrs(c->outgoing_allow))
		return refuse(error, "outgoing_allow: CIDR ranges separated by blanks");
	if (log_level_parse(c->log_level) == -1)
		return refuse(error, "log_level: error, warn, info or debug");
	return 0;
}

int
conf_load(const char *path, const char **error)
{
	struct conf fresh;
	unsigned i;

	memset(&fresh, 0, sizeof(fresh));
	for (i = 0; i < LENGTH(rows); i++)
		if (set(&fresh, &rows[i], rows[i].otherwise, error) == -1)
			return -1;
	if ((path != NULL && read_file(&fresh, path, error) == -1) ||
	    read_environment(&fresh, error) == -1 || check(&fresh, error) == -1)
		return -1;
	conf = fresh;
	return 0;
}

void
conf_print_sample(FILE *out)
{
	unsigned i;

	for (i = 0; i < LENGTH(rows); i++)
		fprintf(out, "# %s\n# %s = %s\n\n", rows[i].text, rows[i].name, rows[i].otherwise);
}
