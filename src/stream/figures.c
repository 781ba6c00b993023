/* SPDX-License-Identifier: Apache-2.0 */
/* What Prometheus is told, through a file that /metrics repeats. */
#include <stdio.h>

#include "base/conf.h"
#include "base/util.h"
#include "stream/hub.h"

static void
figure(FILE *out, const char *name, const char *type, const char *text, long value)
{
	fprintf(out,
	    "# HELP serviceos_stream_%s %s\n# TYPE serviceos_stream_%s %s\n"
	    "serviceos_stream_%s %ld\n",
	    name, text, name, type, name, value);
}

void
figures_write(struct hub *h)
{
	char path[512], temporary[520];
	FILE *out;

	snprintf(path, sizeof(path), "%s/stream.prom", conf.state_dir);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	out = fopen(temporary, "we");
	if (out == NULL)
		return;
	figure(out, "connections", "gauge", "Streams that are open.", (long)h->nstreams);
	figure(out, "behind", "gauge", "Streams that are catching up.", (long)h->nbehind);
	figure(out, "opened_total", "counter", "Streams opened.", h->opened);
	figure(out, "refused_total", "counter", "Streams refused for want of room.", h->refused);
	figure(out, "sent_total", "counter", "Messages sent.", h->sent);
	figure(out, "resets_total", "counter", "Streams that could not be resumed.", h->resets);
	fprintf(out,
	    "# HELP serviceos_stream_dropped_total Streams ended by us.\n"
	    "# TYPE serviceos_stream_dropped_total counter\n"
	    "serviceos_stream_dropped_total{reason=\"slow\"} %ld\n"
	    "serviceos_stream_dropped_total{reason=\"stalled\"} %ld\n"
	    "serviceos_stream_dropped_total{reason=\"credential\"} %ld\n",
	    h->slow, h->stalled, h->revoked);
	figure(out, "time_seconds", "gauge", "When serviceos-stream wrote this.",
	    (long)(wall_ms() / 1000));
	if (fclose(out) == 0)
		(void)!rename(temporary, path);
}
