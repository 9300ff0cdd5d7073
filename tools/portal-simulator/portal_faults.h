/*
 * portal_faults.h - faults on demand: rules that make calls fail, counted or by chance.
 *
 * Every call asks once for its plan; each rule that fits the call and is due adds to it. Of the
 * kinds that decide how the call ends, the first due rule wins and only that one is used up.
 */
#ifndef PORTAL_FAULTS_H
#define PORTAL_FAULTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_HTML,	    /* an HTML page with status 200 */
	FAULT_ERROR,	    /* an HTTP error status, 500 unless said otherwise */
	FAULT_BUSY,	    /* code 5000 */
	FAULT_SLOW_DOWN,    /* 429 */
	FAULT_LOST_REQUEST, /* connection closed, nothing done */
	FAULT_LOST_ANSWER,  /* connection closed, everything done */
	FAULT_TRUNCATED,    /* half of the body, then closed */
	FAULT_TRICKLE,	    /* the body in small pieces */
	FAULT_LATENCY,
	FAULT_IGNORE,	 /* a field is passed over without a word */
	FAULT_TRANSFORM, /* a field is stored changed */
};
enum edit_kind { EDIT_IGNORE, EDIT_UPPER, EDIT_TRUNCATE };
struct field_edit {
	char field[48];
	enum edit_kind kind;
	int64_t bytes; /* EDIT_TRUNCATE: of UTF-8; a character is never cut in two */
};
struct fault_plan {
	int64_t before_ms, after_ms; /* waits before the work and between work and answer */
	enum fault_kind ends;
	bool after;		   /* FAULT_HTML, FAULT_ERROR: the work is done all the same */
	int64_t status, ms, bytes; /* FAULT_ERROR; FAULT_TRICKLE: pause and size of a piece */
	struct field_edit edit[8];
	unsigned edits;
};

struct fault_rule;
struct faults {
	pthread_mutex_t lock;
	struct fault_rule *first;
	int64_t last_id;
	unsigned random;   /* state of the random numbers; set by "seed" */
	int64_t bucket_ms; /* rate limit: when the bucket was filled last */
	double bucket;
};

void faults_init(struct faults *f);
void faults_clear(struct faults *f);
/* NULL, or what is wrong with the rule; *id is its number. */
const char *faults_add(struct faults *f, const json_t *rule, int64_t *id);
bool faults_remove(struct faults *f, int64_t id);
/* Rules as they were given, with id, hits and what is left; new reference. lasting: only those
 * without a count, which are kept over a restart. */
json_t *faults_json(struct faults *f, bool lasting);
void faults_seed(struct faults *f, unsigned seed);

/* page: a page for people, which only rules with a path of their own concern. */
void faults_plan(
	struct faults *f, const char *method, const char *path, bool page, struct fault_plan *out);
/* Whether one more call is within the limit per second. */
bool faults_admit(struct faults *f, int64_t limit);
int64_t faults_random_ms(struct faults *f, int64_t most);

#endif
