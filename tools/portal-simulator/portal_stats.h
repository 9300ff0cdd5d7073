/*
 * portal_stats.h - how often each path was called and with which outcome, since the start.
 */
#ifndef PORTAL_STATS_H
#define PORTAL_STATS_H

#include <pthread.h>

#include <jansson.h>

struct stats {
	pthread_mutex_t lock;
	json_t *calls;	  /* "POST /case/update" -> number */
	json_t *codes;	  /* "200" -> number */
	json_t *outcomes; /* "replayed", "unchanged", "lost_answer"... -> number */
};

void stats_init(struct stats *s);
void stats_clear(struct stats *s);
void stats_free(struct stats *s);
void stats_call(struct stats *s, const char *method, const char *route, int code);
void stats_outcome(struct stats *s, const char *name);
json_t *stats_json(struct stats *s); /* new reference */

#endif
