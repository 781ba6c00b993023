# SPDX-License-Identifier: Apache-2.0
"""What every reply must be, for Schemathesis; prepare.py names it in the configuration."""

import schemathesis
from schemathesis.checks import CHECKS, load_all_checks

load_all_checks()
schemathesis.serializer.alias("message/rfc822", "text/plain")
conforms = CHECKS.get_one("response_schema_conformance")


@schemathesis.check
def whole_replies_conform(ctx, response, case):
    """A reply is as its schema says, unless the caller asked with fields= for a part of it."""
    if "fields" in (case.query or {}) and response.status_code < 300:
        return None
    return conforms(ctx, response, case)


@schemathesis.check
def refusals_are_problems(_ctx, response, _case):
    """A refusal is a problem document that names its code, and never a failure of ours."""
    if response.status_code < 400:
        return
    assert response.status_code < 500, f"a failure of ours: {response.status_code}"
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["code"] and problem["detail"] and problem["request_id"]
