# SPDX-License-Identifier: Apache-2.0
"""What the database tests share: psql sessions, the schema, and checks that print a line each."""
import functools
import glob
import json
import os
import re
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOCKET = os.environ.get('SERVICEOS_TEST_PG', '')
FIELD, RECORD, MARK = '\x1f', '\x1e', 'the-end-of-this-one'
OWNER, APP, SCHEDULER = 'serviceos_owner', 'serviceos_app', 'serviceos_scheduler'


class SqlError(Exception):
    """A statement failed: SQLSTATE, message, detail and column, as libpq gives them."""

    def __init__(self, text):
        super().__init__(text)
        first = re.search(r'ERROR:  (\w{5}): (.*)', text)
        self.state, self.message = first.groups() if first else ('?????', text)
        detail = re.search(r'^DETAIL:  (.*)', text, re.M)
        column = re.search(r'^COLUMN NAME:  (.*)', text, re.M)
        constraint = re.search(r'^CONSTRAINT NAME:  (.*)', text, re.M)
        self.detail = detail.group(1) if detail else ''
        self.column = column.group(1) if column else ''
        self.constraint = constraint.group(1) if constraint else ''


def literal(value):
    if value is None:
        return 'NULL'
    return "'" + str(value).replace("'", "''") + "'"


class Session:
    """One connection. s(sql, org='x') runs sql in a transaction of that organisation."""

    def __init__(self, database, user):
        env = dict(os.environ, PGOPTIONS='-c client_min_messages=error -c lock_timeout=20s')
        self.user = user
        self.psql = subprocess.Popen(
            ['psql', '-X', '-q', '-A', '-t', '-F', FIELD, '-R', RECORD, '-h', SOCKET, '-U', user,
             '-d', database, '-v', 'VERBOSITY=verbose'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
            text=True, bufsize=1)
        self.pid = self('SELECT pg_backend_pid()')[0][0]

    def send(self, sql, org=None, commit=True, **settings):
        names = dict({'app.' + k: v for k, v in settings.items()})
        if org is not None:
            names['app.org'] = org
        lines = ['BEGIN;']
        if names:
            calls = ', '.join(f'set_config({literal(k)}, {literal(v)}, true)' for k, v in names.items())
            lines.append(f'SELECT {calls} \\g /dev/null')
        lines += [sql.rstrip().rstrip(';') + ';', 'COMMIT;' if commit else '', f'\\echo {MARK}']
        self.psql.stdin.write('\n'.join(lines) + '\n')
        self.psql.stdin.flush()

    def receive(self):
        text = ''
        for line in self.psql.stdout:
            if line == MARK + '\n':
                break
            text += line
        else:
            raise RuntimeError('psql has gone: ' + text)
        if 'ERROR:  ' in text:
            raise SqlError(text[text.index('ERROR:  '):])
        if 'FATAL:  ' in text:
            raise RuntimeError(text)
        # psql ends each result with a newline, and separates its records by RECORD.
        records = [r for part in text.split('\n') for r in part.split(RECORD)] if text else []
        return [tuple(r.split(FIELD)) for r in records if r != '']

    def __call__(self, sql, org=None, **settings):
        self.send(sql, org, **settings)
        return self.receive()

    def one(self, sql, org=None, **settings):
        rows = self(sql, org, **settings)
        return rows[0][0] if rows else None

    def plain(self, sql):
        """Without a transaction around it."""
        self.psql.stdin.write(sql + f';\n\\echo {MARK}\n')
        self.psql.stdin.flush()
        return self.receive()

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
        self.psql.stdout.close()


class Checks:
    """ok(sentence, condition) prints one line; the exit status tells whether all held."""

    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, sentence, condition, what=''):
        if condition:
            self.passed += 1
            print('ok', sentence, flush=True)
        else:
            self.failed += 1
            print('FAILED', sentence, '-', what, flush=True)

    def same(self, sentence, found, wanted):
        self.ok(sentence, found == wanted, f'found {found!r}, wanted {wanted!r}')

    def none(self, sentence, found):
        self.ok(sentence, not found, f'but: {found!r}')

    def refused(self, sentence, state, run, message=None, column=None):
        """run() has to fail with this SQLSTATE, message and column."""
        try:
            run()
        except SqlError as e:
            self.ok(sentence, e.state == state and message in (None, e.message)
                    and column in (None, e.column), str(e))
            return e
        self.ok(sentence, False, 'it was done')
        return SqlError('')

    def run(self, *groups):
        for group in groups:
            try:
                group()
            except Exception:  # the other groups still have something to say
                self.failed += 1
                print(f'FAILED {group.__name__}:', traceback.format_exc(), flush=True)
        print(f'{self.passed} passed, {self.failed} failed', flush=True)
        return 1 if self.failed else 0


def need_cluster(program):
    """Start again beside a private cluster unless there is one."""
    if SOCKET == '':
        os.execv(os.path.join(ROOT, 'tests/api/cluster'),
                 ['cluster', sys.executable, os.path.abspath(program)] + sys.argv[1:])


def schema_files(*folders):
    return [f for folder in folders for f in sorted(glob.glob(os.path.join(ROOT, 'sql', folder)))]


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def administer(*commands):
    subprocess.run(['psql', '-X', '-q', '-h', SOCKET, '-U', 'postgres', '-d', 'postgres', '-v',
            'ON_ERROR_STOP=1']
                   + [a for c in commands for a in ('-c', c)], check=True)


def create_database(name):
    administer(f'CREATE DATABASE {name} OWNER {OWNER}')


def drop_database(name):
    administer(f'DROP DATABASE {name} WITH (FORCE)')


def apply(database, files, user=OWNER):
    """Run the files in one psql, as `serviceosctl migrate` does; its errors as text."""
    result = subprocess.run(
        ['psql', '-X', '-q', '-h', SOCKET, '-U', user, '-d', database, '-v', 'ON_ERROR_STOP=1', '-1']
        + [a for f in files for a in ('-f', f)],
        env=dict(os.environ, PGOPTIONS='-c client_min_messages=warning'),
        capture_output=True, text=True, check=False)
    return result.stderr if result.returncode != 0 else ''


def install(database):
    """A new database with the whole schema."""
    create_database(database)
    subprocess.run(['psql', '-X', '-q', '-h', SOCKET, '-U', OWNER, '-d', database, '-c',
                    'CREATE TABLE schema_migration (version int PRIMARY KEY, name text NOT NULL,'
                    ' checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())'], check=True)
    return apply(database, schema_files('migrations/*.sql', 'functions/*.sql', 'views/*.sql', 'grants.sql'))


@functools.lru_cache(maxsize=1)
def statements():
    """The named statements of sql/queries: {name: (file, text)}."""
    found = {}
    for path in schema_files('queries/*.sql'):
        parts = re.split(r'^-- name: (\S+)\n', read(path), flags=re.M)
        for name, text in zip(parts[1::2], parts[2::2]):
            text = re.sub(r'^\s*--.*\n', '', text, flags=re.M).strip().rstrip(';')
            found[name] = (os.path.basename(path), text)
    return found


def call(session, name, values, org=None, **settings):
    """Run a named statement with these values."""
    session.plain('DEALLOCATE ALL')
    text = statements()[name][1]
    session.plain(f'PREPARE {name} AS {text}')
    values = ', '.join(literal(v) for v in values)
    return session(f'EXECUTE {name}({values})' if values else f'EXECUTE {name}', org, **settings)


def until(condition, seconds=10):
    """Await a condition; whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Desk:
    """A scratch database with the schema, a session of each role, and short ways to make rows."""

    def __init__(self, program):
        need_cluster(program)
        base = os.path.splitext(os.path.basename(program))[0]
        self.database = f'{base}_{os.getpid()}'
        self.sessions = []
        self.problem = install(self.database)
        if self.problem == '':
            self.root, self.owner, self.app, self.scheduler = (
                self.session(u) for u in ('postgres', OWNER, APP, SCHEDULER))

    def session(self, user=APP):
        self.sessions.append(Session(self.database, user))
        return self.sessions[-1]

    def close(self):
        for session in self.sessions:
            session.close()
        drop_database(self.database)

    def insert(self, table, org='org_a', session=None, **values):
        """Insert a row with a new id; the id."""
        key = {'app_user': 'user_id', 'api_key': 'key_id', 'ticket_link': 'link_id'}.get(table, table + '_id')
        columns = ', '.join(['org_id', key] + list(values))
        values = ', '.join(literal(v) for v in values.values())
        return (session or self.app).one(
            f"INSERT INTO {table} ({columns}) VALUES ('{org}', uuid7(), {values}) RETURNING {key}", org=org)

    def ticket(self, org='org_a', session=None, **values):
        customer = self.root.one(f"SELECT default_customer_id FROM organization WHERE org_id = '{org}'")
        number = self.app.one(f"SELECT take_numbers('{org}', 1)", org=org)
        values = {'title': f'Ticket {number}', 'customer_id': customer, 'number': number, **values}
        return self.insert('ticket', org, session, **values)

    def comment(self, ticket, body, by='user', **values):
        return self.insert('comment', ticket_id=ticket, body=body, author_type=by, **values)

    def get(self, table, row, *columns):
        """Columns of a row as text, "" for null."""
        key = {'app_user': 'user_id', 'api_key': 'key_id'}.get(table, table + '_id')
        found = self.root(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = '{row}'")
        return (found[0][0] if len(found[0]) == 1 else found[0]) if found else None

    def events(self, run, org='org_a'):
        """What run() leaves in the change log, in order, as dictionaries."""
        before = self.root.one(f"SELECT count(*) FROM event WHERE org_id = '{org}'")
        run()
        return [json.loads(row[0]) for row in self.root(
            f"""SELECT to_jsonb(e) FROM event e WHERE org_id = '{org}'
                 ORDER BY occurred_at, event_id OFFSET {before}""")]
