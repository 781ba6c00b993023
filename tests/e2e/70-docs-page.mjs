#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The API docs page in a real browser: authorize with a key, try out a request,
// see its answer; nothing leaves the origin, and nothing breaks the page's policy.
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(process.env.E2E_MODULES + "/");
const { chromium } = require("playwright-core");
const origin = process.env.E2E_URL;
const key = process.env.E2E_KEY;
const complaints = [];

function check(condition, sentence, seen) {
	if (!condition) {
		console.log(`not ok ${sentence}${seen === undefined ? "" : ` (seen: ${seen})`}`);
		process.exitCode = 1;
		throw new Error(sentence);
	}
	console.log(`ok ${sentence}`);
}

const browser = await chromium.launch({
	executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
	args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
try {
	const page = await browser.newPage();
	const outside = [];

	page.setDefaultTimeout(30000);
	page.on("request", (request) => {
		if (!request.url().startsWith(origin + "/") && !request.url().startsWith("data:"))
			outside.push(request.url());
	});
	page.on("console", (message) => {
		if (message.type() === "error")
			complaints.push(message.text());
	});
	page.on("pageerror", (error) => complaints.push(String(error)));
	await page.addInitScript(() => {
		document.addEventListener("securitypolicyviolation", (event) =>
			console.error(`policy ${event.violatedDirective} ${event.blockedURI}`));
	});

	const reply = await page.goto(origin + "/api-docs");
	check(reply.status() === 200, "/api-docs answers 200", reply.status());
	const policy = reply.headers()["content-security-policy"] ?? "";
	check(policy.includes("default-src 'none'") && policy.includes("script-src 'self';"),
		"the page has a strict content security policy", policy);
	await page.waitForSelector(".opblock-tag-section");
	const sections = await page.locator(".opblock-tag-section").count();
	check(sections > 3, `the document is shown, ${sections} groups`, sections);

	await page.getByRole("button", { name: "Authorize" }).first().click();
	const field = page.locator(".auth-container").filter({ hasText: /apiKey\)/ }).locator("input");
	await field.first().fill(key);
	await page.locator(".auth-container").filter({ hasText: /apiKey\)/ })
		.getByRole("button", { name: /authorize|apply/i }).first().click();
	await page.locator(".modal-ux").getByRole("button", { name: "Close" }).last().click();
	check(true, "a key can be entered under Authorize");

	await page.locator(".opblock-filter-input, .operation-filter-input").first().waitFor();
	const block = page.locator('.opblock-get:has([data-path="/api/tickets"])').first();
	if (await block.count() === 0)
		await page.locator(".opblock-tag", { hasText: /^\s*tickets/i }).first().click();
	await block.waitFor();
	await block.locator(".opblock-summary-control").first().click();
	await block.getByRole("button", { name: "Execute" }).click();
	const status = block.locator(".live-responses-table tbody td.response-col_status").first();
	await status.waitFor();
	const seen = (await status.innerText()).trim();
	check(seen.startsWith("200"), "GET /api/tickets tried out with the key answers 200", seen);
	const body = await block.locator(".live-responses-table .highlight-code").first().innerText();
	check(body.includes("\"data\""), "the answer is shown on the page");

	const missing = await page.request.get(origin + "/api-docs/");
	check(missing.status() === 200, "/api-docs/ leads to the page as well", missing.status());
	await page.goto(origin + "/api-docs#/errors/rate_limited");
	await page.waitForSelector("#note:not([hidden])");
	check((await page.locator("#note").innerText()).includes("rate_limited"),
		"the address in an error's type explains its code");

	check(outside.length === 0, "no request leaves the origin", outside.join(" "));
	check(complaints.length === 0, "no error and no policy violation on the console",
		complaints.join("; "));
} catch (error) {
	if (process.exitCode !== 1) {
		console.log(`not ok the page works: ${error.message}`);
		process.exitCode = 1;
	}
	for (const complaint of complaints)
		console.log(`    console: ${complaint}`);
} finally {
	await browser.close();
}
