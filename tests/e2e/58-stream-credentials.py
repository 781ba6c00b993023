#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stream lives no longer than what it was opened with: tokens expire, users leave, keys change."""

import base64
import datetime
import json
import time

from e2e import KEY, ORG, ask, call, check, settings, stack
from sse import PATH, Stream, ticket

PASSWORD = "correct horse battery"
RECHECK_S = 2
SLACK_S = 4  # of a busy machine


def keys(name, scopes):
    return ask("POST", f"/api/organizations/{ORG}/api-keys", {"name": name, "scopes": scopes}, 201)


def user(name):
    stack(f"stack_ctl user create {ORG} {name}@example.com {name} agent >/dev/null <<<'{PASSWORD}'")
    listed = ask("GET", f"/api/organizations/{ORG}/users?limit=100")["data"]
    return next(u["user_id"] for u in listed if u["email"] == f"{name}@example.com")


def login(name):
    return ask("POST", "/api/v1/auth/login", {"email": f"{name}@example.com", "password": PASSWORD, "org_id": ORG}, key=None)


def open_stream(what, **how):
    """One that has shown that events come."""
    stream = Stream(**how)
    check(stream.status == 200, f"{what} opens a stream", stream.status)
    ticket()
    check(stream.wait(lambda s: "ticket.created" in s.topics()), "and events come")
    return stream


def ends(stream, sentence, status, **how):
    check(stream.closed.wait(RECHECK_S + SLACK_S), sentence)
    again = Stream(last=stream.last, **how)
    check(again.status == status, f"and is answered {status} when it comes back", again.status)


def an_access_token_expires():
    settings(f"stream_recheck = 60\njwt_ttl = 8\n")
    user("ada")
    token = login("ada")["access_token"]
    claims = token.split(".")[1]
    expires = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    sealed = ask("POST", "/api/v1/events/stream-token", {}, key=None, headers={"Authorization": "Bearer " + token})["token"]
    by_token = open_stream("an access token", key=None, bearer=token)
    by_sealed = open_stream("a stream token that was made with it", query=f"&token={sealed}", key=None)
    for stream in (by_token, by_sealed):
        check(stream.closed.wait(max(0, expires - time.time()) + SLACK_S), "it ends when the access token expires")
        check(time.time() >= expires - 0.1, "and not before")
    check(Stream(key=None, bearer=token).status == 401, "the expired token opens no other: 401")
    check(Stream(f"&token={sealed}", key=None).status == 401, "nor does the stream token: 401")


def users_leave():
    one = user("bob")
    token = login("bob")["access_token"]
    stream = open_stream("another user's token", key=None, bearer=token)
    ask("PATCH", f"/api/organizations/{ORG}/users/{one}", {"role": "viewer"})
    check(not stream.closed.wait(RECHECK_S + 1), "it goes on when the role is one that reads tickets still")
    ask("PATCH", f"/api/organizations/{ORG}/users/{one}", {"active": False})
    ends(stream, "a stream ends when its user is deactivated", 401, key=None, bearer=token)
    user("eve")
    token = login("eve")["access_token"]
    stream = open_stream("a third user's token", key=None, bearer=token)
    call("POST", "/api/v1/auth/logout", {}, key=None, headers={"Authorization": "Bearer " + token})
    ends(stream, "a stream ends when its user logs out", 401, key=None, bearer=token)


def keys_change():
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for change, sentence, status in (
            ({"scopes": ["read:customers"]}, "a stream ends when its key may not read tickets any more", 403),
            ({"allowed_ips": ["10.0.0.0/8"]}, "a stream ends when its address may not use the key any more", 401),
            ({"expires_at": soon}, "a stream ends when its key has expired", 401)):
        made = keys("changed", ["read:tickets"])
        stream = open_stream("a key", key=made["key"])
        ask("PATCH", f"/api/organizations/{ORG}/api-keys/{made['key_id']}", change)
        ends(stream, sentence, status, key=made["key"])


an_access_token_expires()
settings(f"stream_recheck = {RECHECK_S}\n")
other = Stream()
users_leave()
keys_change()
check(not other.closed.is_set() and other.topics().count("ticket.created") >= 5, "the stream of another key has seen all of it")
check(call("GET", PATH + "&topics=Bad", key=KEY).status == 422, "and its key is as good as before")
settings("")
