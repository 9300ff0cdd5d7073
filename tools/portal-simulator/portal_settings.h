/*
 * portal_settings.h - the switches that hold until they are changed. They survive a restart.
 */
#ifndef PORTAL_SETTINGS_H
#define PORTAL_SETTINGS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct settings {
	bool idempotency, etag, duplicate_rule;
	int64_t latency_ms, latency_random_ms; /* every interface call */
	int64_t rate_limit;		       /* calls a second, 0 = any number */
	int64_t search_lag_ms;		       /* a new case is found by a search after this */
	int64_t token_ttl_s, skew_s;
	char closed_window[16]; /* "" | "always" | "23:00-01:00" */
};
struct settings_box {
	pthread_mutex_t lock;
	struct settings now;
};

void settings_init(struct settings_box *box);
struct settings settings_now(struct settings_box *box);
/* Takes the members given, all or none. NULL, or what is wrong; field is then the member's name. */
const char *settings_change(struct settings_box *box, const json_t *changes, const char **field);
void settings_default(struct settings_box *box);
json_t *settings_json(struct settings_box *box); /* new reference */
/* Whether the portal is closed at this moment. */
bool settings_closed(const struct settings *s, int64_t now_ms);

#endif
