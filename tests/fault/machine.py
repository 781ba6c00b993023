#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
PostgreSQL and the scheduler under a clock that can be set (libfaketime): the whole ladder of a
webhook's attempts, over 26 hours; SLA clocks in business hours over both changes of the time in two
zones; and a machine whose clock is set an hour ahead and an hour back while things are due.
"""

import datetime
import glob
import os
import time
import zoneinfo

from e2e import ORG, ask, check, ok, psql, stack
from faults import await_true, end, must, scheduler
from receiver import Receiver, event_of
from work import gaps, quoted

LADDER = (1, 30, 300, 1800, 7200, 86400)
LATE_S = 5  # from a clock that has jumped until all has noticed
UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
FILE = os.path.join(os.environ["E2E_DIR"], "clock")
FAKE = {"LD_PRELOAD": glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0], "FAKETIME_TIMESTAMP_FILE": FILE,
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
offset = 0


def set_clock(seconds):
    """How far the machine's clock is ahead of the real one."""
    global offset
    with open(FILE + ".new", "w", encoding="ascii") as file:
        file.write(f"+{seconds:.3f}\n")
    os.chmod(FILE + ".new", 0o644)
    os.rename(FILE + ".new", FILE)
    offset = seconds


def now():
    return time.time() + offset


def forward_to(when):
    if when > now():
        set_clock(offset + when - now())


def number(sql):
    rows = psql(sql)
    return float(rows[0]) if rows and rows[0] else None


# ---- the ladder

class Ladder:
    """One endpoint's delivery."""

    def __init__(self, path):
        self.path = path
        self.webhook = ask("POST", "/api/v1/webhooks", {"url": receiver.url + path, "topics": ["ticket.created"]}, 201)["webhook_id"]
        self.times = []  # by the machine's clock

    def column(self, name):
        return psql(f"SELECT {name} FROM webhook_delivery WHERE webhook_id = '{self.webhook}'")[0]

    def due(self):
        """When the next attempt is; 0 when it has come already, None when there is none. Asked at once: one may come meanwhile."""
        return number(f"SELECT CASE WHEN attempts > {len(self.times)} THEN 0 WHEN status = 'pending' THEN extract(epoch FROM next_attempt_at) END "
                      f"FROM webhook_delivery WHERE webhook_id = '{self.webhook}'")

    def await_attempt(self, due):
        """How late it is, or 0."""
        n = len(self.times) + 1
        must(receiver.wait(lambda _: len(receiver.at(self.path)) >= n, 20), f"{self.path}: attempt {n} comes", self.column("attempts"))
        self.times.append(receiver.at(self.path)[n - 1].at + offset)
        if n > 1:
            wait, step = self.times[-1] - self.times[-2], LADDER[n - 2]
            must(0.8 * step <= wait <= 1.2 * step + LATE_S, f"{self.path}: {step} s after attempt {n - 1}, give or take 20 %", wait)
        must(await_true(lambda: int(self.column("attempts")) >= n, 10), f"{self.path}: attempt {n} is written down")
        must(due == 0 or -0.05 <= self.times[-1] - due < LATE_S, f"{self.path}: attempt {n} comes at its time, and not before", self.times[-1] - due)
        return self.times[-1] - due if due else 0


def the_ladder_is_climbed():
    ladders = [Ladder("/fail-6/ladder"), Ladder("/fail-99/never")]
    ask("POST", "/api/tickets", {"title": "ladder"}, 201)
    must(await_true(lambda: all(psql(f"SELECT 1 FROM webhook_delivery WHERE webhook_id = '{w.webhook}'") for w in ladders), 10), "deliveries are made")
    late = [w.await_attempt(0) for w in ladders]
    while due := sorted((d, w.path, w) for w in ladders if (d := w.due()) is not None):
        when, _, ladder = due[0]
        if when:
            forward_to(when - 0.7)
        late.append(ladder.await_attempt(when))
    good, bad = ladders
    check(len(good.times) == 7 and good.column("status") == "delivered", "the seventh attempt, which succeeds, ends it", good.times)
    check(len(bad.times) == 7 and bad.column("status") == "failed", "after the seventh failure a delivery has failed for good", bad.times)
    hours = (good.times[-1] - good.times[0]) / 3600
    must(0.8 * sum(LADDER) <= hours * 3600 <= 1.2 * sum(LADDER) + 7 * LATE_S, "all of it takes 26.6 hours, give or take 20 %", hours)
    must(psql("SELECT count(*) FROM due_job WHERE kind = 'webhook'") == ["0"], "and no job is left")
    set_clock(offset + 172800)
    time.sleep(2)
    must(len(bad.times) == len(receiver.at(bad.path)), "nothing comes two days later")
    ok(f"7 attempts over {hours:.1f} hours, each at its step, {max(late):.1f} s late at most, none early")
    for ladder in ladders:
        ask("DELETE", f"/api/v1/webhooks/{ladder.webhook}", want=204)


# ---- changes of the time

WEEK = {"friday": [("09:00", "17:00")], "sunday": [("01:15", "01:45"), ("02:15", "02:45"), ("03:15", "03:45")], "monday": [("09:00", "17:00")]}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def is_open(instant, zone):
    local = instant.astimezone(zone)
    return any(start <= local.strftime("%H:%M") < stop for start, stop in WEEK.get(DAYS[local.weekday()], ()))


def after_minutes(start, minutes, zone):
    """Where so many open minutes are over, by looking at each of them."""
    at = start
    while minutes > 0:
        minutes -= is_open(at, zone)
        at += MINUTE
    return at


def changes(name, since):
    """The zone's next two changes of the time."""
    zone, at, found = zoneinfo.ZoneInfo(name), since.replace(minute=0, second=0, microsecond=0), []
    while len(found) < 2:
        if at.astimezone(zone).utcoffset() != (at + 60 * MINUTE).astimezone(zone).utcoffset():
            found.append((at + 60 * MINUTE, zone))
        at += 60 * MINUTE
    return found


def ring_over(change, zone, calendar, ticket):
    """Two clocks that begin on the Friday before, and end in the night of the change or on Monday."""
    friday = (change.astimezone(zone) - datetime.timedelta(days=2)).replace(hour=16, minute=30, second=0, fold=0).astimezone(UTC)
    forward_to(friday.timestamp() + 5)
    wanted = []
    for minutes in (55, 150):
        due = after_minutes(friday, minutes, zone)
        timer = ask("POST", "/api/sla/timers", {"ticket_id": ticket, "metric": "custom", "target_minutes": minutes, "business_hours_id": calendar,
                                                "started_at": friday.isoformat().replace("+00:00", "Z")}, 201)
        must(timer["due_at"] == due.strftime("%Y-%m-%dT%H:%M:%S.000Z"), f"{zone.key} {change}: {minutes} minutes end when a count of minutes says", (timer["due_at"], due))
        wanted.append((due.timestamp(), timer["timer_id"]))
    return max(await_ring(due, timer) for due, timer in sorted(wanted))


def await_ring(due, timer):
    rang = f"SELECT extract(epoch FROM occurred_at) FROM event WHERE topic = 'sla.breached' AND resource_id = '{timer}'"
    forward_to(due - 0.7)
    must(now() > due or not psql(rang), "it does not ring before its time")
    must(await_true(lambda: psql(rang), 20), "it rings")
    late = number(rang) - due
    must(0 <= late < LATE_S, "it rings at its second", late)
    must(len(psql(rang)) == 1, "and once")
    return late


def clocks_ring_over_changes_of_the_time():
    names = ("Europe/Berlin", "America/New_York")
    weekly = {day: [{"start": a, "end": b} for a, b in spans] for day, spans in WEEK.items()}
    since = datetime.datetime.fromtimestamp(now(), UTC) + datetime.timedelta(days=4)
    calendars = {n: ask("POST", f"/api/organizations/{ORG}/business-hours", {"name": n, "timezone": n, "weekly": weekly}, 201)["business_hours_id"] for n in names}
    ticket = ask("POST", "/api/tickets", {"title": "changes of the time"}, 201)["ticket_id"]
    late = [ring_over(change, zone, calendars[zone.key], ticket) for change, zone in sorted(c for n in names for c in changes(n, since))]
    ok(f"clocks ring at their second over {len(late)} changes of the time in {' and '.join(names)}, {max(late):.2f} s late at most")


# ---- an hour ahead, an hour back

def timers(count, seconds):
    """Clocks that ring so many seconds from now."""
    ticket = ask("POST", "/api/tickets", {"title": "steps"}, 201)["ticket_id"]
    minutes = seconds // 60 + 1
    start = datetime.datetime.fromtimestamp(now() + seconds - 60 * minutes, UTC).isoformat().replace("+00:00", "Z")
    return [ask("POST", "/api/sla/timers", {"ticket_id": ticket, "metric": "custom", "target_minutes": minutes, "started_at": start}, 201)["timer_id"] for _ in range(count)]


def rung(ids):
    return [int(n) for n in psql(f"SELECT count(*) FROM event WHERE topic = 'sla.breached' AND resource_id = ANY ({quoted(ids)}) GROUP BY resource_id")]


def came(path):
    return {event_of(a)["ticket_id"] for a in receiver.at(path)}


def the_clock_is_set():
    steps = {"field": "title", "op": "eq", "value": "steps"}
    hooks = [ask("POST", "/api/v1/webhooks", {"url": receiver.url + path, "topics": ["ticket.created"], "conditions": conditions}, 201)["webhook_id"]
             for path, conditions in (("/ok/steps", {}), ("/slow/steps", {}), ("/fail-2/steps", steps))]
    before = timers(10, 600)
    receiver.wait(lambda _: receiver.at("/slow/steps"))
    set_clock(offset + 3600)
    must(await_true(lambda: len(rung(before)) == 10, 15), "an hour ahead: what is due then rings", len(rung(before)))
    waiting = timers(10, 8)
    set_clock(offset - 3600)
    tickets = [ask("POST", "/api/tickets", {"title": "set back"}, 201)["ticket_id"] for _ in range(3)]
    must(receiver.wait(lambda _: set(tickets) <= came("/ok/steps"), 15), "an hour back: what is new is done at once")
    must(not rung(waiting), "and what waits is not done before its time", rung(waiting))
    set_clock(offset + 3600)
    must(await_true(lambda: len(rung(waiting)) == 10, 20), "but then", len(rung(waiting)))
    must(rung(before) == [1] * 10 and rung(waiting) == [1] * 10, "each once", (rung(before), rung(waiting)))
    undone = "SELECT count(*) FROM webhook_delivery WHERE status NOT IN ('delivered', 'skipped') AND webhook_id = ANY (" + quoted(hooks) + ")"
    forward_to(now() + 60)
    must(await_true(lambda: psql(undone) == ["0"], 30), "no delivery is lost", psql(undone))
    for identity, path in zip(hooks, ("/ok/steps", "/slow/steps", "/fail-2/steps")):
        made = set(psql(f"SELECT ticket_id FROM webhook_delivery WHERE status = 'delivered' AND webhook_id = '{identity}'"))
        must(len(made) >= 2 and came(path) == made, f"each event comes to {path}", (made, came(path)))
    again = sum(len(receiver.at(path)) - len(came(path)) for path in ("/ok/steps", "/slow/steps"))
    check(again <= 3 * 2 * 2, f"the clock set an hour ahead and back: each clock rings once, no delivery is lost, {again} came twice", again)
    for identity in hooks:
        ask("DELETE", f"/api/v1/webhooks/{identity}", want=204)


set_clock(0)
os.environ["STACK_PG_ENV"] = " ".join(f"{k}={v}" for k, v in FAKE.items())
stack("stack_pg_stop; stack_pg_start")
receiver = Receiver()
process = scheduler(FAKE)
must(await_true(lambda: abs(number("SELECT extract(epoch FROM clock_timestamp())") - now()) < 1, 5), "PostgreSQL runs")
the_ladder_is_climbed()
the_clock_is_set()
clocks_ring_over_changes_of_the_time()
check(not gaps(), "the events' numbers have no gap", gaps())
end(process)
receiver.shutdown()
