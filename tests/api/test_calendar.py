#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of business hours, beside a counter that looks at every minute."""
import datetime as dt
import json
import random
import sys
import zoneinfo

from pgtest import Checks, Desk, call

ORG = 'org_a'
DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
UTC = dt.timezone.utc
MINUTE = dt.timedelta(minutes=1)
checks = Checks()
same, refused = checks.same, checks.refused
desk = None


def calendar(zone, weekly, holidays=()):
    return desk.insert('business_hours', ORG, name=f'Calendar {random.random()}', timezone=zone,
                       weekly=json.dumps(weekly), holidays=json.dumps(list(holidays)))


def between(cal, start, end):
    return float(desk.app.one(f"SELECT business_minutes_between('{ORG}', '{cal}', '{start.isoformat()}', '{end.isoformat()}')", org=ORG))


def add(cal, start, minutes):
    text = desk.app.one(f"SELECT to_char(business_add('{ORG}', '{cal}', '{start.isoformat()}', {minutes}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')", org=ORG)
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def minutes_of(text):
    hours, minutes = text.split(':')
    return int(hours) * 60 + int(minutes)


class Counter:
    """Whether the desk is open in a minute, by the local clock alone."""

    def __init__(self, zone, weekly, holidays=()):
        self.zone = zoneinfo.ZoneInfo(zone)
        self.weekly = {d: [(minutes_of(i['start']), minutes_of(i['end'])) for i in v] for d, v in weekly.items()}
        self.holidays = {h['date']: [(minutes_of(i['start']), minutes_of(i['end'])) for i in h.get('intervals', [])]
                         for h in holidays}

    def open(self, instant):
        local = instant.astimezone(self.zone)
        day = local.date().isoformat()
        spans = self.holidays[day] if day in self.holidays else self.weekly.get(DAYS[local.weekday()], [])
        now = local.hour * 60 + local.minute
        return any(a <= now < b for a, b in spans)

    def between(self, start, end):
        n = 0
        while start < end:
            n += self.open(start)
            start += MINUTE
        return n


def office(*spans):
    return [{'start': a, 'end': b} for a, b in spans]


WEEK = {d: office(('09:00', '12:00'), ('13:00', '17:30')) for d in DAYS[:5]}
ROUND = {d: office(('00:00', '24:00')) for d in DAYS}
NIGHT = {d: office(('00:30', '02:30'), ('02:45', '03:15'), ('23:00', '24:00')) for d in DAYS}


def at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_working_week_counts_its_hours():
    cal = calendar('Europe/Berlin', WEEK, [{'date': '2026-12-25'}, {'date': '2026-12-24', 'intervals': office(('09:00', '11:00'))}])
    same('a week', between(cal, at('2026-06-01T00:00'), at('2026-06-08T00:00')), 5 * 450)
    same('a lunch break does not count', between(cal, at('2026-06-01T10:00'), at('2026-06-01T11:00')), 0)
    same('half a minute', between(cal, at('2026-06-01T08:00:00'), at('2026-06-01T08:00:30')), 0.5)
    same('backwards is nothing', between(cal, at('2026-06-02T08:00'), at('2026-06-01T08:00')), 0)
    same('a holiday does not count, half a one does half',
         between(cal, at('2026-12-23T23:00'), at('2026-12-25T23:00')), 120)
    same('over the weekend', add(cal, at('2026-06-05T15:00'), 60), at('2026-06-08T07:30'))
    same('to the end of the day and not to the next morning', add(cal, at('2026-06-05T07:00'), 450), at('2026-06-05T15:30'))
    same('from the night', add(cal, at('2026-06-05T22:00'), 1), at('2026-06-08T07:01'))
    same('nothing to wait for', add(cal, at('2026-06-05T22:00'), 0), at('2026-06-05T22:00'))
    same('a calendar that never opens has no due time', add(calendar('UTC', {}), at('2026-06-05T22:00'), 1), None)
    same('without a calendar every minute counts', desk.app.one(
        f"SELECT business_minutes_between('{ORG}', NULL, '2026-01-01T00:00Z', '2026-01-02T00:00Z')::int", org=ORG), '1440')


ZONES = {
    'Europe/Berlin': ['2026-03-29', '2026-10-25'],
    'America/New_York': ['2026-03-08', '2026-11-01'],
    'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
    'Asia/Kolkata': ['2026-05-05'],
    'Pacific/Apia': ['2011-12-30'],
    'Asia/Beirut': ['2026-03-29', '2026-10-25'],
    'America/Asuncion': ['2022-10-02', '2022-03-27'],
    'America/Havana': ['2026-03-08', '2026-11-01'],
    'Atlantic/Azores': ['2026-03-29', '2026-10-25'],
}


def the_clock_is_put_forward_and_back():
    for zone, days in ZONES.items():
        for day in days:
            for name, weekly in ('round the clock', ROUND), ('nights', NIGHT), ('office', WEEK):
                cal, counter = calendar(zone, weekly), Counter(zone, weekly)
                start = at(day) - dt.timedelta(hours=30)
                end = start + dt.timedelta(hours=78)
                same(f'{zone} {day} {name}', between(cal, start, end), counter.between(start, end))
    cal = calendar('Europe/Berlin', {d: office(('02:00', '03:00')) for d in DAYS})
    same('an hour that is skipped does not count', between(cal, at('2026-03-28T12:00'), at('2026-03-29T12:00')), 0)
    same('one that is repeated counts twice', between(cal, at('2026-10-24T12:00'), at('2026-10-25T12:00')), 120)
    same('one that is repeated over midnight does as well',
         add(calendar('America/Havana', ROUND), at('2026-11-01T03:00'), 120), at('2026-11-01T05:00'))


def round_the_clock_no_zone_loses_a_minute_of_a_year():
    zones = desk.app(f"""
      WITH zone AS MATERIALIZED (
        SELECT name, jsonb_populate_record(NULL::business_hours, jsonb_build_object('timezone', name,
                       'weekly', '{json.dumps(ROUND)}'::jsonb, 'holidays', '[]'::jsonb)) AS hours
          FROM pg_timezone_names WHERE name !~ '^(posix|right)/'
      ), year AS (SELECT '2026-01-01T00:00Z'::timestamptz AS first, '2027-01-01T00:00Z'::timestamptz AS last)
      SELECT z.name, (SELECT round(sum(extract(epoch FROM least(s.closes, y.last) - greatest(s.opens, y.first))) / 60)
                        FROM business_spans(z.hours, '2025-12-30', '2027-01-02') s
                       WHERE s.closes > y.first AND s.opens < y.last)
        FROM zone z, year y""", org=ORG)
    checks.ok('there are zones', len(zones) > 400, len(zones))
    checks.none('each has the minutes of the year', [z for z in zones if z[1] != str(365 * 1440)])


def random_week(dice):
    week = {}
    for day in DAYS:
        marks = sorted(dice.sample(range(0, 1441, 5), 2 * dice.randint(0, 3)))
        clock = [f'{m // 60:02d}:{m % 60:02d}' for m in marks]
        if clock:
            week[day] = office(*zip(clock[::2], clock[1::2]))
    return week


def random_calendars_agree_with_the_counter():
    dice = random.Random(20261124)
    for n in range(40):
        zone, days = dice.choice(list(ZONES.items()))
        start = at(dice.choice(days)) - dt.timedelta(minutes=dice.randint(0, 4000))
        end = start + dt.timedelta(minutes=dice.randint(1, 8000))
        weekly = random_week(dice)
        holidays = [{'date': (start + dt.timedelta(days=1)).date().isoformat()}] if n % 3 == 0 else []
        cal, counter = calendar(zone, weekly, holidays), Counter(zone, weekly, holidays)
        label = f'{zone} {start.isoformat()} {end.isoformat()} {json.dumps(weekly)} {holidays}'
        total = counter.between(start, end)
        same(f'between {label}', between(cal, start, end), total)
        wanted = dice.randint(1, max(1, total))
        due = add(cal, start, wanted)
        if total:
            same(f'add {wanted} {label}', due is not None and counter.between(start, due), wanted)
            same(f'and back {wanted} {label}', between(cal, start, due), wanted)


def nonsense_is_refused_with_its_place():
    def make(**values):
        return lambda: call(desk.app, 'business_hours_create', [ORG, desk.app.one('SELECT uuid7()'), json.dumps(
            {'name': f'x{random.random()}', **values})], org=ORG)

    for field, values in (
            ('timezone', {'timezone': 'Europe/Bonn'}),
            ('timezone', {'timezone': 'posix/Europe/Berlin'}),
            ('timezone', {'timezone': 'right/Europe/Berlin'}),
            ('timezone', {'timezone': 'posixrules'}),
            ('timezone', {'timezone': 'localtime'}),
            ('timezone', {'timezone': 'Factory'}),
            ('weekly.monday[0].start', {'weekly': {'monday': office(('9:00', '12:00'))}}),
            ('weekly.monday[0].end', {'weekly': {'monday': office(('09:00', '25:00'))}}),
            ('weekly.monday[0].end', {'weekly': {'monday': office(('09:00', '09:00'))}}),
            ('weekly.friday[1].start', {'weekly': {'friday': office(('09:00', '12:00'), ('11:00', '13:00'))}}),
            ('holidays[2].date', {'holidays': [{'date': '2026-01-01'}, {'date': '2026-01-02'}, {'date': '2026-01-01'}]})):
        e = refused(f'{field} {values}', 'SV422', make(**values))
        same(f'which is named: {field}', e and e.column, field)


def a_holidays_intervals_are_put_in_order_as_those_of_the_week():
    noon = office(('13:00', '15:00'), ('09:00', '12:00'))
    cal = calendar('UTC', {'monday': noon}, [{'date': '2026-12-25'}, {'date': '2026-12-24', 'intervals': noon}])
    same('both', desk.app.one(
        f"SELECT weekly #>> '{{monday,0,start}}' || ' ' || (holidays #>> '{{1,intervals,0,start}}')"
        f" FROM business_hours WHERE business_hours_id = '{cal}'", org=ORG), '09:00 09:00')
    same('a day off stays one', desk.app.one(
        f"SELECT holidays -> 0 FROM business_hours WHERE business_hours_id = '{cal}'", org=ORG), '{"date": "2026-12-25"}')


def main():
    global desk
    desk = Desk(__file__)
    try:
        same('the schema is there', desk.problem, '')
        desk.app.plain('SET jit = off')  # as the workers have it
        call(desk.app, 'organization_create', [ORG, 'Example'], org=ORG)
        return checks.run(a_working_week_counts_its_hours, the_clock_is_put_forward_and_back,
                          round_the_clock_no_zone_loses_a_minute_of_a_year,
                          random_calendars_agree_with_the_counter,
                          a_holidays_intervals_are_put_in_order_as_those_of_the_week,
                          nonsense_is_refused_with_its_place)
    finally:
        desk.close()


if __name__ == '__main__':
    sys.exit(main())
