#include "conn_look.h"

#include "conn_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_S 20 /* without a word from the system */

struct conn_look {
	struct conn *c;
	struct br_loop *loop;
	const struct conn_look_events *events;
	bool running, answered, failed;
	bool more, done; /* of the last answer */
	struct br_timer patience;
	struct br_err err;
};

bool conn_only_looks(const struct conn *c)
{
	return c->look != NULL;
}

/* A kind tries again by itself for as long as it takes; people who wait for an answer want to know.
 */
static void lost_patience(void *arg)
{
	struct conn_look *k = arg;
	struct br_err err;
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%d", PATIENCE_S);
	br_err_clear(&err);
	br_err_set(&err, BR_E_CONN_SILENT, "system", k->c->system_name, "seconds", seconds, NULL);
	conn_look_failed(k, &err);
}

static void keep_waiting(struct conn_look *k)
{
	br_timer_set(k->loop, &k->patience, PATIENCE_S * 1000000LL);
}

/* ---- what the kind says ---- */

void conn_look_answered(struct conn_look *k, bool more, bool done)
{
	k->answered = true;
	k->more = more;
	k->done = done;
	if (k->running)
		br_loop_stop(k->loop, 0);
}

void conn_look_failed(struct conn_look *k, const struct br_err *err)
{
	if (!k->failed)
		k->err = *err;
	k->failed = true;
	if (k->running)
		br_loop_stop(k->loop, 0);
}

void conn_look_record(struct conn_look *k, const struct conn_record *r, struct br_str lid,
	const struct image *img, const struct br_err *err)
{
	if (k->running)
		keep_waiting(k);
	if (!k->failed)
		k->events->record(k->events->arg, r, lid, img, err);
}

void conn_look_digest(struct conn_look *k, const struct conn_record *r, struct br_str lo,
	struct br_str hi, const struct msg_digest *d, size_t n)
{
	if (!k->failed)
		k->events->digest(k->events->arg, r, lo, hi, d, n);
}

/* ---- one thing after the other ---- */

static void begin(struct conn_look *k)
{
	k->answered = false;
	br_arena_reset(&k->c->phase_arena);
}

/* A signal ends the wait too: then there is neither an answer nor a failure. */
static int wait_for_answer(struct conn_look *k, struct br_err *err)
{
	if (!k->answered && !k->failed) {
		k->running = true;
		keep_waiting(k);
		br_loop_run(k->loop);
		k->running = false;
		br_timer_set(k->loop, &k->patience, -1);
	}
	if (k->failed) {
		*err = k->err;
		return -(int)br_err_code(err);
	}
	return k->answered ? 0
			   : br_err_set(err, BR_E_CONN_STOPPED, "system", k->c->system_name, NULL);
}

bool conn_look_walks(const struct conn_look *k)
{
	return k->c->promises & CONN_SWEEP;
}

int conn_look_walk(struct conn_look *k, bool *done, struct br_err *err)
{
	int rc;

	begin(k);
	k->c->kind->sweep(k->c->state);
	rc = wait_for_answer(k, err);
	*done = k->done;
	return rc;
}

int conn_look_feed(struct conn_look *k, bool *more, struct br_err *err)
{
	int rc;

	begin(k);
	k->c->kind->poll(k->c->state);
	rc = wait_for_answer(k, err);
	*more = k->more;
	return rc;
}

int conn_look_read(struct conn_look *k, struct br_str record, const struct br_str *lids, size_t n,
	struct br_err *err)
{
	const struct conn_record *r = conn_find_record(k->c, record);

	if (!r || n == 0)
		return 0;
	begin(k);
	k->c->kind->refetch(k->c->state, r, lids, n);
	return wait_for_answer(k, err);
}

/* ---- open and close ---- */

static int open_kind(struct conn_look *k, struct br_str spec, struct br_err *err)
{
	struct conn *c = k->c;
	int rc;

	c->kind_open = true;
	rc = c->kind->open(c->state, c, c->options, err);
	if (rc == 0)
		rc = wait_for_answer(k, err);
	if (rc == 0)
		rc = conn_read_spec(c, spec, err);
	if (rc)
		return rc;
	begin(k);
	rc = c->kind->begin(c->state, 0, BR_STR(""), err);
	if (rc == 0)
		rc = wait_for_answer(k, err);
	c->promises = c->kind->promises ? c->kind->promises(c->state) : 0;
	return rc;
}

struct conn_look *conn_look_new(const struct cfg_site *site, const struct cfg_system *system,
	const struct conn_kind *kind, struct br_str spec, const struct conn_look_events *events,
	struct br_err *err)
{
	struct conn_look *k = calloc(1, sizeof(*k));

	if (!k) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	k->events = events;
	k->patience = (struct br_timer){.fn = lost_patience, .arg = k};
	k->loop = br_loop_new(err);
	k->c = k->loop ? conn_new(k->loop, site, system, kind, err) : NULL;
	if (k->c) {
		k->c->look = k;
		if (open_kind(k, spec, err) == 0)
			return k;
	}
	conn_look_free(k);
	return NULL;
}

void conn_look_free(struct conn_look *k)
{
	if (!k)
		return;
	if (k->c && k->c->kind_open)
		k->c->kind->close(k->c->state);
	if (k->c && k->c->spec)
		json_decref(k->c->spec);
	conn_free(k->c);
	br_loop_free(k->loop);
	free(k);
}
