#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens beside the tickets: numbers, the directory, the relay, assignment, the scheduler's duties."""
import json
import sys

import pgtest
from pgtest import SCHEDULER, Checks, Desk, SqlError, call, until

ORG = 'org_a'
checks = Checks()
ok, same, none, refused = checks.ok, checks.same, checks.none, checks.refused
desk = None


def update(ticket, change, session=None, **settings):
    return (session or desk.app)(f"UPDATE ticket SET {change} WHERE org_id = '{ORG}' AND ticket_id = '{ticket}'"
                                 ' RETURNING version', org=ORG, **settings)


def numbers_are_unique_under_concurrency():
    workers = [desk.session() for _ in range(6)]
    for w in workers:
        w.psql.stdin.write("SET app.org = 'org_b';\n" + "SELECT take_numbers('org_b', 3);\n" * 50 + f'\\echo {pgtest.MARK}\n')
        w.psql.stdin.flush()
    firsts = [int(row[0]) for w in workers for row in w.receive()]
    same('six workers with 50 blocks of three get 300 blocks', len(firsts), 300)
    same('that neither overlap nor leave a gap', sorted(firsts),
            list(range(firsts and min(firsts), min(firsts) + 900, 3)))
    e = refused('a number is given once', '23505', lambda: [desk.ticket(number='777') for _ in range(2)])
    same('by the constraint of the field', e.constraint, 'ticket__number')


def the_directory_follows_the_credentials():
    def listed(kind, row):
        return sorted(d[0] for d in desk.root(f"SELECT digest FROM directory WHERE kind = '{kind}' AND id = '{row}'"))

    def digest(email):
        return desk.root.one(f"SELECT encode(sha256(convert_to(lower('{email}'), 'UTF8')), 'hex')")

    def change(table, key, row, what):
        desk.app(f"UPDATE {table} SET {what} WHERE org_id = '{ORG}' AND {key} = '{row}'", org=ORG)
    user = desk.insert('app_user', email='Mixed@Example.com', name='M')
    same('a user is found by the e-mail address in any case', listed('email', user),
            [digest('mixed@example.COM')])
    change('app_user', 'user_id', user, "email = 'new@example.com'")
    same('by the new one after a change', listed('email', user), [digest('new@example.com')])
    change('app_user', 'user_id', user, 'active = false')
    none('not while deactivated', listed('email', user))
    change('app_user', 'user_id', user, 'active = true')
    same('and again afterwards', listed('email', user), [digest('new@example.com')])
    desk.insert('app_user', 'org_b', email='new@example.com', name='Same address elsewhere')
    same('one address may be in two organisations', len(desk.root(
        f"SELECT 1 FROM directory WHERE digest = '{digest('new@example.com')}'")), 2)
    refused('but once in each, in any case', '23505',
            lambda: desk.insert('app_user', email='NEW@example.com', name='x'))
    key = desk.insert('api_key', name='k', prefix='sk_', secret_hash='h1')
    same('a key is found by its hash', listed('api_key', key), ['h1'])
    for new, wanted in ('h2', ['h1', 'h2']), ('h3', ['h2', 'h3']):
        call(desk.app, 'api_key_rotate', [ORG, key, 60, new, 'sk_'], org=ORG)
        same(f'rotated to {new}, by this and the one before', listed('api_key', key), wanted)
    call(desk.app, 'api_key_revoke', [ORG, key], org=ORG)
    none('not once it is revoked', listed('api_key', key))
    session = desk.insert('session', user_id=user, refresh_hash='r1', expires_at='2999-01-01')
    call(desk.app, 'session_rotate', [ORG, session, 'r2', 60], org=ORG)
    same('a session by this and the previous token', listed('session', session), ['r1', 'r2'])
    change('session', 'session_id', session, "expires_at = '2001-01-01'")
    call(desk.scheduler, 'drop_sessions', [])
    none('the scheduler drops what has expired',
            desk.root(f"SELECT 1 FROM session WHERE session_id = '{session}'"))
    none('and the directory forgets it', listed('session', session))
    found = call(desk.app, 'auth_directory', ['email', digest('new@example.com')])
    same('a worker finds the organisations of a credential before it has one', {f[1] for f in found},
            {ORG, 'org_b'})


def the_relay_numbers_events_once_and_in_order():
    def place(session, org=ORG):
        return call(session, 'relay_place', [org])[0]

    def sequence():
        return [int(r[0]) for r in desk.root(f"SELECT seq FROM event WHERE org_id = '{ORG}' AND seq IS NOT NULL ORDER BY seq")]
    while place(desk.scheduler)[0] != '0':
        pass
    same('numbers have no gap', sequence(), list(range(1, len(sequence()) + 1)))
    same('only public events have one', desk.root(f"SELECT 1 FROM event WHERE org_id = '{ORG}' AND public <> (seq IS NOT NULL)"), [])
    same('an organisation that does not exist has nothing to place', place(desk.scheduler, 'nobody')[0], '0')
    ticket = desk.ticket()
    # One worker begins first, but the other one changes the row first.
    slow, fast = desk.session(), desk.session()
    slow.plain('BEGIN')
    slow.plain(f"SELECT set_config('app.org', '{ORG}', true)")
    update(ticket, "title = 'first'", fast)
    slow.plain(f"UPDATE ticket SET title = 'second' WHERE org_id = '{ORG}' AND ticket_id = '{ticket}'")
    slow.plain('COMMIT')
    second = desk.session(SCHEDULER)
    desk.scheduler.plain('BEGIN')
    done = place_in(desk.scheduler)
    ok('a relay places what is there', int(done[0]) >= 3, done)
    second.send(f"SELECT placed, newest FROM place_events('{ORG}', 1000)")
    ok('a second one waits for the first', until(lambda: desk.root.one(
        f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {second.pid}") == 'Lock'))
    desk.scheduler.plain('COMMIT')
    same('and does not number the same events again', second.receive()[0][0], '0')
    same('numbers still have no gap', sequence(), list(range(1, int(done[1]) + 1)))
    same('the counter is at the newest', desk.root.one(f"SELECT last_seq FROM event_sequence WHERE org_id = '{ORG}'"), done[1])
    same('a row\'s changes come in the order in which they happened', [r[0] for r in desk.root(
        f"""SELECT changes -> 'title' ->> 'to' FROM event WHERE ticket_id = '{ticket}' AND topic = 'ticket.updated' ORDER BY seq""")],
         ['first', 'second'])
    for _ in range(20):
        update(ticket, "priority = CASE priority WHEN 'low' THEN 'high' ELSE 'low' END")
    place(desk.scheduler)
    same('an update comes before what follows from it', [r[0] for r in desk.root(
        f"SELECT topic FROM event WHERE ticket_id = '{ticket}' ORDER BY seq DESC LIMIT 40")],
         ['ticket.priority.changed', 'ticket.updated'] * 20)


def place_in(session):
    return session.plain(f"SELECT placed, newest FROM place_events('{ORG}', 1000)")[0]


def people_keep_their_organisation_going():
    admins = [desk.insert('app_user', email=f'admin{i}@example.com', name='A', role='admin') for i in range(2)]
    first, other = desk.session(), desk.session()
    first.plain('BEGIN')
    first.plain(f"SELECT set_config('app.org', '{ORG}', true)")
    first.plain(f"UPDATE app_user SET role = 'agent' WHERE org_id = '{ORG}' AND user_id = '{admins[0]}'")
    other.send(f"UPDATE app_user SET active = false WHERE org_id = '{ORG}' AND user_id = '{admins[1]}'",
            org=ORG)
    ok('two admins cannot go at once', until(lambda: desk.root.one(
        f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {other.pid}") == 'Lock'))
    first.plain('COMMIT')
    refused('the one who comes second stays', 'SV409', other.receive, 'last_admin')
    for change in '{"role":"viewer"}', '{"active":false}':
        refused(f'the last admin stays one: {change}', 'SV409', lambda c=change: call(
            desk.app, 'user_patch', [ORG, admins[1], c, None], org=ORG), 'last_admin')
    refused('and is not deactivated', 'SV409', lambda: call(
        desk.app, 'user_deactivate', [ORG, admins[1], None], org=ORG), 'last_admin')
    agent = desk.insert('app_user', email='one@example.com', name='One', capacity='1', skills='{sql}')
    desk.app(f"UPDATE app_user SET availability = 'offline' WHERE user_id <> '{agent}'", org=ORG)
    a, b = desk.ticket(required_skills='{sql}'), desk.ticket(required_skills='{sql}')
    team = desk.insert('team', name='Assigned')
    desk.app(f"INSERT INTO team_member VALUES ('{ORG}', '{team}', '{agent}')", org=ORG)
    first.plain('BEGIN')
    first.plain(f"SELECT set_config('app.org', '{ORG}', true)")
    first.plain(f"""SELECT ticket_assign('{ORG}', '{a}', '{{"strategy":"least_loaded"}}')""")
    other.send(f"""SELECT ticket_assign('{ORG}', '{b}', '{{"strategy":"skill","team_id":"{team}"}}')""",
            org=ORG)
    ok('one ticket is assigned at a time', until(lambda: desk.root.one(
        f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {other.pid}") == 'Lock'))
    first.plain('COMMIT')
    refused('an agent gets no more than the capacity', 'SV409', other.receive, 'no_agent_available')
    same('the first ticket is the agent\'s', desk.get('ticket', a, 'assignee_user_id'), agent)
    successor = desk.insert('app_user', email='two@example.com', name='Two')
    call(desk.app, 'user_deactivate', [ORG, agent, successor], org=ORG)
    same('a deactivated agent\'s tickets go to the successor', desk.get('ticket', a, 'assignee_user_id'),
            successor)


def fifty_agents_at_once_never_get_the_same_ticket():
    queue = desk.insert('queue', ORG, name='Crowd')
    agents = [desk.insert('app_user', ORG, email=f'crowd{n}@example.com', name=f'Agent {n}') for n in range(50)]
    tickets = {desk.ticket(queue_id=queue) for _ in range(180)}
    callers = [desk.session() for _ in agents]
    for session, agent in zip(callers, agents):
        session.psql.stdin.write(f"SET app.org = '{ORG}';\n" + f"SELECT queue_next('{ORG}', '{queue}', '{agent}');\n" * 4
                                 + f'\\echo {pgtest.MARK}\n')
        session.psql.stdin.flush()
    given = [row[0] for session in callers for row in session.receive() if row[0]]
    same('each ticket is given once', len(given), len(set(given)))
    same('and every one of them is', set(given), tickets)


def two_companies_at_once_do_not_get_the_same_domain():
    first, other = desk.session(), desk.session()
    first.plain('BEGIN')
    first.plain(f"SELECT set_config('app.org', '{ORG}', true)")
    kept = call_within(first, 'company_create', '{"name":"A","domains":["both.example"]}')
    other.send(f"""INSERT INTO company (org_id, company_id, name, domains)
        VALUES ('{ORG}', uuid7(), 'B', '{{mine.example,both.example}}')""", org=ORG)
    ok('who asks for a domain that somebody is about to have waits', until(lambda: desk.root.one(
        f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {other.pid}") == 'Lock'))
    first.plain('COMMIT')
    refused('and is refused as if it had been there', 'SV409', other.receive, 'already_exists', 'domains')
    same('the domain is the first one\'s, and there is no second company', desk.root(
        "SELECT (SELECT company_id FROM company_domain WHERE domain = 'both.example'),"
        " (SELECT count(*) FROM company WHERE name = 'B')"), [(kept, '0')])


def call_within(session, name, body):
    """A statement that creates, in the session's transaction; the new id."""
    new = desk.root.one('SELECT uuid7()')
    session.plain(f'PREPARE {name} AS {pgtest.statements()[name][1]}')
    session.plain(f"EXECUTE {name}('{ORG}', '{new}', '{body}')")
    return new


def the_scheduler_purges_deleted_tickets():
    gone, kept = desk.ticket(tags='{x}'), desk.ticket()
    desk.comment(gone, 'text')
    desk.insert('ticket_link', ticket_id=gone, target_id=kept, kind='related')
    merged, into = desk.ticket(), desk.ticket()
    for ticket, comment in (gone, None), (gone, desk.comment(gone, 'file')), (merged, None), (merged, desk.comment(merged, 'file')):
        desk.insert('attachment', ticket_id=ticket, comment_id=comment, filename='x', content_type='text/plain', size=1,
                    sha256='0' * 64)
    call(desk.app, 'ticket_merge', [ORG, into, json.dumps({'ticket_ids': [merged]})], org=ORG)
    desk.root(f"UPDATE ticket SET deleted_at = now() - interval '31 days' WHERE ticket_id = '{merged}'")
    desk.root(f"UPDATE ticket SET deleted_at = now() - interval '31 days' WHERE ticket_id = '{gone}'")
    desk.root(f"UPDATE ticket SET deleted_at = now() - interval '29 days' WHERE ticket_id = '{kept}'")
    call(desk.scheduler, 'purge_tickets', [], actor_type='system', actor_id='scheduler')
    same('a deleted ticket goes after the time of its organisation, not before',
         (desk.get('ticket', gone, 'number'), desk.get('ticket', kept, 'deleted_at IS NULL')), (None, 'f'))
    same('with all that hangs on it', [desk.root.one(f"SELECT count(*) FROM {t} WHERE ticket_id = '{gone}'")
                                       for t in ('comment', 'ticket_tag', 'ticket_link', 'attachment')], ['0'] * 4)
    same('what had gone elsewhere by a merge stays there', (desk.get('ticket', merged, 'number'), desk.root.one(
        f"SELECT count(*) FROM attachment WHERE ticket_id = '{into}'")), (None, '2'))
    desk.root(f"UPDATE ticket SET deleted_at = now() - interval '31 days' WHERE ticket_id = '{into}'")
    call(desk.scheduler, 'purge_tickets', [], actor_type='system', actor_id='scheduler')
    same('until that ticket goes', desk.root.one(f"SELECT count(*) FROM attachment WHERE ticket_id = '{into}'"), '0')
    call(desk.owner, 'demo_load', ['org_b', 50], org='org_b')
    same('the demonstration loads without a word in the log', desk.root(
        "SELECT DISTINCT topic FROM event WHERE org_id = 'org_b' AND topic LIKE 'ticket%'"), [])
    ok('and fills a desk', int(desk.root.one("SELECT count(*) FROM ticket WHERE org_id = 'org_b'")) >= 50)


def the_words_of_an_import_are_kept_beside_changes():
    tickets = [desk.ticket(title='former') for _ in range(4)]
    changed, gone, later, left = tickets

    def leave(*some):
        """As an import does."""
        ids = ', '.join(f"'{t}'" for t in some)
        desk.root.plain(f"DELETE FROM search_document WHERE id IN ({ids});"
                        f"INSERT INTO search_pending (org_id, kind, ids) VALUES ('{ORG}', 'ticket', ARRAY[{ids}]::uuid[])")

    def keep_up():
        return call(desk.scheduler, 'search_keep_up', [None])[0][0]

    def words(ticket):
        return desk.root.one(f"SELECT array_to_string(tsvector_to_array(words), ' ') FROM search_document WHERE id = '{ticket}'")

    def waits(session):
        return until(lambda: desk.root.one(
            f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {session.pid}") == 'Lock')
    leave(*tickets)
    update(later, "title = 'latter'")
    first, second = desk.session(), desk.session()
    desk.scheduler.plain('BEGIN')
    desk.scheduler.plain('SELECT search_keep_up(NULL)')
    for session, ticket, change in (first, changed, "title = 'latter'"), (second, gone, 'deleted_at = now()'):
        session.send(f"UPDATE ticket SET {change} WHERE org_id = '{ORG}' AND ticket_id = '{ticket}'", org=ORG)
        ok(f'a change waits while words are kept: {change}', waits(session))
    desk.scheduler.plain('COMMIT')
    first.receive()
    second.receive()
    same('what changes meanwhile is found as it is', [words(t) for t in tickets], ['latter', None, 'latter', 'former'])
    leave(changed, left)
    first.plain('BEGIN')
    first.plain(f"SELECT set_config('app.org', '{ORG}', true)")
    first.plain(f"UPDATE ticket SET title = 'last' WHERE org_id = '{ORG}' AND ticket_id = '{changed}'")
    same('what is being changed is left for later', keep_up(), 'f')
    first.plain('COMMIT')
    same('but not forgotten', (keep_up(), keep_up()), ('t', 'f'))
    same('and all is kept once', [words(t) for t in tickets], ['last', None, 'latter', 'former'])


def misspelt_words_are_corrected_by_what_older_texts_have():
    def corrected(text):
        return desk.root.one(f"SELECT search_corrected('{ORG}', '{text}')")

    def learn():
        for _ in range(10):
            if (learnt := call(desk.scheduler, 'search_learn', [])) == []:
                return
            done.append(learnt[0][1])
    done = []
    customer = desk.insert('customer', name='Wilhelmina')
    ids = [desk.ticket(title='Umbrella of Wilhelmina', customer_id=customer) for _ in range(2)]
    desk.comment(desk.ticket(title='Parasol'), 'a gazebo', internal=True)
    desk.comment(ids[0], 'a gazebo', internal=True)
    desk.app(f"INSERT INTO ticket (org_id, ticket_id, number, title, customer_id) SELECT '{ORG}', uuid7(), take_numbers('{ORG}', 1), "
             f"'Rain', default_customer_id FROM organization, generate_series(1, 120) WHERE org_id = '{ORG}'", org=ORG)
    call(desk.scheduler, 'relay_place', [ORG])
    same('among the newest texts there is no such word', corrected('umbrela'), None)
    learn()
    same('the words of older ones are learnt', [corrected(w) for w in ('umbrela', 'ombrella', 'Wilhelmnia')],
         ['umbrella', 'umbrella', 'wilhelmina'])
    same('but none that one text has alone, nor those of notes', [corrected(w) for w in ('parasoll', 'gazeebo')], [None, None])
    call(desk.app, 'customer_erase', [ORG, customer, 'anonymize'], org=ORG)
    same('who is erased is not in them', corrected('Wilhelmnia'), None)
    done.clear()
    desk.root.plain("UPDATE search_vocabulary SET taken_at = taken_at - interval '59 minutes'")
    call(desk.scheduler, 'relay_place', [ORG])
    learn()
    same('and the others are learnt anew', (done, corrected('umbrela'), corrected('Wilhelmnia')), ([ORG], None, None))
    desk.ticket(title='Snow')
    call(desk.scheduler, 'relay_place', [ORG])
    learn()
    same('not at every change', done, [ORG])
    desk.root.plain("UPDATE search_vocabulary SET taken_at = taken_at - interval '61 minutes'")
    learn()
    same('but after an hour', done, [ORG, ORG])


def an_organisation_whose_words_cannot_be_learnt_holds_up_nobody():
    desk.root.plain("SELECT search_learn('org_b', 0)")
    desk.root.plain(f"""UPDATE search_vocabulary SET taken_at = CASE org_id WHEN '{ORG}' THEN '2000-01-01' ELSE '2000-01-02' END::date;
        UPDATE event_sequence SET last_seq = last_seq + 1""")
    desk.root.plain('BEGIN')
    desk.root.plain(f"SELECT 1 FROM search_vocabulary WHERE org_id = '{ORG}' FOR UPDATE")

    def learnt():
        try:
            desk.scheduler.plain("SET lock_timeout = '50ms'")
            call(desk.scheduler, 'search_learn', [])
        except SqlError:
            pass
        return desk.scheduler("SELECT 1 FROM search_vocabulary WHERE org_id = 'org_b' AND taken_at > '2001-01-01'") != []
    ok('the other one has its turn', until(learnt))
    desk.root.plain('ROLLBACK')
    desk.scheduler.plain('RESET lock_timeout')


def main():
    global desk
    desk = Desk(__file__)
    try:
        same('the schema is there', desk.problem, '')
        for org in ORG, 'org_b':
            call(desk.app, 'organization_create', [org, 'Example'], org=org)
        return checks.run(
            numbers_are_unique_under_concurrency, the_directory_follows_the_credentials,
                    the_relay_numbers_events_once_and_in_order, fifty_agents_at_once_never_get_the_same_ticket,
                    people_keep_their_organisation_going, two_companies_at_once_do_not_get_the_same_domain,
                    the_words_of_an_import_are_kept_beside_changes,
                            misspelt_words_are_corrected_by_what_older_texts_have,
                            an_organisation_whose_words_cannot_be_learnt_holds_up_nobody,
                            the_scheduler_purges_deleted_tickets)
    finally:
        desk.close()


if __name__ == '__main__':
    sys.exit(main())
