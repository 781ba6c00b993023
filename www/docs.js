/* SPDX-License-Identifier: Apache-2.0 */
/* The API docs page: swagger-ui over this server's own OpenAPI document. */
"use strict";

(function () {
	function note(text, link) {
		const p = document.getElementById("note");

		p.textContent = text;
		if (link !== undefined) {
			const a = document.createElement("a");

			a.href = a.textContent = link;
			p.append(" ", a);
		}
		p.hidden = false;
	}

	/* The `type` of every error of the API leads to #/errors/CODE: say what the code means. */
	function explain(spec) {
		const match = /^#\/errors\/(\w+)$/.exec(location.hash);

		if (match === null)
			return;
		for (const response of Object.values(spec.components?.responses ?? {})) {
			const media = response.content?.["application/problem+json"] ?? {};
			const examples = Object.values(media.examples ?? {}).map((e) => e.value);

			for (const example of [media.example, ...examples])
				if (example?.code === match[1]) {
					note(`${example.status} ${example.code}: ${example.title}`);
					return;
				}
		}
		note(`The error code ${match[1]} is described where it occurs, below.`);
	}

	async function show() {
		const url = "/api/openapi.json";

		if (typeof SwaggerUIBundle === "undefined") {
			note("The viewer is not installed here (tools/fetch-swagger-ui). The document:", url);
			return;
		}
		const reply = await fetch(url, { headers: { Accept: "application/json" } });

		if (!reply.ok) {
			note(`The server answered ${reply.status} when asked for`, url);
			return;
		}
		const spec = await reply.json();

		/* The name this page was opened by, or "Try it out" would ask another origin. */
		spec.servers = [{ url: location.origin }];
		explain(spec);
		window.addEventListener("hashchange", () => explain(spec));
		window.ui = SwaggerUIBundle({
			spec,
			dom_id: "#swagger-ui",
			presets: [SwaggerUIBundle.presets.apis],
			layout: "BaseLayout",
			validatorUrl: null,
			persistAuthorization: true,
			tryItOutEnabled: true,
			deepLinking: true,
			filter: true,
			docExpansion: "none",
			defaultModelsExpandDepth: 0,
			displayRequestDuration: true,
			showCommonExtensions: true,
		});
	}

	show().catch((error) => note(`The page could not be built: ${error.message}`));
})();
