#include "pg_ongoing.h"
#include "br_text.h"
#include <stdlib.h>

#define REST	 4
#define MAX_KEYS (256u << 20) /* bytes */

/* Keys one behind the other, each with a NUL. */
struct keys {
	struct br_buf b;
	size_t n, last; /* where the newest begins */
};

struct pg_ongoing {
	struct keys seen, before; /* in this round, in the one before */
	struct keys missing;
	size_t taken; /* bytes of missing that were given out */
	bool under_way;
	int64_t begun_us, rest_until_us;
};

static void init(struct keys *k)
{
	*k = (struct keys){.n = 0};
	br_buf_init(&k->b, MAX_KEYS);
}

static void empty(struct keys *k)
{
	br_buf_reset(&k->b);
	k->n = k->last = 0;
}

static void append(struct keys *k, const char *key)
{
	k->last = k->b.n;
	br_buf_add(&k->b, key, strlen(key) + 1);
	k->n++;
}

struct pg_ongoing *pg_ongoing_new(struct br_arena *a)
{
	struct pg_ongoing *o = br_arena_new(a, struct pg_ongoing);

	if (!o)
		return NULL;
	init(&o->seen);
	init(&o->before);
	init(&o->missing);
	o->under_way = false;
	o->taken = 0;
	o->begun_us = o->rest_until_us = INT64_MIN;
	return o;
}

void pg_ongoing_release(struct pg_ongoing *o)
{
	if (!o)
		return;
	br_buf_release(&o->seen.b);
	br_buf_release(&o->before.b);
	br_buf_release(&o->missing.b);
}

bool pg_ongoing_begin(struct pg_ongoing *o, int64_t now_us, const char **at)
{
	*at = NULL;
	if (o->under_way && o->seen.n)
		*at = o->seen.b.p + o->seen.last;
	if (o->under_way)
		return true;
	if (now_us < o->rest_until_us)
		return false;
	o->under_way = true;
	o->begun_us = now_us;
	return true;
}

/* ---- the difference ---- */

static size_t slot_of(
	const uint32_t *slots, size_t nslots, const struct keys *k, const char *key, size_t n)
{
	size_t i = (size_t)br_hash(key, n) & (nslots - 1);

	while (slots[i] && strcmp(k->b.p + slots[i] - 1, key) != 0)
		i = (i + 1) & (nslots - 1);
	return i;
}

static uint32_t *index_of(const struct keys *k, size_t *nslots)
{
	uint32_t *slots;

	for (*nslots = 16; *nslots < k->n * 2;)
		*nslots *= 2;
	slots = calloc(*nslots, sizeof(*slots));
	for (size_t at = 0, n; slots && at < k->b.n; at += n + 1) {
		n = strlen(k->b.p + at);
		slots[slot_of(slots, *nslots, k, k->b.p + at, n)] = (uint32_t)at + 1;
	}
	return slots;
}

static int find_missing(struct pg_ongoing *o)
{
	const struct keys *before = &o->before;
	size_t nslots;
	uint32_t *slots = index_of(&o->seen, &nslots);

	if (!slots)
		return -BR_E_NOMEM;
	for (size_t at = 0, n; at < before->b.n; at += n + 1) {
		const char *key = before->b.p + at;

		n = strlen(key);
		if (!slots[slot_of(slots, nslots, &o->seen, key, n)])
			append(&o->missing, key);
	}
	free(slots);
	return br_buf_failed(&o->missing.b) ? -BR_E_NOMEM : 0;
}

static int end_round(struct pg_ongoing *o, int64_t now_us)
{
	struct keys was = o->before;
	int rc = find_missing(o);

	o->before = o->seen;
	o->seen = was;
	empty(&o->seen);
	o->under_way = false;
	o->rest_until_us = now_us + REST * (now_us - o->begun_us);
	return rc;
}

int pg_ongoing_saw(
	struct pg_ongoing *o, const PGresult *res, bool full, int64_t now_us, struct br_err *err)
{
	int rc = 0;

	for (int i = 0; i < PQntuples(res); i++)
		append(&o->seen, PQgetvalue(res, i, 0));
	if (br_buf_failed(&o->seen.b))
		rc = -BR_E_NOMEM;
	else if (!full)
		rc = end_round(o, now_us);
	return rc ? br_err_set(err, BR_E_NOMEM, NULL) : 0;
}

bool pg_ongoing_missing(const struct pg_ongoing *o)
{
	return o->taken < o->missing.b.n;
}

const char *pg_ongoing_next(struct pg_ongoing *o)
{
	const char *key = pg_ongoing_missing(o) ? o->missing.b.p + o->taken : NULL;

	if (key)
		o->taken += strlen(key) + 1;
	else
		empty(&o->missing);
	if (!key)
		o->taken = 0;
	return key;
}
