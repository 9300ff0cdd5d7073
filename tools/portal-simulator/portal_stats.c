#include "portal_stats.h"

#include <stdio.h>

void stats_init(struct stats *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->calls = json_object();
	s->codes = json_object();
	s->outcomes = json_object();
}

void stats_clear(struct stats *s)
{
	pthread_mutex_lock(&s->lock);
	json_object_clear(s->calls);
	json_object_clear(s->codes);
	json_object_clear(s->outcomes);
	pthread_mutex_unlock(&s->lock);
}

void stats_free(struct stats *s)
{
	json_decref(s->calls);
	json_decref(s->codes);
	json_decref(s->outcomes);
	pthread_mutex_destroy(&s->lock);
}

static void count(json_t *o, const char *name)
{
	json_int_t before = json_integer_value(json_object_get(o, name));

	json_object_set_new(o, name, json_integer(before + 1));
}

void stats_call(struct stats *s, const char *method, const char *route, int code)
{
	char name[120], number[16];

	snprintf(name, sizeof(name), "%s %s", method, route);
	snprintf(number, sizeof(number), "%d", code);
	pthread_mutex_lock(&s->lock);
	count(s->calls, name);
	count(s->codes, number);
	pthread_mutex_unlock(&s->lock);
}

void stats_outcome(struct stats *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	count(s->outcomes, name);
	pthread_mutex_unlock(&s->lock);
}

json_t *stats_json(struct stats *s)
{
	json_t *o = json_object();

	pthread_mutex_lock(&s->lock);
	json_object_set_new(o, "calls", json_deep_copy(s->calls));
	json_object_set_new(o, "codes", json_deep_copy(s->codes));
	json_object_set_new(o, "outcomes", json_deep_copy(s->outcomes));
	pthread_mutex_unlock(&s->lock);
	return o;
}
