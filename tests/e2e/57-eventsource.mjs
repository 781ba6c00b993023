#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Streams as programs and browsers open them: npm's eventsource with a key in a
// header, Chromium's EventSource with a stream token; both over a restart of
// serviceos-stream, without losing an event.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(process.env.E2E_MODULES + "/");
const { chromium } = require("playwright-core");
const { EventSource } = require("eventsource");
const origin = process.env.E2E_URL;
const key = process.env.E2E_KEY;
const stream = `${origin}/api/v1/events/stream?org_id=${process.env.E2E_ORG}&topics=ticket.created`;
const headers = { "X-API-Key": key, "Content-Type": "application/json" };
const created = [];

function check(condition, sentence, seen) {
	if (!condition) {
		console.log(`not ok ${sentence}${seen === undefined ? "" : ` (seen: ${seen})`}`);
		process.exit(1);
	}
	console.log(`ok ${sentence}`);
}

async function until(condition, seconds) {
	const end = Date.now() + seconds * 1000;
	while (Date.now() < end) {
		if (await condition())
			return true;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return false;
}

async function create() {
	const reply = await fetch(`${origin}/api/tickets`,
		{ method: "POST", headers, body: '{"title":"eventsource"}' });
	created.push((await reply.json()).ticket_id);
}

function stack(command) {
	execFileSync("bash", ["-c",
		`source "$0/tools/stack.sh" && stack_use "$E2E_DIR" && stack_pg_programs && ${command}`,
		new URL("../..", import.meta.url).pathname], { stdio: "ignore" });
}

const same = (list) => list.join() === created.join();
const browser = await chromium.launch({
	executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
	args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
try {
	const program = [];
	const source = new EventSource(stream, {
		fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, "X-API-Key": key } }),
	});
	source.addEventListener("ticket.created", (event) => program.push(JSON.parse(event.data).ticket_id));
	check(await until(() => source.readyState === EventSource.OPEN, 10), "npm's eventsource opens a stream");

	const reply = await fetch(`${origin}/api/v1/events/stream-token`, { method: "POST", headers, body: "{}" });
	const { token } = await reply.json();
	const page = await browser.newPage();
	await page.goto(origin + "/health");
	await page.evaluate((url) => {
		window.seen = [];
		window.source = new EventSource(url);
		window.source.addEventListener("ticket.created",
			(event) => window.seen.push(JSON.parse(event.data).ticket_id));
	}, `${stream}&token=${token}`);
	check(await until(() => page.evaluate(() => window.source.readyState === 1), 10),
		"Chromium's EventSource opens one with a stream token");

	for (let i = 0; i < 5; i++)
		await create();
	check(await until(() => same(program), 10), "the program has all events in order", program.length);
	check(await until(async () => same(await page.evaluate(() => window.seen)), 10),
		"the browser has all events in order");

	stack("proc_stop stream KILL");
	for (let i = 0; i < 5; i++)
		await create();
	await new Promise((resolve) => setTimeout(resolve, 4000));
	stack("stack_app_start");
	for (let i = 0; i < 5; i++)
		await create();
	check(await until(() => page.evaluate(() => window.source.readyState === 1), 15),
		"the browser is back after serviceos-stream was killed and started again");
	check(await until(async () => same(await page.evaluate(() => window.seen)), 10),
		"it has all events, none lost or double", await page.evaluate(() => window.seen.length));
	check(await until(() => same(program), 15), "so has the program", program.length);
	source.close();
} finally {
	await browser.close();
}
process.exit(process.exitCode ?? 0);
