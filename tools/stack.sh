# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Shell functions that run a private copy of the whole service in one directory:
# PostgreSQL, Redis, nginx, serviceos-api, serviceos-scheduler,
# serviceos-stream. `dev` and the
# tests source this file, so there is one way to start the stack.
#
#   stack_start DIR       everything, until /ready says so
#   stack_stop DIR        everything, in order; the data stay
#   stack_remove DIR      stop, and take the data away
#   stack_use DIR         only set the variables below, to act on parts
#
# Nothing outside DIR is touched, except that sockets and data move to a short
# private directory where DIR's path is too long or closed to user postgres; it
# is noted in DIR and removed with it. Only processes whose pid, start time and
# program are those that were noted when they were started are ever ended.
#
# Set before (all optional):
STACK_ROOT=${STACK_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
STACK_BUILD=${STACK_BUILD:-$STACK_ROOT/build} # where the programs are
STACK_PORT_FIRST=${STACK_PORT_FIRST:-8080}    # the port to try first
STACK_PG_EXTRA=${STACK_PG_EXTRA:-}            # lines for postgresql.conf
STACK_PG_ENV=${STACK_PG_ENV:-}                # NAME=VALUE words for PostgreSQL's environment
STACK_CONF_EXTRA=${STACK_CONF_EXTRA:-}        # lines for serviceos.conf
#
# Set by stack_use and stack_start:
STACK_DIR=      # the directory
STACK_SOCK=     # FastCGI and Redis sockets
STACK_PGDATA=   # PostgreSQL's data
STACK_PGSOCK=   # and its socket
STACK_PGBIN=    # and its programs
STACK_PORT=     # nginx
STACK_URL=      # http://127.0.0.1:PORT
STACK_CONF=     # serviceos.conf
STACK_ERROR=    # after a failure: one sentence

# What goes on, for those who want to tell: redefine it.
stack_say() { :; }

stack_fail() {
	STACK_ERROR=$*
	return 1
}

# ---- processes

# Ticks since boot at which a process began; fails when there is none.
proc_began() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # split on purpose: field 22 of stat(5)
	set -- $stat
	echo "${20}"
}

proc_exe() {
	local exe
	exe=$(readlink "/proc/$1/exe") || return 1
	echo "${exe% (deleted)}" # rebuilt meanwhile: still the same process
}

proc_file() { echo "$STACK_DIR/pid/$1"; }

# The pid of NAME while it is the very process that was started here.
proc_pid() {
	local pid began exe boot
	{ read -r pid began boot && read -r exe; } 2>/dev/null <"$(proc_file "$1")" || return 1
	[ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || return 1
	[ "$(proc_began "$pid")" = "$began" ] || return 1
	[ "$(proc_exe "$pid" 2>/dev/null)" = "$exe" ] || return 1
	echo "$pid"
}

# proc_start NAME COMMAND…: in a session of its own, output to log/NAME.log.
proc_start() {
	local name=$1 log=$STACK_DIR/log/$1.log pid exe i
	shift
	# A shell without job control starts its children with SIGINT and SIGQUIT ignored.
	setsid env --default-signal=INT,QUIT,HUP,PIPE "$@" </dev/null >>"$log" 2>&1 9>&- &
	pid=$!
	disown "$pid" 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do # until it has become what it was told to run
		exe=$(proc_exe "$pid" 2>/dev/null) || break
		case $exe in
		*/setsid | */env | */bash | */coreutils | */setpriv) sleep 0.02 ;;
		*)
			echo "$pid $(proc_began "$pid") $(</proc/sys/kernel/random/boot_id)
$exe" >"$(proc_file "$name").new" && mv "$(proc_file "$name").new" "$(proc_file "$name")"
			return 0
			;;
		esac
	done
	stack_fail "$name did not start; its last words are in $log."
}

# proc_signal NAME SIGNAL
proc_signal() {
	local pid
	pid=$(proc_pid "$1") && kill -s "$2" "$pid" 2>/dev/null
}

# proc_stop NAME [SIGNAL [SECONDS]]: ask, wait, insist.
proc_stop() {
	local name=$1 signal=${2:-TERM} seconds=${3:-15} pid i
	if pid=$(proc_pid "$name"); then
		kill -s CONT "$pid" 2>/dev/null || true
		kill -s "$signal" "$pid" 2>/dev/null || true
		for ((i = 0; i < seconds * 20; i++)); do
			proc_pid "$name" >/dev/null || break
			sleep 0.05
		done
		proc_pid "$name" >/dev/null && kill -s KILL "$pid" 2>/dev/null
	fi
	rm -f "$(proc_file "$name")"
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		sleep 0.05
	done
}

# ---- where things are

# As the user that PostgreSQL runs as: it refuses root.
pg_user() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && setpriv --reuid=postgres --regid=postgres --init-groups \
			env HOME=/ "$@")
	else
		"$@"
	fi
}

# stack_place FILE DEFAULT TEMPLATE OK…: DEFAULT when the command OK agrees, else
# a private directory remembered in FILE.
stack_place() {
	local note=$STACK_DIR/$1 default=$2 template=$3 dir
	shift 3
	if [ -s "$note" ] && [ -d "$(<"$note")" ]; then
		cat "$note"
	elif "$@" "$default"; then
		rm -f "$note"
		echo "$default"
	else
		dir=$(mktemp -d "$template") && echo "$dir" >"$note" && echo "$dir"
	fi
}

stack_short_enough() { # the longest socket name in it must fit sun_path
	[ $((${#1} + ${#2})) -le 107 ]
}

stack_reachable() {
	! id -u postgres >/dev/null 2>&1 || pg_user test -x "$STACK_DIR"
}

stack_pg_socket_fits() {
	stack_short_enough /.s.PGSQL.5432 "$1" && stack_reachable
}

stack_newest_pg() {
	local dir newest=0
	for dir in /usr/lib/postgresql/*/bin/initdb; do
		dir=${dir#/usr/lib/postgresql/}
		dir=${dir%%/*}
		[[ $dir =~ ^[0-9]+$ ]] && ((dir > newest)) && newest=$dir
	done
	((newest > 0)) && echo "$newest"
}

# The data of one major version cannot be read by another.
stack_pg_programs() {
	local version
	if [ -s "$STACK_PGDATA/PG_VERSION" ]; then
		version=$(<"$STACK_PGDATA/PG_VERSION")
	else
		version=$(stack_newest_pg) || {
			stack_fail "PostgreSQL is not installed (apt install postgresql)."
			return
		}
	fi
	STACK_PGBIN=/usr/lib/postgresql/$version/bin
	[ -x "$STACK_PGBIN/postgres" ] ||
		stack_fail "The data in $STACK_PGDATA are of PostgreSQL $version, which is not installed; \`./dev reset\` starts anew."
}

stack_use() {
	local dir
	if ! mkdir -p "$1" || ! STACK_DIR=$(cd "$1" && pwd -P); then
		stack_fail "The directory $1 cannot be made."
		return
	fi
	[[ $STACK_DIR =~ ^[A-Za-z0-9._/+@-]+$ ]] || {
		stack_fail "The path $STACK_DIR has characters that build tools and servers cannot live with."
		return
	}
	[ -O "$STACK_DIR" ] || {
		stack_fail "$STACK_DIR belongs to another user; work as that user, or remove it."
		return
	}
	chmod 755 "$STACK_DIR"
	: >"$STACK_DIR/.serviceos-stack"
	(umask 022 && cd "$STACK_DIR" && mkdir -p log pid nginx redis state pg)
	chmod 700 "$STACK_DIR/redis" "$STACK_DIR/state"
	STACK_CONF=$STACK_DIR/serviceos.conf
	STACK_SOCK=$(stack_place sock.path "$STACK_DIR/sock" /tmp/serviceos-sock.XXXXXX \
		stack_short_enough /redis.sock)
	mkdir -p "$STACK_SOCK"
	dir=$(stack_place pgdata.path "$STACK_DIR/pg" /var/lib/serviceos-dev.XXXXXX stack_reachable)
	STACK_PGDATA=$dir/data
	STACK_PGSOCK=$(stack_place pgsock.path "$STACK_DIR/pg/s" /tmp/serviceos-pg.XXXXXX \
		stack_pg_socket_fits)
	mkdir -p "$STACK_PGDATA" "$STACK_PGSOCK"
	chmod 755 "$dir"
	chmod 700 "$STACK_PGDATA" "$STACK_PGSOCK" "$STACK_SOCK"
	[ "$(id -u)" -ne 0 ] || ! id -u postgres >/dev/null 2>&1 ||
		chown postgres: "$STACK_PGDATA" "$STACK_PGSOCK"
	STACK_PORT=
	STACK_URL=
	if [ -s "$STACK_DIR/port" ]; then
		STACK_PORT=$(<"$STACK_DIR/port")
		STACK_URL=http://127.0.0.1:$STACK_PORT
	fi
}

# ---- PostgreSQL

stack_pg_conf() {
	cat <<-END
		# Made by tools/stack.sh.
		listen_addresses = ''
		unix_socket_directories = '$STACK_PGSOCK'
		max_connections = 200
		shared_buffers = 256MB
		max_wal_size = 2GB
		random_page_cost = 1.1
		jit = off
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_line_prefix = '%m [%p] %a '
		log_min_duration_statement = 500
		# A database that grows from nothing is planned for what it was a minute ago.
		autovacuum_naptime = '5s'
		autovacuum_analyze_scale_factor = 0.02
		# A statement whose client is gone ends within a second, a forgotten
		# transaction within a minute (the clients set tighter limits themselves).
		client_connection_check_interval = '1s'
		idle_in_transaction_session_timeout = '60s'
		$STACK_PG_EXTRA
	END
}

stack_pg_ready() {
	"$STACK_PGBIN/pg_isready" -q -h "$STACK_PGSOCK" -U postgres -d postgres
}

stack_pg_start() {
	local words
	stack_pg_programs || return
	proc_pid postgres >/dev/null && stack_pg_ready && return
	if [ ! -s "$STACK_PGDATA/PG_VERSION" ]; then
		# An initdb that was cut short leaves files that the next one refuses.
		find "$STACK_PGDATA" -mindepth 1 -delete
		pg_user "$STACK_PGBIN/initdb" -D "$STACK_PGDATA" -U postgres --auth=trust \
			--encoding=UTF8 --locale=C.UTF-8 --data-checksums \
			>"$STACK_DIR/log/initdb.log" 2>&1 </dev/null || {
			stack_fail "PostgreSQL's data directory could not be made; see $STACK_DIR/log/initdb.log."
			return
		}
		echo "include 'serviceos.conf'" >>"$STACK_PGDATA/postgresql.conf"
	fi
	stack_pg_conf >"$STACK_PGDATA/serviceos.conf"
	read -ra words <<<"$STACK_PG_ENV"
	if [ "$(id -u)" -eq 0 ]; then
		proc_start postgres setpriv --reuid=postgres --regid=postgres --init-groups \
			env --chdir=/ HOME=/ "${words[@]}" "$STACK_PGBIN/postgres" -D "$STACK_PGDATA" || return
	else
		proc_start postgres env "${words[@]}" "$STACK_PGBIN/postgres" -D "$STACK_PGDATA" || return
	fi
	wait_for 60 stack_pg_up_or_gone || true
	stack_pg_ready ||
		stack_fail "PostgreSQL did not start; see $STACK_DIR/log/postgres.log."
}

stack_pg_up_or_gone() {
	stack_pg_ready || ! proc_pid postgres
}

# stack_pg_stop [fast|immediate]
stack_pg_stop() {
	case ${1:-fast} in
	fast) proc_stop postgres INT 60 ;;
	immediate) proc_stop postgres QUIT 10 ;;
	esac
}

# As the superuser, who is not subject to row-level security: stack_psql ARGUMENT…
stack_psql() {
	"$STACK_PGBIN/psql" -X -h "$STACK_PGSOCK" -U postgres -d "${STACK_DB:-serviceos}" "$@"
}

# ---- Redis

stack_redis_cli() {
	redis-cli -s "$STACK_SOCK/redis.sock" "$@"
}

stack_redis_ready() {
	[ "$(stack_redis_cli ping 2>/dev/null)" = PONG ]
}

stack_redis_start() {
	proc_pid redis >/dev/null && stack_redis_ready && return
	proc_start redis redis-server --port 0 --unixsocket "$STACK_SOCK/redis.sock" \
		--unixsocketperm 700 --dir "$STACK_DIR/redis" --daemonize no --save "" \
		--appendonly yes --appendfsync everysec \
		--maxmemory 256mb --maxmemory-policy noeviction || return
	wait_for 15 stack_redis_ready ||
		stack_fail "Redis did not start; see $STACK_DIR/log/redis.log."
}

# ---- the configuration

# Secrets are made once and kept; everything else follows from where things are.
stack_secrets() {
	local file=$STACK_DIR/secrets
	[ -s "$file" ] || (
		umask 077
		token=pt_$(openssl rand -hex 32)
		cat >"$file.new" <<-END
			jwt_secret = $(openssl rand -hex 32)
			secret_key = $(openssl rand -hex 32)
			platform_token_sha256 = $(printf %s "$token" | sha256sum | cut -d' ' -f1)
		END
		printf '%s\n' "$token" >"$STACK_DIR/platform-token"
		mv "$file.new" "$file"
	)
	cat "$file"
}

stack_conf_text() {
	cat <<-END
		# Made by tools/stack.sh at each start. Own settings belong into local.conf
		# beside this file: they are appended, and the last line of a key counts.
		db_url = host=$STACK_PGSOCK dbname=serviceos user=serviceos_app
		db_scheduler_url = host=$STACK_PGSOCK dbname=serviceos user=serviceos_scheduler
		db_admin_url = host=$STACK_PGSOCK dbname=serviceos user=serviceos_owner
		redis_url = unix:$STACK_SOCK/redis.sock
		socket_dir = $STACK_SOCK
		state_dir = $STACK_DIR/state
		docs_dir = $STACK_BUILD/www
		base_url = $STACK_URL
		# Only loopback clients reach this stack; spec.md's quick start uses these headers.
		legacy_headers = trusted
		trusted_networks = 127.0.0.0/8 ::1/128
		# Receivers of webhooks may run beside it.
		outgoing_allow = 127.0.0.0/8 ::1/128
		outgoing_http = true
		$(stack_secrets)
		$STACK_CONF_EXTRA
	END
	[ ! -f "$STACK_DIR/local.conf" ] || cat "$STACK_DIR/local.conf"
}

# Write serviceos.conf when it would change; keeps its time otherwise.
stack_conf() {
	(umask 077 && stack_conf_text >"$STACK_CONF.new")
	if cmp -s "$STACK_CONF.new" "$STACK_CONF"; then
		rm -f "$STACK_CONF.new"
	else
		mv "$STACK_CONF.new" "$STACK_CONF"
	fi
}

# serviceosctl on this stack; the settings of a caller's environment are not ours.
stack_ctl() {
	stack_clean "$STACK_BUILD/serviceosctl" -c "$STACK_CONF" "$@"
}

# Run without SERVICEOS_*, which would override the configuration.
stack_clean() (
	unset "${!SERVICEOS_@}"
	exec "$@"
)

stack_database() {
	local log=$STACK_DIR/log/database.log
	{
		STACK_DB=postgres stack_psql -q -v ON_ERROR_STOP=1 -f "$STACK_ROOT/sql/init.sql" &&
			if [ "$(STACK_DB=postgres stack_psql -Atc \
				"SELECT 1 FROM pg_database WHERE datname = 'serviceos'")" != 1 ]; then
				"$STACK_PGBIN/createdb" -h "$STACK_PGSOCK" -U postgres \
					-O serviceos_owner -T template0 -E UTF8 serviceos
			fi &&
			stack_ctl migrate
	} >>"$log" 2>&1 </dev/null ||
		stack_fail "The database could not be prepared; see $log."
}

# ---- nginx

# No tool to ask needed: the kernel lists what listens (state 0A).
stack_port_free() {
	local hex
	printf -v hex ':%04X' "$1"
	! awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
		END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

stack_port_pick() {
	local port
	for port in "$STACK_PORT" "$STACK_PORT_FIRST" $(seq $((STACK_PORT_FIRST + 1)) $((STACK_PORT_FIRST + 200))); do
		if [ -n "$port" ] && [[ " $* " != *" $port "* ]] && stack_port_free "$port"; then
			STACK_PORT=$port
			STACK_URL=http://127.0.0.1:$port
			echo "$port" >"$STACK_DIR/port"
			return 0
		fi
	done
	stack_fail "No port from $STACK_PORT_FIRST on is free."
}

# The site from the template, the snippets with this stack's paths.
stack_nginx_conf() {
	local to=$STACK_DIR/nginx file
	mkdir -p "$to/snippets"
	for file in "$STACK_ROOT"/nginx/serviceos-*.conf; do
		sed -e "s|/run/serviceos/|$STACK_SOCK/|" \
			-e "s|/usr/share/serviceos/www/|$STACK_BUILD/www/|" \
			-e "s|/var/lib/serviceos/|$STACK_DIR/state/|" \
			"$file" >"$to/snippets/${file##*/}" || return
	done
	sed -e "s|@DIR@|$STACK_DIR|g" -e "s|@PORT@|$STACK_PORT|g" \
		-e "$([ "$(id -u)" -eq 0 ] && echo 's|@USER@|root root|' || echo '/@USER@;/d')" \
		"$STACK_ROOT/nginx/dev.conf.in" >"$to/nginx.conf"
}

stack_nginx_up() { # any answer is one
	curl -s -o /dev/null --max-time 2 "$STACK_URL/api-docs"
}

stack_nginx_up_or_gone() {
	stack_nginx_up || ! proc_pid nginx
}

stack_nginx_run() {
	proc_start nginx nginx -e "$STACK_DIR/log/nginx.log" -c "$STACK_DIR/nginx/nginx.conf" &&
		wait_for 10 stack_nginx_up_or_gone && proc_pid nginx >/dev/null
}

# Needs STACK_PORT; when somebody else took the port meanwhile, the next one is tried.
stack_nginx_start() {
	local tried=() log=$STACK_DIR/log/nginx.log before
	PATH=$PATH:/usr/sbin
	before=$(cat "$STACK_DIR"/nginx/nginx.conf "$STACK_DIR"/nginx/snippets/* 2>/dev/null | cksum)
	if proc_pid nginx >/dev/null; then
		stack_nginx_conf
		[ "$before" = "$(cat "$STACK_DIR"/nginx/nginx.conf "$STACK_DIR"/nginx/snippets/* | cksum)" ] ||
			proc_signal nginx HUP
		return 0
	fi
	while [ ${#tried[@]} -lt 5 ]; do
		stack_nginx_conf
		nginx -t -q -e stderr -c "$STACK_DIR/nginx/nginx.conf" >>"$log" 2>&1 || break
		stack_nginx_run && return
		proc_stop nginx
		tried+=("$STACK_PORT")
		stack_port_pick "${tried[@]}" || return
		stack_conf
	done
	stack_fail "nginx did not start; see $log."
}

# ---- the programs

# True while NAME runs what is built and configured now.
stack_current() {
	proc_pid "$1" >/dev/null && [ ! "$2" -nt "$(proc_file "$1")" ] &&
		[ ! "$STACK_CONF" -nt "$(proc_file "$1")" ]
}

stack_program() {
	local name=$1 program=$STACK_BUILD/$2
	[ -x "$program" ] || {
		stack_fail "$program is not built."
		return
	}
	stack_current "$name" "$program" && return
	proc_stop "$name"
	(
		unset "${!SERVICEOS_@}"
		proc_start "$name" "$program" -c "$STACK_CONF" || echo "$STACK_ERROR" >&2
	)
	proc_pid "$name" >/dev/null || stack_fail "$2 did not start; see $STACK_DIR/log/$name.log."
}

stack_ready() {
	curl -fs -o /dev/null --max-time 2 "$STACK_URL/ready"
}

stack_ready_or_gone() {
	stack_ready || ! proc_pid api
}

stack_app_start() {
	stack_program api serviceos-api && stack_program scheduler serviceos-scheduler &&
		stack_program stream serviceos-stream
}

stack_wait_ready() {
	wait_for 20 stack_ready_or_gone || true
	stack_ready ||
		stack_fail "The service is not ready ($STACK_URL/ready); see $STACK_DIR/log/api.log."
}

# Processes that answer requests: the children of the master.
stack_workers() {
	local pid
	pid=$(proc_pid api) && tr -s ' ' '\n' <"/proc/$pid/task/$pid/children" | sed '/^$/d'
}

# ---- all of it

stack_start() {
	stack_use "$1" || return
	stack_say "starting PostgreSQL"
	stack_pg_start || return
	stack_say "starting Redis"
	stack_redis_start || return
	proc_pid nginx >/dev/null || stack_port_pick || return
	stack_conf
	stack_say "preparing the database"
	stack_database || return
	stack_say "starting nginx"
	stack_nginx_start || return
	stack_say "starting the service"
	stack_app_start && stack_wait_ready
}

stack_stop() {
	stack_use "$1" || return
	proc_stop nginx TERM
	proc_stop stream TERM
	proc_stop scheduler TERM
	proc_stop api TERM 20
	proc_stop redis TERM
	stack_pg_stop fast
}

stack_remove() {
	local note
	[ -f "$1/.serviceos-stack" ] || return 0
	stack_stop "$1" || return
	for note in pgdata.path pgsock.path sock.path; do
		[ ! -s "$STACK_DIR/$note" ] || rm -rf "$(<"$STACK_DIR/$note")"
	done
	rm -rf "$STACK_DIR"
}
