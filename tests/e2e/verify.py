# SPDX-License-Identifier: Apache-2.0
"""Run where PyPI's standardwebhooks is: what it says to each [secret, headers, body] of standard input."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def verdict(secret, headers, body):
    try:
        return Webhook(secret).verify(body, headers) and "verified"
    except WebhookVerificationError as error:
        return str(error)


print(json.dumps([verdict(*case) for case in json.load(sys.stdin)]))
