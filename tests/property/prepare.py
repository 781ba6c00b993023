# SPDX-License-Identifier: Apache-2.0
"""
Fill an organization from the examples of its own OpenAPI document, and write
configurations of Schemathesis that share the operations out: ids in paths and
bodies are mostly ones that exist, so that the requests get beyond 404. Prints
one line. Standard library only.

    prepare.py REQUESTS CONFIGURATION...
"""

import itertools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from e2e import ORG, call  # noqa: E402

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
EACH = 40  # things of a kind: many requests delete one

# The key of the run must live; what makes organizations has no organization's
# key; login counts per address (tests/e2e/20-limits.sh); the page is a file.
LEFT_OUT = ["apiKeys.revoke", "apiKeys.rotate", "apiKeys.update", "organizations.create",
            "auth.login", "auth.refresh", "auth.logout", "ops.docs", "events.stream"]
UNIQUE = ("name", "title", "label", "email", "external_id", "subject")

number = itertools.count(1)
things = {}  # "ticket_id" -> ids
collections = {}  # "/api/tickets" -> ids


def living(name):
    """Ids that a member of this name may have: ticket_ids, assignee_user_id; target_id is a ticket."""
    name = re.sub("ids$", "id", name)
    for kind in things:
        if name == kind or name.endswith("_" + kind):
            return things[kind]
    return things.get("ticket_id", []) if name == "target_id" else []


def fill(value, name, turn):
    """The example with ids that exist and with names of its own; unknown ids are left out."""
    if isinstance(value, dict):
        filled = {k: fill(v, k, turn) for k, v in value.items()}
        return {k: v for k, v in filled.items() if v is not None}
    if isinstance(value, list):
        return [v for v in (fill(v, name, turn + i) for i, v in enumerate(value)) if v is not None]
    if isinstance(value, str) and UUID.match(value):
        ids = living(name)
        return ids[turn % len(ids)] if ids else None
    if isinstance(value, str) and name == "key":
        return f"{value}_{next(number)}"
    if isinstance(value, str) and name in UNIQUE:
        return f"{next(number)}{value}" if name == "email" else f"{value} {next(number)}"
    return value


def real_path(path, turn):
    """The path with ids for its parameters, or None when there is none yet."""
    collection = path
    while "{" in collection:
        before, name, rest = re.match(r"(.*?)\{(\w+)\}(.*)", collection).groups()
        if name == "org_id":
            ids = [ORG]
        else:
            ids = collections.get(re.sub("{org_id}", ORG, path[:path.index("{" + name)]).rstrip("/")
                                  if name == "id" else None) or things.get(name)
        if not ids:
            return None
        collection = before + ids[turn % len(ids)] + rest
    return collection


def create(path, operation):
    """EACH things of a kind; what is new by its id is remembered."""
    body = operation["requestBody"]["content"]["application/json"].get("example", {})
    for turn in range(EACH):
        where = real_path(path, turn)
        if where is None:
            return
        reply = call("POST", where, fill(body, "", turn))
        if reply.status not in (201, 202) or not reply.body:
            continue
        key, value = next(iter(reply.json().items()))
        if key.endswith("_id") and isinstance(value, str):
            things.setdefault(key, []).append(value)
            collections.setdefault(path.replace("{org_id}", ORG), []).append(value)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and operation.get("operationId") not in [None] + LEFT_OUT:
                yield path, method, operation


def dictionary(path, name):
    """The ids for a parameter of this path."""
    if name == "id":
        return collections.get(path[:path.index("/{id}")].replace("{org_id}", ORG), [])
    return things.get(name, [])


def lists(document):
    """name -> values of every dictionary; operationId -> parameter -> name of the dictionary."""
    values, bound = {}, {}
    for path, _, operation in operations(document):
        for name in re.findall(r"\{(\w+)\}", path):
            ids = dictionary(path, name) if name != "org_id" else []
            if ids:
                label = next((k for k, v in values.items() if v == ids), f"d{len(values)}")
                values[label] = ids
                bound.setdefault(operation["operationId"], {})[f"path.{name}"] = label
    for kind, ids in things.items():
        label = next((k for k, v in values.items() if v == ids), f"d{len(values)}")
        values[label] = ids
        bound.setdefault(None, {})[f"body.{kind}"] = label
        bound[None][f"body.{kind}s[*]"] = label
    return values, bound


def toml(document, requests, share, shares):
    """The configuration of the process that takes every operation whose place is its share."""
    quote = json.dumps
    names = [operation["operationId"] for _, _, operation in operations(document)]
    others = [name for place, name in enumerate(names) if place % shares != share]
    values, bound = lists(document)
    everywhere = bound.pop(None, {})
    binding = '{name} = {{ dictionary = "{label}", probability = 0.7 }}'
    lines = [
        f"seed = {os.environ.get('PROPERTY_SEED', '20260613')}",
        # Threads break CPython 3.11's parser ("AST constructor recursion depth mismatch").
        "workers = 1", "continue-on-failure = true", "request-timeout = 20",
        f"hooks = {quote(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hooks.py'))}",
        "[auth]", "auto-signup = false",
        "[generation]", 'database = "none"', "with-security-parameters = false",
        "no-shrink = true", f"max-examples = {requests // len(names) + 1}",
        "[phases.examples]", "enabled = false",
        "[phases.stateful]", "enabled = false",
        "[checks]", "enabled = false",
        *[f"{check}.enabled = true" for check in (
            "not_a_server_error", "status_code_conformance", "content_type_conformance",
            "response_headers_conformance", "whole_replies_conform", "refusals_are_problems")],
        *[f"[dictionaries.{label}]\nvalues = {quote(ids)}" for label, ids in values.items()],
        "[parameters]", f'"path.org_id" = {quote(ORG)}',
        *[binding.format(name=quote(name), label=label) for name, label in everywhere.items()],
        "[[operations]]", f"include-operation-id = {quote(LEFT_OUT + others)}", "enabled = false",
    ]
    for operation, parameters in bound.items():
        if operation in others:
            continue
        lines += ["[[operations]]", f"include-operation-id = {quote([operation])}",
                  "[operations.parameters]",
                  *[binding.format(name=quote(n), label=label) for n, label in parameters.items()]]
    return "\n".join(lines) + "\n"


def main():
    requests, configurations = int(sys.argv[1]), sys.argv[2:]
    document = call("GET", "/api/openapi.json").json()
    made = [(path, operation) for path, method, operation in operations(document)
            if method == "post" and {"201", "202"} & operation["responses"].keys() and
            "application/json" in operation.get("requestBody", {}).get("content", {})]
    for _ in range(2):  # the second time what the first lacked exists
        for path, operation in made:
            if path.replace("{org_id}", ORG) not in collections:
                create(path, operation)
    for share, configuration in enumerate(configurations):
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(toml(document, requests, share, len(configurations)))
    empty = [operation["operationId"] for path, operation in made
             if path.replace("{org_id}", ORG) not in collections]
    print(f"{sum(map(len, collections.values()))} things of {len(collections)} kinds; "
          f"without an example that works: {' '.join(empty) or 'none'}")


if __name__ == "__main__":
    main()
