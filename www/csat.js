/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the answer of the survey whose token stands in the page's address. */
"use strict";

const form = document.getElementById("survey");
const said = document.getElementById("said");
const token = new URLSearchParams(location.search).get("token");

function say(text, over) {
	said.textContent = text;
	form.hidden = over;
}

if (!token)
	say("This link is not complete. Please open it from the e-mail once more.", true);
/* The token is the customer's credential: it need not stay in the history. */
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
	event.preventDefault();
	const data = new FormData(form);
	const answer = { token, score: Number(data.get("score")) };
	if (data.get("comment").trim() !== "")
		answer.comment = data.get("comment");
	form.querySelector("button").disabled = true;
	try {
		const reply = await fetch("/api/csat/submit", {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify(answer),
		});
		const body = await reply.json();
		if (reply.ok)
			say("Thank you. Your answer has been saved.", true);
		else if (reply.status === 404)
			say("This survey is not known.", true);
		else
			say(body.detail, reply.status === 409);
	} catch {
		say("The answer could not be sent. Please try again.", false);
	}
	form.querySelector("button").disabled = false;
});
