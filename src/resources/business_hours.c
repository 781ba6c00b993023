/* SPDX-License-Identifier: Apache-2.0 */
/* Business hours: when the desk is open. The arithmetic is in sql/functions/35_calendar.sql. */
#include <string.h>

#include "http/req.h"

/* clang-format off */
static const char *const apply_to[] = { "new", "running", NULL };

static const struct field interval_fields[] = {
	{ "start", T_STR, F_BODY|F_OUT|F_REQ, 5, 5, .example = "\"09:00\"", .doc = "Local time of day, HH:MM." },
	{ "end",   T_STR, F_BODY|F_OUT|F_REQ, 5, 5, .example = "\"17:30\"", .doc = "Local time of day, HH:MM; 24:00 for midnight. After the start." },
	{ .name = NULL }
};
#define DAY(day) { day, T_OBJECT, F_BODY|F_OUT|F_OPT|F_LIST, .sub = interval_fields, .max_items = 12, .example = "[{\"start\":\"09:00\",\"end\":\"12:00\"},{\"start\":\"13:00\",\"end\":\"17:30\"}]", .doc = "Intervals of the day, apart from each other; absent for a day off." }
static const struct field weekly_fields[] = {
	DAY("monday"), DAY("tuesday"), DAY("wednesday"), DAY("thursday"), DAY("friday"), DAY("saturday"), DAY("sunday"),
	{ .name = NULL }
};
static const struct field holiday_fields[] = {
	{ "date", T_DATE, F_BODY|F_OUT|F_REQ, .example = "\"2026-12-24\"", .doc = "The day." },
	{ "name", T_STR,  F_BODY|F_OUT|F_OPT, 0, 120, .example = "\"Christmas Eve\"", .doc = "Its name." },
	{ "intervals", T_OBJECT, F_BODY|F_OUT|F_OPT|F_LIST, .sub = interval_fields, .max_items = 12, .example = "[{\"start\":\"09:00\",\"end\":\"12:00\"}]", .doc = "When it is open all the same; absent for a day off." },
	{ .name = NULL }
};
static const struct field hours_fields[] = {
	{ "business_hours_id", T_ID, F_OUT, .example = "\"0190163d-8694-739b-aea5-966c26f8ad91\"", .doc = "Unique id." },
	{ "org_id",      T_STR,  F_OUT, .example = "\"org_123\"", .doc = "The organization." },
	{ "name",        T_STR,  F_CREATE|F_PATCH|F_OUT|F_REQ, 1, 120, .example = "\"Office Berlin\"", .doc = "Name; unique whatever its case." },
	{ "timezone",    T_STR,  F_CREATE|F_PATCH|F_OUT, 1, 64, .example = "\"Europe/Berlin\"", .doc = "Name of the time zone database, such as Area/City or UTC; the organization's when absent." },
	{ "weekly",      T_OBJECT, F_CREATE|F_PATCH|F_OUT, .sub = weekly_fields, .example = "{\"monday\":[{\"start\":\"09:00\",\"end\":\"17:30\"}]}", .doc = "Open intervals by weekday, in local time. A change replaces all of it." },
	{ "holidays",    T_OBJECT, F_CREATE|F_PATCH|F_OUT|F_LIST, .sub = holiday_fields, .max_items = 500, .example = "[{\"date\":\"2026-12-25\",\"name\":\"Christmas\"}]", .doc = "Days that differ from their weekday, each once. A change replaces the list." },
	{ "is_default",  T_BOOL, F_CREATE|F_PATCH|F_OUT, .example = "false", .doc = "Whether SLA policies with business_hours that name no calendar count by it, for tickets whose team has none; making one the default ends that of another." },
	{ "apply_to",    T_ENUM, F_PATCH, .words = apply_to, .example = "\"new\"", .doc = "Whether the change also moves the SLA clocks that run: those that count by this calendar, and those that would as it is now. What is open since they last began to run is counted anew. New unless given: those that run keep their due times until they are paused, or their ticket's policy, priority or team changes." },
	{ "version",     T_INT,  F_OUT, .example = "1", .doc = "Grows with each change." },
	{ "created_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ "updated_at",  T_TIME, F_OUT, .example = "\"2026-06-13T10:00:00.000Z\"", .doc = "ISO 8601, UTC." },
	{ .name = NULL }
};
static const struct resource hours = { "BusinessHours", "A calendar of when the desk is open.", "business_hours_v", "business_hours_id", NULL, hours_fields };
static const struct sort sorts[] = { { "name", "t.name", "text" }, { "created_at", "t.created_at", "timestamptz" }, { .name = NULL } };
static const struct list calendars = { NULL, sorts, NULL, true };

/* clang-format on */

static int
update_hours(struct req *r)
{
	const char *to = body_str(r, "apply_to");

	if (api_exec(r) == -1)
		return -1;
	if (to != NULL && strcmp(to, "running") == 0)
		db_do(r->db, SQL_SLA_RECOUNT_ALL, P(r->org, r->args[0]));
	return 0;
}

/* clang-format off */
#define PATH "/api/organizations/:org_id/business-hours"
const struct route business_hours_routes[] = {
	{ POST, PATH, "businessHours.create", api_exec, S_SETTINGS_WRITE, .flags = R_CREATE, .body = hours_fields, .reply = &hours,
	    .exec = SQL_BUSINESS_HOURS_CREATE, .summary = "Create a business hours calendar",
	    .doc = "Local time counts: an hour that the clock skips in spring is no business time, one that it repeats in autumn counts twice." },
	{ GET, PATH, "businessHours.list", api_list, S_SETTINGS_READ, .reply = &hours, .list = &calendars, .summary = "List business hours calendars" },
	{ GET, PATH "/:id", "businessHours.get", api_get, S_SETTINGS_READ, .reply = &hours, .summary = "Get a business hours calendar" },
	{ PATCH, PATH "/:id", "businessHours.update", update_hours, S_SETTINGS_WRITE, .body = hours_fields, .use = F_PATCH, .reply = &hours,
	    .exec = SQL_BUSINESS_HOURS_PATCH, .summary = "Update a business hours calendar", .example = "{\"is_default\":true}" },
	{ DELETE, PATH "/:id", "businessHours.delete", api_exec, S_SETTINGS_WRITE, .on = &hours, .status = 204,
	    .exec = SQL_BUSINESS_HOURS_DELETE, .summary = "Delete a business hours calendar", .doc = "409 while teams, SLA policies or SLA timers that have not stopped use it; the answer says which. Archived policies and stopped timers do not hold it." },
	{ .path = NULL }
};
