// SPDX-License-Identifier: Apache-2.0
// What npm's standardwebhooks says to each [secret, headers, body] of standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const { Webhook, WebhookVerificationError } = createRequire(process.env.E2E_MODULES + "/")("standardwebhooks");

function verdict([secret, headers, body]) {
	try {
		return new Webhook(secret).verify(body, headers) && "verified";
	} catch (error) {
		if (!(error instanceof WebhookVerificationError))
			throw error;
		return error.message;
	}
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(verdict)));
