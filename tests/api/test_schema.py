#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shape of the database: keys, row-level security, roles, grants, and what is made of sql/.

The rules that it keeps are in test_rules.py, test_merge.py and test_duties.py.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import pgtest
from pgtest import APP, OWNER, SCHEDULER, Checks, Session, SqlError

DATABASE = f'schema_test_{os.getpid()}'
# The tables of search are read by its functions alone: no role but the owner has a right to them.
GLOBAL = ('schema_migration', 'directory', 'search_document', 'search_pending')
# What the scheduler may see across organisations; more needs a reason in sql/grants.sql.
SCHEDULED = {'organization', 'event', 'event_sequence', 'ticket', 'ticket_tag', 'idempotency_key',
             'session', 'usage_day', 'comment', 'customer', 'job', 'import_lease', 'custom_field',
             'ticket_field', 'queue_claim', 'attachment', 'due_job', 'webhook', 'webhook_delivery',
             'webhook_attempt', 'sla_policy', 'workflow', 'workflow_run',
             'mail', 'inbound_mail', 'search_vocabulary'}
# What the workers' role has no right to.
UNSEEN = {'import_lease'}
checks = Checks()
ok, same, none, refused = checks.ok, checks.same, checks.none, checks.refused
root = owner = app = scheduler = None


def names(sql):
    return sorted(' '.join(row) for row in root(sql))


TABLES = f"""(SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, a.attnum AS org
  FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
   AND a.atttypid = 'text'::regtype AND a.attnotnull
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND c.relname NOT IN {GLOBAL}) t"""


def every_table_belongs_to_an_organisation():
    ok('there are tables to look at', len(names(f'SELECT relname FROM {TABLES}')) >= 20)
    none('every table has org_id, text, not null', names(f'SELECT relname FROM {TABLES} WHERE org IS NULL'))
    none('every primary key, unique constraint and index begins with org_id', names(
        f"""SELECT relname, i.indexrelid::regclass FROM {TABLES} JOIN pg_index i ON i.indrelid = t.oid
             WHERE i.indkey[0] <> t.org"""))
    none('every table has a primary key', names(
        f"""SELECT relname FROM {TABLES} WHERE NOT EXISTS (
              SELECT 1 FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'p')"""))
    none('every foreign key begins with org_id on both sides', names(
        f"""SELECT relname, k.conname FROM {TABLES} JOIN pg_constraint k ON k.conrelid = t.oid
              JOIN pg_attribute r ON r.attrelid = k.confrelid AND r.attname = 'org_id'
             WHERE k.contype = 'f' AND (k.conkey[1] <> t.org OR k.confkey[1] <> r.attnum)"""))
    none('every foreign key is validated and checked at once', names(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND (NOT convalidated OR condeferrable)"))
    none('every constraint that the API reports is named <table>__<field>', names(
        f"""SELECT relname, k.conname FROM {TABLES} JOIN pg_constraint k ON k.conrelid = t.oid
             WHERE k.conname !~ ('^' || relname || '(_[a-z]+)*__[a-z_]+$') AND (k.contype IN ('c', 'u')
                OR (k.contype = 'f' AND cardinality(k.conkey) > 1))
            UNION SELECT relname, i.indexrelid::regclass::text FROM {TABLES}
              JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique AND NOT i.indisprimary
             WHERE i.indexrelid::regclass::text !~ ('^' || relname || '__[a-z_]+$')"""))
    none('every table with a version counts it in a trigger', names(
        f"""SELECT relname FROM {TABLES} JOIN pg_attribute v ON v.attrelid = t.oid AND v.attname = 'version'
             WHERE relname <> 'comment_revision' AND NOT EXISTS (SELECT 1 FROM pg_trigger g
               WHERE g.tgrelid = t.oid AND g.tgname IN ('touch', 'ticket_before') AND g.tgenabled = 'O'
                 AND g.tgtype & 19 = 19)"""))
    none('what diff() and bulk_shown() take for a time by its name is one, and every other is named so', names(
        f"""SELECT DISTINCT relname, a.attname FROM {TABLES} JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0
             WHERE (relname = 'ticket' OR EXISTS (SELECT 1 FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
                      WHERE g.tgrelid = t.oid AND f.proname = 'record_change'))
               AND (a.attname ~ '_(at|until|since)$') <> (a.atttypid = 'timestamptz'::regtype)"""))
    none('no trigger is turned off', names("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O'"))


def every_table_has_its_wall():
    none('row-level security is enabled and forced everywhere', names(
        f'SELECT relname FROM {TABLES} WHERE NOT (relrowsecurity AND relforcerowsecurity)'))
    policy = "(org_id = ( SELECT NULLIF(current_setting('app.org'::text, true), ''::text) AS \"nullif\"))"
    none('every table has the tenant policy for workers and owner, with its check', names(
        f"""SELECT relname FROM {TABLES} WHERE NOT EXISTS (SELECT 1 FROM pg_policies p
             WHERE p.tablename = relname AND p.policyname = 'tenant' AND p.cmd = 'ALL'
               AND p.permissive = 'PERMISSIVE' AND p.roles @> '{{{APP},{OWNER}}}'
               AND cardinality(p.roles) = 2 AND p.qual = {pgtest.literal(policy)}
               AND p.with_check = {pgtest.literal(policy)})"""))
    same('only the scheduler has another policy, on the tables of its jobs',
         set(names("SELECT tablename FROM pg_policies WHERE policyname <> 'tenant'")), SCHEDULED)
    none('that policy is the scheduler\'s alone', names(
        f"SELECT tablename FROM pg_policies WHERE policyname <> 'tenant' AND roles <> '{{{SCHEDULER}}}'"))
    none('every view runs with its caller\'s rights', names(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm'
            OR (relkind = 'v' AND NOT 'security_invoker=true' = ANY (COALESCE(reloptions, '{}'))))"""))
    none('every view shows org_id', names(
        """SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
              AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id')"""))
    none('no view shows a password or a secret', names(
        """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace AND a.attname ~ '_hash$'"""))
    none('no function runs with its owner\'s rights but those of the search, which keep to app.org, and an import', names(
        """SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
             AND proname NOT IN ('search_new', 'search_keep', 'search_forget', 'search_ticket_gone', 'search_candidates',
               'search_among', 'search_keep_up', 'search_learn', 'import_batch')"""))
    none('and they cannot be led astray by a search path', names(
        """SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
             AND COALESCE(array_to_string(proconfig, ','), '') NOT LIKE '%search_path=public, pg_temp%'"""))
    refused('a worker does not write the words of another organisation', '42501', lambda: app(
        "SELECT search_keep('org_b', 'ticket', uuid7(), NULL, 'x', 'x'::tsvector)", org='org_a'))
    refused('nor keeps up theirs', '42501', lambda: app("SELECT search_keep_up('org_b')", org='org_a'))
    refused('nor learns theirs', '42501', lambda: app("SELECT search_learn('org_b', 1)", org='org_a'))
    refused('nor reads the words at all', '42501', lambda: app('SELECT 1 FROM search_document', org='org_a'))
    for sql in ('SELECT secret FROM import_lease', 'UPDATE import_lease SET secret = uuid7()', 'DELETE FROM import_lease',
                "INSERT INTO import_lease SELECT org_id, job_id, uuid7() FROM job WHERE kind = 'import'"):
        refused(f'a worker has no lease of an import: {sql}', '42501', lambda q=sql: app(q, org='org_a'))


# What leaves no entry of its own in the change log, and why.
UNLOGGED = {
    'event', 'event_sequence', 'schema_migration',              # the log and its means
    'directory', 'session', 'idempotency_key', 'usage_day',     # of the machinery
    'ticket_counter', 'ticket_tag', 'ticket_field', 'comment_revision', 'company_domain',
    'customer_email', 'search_document', 'search_pending', 'search_vocabulary', 'qa_edition', # kept by what they repeat
    'ticket_merge', 'csat_survey', 'queue_claim',               # their functions write the ticket's events
    'workflow_edition', 'workflow_run', 'workflow_fired',       # the same
    'mail', 'inbound_mail',                                     # what was sent or came; its cause or effect is logged
    'sla_timer', 'sla_ledger', 'sla_assignment',                # with a ledger of their own
    'due_job', 'webhook_delivery', 'webhook_attempt',           # what is done, and its own log
    'job', 'job_item', 'import_lease',                          # what a job does is logged in its creator's name
}


def every_change_is_logged():
    same('every table leaves its changes in the log, or is known not to', sorted(set(names(
        """SELECT c.relname FROM pg_class c
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
              AND NOT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                    WHERE t.tgrelid = c.oid AND p.proname IN ('record_change', 'ticket_after', 'comment_after',
                                                              'ticket_link_after', 'attachment_after'))""")) - UNLOGGED), [])


def roles_have_nothing_beyond_their_duty():
    none('no role of ours is privileged', names(
        f"""SELECT rolname FROM pg_roles WHERE rolname IN ('{OWNER}', '{APP}', '{SCHEDULER}')
              AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)"""))
    none('no role of ours is a member of another', names(
        f"SELECT roleid::regrole FROM pg_auth_members WHERE member::regrole::text LIKE 'serviceos%'"))
    none('workers and scheduler own nothing', names(
        f"""SELECT classid::regclass, objid FROM pg_shdepend
             WHERE deptype = 'o' AND refobjid IN ('{APP}'::regrole, '{SCHEDULER}'::regrole)"""))
    for session, who in (app, 'a worker'), (scheduler, 'the scheduler'):
        for sql in ('CREATE TABLE mine (x int)', 'CREATE TEMP TABLE ticket (x int)', 'CREATE SCHEMA mine',
                    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
                    'ALTER TABLE ticket DISABLE ROW LEVEL SECURITY', 'ALTER TABLE ticket DISABLE TRIGGER ALL',
                    'CREATE POLICY mine ON ticket USING (true)', 'DROP TABLE comment', 'TRUNCATE event',
                    'CREATE INDEX ON ticket (title)', 'ALTER FUNCTION touch() RENAME TO t',
                    f'SET ROLE {OWNER}', 'SET ROLE postgres', f'SET SESSION AUTHORIZATION {OWNER}',
                    'SET session_replication_role = replica', "COPY ticket TO PROGRAM 'true'",
                    "SELECT pg_read_file('/etc/hostname')", 'DELETE FROM schema_migration',
                    "UPDATE directory SET org_id = 'other'", 'DELETE FROM event WHERE seq = 1'
                    if who == 'a worker' else 'DELETE FROM ticket_counter'):
            refused(f'{who} cannot {sql}', '42501', lambda s=session, q=sql: s(q, org='org_a'))
    for sql in ("UPDATE event SET topic = 'x'", 'UPDATE event SET seq = 1', "UPDATE event SET actor_id = 'x'"):
        refused(f'a worker cannot rewrite the change log: {sql}', '42501', lambda q=sql: app(q, org='org_a'))
    allowed = {'snoozed_until', 'snooze_until_reply', 'custom_fields', 'assignee_user_id'}
    for column in names("SELECT attname FROM pg_attribute WHERE attrelid = 'ticket'::regclass AND attnum > 0"):
        may = root.one(f"SELECT has_column_privilege('{SCHEDULER}', 'ticket', '{column}', 'UPDATE')")
        if (may == 't') != (column in allowed):
            ok(f'the scheduler may write ticket.{column} only if it has to', False)
    for sql in ("UPDATE ticket SET title = 'x'", 'INSERT INTO ticket (org_id) SELECT org_id FROM ticket',
                "UPDATE comment SET body = 'x'", 'SELECT * FROM app_user', 'SELECT * FROM api_key',
                'SELECT * FROM comment_revision', 'UPDATE customer SET name = \'x\'',
                'UPDATE session SET revoked_at = NULL', 'SELECT * FROM ticket_v', 'SELECT * FROM user_v'):
        refused(f'the scheduler cannot {sql}', '42501', lambda q=sql: scheduler(q))


def fill(org):
    """One row at least in every table."""
    create = f"""
      SELECT create_organization('{org}', 'Organisation {org}');
      INSERT INTO app_user (org_id, user_id, email, name, role) VALUES ('{org}', uuid7(), 'Ada@{org}.example', 'Ada', 'admin');
      INSERT INTO session (org_id, session_id, user_id, refresh_hash, expires_at)
        SELECT '{org}', uuid7(), user_id, '{org}-refresh', now() + interval '1 day' FROM app_user WHERE org_id = '{org}';
      INSERT INTO api_key (org_id, key_id, name, prefix, secret_hash) VALUES ('{org}', uuid7(), 'k', 'sk_', '{org}-secret');
      INSERT INTO company (org_id, company_id, name) VALUES ('{org}', uuid7(), 'Company');
      INSERT INTO team (org_id, team_id, name) VALUES ('{org}', uuid7(), 'Team');
      INSERT INTO team_member SELECT '{org}', team_id, user_id FROM team, app_user
        WHERE team.org_id = '{org}' AND app_user.org_id = '{org}';
      INSERT INTO queue (org_id, queue_id, name) VALUES ('{org}', uuid7(), 'Queue');
      INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, tags)
        SELECT '{org}', uuid7(), n, 'Ticket ' || n, default_customer_id, '{{tag}}'
          FROM organization, generate_series(take_numbers('{org}', 4), 4) n WHERE org_id = '{org}';
      INSERT INTO comment (org_id, comment_id, ticket_id, author_type, body)
        SELECT '{org}', uuid7(), ticket_id, 'user', 'text' FROM ticket WHERE org_id = '{org}' AND number < 3;
      INSERT INTO comment (org_id, comment_id, ticket_id, author_type, body, internal)
        SELECT '{org}', uuid7(), ticket_id, 'user', 'note', true FROM ticket WHERE org_id = '{org}' AND number < 3;
      INSERT INTO comment_revision SELECT org_id, comment_id, 1, 'before' FROM comment WHERE org_id = '{org}';
      INSERT INTO ticket_link (org_id, link_id, ticket_id, target_id, kind)
        SELECT '{org}', uuid7(), a.ticket_id, b.ticket_id, 'related' FROM ticket a, ticket b
         WHERE a.org_id = '{org}' AND b.org_id = '{org}' AND a.number = 3 AND b.number = 4;
      SELECT ticket_merge('{org}', a.ticket_id, ARRAY[b.ticket_id]) FROM ticket a, ticket b
         WHERE a.org_id = '{org}' AND b.org_id = '{org}' AND a.number = 1 AND b.number = 2;
      INSERT INTO idempotency_key VALUES ('{org}', 'hash', 'route', 'print', 201, '', '');
      INSERT INTO business_hours (org_id, business_hours_id, name, timezone) VALUES ('{org}', uuid7(), 'Office', 'UTC');
      UPDATE company SET domains = '{{{org}.example}}' WHERE org_id = '{org}';
      INSERT INTO saved_view (org_id, view_id, name) VALUES ('{org}', uuid7(), 'View');
      INSERT INTO queue_claim (org_id, ticket_id, user_id, lease_until)
        SELECT '{org}', t.ticket_id, u.user_id, now() FROM ticket t, app_user u
         WHERE t.org_id = '{org}' AND u.org_id = '{org}' LIMIT 1;
      INSERT INTO csat_survey (org_id, survey_id, ticket_id, customer_id, token_hash, expires_at)
        SELECT '{org}', uuid7(), ticket_id, customer_id, '{org}-csat', now() FROM ticket WHERE org_id = '{org}' LIMIT 1;
      INSERT INTO qa_scorecard (org_id, scorecard_id, name, criteria) VALUES ('{org}', uuid7(), 'Card', '[{{"key": "a", "name": "A"}}]');
      INSERT INTO qa_review (org_id, review_id, ticket_id, scorecard_id, edition, agent_user_id)
        SELECT '{org}', uuid7(), t.ticket_id, c.scorecard_id, 1, u.user_id FROM ticket t, qa_scorecard c, app_user u
         WHERE t.org_id = '{org}' AND c.org_id = '{org}' AND u.org_id = '{org}' LIMIT 1;
      INSERT INTO attachment (org_id, attachment_id, ticket_id, filename, content_type, size, sha256)
        SELECT '{org}', uuid7(), ticket_id, 'x', 'text/plain', 1, 'x' FROM ticket WHERE org_id = '{org}' LIMIT 1;
      INSERT INTO inbound_mail (org_id, mail_id, message_id, action, sender) VALUES ('{org}', uuid7(), 'x@y', 'ignored', 'a@b.example');
      INSERT INTO webhook (org_id, webhook_id, url, secret) VALUES ('{org}', uuid7(), 'https://x.example', 'x');
      INSERT INTO webhook_delivery (org_id, delivery_id, webhook_id, event_id, topic, body)
        SELECT '{org}', uuid7(), webhook_id, uuid7(), 'x', '{{}}' FROM webhook WHERE org_id = '{org}';
      INSERT INTO webhook_attempt (org_id, delivery_id, n, duration_ms)
        SELECT '{org}', delivery_id, 1, 1 FROM webhook_delivery WHERE org_id = '{org}';
      INSERT INTO sla_policy (org_id, policy_id, name, targets) VALUES ('{org}', uuid7(), 'Gold', '{{}}');
      INSERT INTO sla_assignment (org_id, ticket_id, policy_id)
        SELECT '{org}', t.ticket_id, p.policy_id FROM ticket t, sla_policy p WHERE t.org_id = '{org}' AND p.org_id = '{org}' LIMIT 1;
      SELECT sla_create('{org}', uuid7(), jsonb_build_object('ticket_id', ticket_id, 'target_minutes', 60))
        FROM ticket WHERE org_id = '{org}' AND status = 'new' LIMIT 1;
      UPDATE sla_timer SET breached_at = now() WHERE org_id = '{org}';
      INSERT INTO workflow (org_id, workflow_id, name, trigger, actions) VALUES ('{org}', uuid7(), 'Flow', '{{"type": "time"}}', '[]');
      INSERT INTO workflow_run (org_id, run_id, workflow_id, edition, ticket_id, status)
        SELECT '{org}', uuid7(), workflow_id, 1, ticket_id, 'skipped' FROM workflow w JOIN ticket t USING (org_id) WHERE org_id = '{org}' LIMIT 1;
      INSERT INTO workflow_fired SELECT '{org}', workflow_id, ticket_id, now() FROM workflow w JOIN ticket t USING (org_id) WHERE org_id = '{org}' LIMIT 1;
      INSERT INTO mail (org_id, mail_id, kind, ticket_id, recipient, subject, body, message_id)
        SELECT '{org}', uuid7(), 'reply', ticket_id, 'x@example.com', 's', 'b', uuid7()::text FROM ticket WHERE org_id = '{org}' LIMIT 1;
      SELECT due_put('{org}', 'webhook', uuid7(), '', now());
      UPDATE customer SET email = 'x@{org}.example' WHERE org_id = '{org}';
      INSERT INTO macro (org_id, macro_id, name, reply) VALUES ('{org}', uuid7(), 'Macro', 'Hello');
      INSERT INTO job (org_id, job_id, kind) VALUES ('{org}', uuid7(), 'bulk'), ('{org}', uuid7(), 'export'), ('{org}', uuid7(), 'import');
      INSERT INTO job_item (org_id, job_id, n, outcome) SELECT org_id, job_id, 1, 'done' FROM job WHERE org_id = '{org}';
      INSERT INTO custom_field (org_id, field_id, key, label, type) VALUES ('{org}', uuid7(), 'plan', 'Plan', 'text');
      UPDATE ticket SET custom_fields = '{{"plan": "pro"}}' WHERE org_id = '{org}' AND status <> 'merged';
      INSERT INTO usage_day (org_id, day, principal, requests) VALUES ('{org}', current_date, 'p', 1)"""
    app(create, org=org, actor_type='user', actor_id='ada')


def count(session, relation, org):
    return int(session.one(f'SELECT count(*) FROM {relation}', org=org))


def nobody_sees_another_organisation():
    for org in 'org_a', 'org_b':
        fill(org)
        owner("INSERT INTO import_lease SELECT org_id, job_id, uuid7() FROM job WHERE kind = 'import'", org=org)
    scheduler('SELECT search_learn(o.org_id, 1) FROM organization o')
    scheduler('SELECT place_events(o.org_id, 1000) FROM organization o')
    tables = names(f'SELECT relname FROM {TABLES}')
    views = names("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'")
    for relation in tables + views:
        where = {org: int(root.one(f"SELECT count(*) FROM {relation} WHERE org_id = '{org}'"))
                 for org in ('org_a', 'org_b')}
        ok(f'{relation} has rows of two organisations, so that the next lines mean something',
           min(where.values()) > 0, where)
        sessions = (owner,) if relation in UNSEEN else (app, owner) if relation in tables else (app,)
        for s in sessions:
            seen = [count(s, relation, org) for org in (None, '', 'garbage', "org_a' OR 'a'='a", 'ORG_A', '%')]
            same(f'{s.user} sees nothing of {relation} with app.org unset, empty or garbage', seen, [0] * 6)
            same(f'{s.user} sees of {relation} what is its own',
                 s(f'SELECT DISTINCT org_id FROM {relation}', org='org_a'), [('org_a',)])
            app("SELECT 1", org='org_b')
            same(f'{s.user} sees nothing of {relation} in the next transaction', count(s, relation, None), 0)


def nobody_writes_into_another_organisation():
    customer = root.one("SELECT customer_id FROM customer WHERE org_id = 'org_b'")
    for s in app, owner:
        refused(f'{s.user} cannot insert a row of another organisation', '42501', lambda s=s: s(
            f"INSERT INTO company (org_id, company_id, name) VALUES ('org_b', uuid7(), 'x')", org='org_a'))
        refused(f'{s.user} cannot give a row away', '42501', lambda s=s: s(
            "UPDATE company SET org_id = 'org_b'", org='org_a'))
        none(f'{s.user} cannot change a row of another organisation', s(
            "UPDATE company SET name = 'x' WHERE org_id = 'org_b' RETURNING 1", org='org_a'))
        none(f'{s.user} cannot delete a row of another organisation', s(
            "DELETE FROM usage_day WHERE org_id = 'org_b' RETURNING 1", org='org_a'))
    e = refused('a ticket cannot have a customer of another organisation', '23503', lambda: app(
        f"""INSERT INTO ticket (org_id, ticket_id, number, title, customer_id)
            VALUES ('org_a', uuid7(), 99, 'x', '{customer}')""", org='org_a'))
    same('the refusal names the constraint of the field', e.constraint, 'ticket__customer_id')
    refused('nothing is written without an organisation', '42501', lambda: app(
        "INSERT INTO usage_day (org_id, day, principal) VALUES ('org_a', current_date, 'q')"))


def statements_run_as_their_roles():
    duties = {'scheduler.sql': scheduler}
    bad = []
    for name, (path, text) in sorted(pgtest.statements().items()):
        session = {'demo_load': owner, 'job_claim': scheduler}.get(name) or duties.get(path, app)
        try:
            session.plain(f'PREPARE {name} AS {text}')
            n = int(session.plain("SELECT cardinality(parameter_types) FROM pg_prepared_statements"
                                  f" WHERE name = '{name}'")[0][0])
            nulls = '(' + ', '.join(['NULL'] * n) + ')' if n else ''
            session.plain(f'EXPLAIN EXECUTE {name}{nulls}')  # checks the privileges too
        except SqlError as e:
            bad.append((name, str(e)))
    none(f'all {len(pgtest.statements())} statements prepare, and their roles may run them', bad)


def the_schema_can_be_applied_again():
    before = names('SELECT tablename, policyname, roles, qual FROM pg_policies')
    views = names("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'")
    rows = root("SELECT count(*) FROM event")
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as drop:
        drop.write('\n'.join(f'DROP VIEW {v} CASCADE;' for v in views))
        drop.flush()
        os.chmod(drop.name, 0o644)
        same('functions, views and grants go onto a database that has them', pgtest.apply(
            DATABASE, [drop.name] + pgtest.schema_files('functions/*.sql', 'views/*.sql', 'grants.sql')), '')
    same('the policies are as before', names('SELECT tablename, policyname, roles, qual FROM pg_policies'), before)
    same('no row has changed', root('SELECT count(*) FROM event'), rows)
    same('roles may be created again', subprocess.run(
        ['psql', '-X', '-q', '-h', pgtest.SOCKET, '-U', 'postgres', '-d', 'postgres', '-v', 'ON_ERROR_STOP=1',
         '-f', os.path.join(pgtest.ROOT, 'sql/init.sql')], check=False).returncode, 0)


def embed(paths, *arguments):
    return subprocess.run(['awk', *arguments, '-f', os.path.join(pgtest.ROOT, 'tools/sqlembed.awk'), *paths],
                          capture_output=True, text=True, check=False)


def text_of(literals):
    """The text of adjacent C string literals without escapes beyond those of JSON."""
    return ''.join(json.loads('"' + part + '"') for part in re.findall(r'"((?:[^"\\]|\\.)*)"', literals))


def sql_is_embedded_as_it_is():
    files = pgtest.schema_files('migrations/*.sql', 'functions/*.sql', 'views/*.sql', 'grants.sql')
    made = embed(files, '-v', 'mode=schema').stdout
    entries = re.findall(r'\{ "([^"]+)", \'(.)\',\n(.*?) \},\n', made, re.S)
    same('every file of the schema is embedded once, in order',
         [name for name, _, _ in entries], [os.path.basename(f) for f in files])
    same('byte for byte', [name for (name, _, literals), f in zip(entries, files)
                           if text_of(literals) != pgtest.read(f).replace('\t', '  ')], [])
    same('each with its kind', ''.join(kind for _, kind, _ in entries),
         ''.join('mfvg'[('migrations', 'functions', 'views').index(os.path.basename(os.path.dirname(f)))
                        if os.path.basename(f) != 'grants.sql' else 3] for f in files))
    queries = pgtest.schema_files('queries/*.sql')
    header = embed(queries).stdout
    same('every statement has its constant', re.findall(r'^\tSQL_(\w+),$', header, re.M),
         ['NONE'] + [n.upper() for n in pgtest.statements()])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'x.sql')

        def made_of(text, *arguments):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            return embed([path], *arguments)
        twice = made_of('-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n')
        ok('a name that is used twice stops the build', twice.returncode != 0 and 'a' in twice.stderr)
        ok('text before the first name stops the build', made_of('SELECT 1;\n').returncode != 0)
        ok('a name without text stops the build', made_of('-- name: a\n', '-v', 'mode=c').returncode != 0)
        ok('a bad name stops the build', made_of('-- name: A-b\nSELECT 1;\n').returncode != 0)
        tricky = 'SELECT \'a"b\\d\\\\\' ~ E\'\\n\';'
        ok('quotes and backslashes arrive as they are written',
           tricky in text_of(made_of(f'-- name: a\n-- a remark\n{tricky}\n', '-v', 'mode=c').stdout))


def the_runner_keeps_its_promises():
    program = os.environ.get('SERVICEOSCTL', './serviceosctl')
    if not os.access(program, os.X_OK):
        print('skipped: no serviceosctl here; set SERVICEOSCTL to try the migration runner')
        return
    name = DATABASE + '_run'
    pgtest.create_database(name)
    env = dict(os.environ, SERVICEOS_DB_ADMIN_URL=f'host={pgtest.SOCKET} dbname={name} user={OWNER}')

    def migrate(start=subprocess.run, **more):
        return start([program, '-c', '/dev/null', 'migrate'], env=env, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, text=True, **more)
    super_ = Session(name, 'postgres')
    try:
        super_.plain('CREATE VIEW somebody_elses AS SELECT 1')  # as an extension's would be
        both = [migrate(subprocess.Popen) for _ in range(2)]
        same('two runners at once both succeed', [(p.communicate()[1], p.returncode) for p in both],
             [('', 0)] * 2)
        versions = super_('SELECT version, name, applied_at FROM schema_migration ORDER BY version')
        same('every migration is applied once', [v[0] for v in versions],
             ['0'] + [str(int(os.path.basename(f)[:4])) for f in pgtest.schema_files('migrations/*.sql')])
        super_.plain("SELECT set_config('app.org', 'org_a', false)")
        result = migrate()
        same('a second run changes nothing', (result.returncode, super_(
            'SELECT version, name, applied_at FROM schema_migration ORDER BY version')), (0, versions))
        super_.plain("UPDATE schema_migration SET checksum = 'old' WHERE version = 0")
        super_.plain('DROP VIEW ticket_v CASCADE; CREATE VIEW stale AS SELECT 1; ALTER VIEW stale OWNER TO ' + OWNER)
        result = migrate()
        same('a new release replaces functions and views', (result.stderr, result.returncode), ('', 0))
        same('its own stale views are gone, those of others stay', super_(
            "SELECT to_regclass('ticket_v'), to_regclass('stale'), to_regclass('somebody_elses')"),
            [('ticket_v', '', 'somebody_elses')])
        super_.plain("UPDATE schema_migration SET checksum = 'old' WHERE version = 0; BEGIN; LOCK TABLE job IN ROW EXCLUSIVE MODE")
        runner = migrate(subprocess.Popen)
        warning = runner.stderr.readline()
        super_.plain('COMMIT')
        runner.communicate()
        ok('a table that is in use is waited for, and tried again', '; again' in warning and runner.returncode == 0,
           (warning, runner.returncode))
        super_.plain("INSERT INTO organization (org_id, name) VALUES ('org_a', 'A'), ('org_b', 'B');"
                     "INSERT INTO customer (org_id, customer_id, name, email) VALUES ('org_a', uuid7(), '', 'Ann@X.example'),"
                     " ('org_b', uuid7(), '', 'bob@x.example'), ('org_b', uuid7(), 'nobody', NULL);"
                     "DELETE FROM customer_email; DELETE FROM schema_migration WHERE version = 21")
        result = migrate()
        same('customers of an older database are found by their addresses', (result.stderr, super_(
            'SELECT org_id, email FROM customer_email ORDER BY org_id')),
            ('', [('org_a', 'ann@x.example'), ('org_b', 'bob@x.example')]))
        same('and the second wall stands again', super_(
            "SELECT count(*) FROM pg_class WHERE relname IN ('customer', 'customer_email') AND relforcerowsecurity"), [('2',)])
        super_.plain("INSERT INTO customer (org_id, customer_id, name) VALUES ('org_a', uuid7(), 'Müller');"
                     "UPDATE search_document SET words = to_tsvector('simple', 'Müller') WHERE title = 'Müller';"
                     "DROP TEXT SEARCH CONFIGURATION desk; DELETE FROM schema_migration WHERE name LIKE '%search_accents%'")
        result = migrate()
        same('words of an older database are kept without their accents', (result.stderr, super_(
            "SELECT words FROM search_document WHERE title = 'Müller'")), ('', [("'muller':1A",)]))
        super_.plain("UPDATE schema_migration SET checksum = 'other' WHERE version = 1")
        result = migrate()
        ok('an applied migration that was edited is refused, by name',
           result.returncode == 1 and '0001_base.sql' in result.stderr, result.stderr)
    finally:
        super_.close()
        pgtest.drop_database(name)


def main():
    global root, owner, app, scheduler
    pgtest.need_cluster(__file__)
    problem = pgtest.install(DATABASE)
    try:
        same('the files of sql/ make a database, in their order', problem, '')
        if problem != '':
            return checks.run()
        root, owner, app, scheduler = (Session(DATABASE, u) for u in ('postgres', OWNER, APP, SCHEDULER))
        return checks.run(
            every_table_belongs_to_an_organisation, every_table_has_its_wall,
            nobody_sees_another_organisation, nobody_writes_into_another_organisation,
            every_change_is_logged, roles_have_nothing_beyond_their_duty, statements_run_as_their_roles,
            the_schema_can_be_applied_again, sql_is_embedded_as_it_is, the_runner_keeps_its_promises)
    finally:
        for session in root, owner, app, scheduler:
            if session is not None:
                session.close()
        pgtest.drop_database(DATABASE)


if __name__ == '__main__':
    sys.exit(main())
