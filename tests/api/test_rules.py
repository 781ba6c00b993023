#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of tickets and the change log that the database keeps, whoever writes."""
import re
import sys

from pgtest import Checks, Desk, call

ORG = 'org_a'
checks = Checks()
ok, same, none, refused = checks.ok, checks.same, checks.none, checks.refused
desk = None

STATUSES = ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed')
MAY_GO = {'new': {'open', 'pending', 'on_hold', 'resolved', 'closed'},
          'open': {'pending', 'on_hold', 'resolved', 'closed'},
          'pending': {'open', 'on_hold', 'resolved', 'closed'},
          'on_hold': {'open', 'pending', 'resolved', 'closed'},
          'resolved': {'open', 'closed'}, 'closed': {'open'}}


def update(ticket, change, session=None, **settings):
    return (session or desk.app)(f"UPDATE ticket SET {change} WHERE org_id = '{ORG}' AND ticket_id = '{ticket}'"
                                 ' RETURNING version', org=ORG, **settings)


def a_new_organisation_has_what_it_needs():
    call(desk.app, 'organization_create', [ORG, 'Example'], org=ORG)
    call(desk.app, 'organization_create', ['org_b', 'Other'], org='org_b')
    customer = desk.root.one(f"SELECT default_customer_id FROM organization WHERE org_id = '{ORG}'")
    same('a new organisation has an unknown customer', desk.get('customer', customer, 'name'),
            'Unknown customer')
    ticket = desk.root.one("SELECT uuid7()")
    call(desk.app, 'ticket_create', [ORG, ticket, 1000001, '{"title":"x"}'], org=ORG)
    same('to whom a ticket without a customer belongs', desk.get('ticket', ticket, 'customer_id'), customer)
    refused('an organisation\'s id is a slug', '23514', lambda: call(
        desk.app, 'organization_create', ['Org A', 'x'], org='Org A'))
    refused('an organisation is created once', '23505', lambda: call(
        desk.app, 'organization_create', [ORG, 'x'], org=ORG))
    ids = desk.root("SELECT uuid7() FROM generate_series(1, 500)")
    ok('ids are UUIDs of version 7', all(re.match(r'.{14}7.{4}[89ab]', i[0]) for i in ids), ids[0])
    same('all different', len(set(ids)), 500)
    age = desk.root.one("""SELECT extract(epoch FROM clock_timestamp()) * 1000
        - ('x' || lpad(left(replace(uuid7()::text, '-', ''), 12), 16, '0'))::bit(64)::bigint""")
    ok('that begin with the time', abs(float(age)) < 5000, age)


def a_status_goes_only_where_it_may():
    for was in STATUSES:
        for to in STATUSES:
            if was == to:
                continue
            ticket = desk.ticket(status=was)
            if to in MAY_GO[was]:
                update(ticket, f"status = '{to}'")
                same(f'a ticket goes from {was} to {to}', desk.get('ticket', ticket, 'status'), to)
            else:
                e = refused(f'a ticket does not go from {was} to {to}', 'SV409',
                            lambda t=ticket, s=to: update(t, f"status = '{s}'"), 'invalid_transition', 'status')
                ok('the sentence names both', was in e.detail and to in e.detail, e.detail)
        refused(f'a ticket does not go from {was} to merged by hand', '23514',
                lambda t=desk.ticket(status=was): update(t, "status = 'merged'"))
    ticket = desk.ticket()
    update(ticket, "status = 'resolved'")
    times = 'resolved_at IS NULL, closed_at IS NULL, reopened_count'
    same('resolving notes the time', desk.get('ticket', ticket, times), ('f', 't', '0'))
    resolved = desk.get('ticket', ticket, 'resolved_at')
    update(ticket, "status = 'closed'")
    same('closing keeps it and notes its own', desk.get('ticket', ticket, times, 'resolved_at'),
         ('f', 'f', '0', resolved))
    update(ticket, "status = 'open'")
    same('reopening takes both away and counts', desk.get('ticket', ticket, times), ('t', 't', '1'))
    update(ticket, "status = 'closed'")
    same('closing an open ticket resolves it too', desk.get('ticket', ticket, times), ('f', 'f', '1'))
    desk.root(f"UPDATE ticket SET closed_at = now() - interval '335 hours' WHERE ticket_id = '{ticket}'")
    update(ticket, "status = 'open'")
    same('a closed ticket reopens inside the window', desk.get('ticket', ticket, 'status'), 'open')
    update(ticket, "status = 'closed'")
    desk.root(f"UPDATE ticket SET closed_at = now() - interval '337 hours' WHERE ticket_id = '{ticket}'")
    refused('but not beyond it', 'SV409', lambda: update(ticket, "status = 'open'"), 'ticket_closed', 'status')
    desk.app('UPDATE organization SET reopen_window_hours = 400', org=ORG)
    update(ticket, "status = 'open'")
    same('the window is the organisation\'s', desk.get('ticket', ticket, 'status'), 'open')
    desk.app('UPDATE organization SET reopen_window_hours = 336', org=ORG)


def a_comment_moves_its_ticket():
    def after(was, by, **values):
        ticket = desk.ticket(status=was, **values)
        body = '{"body":"x","author_type":"%s"}' % by
        call(desk.app, 'comment_create', [ORG, ticket, desk.root.one('SELECT uuid7()'), body], org=ORG,
             actor_type='user', actor_id='ada')
        return ticket
    for was, by, becomes in (('new', 'agent', 'open'), ('pending', 'agent', 'pending'),
    ('resolved', 'agent', 'resolved'),
                             ('new', 'customer', 'new'), ('on_hold', 'customer', 'on_hold'),
                             ('pending', 'customer', 'open'),
                             ('resolved', 'customer', 'open'), ('closed', 'customer', 'open')):
        same(f'a {by}\'s comment turns {was} into {becomes}', desk.get('ticket', after(was, by), 'status'),
                becomes)
    said = 'first_response_at IS NULL, last_agent_comment_at IS NULL, last_customer_comment_at IS NULL'
    ticket = after('new', 'agent')
    same('an agent\'s comment is the first response', desk.get('ticket', ticket, said), ('f', 'f', 't'))
    first = desk.get('ticket', ticket, 'first_response_at')
    desk.app(f"SELECT ticket_commented('{ORG}', '{ticket}', false)", org=ORG)
    same('which stays the first', desk.get('ticket', ticket, 'first_response_at'), first)
    same('a customer\'s comment is none', desk.get('ticket', after('open', 'customer'), said), ('t', 't', 'f'))
    asleep = dict(snoozed_until='2999-01-01', snooze_until_reply='true')
    state = 'snoozed_until IS NULL, snooze_until_reply'
    same('a customer\'s comment wakes a ticket that sleeps until a reply',
         desk.get('ticket', after('open', 'customer', **asleep), state), ('t', 'f'))
    same('an agent\'s does not', desk.get('ticket', after('open', 'agent', **asleep), state), ('f', 't'))
    for by in ('agent', 'customer'):
        old = desk.ticket(status='closed')
        desk.root(f"UPDATE ticket SET closed_at = now() - interval '337 hours' WHERE ticket_id = '{old}'")
        refused(f'a ticket closed for long takes no comment of a {by}', 'SV409', lambda o=old, b=by: call(
            desk.app, 'comment_create', [ORG, o, desk.root.one('SELECT uuid7()'),
                                         '{"body":"x","author_type":"%s"}' % b], org=ORG), 'ticket_closed')
        none('and keeps none', desk.root(f"SELECT 1 FROM comment WHERE ticket_id = '{old}'"))


def topics(events):
    return [e['topic'] for e in events]


def every_change_leaves_its_events():
    made = []
    who = dict(actor_type='api_key', actor_id='key-1', address='192.0.2.1', request_id='req-1',
            suppress='webhooks')
    sql = (f"INSERT INTO ticket (org_id, ticket_id, number, title, description, customer_id, tags) SELECT '{ORG}',"
           f" uuid7(), 500, 'Title', 'Secret', default_customer_id, '{{b, a ,b,\"\"}}' FROM organization RETURNING ticket_id")
    events = desk.events(lambda: made.append(desk.app.one(sql, org=ORG, **who)))
    ticket = made[0]
    same('a new ticket is one event, public and in the audit log',
         [(e['topic'], e['public'], e['audit'], e['ticket_id']) for e in events],
         [('ticket.created', True, True, ticket)])
    same('that knows who, from where and for which request', {k: events[0][k] for k in who}, who)
    same('and tells what the ticket is, never its text', set(events[0]['data']), {
        'ticket_id', 'number', 'title', 'status', 'priority', 'customer_id', 'team_id', 'queue_id',
        'assignee_user_id', 'tags', 'version'})
    same('tags are trimmed, sorted and without duplicates', desk.get('ticket', ticket, 'tags'), '{a,b}')
    same('and can be looked up', desk.root(f"SELECT tag FROM ticket_tag WHERE ticket_id = '{ticket}' ORDER BY 1"),
         [('a',), ('b',)])
    user = desk.insert('app_user', email='Grace@example.com', name='Grace')
    cases = [("priority = 'high'", ['ticket.updated', 'ticket.priority.changed'],
            {'priority': {'from': 'normal', 'to': 'high'}}),
             ("status = 'open'", ['ticket.updated', 'ticket.status.changed'],
             {'status': {'from': 'new', 'to': 'open'}}),
             (f"assignee_user_id = '{user}'", ['ticket.updated', 'ticket.assigned'],
             {'assignee_user_id': {'from': None, 'to': user}}),
             ("assignee_user_id = NULL", ['ticket.updated', 'ticket.unassigned'],
             {'assignee_user_id': {'from': user, 'to': None}}),
             ("tags = '{b,c}'", ['ticket.updated', 'ticket.tags.changed'],
             {'tags': {'from': ['a', 'b'], 'to': ['b', 'c']}}),
             ("title = 'New'", ['ticket.updated'], {'title': {'from': 'Title', 'to': 'New'}})]
    for change, wanted, changes in cases:
        before = int(desk.get('ticket', ticket, 'version'))
        events = desk.events(lambda c=change: update(ticket, c))
        same(f'{change} leaves {", ".join(wanted)} with what changed', (topics(events), events[0]['changes']),
                (wanted, changes))
        same('only the first is in the audit log, all are public',
             [(e['public'], e['audit']) for e in events], [(True, True)] + [(True, False)] * (len(wanted) - 1))
        same('and the version is one higher', int(desk.get('ticket', ticket, 'version')), before + 1)
    same('the tags can be looked up', desk.root(f"SELECT tag FROM ticket_tag WHERE ticket_id = '{ticket}' ORDER BY 1"),
         [('b',), ('c',)])
    events = desk.events(lambda: update(ticket, "status = 'closed', priority = 'low', tags = '{}'"))
    same('several changes at once are one update with a topic each', set(topics(events)), {
        'ticket.updated', 'ticket.status.changed', 'ticket.priority.changed', 'ticket.tags.changed'})
    version = desk.get('ticket', ticket, 'version', 'updated_at')
    for nothing in ("title = title", "tags = '{}'", "tags = '{ }'", "status = 'closed'"):
        rows = []
        none(f'{nothing} leaves no event', desk.events(lambda n=nothing: rows.extend(update(ticket, n))))
        same('but returns its row, unchanged', (rows, desk.get('ticket', ticket, 'version', 'updated_at')),
             ([version[:1]], version))
    events = desk.events(lambda: call(desk.app, 'ticket_delete', [ORG, ticket], org=ORG))
    same('deleting is its own topic', topics(events), ['ticket.deleted'])
    same('the description is in no event\'s data',
            desk.root.one("SELECT count(*) FROM event WHERE data::text LIKE '%Secret%'"), '0')


def what_is_worked_out_of_a_ticket_is_no_change_of_it():
    ticket = desk.app.one(
        f"INSERT INTO ticket (org_id, ticket_id, number, title, customer_id, status, created_at, first_response_at, ai_classification)"
        f" SELECT '{ORG}', uuid7(), 501, 'Title', default_customer_id, 'resolved', now() - interval '1 hour', now(),"
        "  '{\"topic\": \"billing\", \"confidence\": 0.9}' FROM organization RETURNING ticket_id", org=ORG)
    columns = [c for c, in desk.root("SELECT attname FROM pg_attribute WHERE attrelid = 'ticket'::regclass AND attgenerated = 's'")]
    none('everything that is worked out is there', [c for c in columns if desk.get('ticket', ticket, c) is None])
    same('and left out where tickets are compared',
         desk.root.one(f"SELECT count(*) FROM ticket t, jsonb_each(to_jsonb(ticket_plain(t))) f WHERE t.ticket_id = '{ticket}'"
                       f" AND f.key = ANY ('{{{','.join(columns)}}}') AND f.value <> 'null'"), '0')
    none('so that nothing is told when nothing changes', desk.events(lambda: update(ticket, 'title = title')))
    events = desk.events(lambda: update(ticket, "ai_classification = ai_classification || '{\"topic\": \"login\"}'"))
    same('and of a new label only the label', set(events[0]['changes']), {'ai_classification'})


def comments_leave_events_without_their_text():
    ticket = desk.ticket()
    made = []
    events = desk.events(lambda: made.append(desk.comment(ticket, 'Confidential words', author_id='ada')))
    same('a comment is ticket.comment.added', [(e['topic'], e['public'], e['data']) for e in events], [
        ('ticket.comment.added', True, {'comment_id': made[0], 'ticket_id': ticket, 'author_type': 'user',
                                        'author_id': 'ada', 'internal': False})])
    same('an internal one ticket.note.added', topics(desk.events(
        lambda: made.append(desk.comment(ticket, 'Confidential note', internal='true')))),
                ['ticket.note.added'])
    events = desk.events(lambda: call(desk.app, 'comment_patch',
            [ORG, ticket, made[0], '{"body":"Confidential too"}'], org=ORG))
    same('an edit is in the audit log only', [(e['topic'], e['public'], e['audit']) for e in events],
         [('ticket.comment.edited', False, True)])
    same('the earlier text is kept', desk.root(f"SELECT version, body FROM comment_revision WHERE comment_id = '{made[0]}'"),
         [('1', 'Confidential words')])
    none('an edit that changes nothing leaves neither', desk.events(lambda: call(
        desk.app, 'comment_patch', [ORG, ticket, made[0], '{"body":"Confidential too"}'], org=ORG)))
    events = desk.events(lambda: call(desk.app, 'comment_redact', [ORG, ticket, made[0], False], org=ORG))
    same('so is a redaction', [(e['topic'], e['public']) for e in events], [('ticket.comment.redacted', False)])
    same('which leaves no text', desk.root.one(f"""SELECT count(*) FROM comment LEFT JOIN comment_revision USING (comment_id)
        WHERE comment_id = '{made[0]}' AND (comment.body <> '' OR comment_revision.body IS NOT NULL)"""), '0')
    same('a deleted note is in the audit log', topics(desk.events(lambda: call(
        desk.app, 'note_delete', [ORG, ticket, made[1]], org=ORG))), ['ticket.note.deleted'])
    same('no event has any of the text', desk.root.one("SELECT count(*) FROM event e WHERE to_jsonb(e)::text LIKE '%Confidential%'"), '0')
    other = desk.ticket()
    events = desk.events(lambda: made.append(desk.insert('ticket_link', ticket_id=ticket, target_id=other,
            kind='blocks')))
    events += desk.events(lambda: call(desk.app, 'ticket_link_delete', [ORG, other, made[2]], org=ORG))
    same('links are ticket.linked and ticket.unlinked', topics(events), ['ticket.linked', 'ticket.unlinked'])


def configuration_leaves_events_without_secrets():
    made = {}

    def change(table, session_sql=None, **values):
        if session_sql is None:
            return desk.events(lambda: made.__setitem__(table, desk.insert(table, **values)))
        return desk.events(lambda: desk.app(session_sql, org=ORG))
    for table, resource, public, values, patch in (
            ('customer', 'customer', True, {'name': 'Jane', 'email': 'jane@example.com'}, "name = 'Joan'"),
            ('company', 'company', True, {'name': 'Co'}, "name = 'Ltd'"),
            ('team', 'team', False, {'name': 'Support'}, "name = 'Help'"),
            ('queue', 'queue', False, {'name': 'In'}, "name = 'Out'"),
            ('app_user', 'user', False, {'email': 'u@example.com', 'name': 'U', 'password_hash': 'hush-1'},
            "name = 'V'"),
            ('api_key', 'api_key', False, {'name': 'K', 'prefix': 'sk_', 'secret_hash': 'hush-2'},
            "name = 'L'")):
        key = {'app_user': 'user_id', 'api_key': 'key_id'}.get(table, table + '_id')
        events = change(table, **values)
        where = f"org_id = '{ORG}' AND {key} = '{made[table]}'"
        events += change(table, f'UPDATE {table} SET {patch} WHERE {where}')
        none(f'a {resource} that does not change leaves no event',
                change(table, f'UPDATE {table} SET {patch} WHERE {where}'))
        if table != 'app_user':
            events += change(table, f'DELETE FROM {table} WHERE {where}')
        wanted = [f'{resource}.{verb}' for verb in ('created', 'updated', 'deleted')][:len(events)]
        same(f'{resource}s leave {", ".join(wanted)}',
                [(e['topic'], e['public'], e['audit'], e['resource_id']) for e in events],
             [(t, public, True, made[table]) for t in wanted])
        ok('the update tells from what to what', set(events[1]['changes']) == {'name'}
           and events[1]['changes']['name']['from'] == values['name'], events[1]['changes'])
    user, team = made['app_user'], desk.insert('team', name='Team')
    none('a login is no change', change('x', f"UPDATE app_user SET last_login_at = now() WHERE user_id = '{user}'"))
    events = change('x', f"INSERT INTO team_member VALUES ('{ORG}', '{team}', '{user}')")
    same('a new member is in the audit log', [(e['topic'], e['changes']['user_id']['to']) for e in events],
            [('team_member.created', user)])
    same('so is a setting of the organisation', topics(change('x', "UPDATE organization SET name = 'New'")),
            ['organization.updated'])
    desk.app(f"UPDATE app_user SET password_hash = 'hush-3' WHERE user_id = '{user}'", org=ORG)
    same('a new password is told, not shown', desk.root.one(
        "SELECT changes FROM event WHERE topic = 'user.updated' ORDER BY occurred_at DESC LIMIT 1"),
        '{"password_hash": "[redacted]"}')
    same('no hash is in the log', desk.root.one("SELECT count(*) FROM event e WHERE to_jsonb(e)::text LIKE '%hush-%'"), '0')


def nobody_works_in_secret():
    for session in desk.owner, desk.app:
        ticket = desk.ticket(session=session)
        same(f'what {session.user} does is in the log', topics(desk.events(
            lambda s=session, t=ticket: update(t, "title = 'x'", s))), ['ticket.updated'])
        other = desk.ticket()
        same('links too', topics(desk.events(lambda s=session, t=ticket, o=other: desk.insert(
            'ticket_link', session=s, ticket_id=t, target_id=o, kind='blocks'))), ['ticket.linked'])
    for quiet in 'on', 'import':
        same(f'a worker cannot be quiet: {quiet}', topics(desk.events(lambda q=quiet: update(
            ticket, "title = title || 'y'", quiet=q))), ['ticket.updated'])
        same('nor make customers', topics(desk.events(lambda q=quiet: desk.app(
            f"INSERT INTO customer (org_id, customer_id) VALUES ('{ORG}', uuid7())", org=ORG, quiet=q))), ['customer.created'])
        comment = desk.insert('comment', ticket_id=desk.ticket(), author_type='system', body='x')
        same('nor remove a thread with its ticket', topics(desk.events(lambda q=quiet, c=comment: desk.app(
            f"DELETE FROM ticket WHERE ticket_id = (SELECT ticket_id FROM comment WHERE comment_id = '{c}')",
            org=ORG, quiet=q))), ['ticket.comment.deleted'])
    refused('nor pass the rules', 'SV409', lambda: update(desk.ticket(status='closed'), "status = 'pending'", quiet='import'))
    job = desk.insert('job', kind='import', state='running', token=1)
    spec = '{"kind": "tickets"}'
    row = '[{"title": "in secret", "external_id": "secret"}]'
    for secret in 'NULL', 'uuid7()':
        refused('nor work for an import that no scheduler gave it', 'SV409', lambda s=secret: desk.app(
            f"SELECT import_batch('{ORG}', '{job}', {s}, '{spec}', '{row}', '[]', '[]')", org=ORG))
    refused('whose parts do nothing for it', '42501', lambda: desk.app(
        f"SELECT import_begin('{ORG}', '{job}', uuid7())", org=ORG))
    topics_ = topics(desk.events(lambda: desk.app(
        f"SELECT import_tickets('{ORG}', '{row}', '[]', false)", org=ORG, quiet='import')))
    same('or leave their events', topics_, ['ticket.created'])
    secret = desk.root.one('SELECT uuid7()')
    desk.owner(f"INSERT INTO import_lease VALUES ('{ORG}', '{job}', '{secret}')", org=ORG)
    row = row.replace('secret', 'lease')
    none('who has the lease is quiet', desk.events(lambda: desk.app(
        f"SELECT import_batch('{ORG}', '{job}', '{secret}', '{spec}', '{row}', '[]', '[]')", org=ORG)))
    same('for that', desk.root.one("SELECT count(*) FROM ticket WHERE external_id = 'lease'"), '1')
    same('and for nothing else of the transaction', topics(desk.events(lambda: desk.app(
        f"""SELECT import_batch('{ORG}', '{job}', '{secret}', '{spec}', '[]', '[]', '[]');
            UPDATE ticket SET title = 'loud' WHERE external_id = 'lease'""", org=ORG))), ['ticket.updated'])
    none('a loader of the owner can', desk.events(lambda: update(ticket, "title = 'z'", desk.owner,
            quiet='on')))
    sleeper = desk.ticket(snoozed_until='2001-01-01', snooze_until_reply='true')
    events = desk.events(lambda: call(desk.scheduler, 'wake_snoozed', [], actor_type='system',
            actor_id='scheduler'))
    same('the scheduler wakes a ticket, and says so',
            [(e['topic'], e['actor_id'], e['ticket_id']) for e in events],
         [('ticket.updated', 'scheduler', sleeper)])
    same('it sleeps no longer, not until a reply either', desk.get(
        'ticket', sleeper, 'snoozed_until IS NULL, snooze_until_reply'), ('t', 'f'))


def main():
    global desk
    desk = Desk(__file__)
    try:
        same('the schema is there', desk.problem, '')
        return checks.run(
            a_new_organisation_has_what_it_needs, a_status_goes_only_where_it_may, a_comment_moves_its_ticket,
                    every_change_leaves_its_events, what_is_worked_out_of_a_ticket_is_no_change_of_it,
                    comments_leave_events_without_their_text,
                            configuration_leaves_events_without_secrets, nobody_works_in_secret)
    finally:
        desk.close()


if __name__ == '__main__':
    sys.exit(main())
