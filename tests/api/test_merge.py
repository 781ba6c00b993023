#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What moves and comes back: merging and unmerging tickets, splitting, merging and erasing customers."""
import json
import sys

from pgtest import Checks, Desk, call, literal

ORG = 'org_a'
checks = Checks()
ok, same, none, refused = checks.ok, checks.same, checks.none, checks.refused
desk = None
# Moving and coming back counts as two changes; when, is not part of the state.
VOLATILE = "- '{version,updated_at,edited_at}'::text[]"


def merge(target, *sources):
    ids = json.dumps({'ticket_ids': sources})
    call(desk.app, 'ticket_merge', [ORG, target, ids], org=ORG, actor_type='user', actor_id='ada')


def unmerge(ticket, merge_id=None):
    call(desk.app, 'ticket_unmerge', [ORG, ticket, json.dumps({'merge_id': merge_id})], org=ORG,
         actor_type='user', actor_id='bob')


def state():
    """Every row that a merge may touch, as sets of texts, without the record of merges itself."""
    found = {}
    for table in 'ticket', 'comment', 'comment_revision', 'ticket_link', 'ticket_tag':
        keep = '' if table == 'comment_revision' else VOLATILE
        found[table] = {r[0] for r in desk.root(f"SELECT (to_jsonb(x) {keep})::text FROM {table} x WHERE org_id = '{ORG}'")}
    return found


def differences(before, after):
    return {t: (sorted(before[t] - after[t]), sorted(after[t] - before[t])) for t in before if before[t] != after[t]}


def restored(sentence, before):
    none(sentence, differences(before, state()))


def link(a, b, kind='related'):
    return desk.insert('ticket_link', ticket_id=a, target_id=b, kind=kind)


def thread(ticket):
    """Two comments, one of them edited, and a note."""
    ids = [desk.comment(ticket, 'Hello', 'customer'), desk.comment(ticket, 'Good day'),
           desk.comment(ticket, 'For agents', internal='true', mentions='{' + ticket + '}')]
    call(desk.app, 'comment_patch', [ORG, ticket, ids[1], '{"body":"Good evening"}'], org=ORG)
    return ids


def of(table, ticket, column):
    return sorted(r[0] for r in desk.root(f"SELECT {column} FROM {table} WHERE ticket_id = '{ticket}'"))


def a_merge_is_undone_without_a_trace():
    target = desk.ticket(tags='{kept,shared}')
    source = desk.ticket(tags='{shared,moved}', status='pending', description='It is broken',
                         snoozed_until='2999-01-01', snooze_until_reply='true')
    friend, both = desk.ticket(), desk.ticket()
    own, moved = thread(target), thread(source)
    link(source, friend, 'blocks')
    link(friend, source, 'parent_of')
    link(source, target)
    link(source, both, 'duplicate_of')
    link(target, both, 'duplicate_of')
    before = state()
    merge(target, source)
    same('comments and notes have moved', of('comment', target, 'comment_id')
         if len(of('comment', target, 'comment_id')) != 7 else 'seven', 'seven')
    none('all of them', of('comment', source, 'comment_id'))
    same('and know where they come from', {r[0] for r in desk.root(
        f"SELECT comment_id FROM comment WHERE origin_ticket_id = '{source}'")}, set(moved))
    ok('the description is kept in a note', desk.root.one(
        f"""SELECT 1 FROM comment WHERE ticket_id = '{target}' AND internal AND author_type = 'system'
             AND body LIKE 'Merged #%' AND body LIKE '%It is broken'""") == '1')
    same('the tags have been added', of('ticket_tag', target, 'tag'), ['kept', 'moved', 'shared'])
    same('the links have moved', sorted(desk.root(
        f"""SELECT kind, ticket_id = '{target}' FROM ticket_link WHERE '{target}' IN (ticket_id, target_id)""")),
         [('blocks', 't'), ('duplicate_of', 't'), ('parent_of', 'f')])
    none('none is left', desk.root(f"SELECT 1 FROM ticket_link WHERE '{source}' IN (ticket_id, target_id)"))
    same('the source is merged and awake', desk.get('ticket', source, 'status', 'merged_into_id',
            'snoozed_until IS NULL', 'snooze_until_reply'), ('merged', target, 't', 'f'))
    for change in "title = 'x'", "status = 'open'", "status = 'open', merged_into_id = NULL", "tags = '{}'":
        refused(f'a merged ticket is not changed: {change}', 'SV409', lambda c=change: desk.app(
            f"UPDATE ticket SET {c} WHERE org_id = '{ORG}' AND ticket_id = '{source}'", org=ORG),
            'ticket_merged')
    refused('nor answered', 'SV409', lambda: call(desk.app, 'comment_create', [
        ORG, source, desk.root.one('SELECT uuid7()'), '{"body":"x"}'], org=ORG), 'ticket_merged')
    refused('nor merged again', 'SV409', lambda: merge(friend, source), 'ticket_merged', 'ticket_ids')
    refused('nor merged into', 'SV409', lambda: merge(source, friend), 'ticket_merged')
    late = desk.comment(target, 'Written later')
    unmerge(source)
    desk.app(f"DELETE FROM comment WHERE org_id = '{ORG}' AND comment_id = '{late}'", org=ORG)
    restored('an unmerge brings everything back: comments, notes, history, tags, links, status and sleep', before)
    same('what was written later has stayed', of('comment', target, 'comment_id'), sorted(own))
    same('the record says who and when', desk.root(
        f"SELECT merged_by, unmerged_by, unmerged_at IS NOT NULL FROM ticket_merge WHERE source_ticket_id = '{source}'"),
         [('ada', 'bob', 't')])
    refused('a merge is undone once', 'SV409', lambda: unmerge(source), 'not_merged', 'merge_id')
    merge(target, source)
    unmerge(target, desk.root.one(f"SELECT merge_id FROM ticket_merge WHERE source_ticket_id = '{source}' AND unmerged_at IS NULL"))
    restored('so does an unmerge by its record, from the target, the second time', before)


def several_merges_are_undone_in_any_order():
    for order in (0, 1), (1, 0):
        target = desk.ticket(tags='{t}')
        sources = [desk.ticket(tags='{both,%s}' % n) for n in 'ab']
        third = desk.ticket()
        for s in sources:
            thread(s)
            link(s, third)
        link(sources[0], sources[1], 'parent_of')
        link(sources[1], target, 'blocks')
        before = state()
        merge(target, *sources)
        same('two tickets are merged at once', of('ticket_tag', target, 'tag'), ['a', 'b', 'both', 't'])
        for i in order:
            unmerge(sources[i])
        restored('both are unmerged, the ' + ('first' if order[0] == 0 else 'second') + ' before the other', before)


def chains_and_splits_come_apart():
    a, b, c = desk.ticket(), desk.ticket(tags='{b}'), desk.ticket(tags='{c}')
    for t in a, b, c:
        thread(t)
    link(a, c)
    before = state()
    merge(b, a)
    between = state()
    merge(c, b)
    refused('a merge below another one waits for that to be undone', 'SV409', lambda: unmerge(a),
            'ticket_merged')
    unmerge(b)
    restored('the outer merge is undone', between)
    unmerge(a)
    restored('then the inner one', before)
    part = desk.root.one('SELECT uuid7()')
    moved = desk.root.one(f"SELECT comment_id FROM comment WHERE ticket_id = '{a}' AND NOT internal LIMIT 1")
    number = desk.app.one(f"SELECT take_numbers('{ORG}', 1)", org=ORG)
    call(desk.app, 'ticket_split', [ORG, a, part, number, json.dumps({'comment_ids': [moved]})], org=ORG)
    same('a split takes the comment along', of('comment', part, 'comment_id'), [moved])
    same('and notes where it was', desk.root.one(f"SELECT origin_ticket_id FROM comment WHERE comment_id = '{moved}'"), a)
    refused('a comment of another ticket is not split off', 'SV422', lambda: call(
        desk.app, 'ticket_split', [ORG, b, desk.root.one('SELECT uuid7()'), 999, json.dumps({'comment_ids': [moved]})],
        org=ORG), 'unknown_reference', 'comment_ids')
    before = state()
    merge(a, part)
    merge(b, a)
    unmerge(a)
    unmerge(part)
    restored('where a split comment was stays known through merges', before)


def the_world_moves_on_while_merged():
    target, source, friend = desk.ticket(tags='{other}'), desk.ticket(tags='{old}'), desk.ticket()
    link(source, friend)
    merge(target, source)
    call(desk.app, 'tag_rename', [ORG, 'old', '{"tag":"new"}'], org=ORG)
    same('a tag is renamed in merged tickets too',
            (of('ticket_tag', target, 'tag'), of('ticket_tag', source, 'tag')),
         (['new', 'other'], ['new']))
    none('nothing has the old one', desk.root("SELECT 1 FROM ticket_tag WHERE tag = 'old'"))
    desk.root(f"DELETE FROM ticket WHERE ticket_id = '{friend}'")
    unmerge(source)
    same('the renamed tag leaves with the ticket that brought it',
            (of('ticket_tag', target, 'tag'), of('ticket_tag', source, 'tag')),
         (['other'], ['new']))
    none('a link to a ticket that is gone stays gone',
            desk.root(f"SELECT 1 FROM ticket_link WHERE ticket_id = '{source}'"))
    merge(target, source)
    call(desk.app, 'tag_rename', [ORG, 'new', '{"tag":"other"}'], org=ORG)
    unmerge(source)
    same('a tag merged into one that the target had stays with both',
            (of('ticket_tag', target, 'tag'), of('ticket_tag', source, 'tag')),
         (['other'], ['other']))
    closed = desk.ticket(status='closed')
    refused('nothing is merged into a closed ticket', 'SV409', lambda: merge(closed, source), 'ticket_closed')
    merge(target, closed)
    unmerge(closed)
    same('a closed ticket comes back closed', desk.get('ticket', closed, 'status'), 'closed')
    refused('a ticket is not merged into itself', 'SV422', lambda: merge(target, target), 'self_reference',
            'ticket_ids')
    before = state()
    refused('nor with one that does not exist', 'SV422',
            lambda: merge(target, source, desk.root.one('SELECT uuid7()')),
            'unknown_reference', 'ticket_ids')
    restored('a merge that fails changes nothing', before)


def mentions(word):
    """Tables in which the word is found, in any column."""
    tables = [r[0] for r in desk.root(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1")]
    return [t for t in tables if desk.root.one(f"SELECT count(*) FROM {t} x WHERE to_jsonb(x)::text ILIKE '%{word}%'") != '0']


def person(word, **values):
    return desk.insert('customer', name=word + ' Doe', email=word + '@example.com', phone='+1 ' + word,
                       attributes=json.dumps({'note': word}), **values)


def case_of(customer, word):
    ticket = desk.ticket(customer_id=customer, title=word + ' title', description=word + ' description',
                         custom_fields=json.dumps({'field': word}))
    made = desk.comment(ticket, word + ' wrote', 'customer', author_id=customer)
    call(desk.app, 'comment_patch', [ORG, ticket, made, json.dumps({'body': word + ' wrote better'})], org=ORG)
    desk.comment(ticket, word + ' by address', 'customer', author_id=word + '@example.com')
    desk.insert('attachment', ticket_id=ticket, filename=word + '.png', content_type='image/png', size=1, sha256='0' * 64)
    desk.insert('attachment', ticket_id=desk.ticket(), comment_id=made, filename=word + '.pdf', content_type='application/pdf',
                size=1, sha256='1' * 64)
    desk.app(f"INSERT INTO csat_survey (org_id, survey_id, ticket_id, customer_id, token_hash, score, comment, expires_at) VALUES ("
             f"'{ORG}', uuid7(), '{ticket}', '{customer}', uuid7()::text, 5, '{word} was served', now())", org=ORG)
    desk.insert('mail', ticket_id=ticket, kind='reply', recipient=word + '@example.com', subject=word + ' title',
                message_id=desk.root.one('SELECT uuid7()'))
    desk.app(f"INSERT INTO inbound_mail (org_id, mail_id, message_id, action, ticket_id, sender) VALUES ("
             f"'{ORG}', uuid7(), uuid7()::text, 'created', '{ticket}', '{word}@example.com')", org=ORG)
    desk.app(f"UPDATE ticket SET title = {literal(word + ' new title')} WHERE org_id = '{ORG}' AND ticket_id = '{ticket}'", org=ORG)
    return ticket


def erase(customer, mode):
    return call(desk.app, 'customer_erase', [ORG, customer, mode], org=ORG, actor_type='user', actor_id='ada')


def an_erased_person_is_gone_from_everywhere():
    desk.insert('webhook', url='https://hooks.example.com/', secret='x') # is told of everything
    for mode in 'anonymize', 'delete':
        word, second = mode + 'zz', mode + 'yy'
        jane, same_jane, bystander = person(word), person(second), person('by' + mode)
        ticket, second_ticket, other = case_of(jane, word), case_of(same_jane, second), case_of(bystander,
                'by' + mode)
        into, joined, lone = case_of(jane, word), case_of(bystander, 'by' + mode), case_of(jane, word)
        call(desk.app, 'customer_merge', [ORG, jane, json.dumps({'customer_ids': [same_jane]})], org=ORG)
        desk.comment(other, word + ' in copy', 'customer', author_id=jane)
        merge(other, ticket)    # the person's ticket into another's
        merge(into, joined)     # another's into the person's
        merge(into, lone)       # the person's own two
        merge(other, into)      # and a chain of them
        desk.scheduler(f"SELECT place_events('{ORG}', 1000)")
        theirs = int(desk.root.one(f"SELECT count(*) FROM comment WHERE body LIKE 'by{mode}%'"))
        files = desk.root.one(f"SELECT count(*) FROM attachment WHERE filename LIKE 'by{mode}%'")
        ok('the person is in many places', len(mentions(word)) >= 5, mentions(word))
        erase(jane, mode)
        same(f'{mode}: nothing names the person any more', mentions(word), [])
        same('nor who was merged into the person', mentions(second), [])
        same('what others wrote is all there',
                int(desk.root.one(f"SELECT count(*) FROM comment WHERE body LIKE 'by{mode}%'")), theirs)
        same('and so are their files', desk.root.one(f"SELECT count(*) FROM attachment WHERE filename LIKE 'by{mode}%'"), files)
        ok('their customer too', desk.get('customer', bystander, 'name') == f'by{mode} Doe')
        left = [desk.get('ticket', t, 'title') for t in (ticket, second_ticket, into, lone)]
        same('the person\'s tickets are ' + ('nameless' if mode == 'anonymize' else 'gone'), left,
             ['[erased]' if mode == 'anonymize' else None] * 4)
        same('the customers too', [desk.get('customer', c, 'name') for c in (jane, same_jane)],
             ['[erased]' if mode == 'anonymize' else None] * 2)
        if mode == 'anonymize':
            same('the comments are redacted, the thread stays', desk.root(
                f"SELECT DISTINCT body, redacted_at IS NULL FROM comment WHERE author_id = '{jane}'"),
                [('', 'f')])
            unmerge(into)
            unmerge(joined)
        same('the other\'s ticket is itself again',
                desk.get('ticket', joined, 'title', 'status', 'merged_into_id'),
             (f'by{mode} new title', 'new', ''))
        same('with its thread', len(of('comment', joined, 'comment_id')), 2)
        if mode == 'delete':
            same('the log says that the tickets are gone', sorted(r[0] for r in desk.root(
                f"SELECT DISTINCT ticket_id FROM event WHERE topic = 'ticket.deleted' AND org_id = '{ORG}'")),
                 sorted([ticket, second_ticket, into, lone]))
    unknown = desk.root.one(f"SELECT default_customer_id FROM organization WHERE org_id = '{ORG}'")
    for mode in 'anonymize', 'delete':
        refused(f'the unknown customer stays: {mode}', 'SV409', lambda m=mode: erase(unknown, m), 'in_use')
    plain = person('plain')
    erase(plain, 'delete')
    same('a customer without tickets is deleted too', mentions('plain'), [])
    same('the address may be used again', desk.get('customer', person('plain'), 'email'), 'plain@example.com')


def merged_customers_are_one():
    a = desk.insert('customer', name='A', attributes='{"plan":"free"}')
    b = desk.insert('customer', name='B', email='b@example.com', phone='1', external_id='x-1',
            attributes='{"plan":"pro","seat":2}')
    ticket, hidden = desk.ticket(customer_id=b), desk.ticket(customer_id=b)
    merge(desk.ticket(), hidden)
    ids = json.dumps({'customer_ids': [b]})
    call(desk.app, 'customer_merge', [ORG, a, ids], org=ORG)
    same('their tickets are together, merged ones too',
            [desk.get('ticket', t, 'customer_id') for t in (ticket, hidden)], [a, a])
    same('what the one lacks comes from the other',
            desk.get('customer', a, 'name', 'email', 'phone', 'external_id', 'attributes'),
         ('A', 'b@example.com', '1', 'x-1', '{"plan": "free", "seat": 2}'))
    same('who points to the one', desk.get('customer', b, 'merged_into_id', 'external_id'), (a, ''))
    refused('a merged customer is not merged again', 'SV409', lambda: call(
        desk.app, 'customer_merge', [ORG, a, ids], org=ORG), 'customer_merged', 'customer_ids')
    refused('nor into itself', 'SV422', lambda: call(
        desk.app, 'customer_merge', [ORG, a, json.dumps({'customer_ids': [a]})], org=ORG), 'self_reference',
                'customer_ids')
    refused('an address belongs to one living customer', '23505',
            lambda: desk.insert('customer', name='C', email='B@example.com'))


def main():
    global desk
    desk = Desk(__file__)
    try:
        same('the schema is there', desk.problem, '')
        call(desk.app, 'organization_create', [ORG, 'Example'], org=ORG)
        call(desk.app, 'custom_field_create', [ORG, desk.app.one('SELECT uuid7()'),
                                               '{"key":"field","label":"Field","type":"text"}'], org=ORG)
        return checks.run(
            a_merge_is_undone_without_a_trace, several_merges_are_undone_in_any_order,
                    chains_and_splits_come_apart,
            the_world_moves_on_while_merged, an_erased_person_is_gone_from_everywhere, merged_customers_are_one)
    finally:
        desk.close()


if __name__ == '__main__':
    sys.exit(main())
