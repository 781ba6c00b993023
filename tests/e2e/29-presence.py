#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Presence: who looks at a ticket, who types, who left, and nothing else fails without Redis."""

import os
import signal
import uuid

from e2e import ORG, ask, call, check, pid_of, stack


def user(name):
    return ask("POST", f"/api/organizations/{ORG}/users", {"email": f"{uuid.uuid4().hex[:8]}@example.com", "name": name}, 201)["user_id"]


ada, grace = user("Ada"), user("Grace")
ticket = ask("POST", "/api/tickets", {"title": "looked at"}, 201)["ticket_id"]
path = f"/api/tickets/{ticket}/presence"
first = ask("POST", path, {"agent_id": ada})
check(first["state"] == "viewing" and first["name"] == "Ada", "an agent looks at a ticket", first)
ask("POST", path, {"agent_id": grace, "state": "typing"})
seen = ask("GET", path)
check(seen["available"] and {v["name"]: v["state"] for v in seen["data"]} == {"Ada": "viewing", "Grace": "typing"},
      "and is seen beside another one who types", seen)
again = ask("POST", path, {"agent_id": ada, "state": "typing"})
check(again["since"] == first["since"] and again["expires_at"] >= first["expires_at"], "since keeps when it began", again)
everything = ask("GET", "/api/presence")
check([t["ticket_id"] for t in everything["data"]] == [ticket] and len(everything["data"][0]["viewers"]) == 2,
      "one call shows all viewed tickets", everything)
ask("DELETE", f"{path}/{grace}", want=204)
check([v["name"] for v in ask("GET", path)["data"]] == ["Ada"], "who leaves is gone")
ask("DELETE", f"{path}/{grace}", want=204)
reply = call("POST", path, {"agent_id": str(uuid.uuid4())})
check(reply.status == 422 and reply.json()["errors"][0]["field"] == "agent_id", "an agent who does not exist is refused by field")
check(call("POST", f"/api/tickets/{uuid.uuid4()}/presence", {}).status == 404, "as is a ticket")
stack(f"stack_redis_cli EXPIRE 'serviceos:{{{ORG}}}:presence:{ticket}' 0")
check(ask("GET", path)["data"] == [] and ask("GET", "/api/presence")["data"] == [], "what has expired is not shown")
os.kill(pid_of("redis"), signal.SIGSTOP)
seen = ask("GET", path)
check(seen == {"data": [], "available": False}, "without Redis presence is not known, and says so", seen)
ask("POST", path, {"agent_id": ada})
os.kill(pid_of("redis"), signal.SIGCONT)
