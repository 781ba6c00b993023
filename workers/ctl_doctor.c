/* SPDX-License-Identifier: Apache-2.0 */
/* serviceosctl doctor: each thing that must be right, with what to do when it is not. */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"
#include "serviceosctl.h"
#include "store/redis.h"
#include "store/schema.h"

static int problems;

static void
say(bool fine, const char *what, const char *advice)
{
	printf("%s %s%s%s\n", fine ? "ok  " : "FAIL", what, fine ? "" : ": ", fine ? "" : advice);
	problems += !fine;
}

static void
check_role(const char *name, const char *url, bool first)
{
	PGconn *conn = PQconnectdb(url);
	char what[128], advice[512];
	PGresult *res;
	double skew;

	snprintf(what, sizeof(what), "PostgreSQL as %s", name);
	snprintf(advice, sizeof(advice), "%s", PQerrorMessage(conn));
	advice[strcspn(advice, "\n")] = '\0';
	say(PQstatus(conn) == CONNECTION_OK, what, advice);
	if (PQstatus(conn) == CONNECTION_OK && first) {
		say(schema_current(conn) == schema_version(), "migrations are applied",
		    "run serviceosctl migrate");
		res = PQexec(conn, "SELECT extract(epoch FROM clock_timestamp())");
		skew = PQntuples(res) == 1
		           ? strtod(PQgetvalue(res, 0, 0), NULL) - (double)wall_ms() / 1000
		           : 1e9;
		PQclear(res);
		say(skew < 2 && skew > -2, "the clocks of this host and PostgreSQL agree",
		    "synchronize them; times differ by more than 2 s");
	}
	PQfinish(conn);
}

static void
check_socket(const char *pool)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char what[128];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", conf.socket_dir, pool);
	snprintf(what, sizeof(what), "serviceos-api listens on %s.sock", pool);
	say(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, what,
	    "is serviceos-api running, and does socket_dir name its directory?");
	close(fd);
}

int
ctl_doctor(int argc, char **argv)
{
	struct redis *redis = redis_new(conf.redis_url);

	(void)argc;
	(void)argv;
	check_role("administrator (db_admin_url)", conf.db_admin_url, true);
	check_role("worker (db_url)", conf.db_url, false);
	check_role("scheduler (db_scheduler_url)", conf.db_scheduler_url, false);
	say(redis_ping(redis) == 0, "Redis answers",
	    "check redis_url; requests are served without it");
	redis_free(redis);
	check_socket("fast");
	check_socket("slow");
	check_socket("auth");
	say(access(conf.state_dir, W_OK) == 0, "state_dir can be written",
	    "create it for this user");
	say(conf.secret_key[0] != '\0', "secret_key is set",
	    "set it to 64 hex digits: openssl rand -hex 32");
	say(conf.jwt_secret[0] != '\0', "jwt_secret is set",
	    "password login is off until it is: openssl rand -hex 32");
	say(strcmp(conf.legacy_headers, "off") == 0 ||
		strcmp(conf.trusted_networks, "127.0.0.0/8 ::1/128") == 0,
	    "legacy headers are not open to the network", "they carry no secret; turn them off");
	return problems == 0 ? 0 : 1;
}
