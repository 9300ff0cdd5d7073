#include "portal_settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "portal_time.h"

enum kind { SWITCH, COUNT, WINDOW };

static const struct settings defaults = {
	.idempotency = true,
	.etag = true,
	.duplicate_rule = true,
	.token_ttl_s = 7200,
	.skew_s = 300,
};

static const struct row {
	const char *name;
	enum kind kind;
	size_t at;
	int64_t least, most;
} rows[] = {
	{"idempotency", SWITCH, offsetof(struct settings, idempotency), 0, 0},
	{"etag", SWITCH, offsetof(struct settings, etag), 0, 0},
	{"duplicate_rule", SWITCH, offsetof(struct settings, duplicate_rule), 0, 0},
	{"latency_ms", COUNT, offsetof(struct settings, latency_ms), 0, 600000},
	{"latency_random_ms", COUNT, offsetof(struct settings, latency_random_ms), 0, 600000},
	{"rate_limit", COUNT, offsetof(struct settings, rate_limit), 0, 1000000},
	{"search_lag_ms", COUNT, offsetof(struct settings, search_lag_ms), 0, 86400000},
	{"token_ttl_s", COUNT, offsetof(struct settings, token_ttl_s), 1, 86400},
	{"skew_s", COUNT, offsetof(struct settings, skew_s), 1, 86400},
	{"closed_window", WINDOW, offsetof(struct settings, closed_window), 0, 0},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

void settings_init(struct settings_box *box)
{
	pthread_mutex_init(&box->lock, NULL);
	box->now = defaults;
}

struct settings settings_now(struct settings_box *box)
{
	struct settings copy;

	pthread_mutex_lock(&box->lock);
	copy = box->now;
	pthread_mutex_unlock(&box->lock);
	return copy;
}

void settings_default(struct settings_box *box)
{
	pthread_mutex_lock(&box->lock);
	box->now = defaults;
	pthread_mutex_unlock(&box->lock);
}

/* Minutes since midnight of both ends; false when the text is no window. */
static bool window_ends(const char *text, int *from, int *to)
{
	int h1, m1, h2, m2, used = 0;

	if (sscanf(text, "%2d:%2d-%2d:%2d%n", &h1, &m1, &h2, &m2, &used) != 4 || text[used])
		return false;
	*from = h1 * 60 + m1;
	*to = h2 * 60 + m2;
	return h1 >= 0 && m1 >= 0 && m1 < 60 && h2 >= 0 && m2 >= 0 && m2 < 60 && *from <= 24 * 60 &&
	       *to <= 24 * 60;
}

static const char *take(struct settings *s, const struct row *row, const json_t *value)
{
	char *at = (char *)s + row->at;
	const char *text = json_string_value(value);
	int from, to;

	switch (row->kind) {
	case SWITCH:
		if (!json_is_boolean(value))
			return "true or false is wanted";
		*(bool *)(void *)at = json_is_true(value);
		return NULL;
	case COUNT:
		if (!json_is_integer(value) || json_integer_value(value) < row->least ||
			json_integer_value(value) > row->most)
			return "a whole number in range is wanted";
		*(int64_t *)(void *)at = json_integer_value(value);
		return NULL;
	case WINDOW:
		if (!text || (*text && strcmp(text, "always") && !window_ends(text, &from, &to)) ||
			strlen(text) >= sizeof(s->closed_window))
			return "\"\", \"always\" or \"HH:MM-HH:MM\" is wanted";
		snprintf(at, sizeof(s->closed_window), "%s", text);
		return NULL;
	}
	return NULL;
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

const char *settings_change(struct settings_box *box, const json_t *changes, const char **field)
{
	const char *wrong = NULL, *name;
	struct settings next;
	json_t *value;

	pthread_mutex_lock(&box->lock);
	next = box->now;
	json_object_foreach((json_t *)changes, name, value)
	{
		const struct row *row = find(name);

		*field = name;
		wrong = row ? take(&next, row, value) : "there is no such switch";
		if (wrong)
			break;
	}
	if (!wrong)
		box->now = next;
	pthread_mutex_unlock(&box->lock);
	return wrong;
}

json_t *settings_json(struct settings_box *box)
{
	const struct settings now = settings_now(box);
	json_t *o = json_object();

	for (size_t i = 0; i < ROWS; i++) {
		const void *at = (const char *)&now + rows[i].at;

		json_object_set_new(o, rows[i].name,
			rows[i].kind == SWITCH	? json_boolean(*(const bool *)at)
			: rows[i].kind == COUNT ? json_integer(*(const int64_t *)at)
						: json_string(at));
	}
	return o;
}

bool settings_closed(const struct settings *s, int64_t now_ms)
{
	char stamp[15];
	int from, to, hour, minute, at;

	if (!strcmp(s->closed_window, "always"))
		return true;
	if (!window_ends(s->closed_window, &from, &to))
		return false;
	time_stamp(now_ms, stamp);
	sscanf(stamp + 8, "%2d%2d", &hour, &minute);
	at = hour * 60 + minute;
	return from <= to ? at >= from && at < to : at >= from || at < to;
}
