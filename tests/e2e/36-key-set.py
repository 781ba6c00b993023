#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens of an issuer whose key set is fetched, and an issuer that lets one wait for it."""

import base64
import json
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from e2e import ORG, ask, call, check, settings, wait_until

asked, answer = threading.Event(), threading.Event()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, given=None):
    return subprocess.run(["openssl", *args], input=given, check=True, capture_output=True).stdout


class Issuer(BaseHTTPRequestHandler):
    """Says nothing until it is told to."""

    def do_GET(self):
        asked.set()
        answer.wait()
        body = json.dumps({"keys": [{"kty": "RSA", "kid": "one", "n": modulus, "e": "AQAB"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def token():
    head = encode(json.dumps({"alg": "RS256", "kid": "one"}).encode())
    claims = encode(json.dumps({"iss": "https://issuer.example", "aud": "desk", "sub": "somebody", "org_id": ORG, "role": "admin",
                                "exp": int(time.time()) + 300}).encode())
    signature = openssl("dgst", "-sha256", "-sign", key.name, given=f"{head}.{claims}".encode())
    return f"{head}.{claims}.{encode(signature)}"


def by_token():
    return call("GET", "/api/tickets?limit=1", key=None, headers={"Authorization": "Bearer " + token()}).status


with tempfile.NamedTemporaryFile() as key:
    openssl("genrsa", "-out", key.name, "2048")
    number = openssl("rsa", "-in", key.name, "-modulus", "-noout").decode().strip().removeprefix("Modulus=")
    modulus = encode(bytes.fromhex(number))
    issuer = HTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=issuer.serve_forever, daemon=True).start()
    try:
        settings(f"jwks_url = http://127.0.0.1:{issuer.server_address[1]}/keys\n"
                 "jwks_issuer = https://issuer.example\njwks_audience = desk\n")
        check(asked.wait(20), "the issuer is asked for its keys")
        check(by_token() == 401, "and its tokens are refused until it answers")
        ticket = ask("POST", "/api/tickets", {"title": "meanwhile"}, 201)["ticket_id"]
        check(wait_until(lambda: ask("GET", f"/api/v1/events?ticket_id={ticket}")["data"], 20), "what happens meanwhile is told")
        answer.set()
        check(wait_until(lambda: by_token() == 200, 20), "and the answer is still taken then: its tokens are good")
    finally:
        answer.set()
        settings("")
