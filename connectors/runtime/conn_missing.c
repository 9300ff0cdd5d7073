#include "conn_internal.h"

#include <stdlib.h>

#define MANY 20000 /* beyond that, the next walk asks again */

struct conn_missing {
	const struct conn_record *record;
	int64_t since_us;
	bool asked; /* the second look is on its way */
	struct br_str lid;
	UT_hash_handle hh;
	char key[]; /* number of the record, then lid */
};

static struct br_str key_of(
	struct conn *c, const struct conn_record *r, struct br_str lid, char *room, size_t size)
{
	unsigned number = conn_record_number(c, r);

	if (sizeof(number) + lid.n > size)
		return BR_STR_NONE;
	memcpy(room, &number, sizeof(number));
	if (lid.n)
		memcpy(room + sizeof(number), lid.p, lid.n);
	return (struct br_str){room, sizeof(number) + lid.n};
}

static struct conn_missing *find(struct conn *c, struct br_str key)
{
	struct conn_missing *m = NULL;

	if (key.n)
		HASH_FIND(hh, c->missing, key.p, key.n, m);
	return m;
}

static int64_t patience_us(const struct conn *c)
{
	return c->system->gone_after_ms * 1000;
}

static void forget(struct conn *c, struct conn_missing *m)
{
	HASH_DEL(c->missing, m);
	free(m);
}

static void remember(struct conn *c, const struct conn_record *r, struct br_str key)
{
	struct conn_missing *m =
		HASH_COUNT(c->missing) < MANY ? calloc(1, sizeof(*m) + key.n) : NULL;

	if (!m)
		return;
	memcpy(m->key, key.p, key.n);
	m->record = r;
	m->lid = (struct br_str){m->key + sizeof(unsigned), key.n - sizeof(unsigned)};
	m->since_us = br_loop_now(c->loop);
	HASH_ADD_KEYPTR(hh, c->missing, m->key, key.n, m);
	if (!br_timer_is_set(&c->missing_timer))
		br_timer_set(c->loop, &c->missing_timer, patience_us(c));
}

bool conn_is_missing(struct conn *c, const struct conn_record *r, struct br_str lid)
{
	char room[2048];
	struct br_str key = key_of(c, r, lid, room, sizeof(room));
	struct conn_missing *m = find(c, key);

	if (patience_us(c) == 0 || !key.n || !c->kind->refetch)
		return true;
	if (!m) {
		remember(c, r, key);
		return false;
	}
	if (br_loop_now(c->loop) - m->since_us < patience_us(c))
		return false;
	forget(c, m);
	return true;
}

void conn_is_there(struct conn *c, const struct conn_record *r, struct br_str lid)
{
	char room[2048];
	struct conn_missing *m = c->missing ? find(c, key_of(c, r, lid, room, sizeof(room))) : NULL;

	if (m)
		forget(c, m);
}

static bool is_due(const struct conn *c, const struct conn_missing *m)
{
	return !m->asked && br_loop_now(c->loop) - m->since_us >= patience_us(c);
}

/* All that are due of the record of the first; false: none is. */
static bool ask_for_some(struct conn *c)
{
	size_t n = 0, room = HASH_COUNT(c->missing);
	struct br_str *lids = malloc((room + 1) * sizeof(*lids));
	const struct conn_record *r = NULL;

	for (struct conn_missing *m = lids ? c->missing : NULL; m; m = m->hh.next) {
		if (!is_due(c, m) || (r && m->record != r))
			continue;
		r = m->record;
		m->asked = true;
		lids[n++] = m->lid;
	}
	if (n)
		conn_look_again(c, r, lids, n);
	free(lids);
	return n > 0;
}

/* Timer. They stand in the order in which they were missed. */
void conn_look_for_missing(void *arg)
{
	struct conn *c = arg;

	if (!conn_alive(c))
		return;
	while (ask_for_some(c))
		;
	for (struct conn_missing *m = c->missing; m; m = m->hh.next) {
		if (m->asked)
			continue;
		br_timer_set(c->loop, &c->missing_timer,
			m->since_us + patience_us(c) - br_loop_now(c->loop));
		break;
	}
	conn_soon(c);
}

void conn_drop_missing(struct conn *c)
{
	struct conn_missing *m = c->missing, *next;

	HASH_CLEAR(hh, c->missing);
	for (; m; m = next) {
		next = m->hh.next;
		free(m);
	}
	br_timer_set(c->loop, &c->missing_timer, -1);
}
