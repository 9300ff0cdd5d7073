#include "hub_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * Records; ten times more when that is not enough. What a bridge that stood still may leave behind
 * those of a younger one is what it had not sent yet: that it opened the ledger, HUB_KEPT, and two
 * batches, once more each when they were folded again: nine. Enough for three such.
 */
#define LOOK_BACK  32
#define WAIT_MS	   5000
#define HEAD_ARENA (1u << 20)

/* A batch of the journal behind the ledger. */
struct entry {
	int64_t c, by, incarnation, before, offset;
	uint64_t site;
};

struct hub_journal {
	struct bus *bus;
	struct hub_world *world;
	char topic[256];
	int source; /* of the bus; -1: none */
	int64_t c;  /* the ledger's */
	int64_t last;
	struct hub_forget forget;
	int64_t low, high;
	int64_t youngest, top;
	int64_t stored;	     /* so many batches are known to have been stored */
	struct entry *known; /* by number, of the youngest */
	size_t nknown, room;
	struct entry *list; /* what is to be folded: known ones behind c, without a hole */
	size_t n, at;
	struct br_arena arena;
};

static void leave(struct hub_journal *j)
{
	if (j->source >= 0)
		bus_leave(j->bus, j->source);
	j->source = -1;
}

void hub_journal_free(struct hub_journal *j)
{
	if (!j)
		return;
	leave(j);
	br_arena_release(&j->arena);
	free(j->known);
	free(j);
}

/* ---- what is there ---- */

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->c != y->c)
		return x->c < y->c ? -1 : 1;
	/* the youngest first */
	return x->by == y->by ? 0 : x->by > y->by ? -1 : 1;
}

static int add(struct hub_journal *j, const struct hub_folded *f, int64_t offset)
{
	if (f->stored > j->stored)
		j->stored = f->stored;
	if (f->by > j->youngest)
		j->youngest = f->by;
	if (f->c > j->top || f->top > j->top)
		j->top = f->c > f->top ? f->c : f->top;
	if (f->c == 0)
		return 0;
	if (f->c >= j->forget.c && f->by <= j->forget.by)
		return 0;
	if (j->nknown == j->room) {
		size_t room = j->room * 2 + 64;
		struct entry *more = realloc(j->known, room * sizeof(*more));

		if (!more)
			return -BR_E_NOMEM;
		j->known = more;
		j->room = room;
	}
	j->known[j->nknown++] =
		(struct entry){f->c, f->by, f->incarnation, f->before, offset, f->site};
	return 0;
}

static int no_answer(const struct hub_journal *j, struct br_err *err)
{
	return br_err_set(
		err, BR_E_BUS_SOURCE, "topic", j->topic, "why", "no answer within 5 s", NULL);
}

static bool is_whole(struct br_str text, struct br_arena *a)
{
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, text, a, &err);
	return br_jr_skip(&r, br_jr_next(&r), NULL) == 0 && br_jr_next(&r) == BR_JT_END;
}

static int read_head(struct hub_journal *j, struct bus_record *r, struct br_err *err)
{
	struct hub_folded head;
	int rc = 0;

	br_arena_reset(&j->arena);
	/* what is none says nothing; should it have been one, there is a hole */
	if (hub_folded_read(r->value, j->world, 0, &j->arena, &head, NULL) == 0 &&
		(head.c <= j->c || is_whole(r->value, &j->arena)) && add(j, &head, r->offset) < 0)
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	return rc;
}

static int read_heads(struct hub_journal *j, int64_t from, struct br_err *err)
{
	struct bus_record r = {.offset = from - 1};
	int rc;

	j->nknown = 0;
	j->top = j->c;
	while (r.offset + 1 < j->high) {
		rc = bus_wait_from(j->bus, j->source, &r, WAIT_MS, err);
		if (rc == 0)
			return no_answer(j, err);
		if (rc > 0) {
			rc = read_head(j, &r, err);
			bus_give_back(j->bus, &r, 1);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One of each number, in their order. */
static void keep_youngest(struct hub_journal *j)
{
	size_t n = 0;

	if (j->nknown)
		qsort(j->known, j->nknown, sizeof(*j->known), entry_cmp);
	for (size_t i = 0; i < j->nknown; i++)
		if (n == 0 || j->known[n - 1].c != j->known[i].c)
			j->known[n++] = j->known[i];
	j->nknown = n;
}

/*
 * From the first one that the ledger does not have, as long as each is behind the one before it. A
 * record that Kafka never got ends the list: nothing of its batch went out, nor of any behind it.
 */
static void find_list(struct hub_journal *j)
{
	int64_t before = j->last;
	size_t first = 0;

	while (first < j->nknown && j->known[first].c <= j->c)
		first++;
	j->list = j->known + first;
	for (j->n = 0; first + j->n < j->nknown; j->n++) {
		const struct entry *e = &j->list[j->n];

		if (e->c != j->c + 1 + (int64_t)j->n ||
			(before && e->before && e->before != before))
			break;
		before = e->incarnation;
	}
}

/* Nothing can lie further back: all that is known to be behind the ledger is there. Where no record
 * could be read nothing is known. */
static bool is_all(const struct hub_journal *j)
{
	return j->youngest && j->c + (int64_t)j->n >= j->top;
}

/* Of what is behind the ledger the beginning was deleted, and not only never there. */
static bool is_trimmed(const struct hub_journal *j)
{
	return j->low > 0 && j->list == j->known && j->nknown && j->known[0].c > j->c + 1;
}

static int gone(const struct hub_journal *j, struct br_err *err)
{
	char found[24], wanted[24];

	snprintf(found, sizeof(found), "%" PRId64, j->c);
	snprintf(wanted, sizeof(wanted), "%" PRId64, j->c + 1);
	return br_err_set(err, BR_E_HUB_FOLDED_GONE, "topic", j->topic, "found", found, "wanted",
		wanted, NULL);
}

/* The next record to be read is the one at offset. */
static int go_to(struct hub_journal *j, int64_t offset, struct br_err *err)
{
	if (j->source >= 0)
		return bus_seek(j->bus, j->source, offset, err);
	j->source = bus_assign(j->bus, j->topic, 0, offset, NULL, err);
	return j->source < 0 ? j->source : 0;
}

static int look(struct hub_journal *j, struct br_err *err)
{
	int64_t back = LOOK_BACK, from;
	int rc;

	do {
		from = j->high - back > j->low ? j->high - back : j->low;
		if ((rc = go_to(j, from, err)) < 0 || (rc = read_heads(j, from, err)) < 0)
			return rc;
		keep_youngest(j);
		find_list(j);
		back *= 10;
	} while (from > j->low && !is_all(j));
	return is_trimmed(j) ? gone(j, err) : 0;
}

/* Doubtful ones that another site has folded are none. */
static void drop_strangers(struct hub_journal *j)
{
	uint64_t site = hub_folded_site(j->world);

	for (size_t i = 0; i < j->n; i++)
		if (j->list[i].c > j->stored && j->list[i].site != site)
			j->n = i;
}

struct hub_journal *hub_journal_open(struct bus *b, const char *topic, struct hub_world *w,
	int64_t c, int64_t last, struct hub_forget forget, struct br_err *err)
{
	struct hub_journal *j = calloc(1, sizeof(*j));

	if (!j) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	j->bus = b;
	j->world = w;
	j->source = -1;
	j->c = j->stored = j->top = c;
	j->last = last;
	j->forget = forget;
	snprintf(j->topic, sizeof(j->topic), "%s", topic);
	br_arena_init(&j->arena, HEAD_ARENA);
	if (bus_bounds(b, topic, 0, &j->low, &j->high, err) < 0 ||
		(j->high > j->low && look(j, err) < 0)) {
		hub_journal_free(j);
		return NULL;
	}
	drop_strangers(j);
	leave(j);
	return j;
}

/* ---- one by one ---- */

int64_t hub_journal_youngest(const struct hub_journal *j)
{
	return j->youngest;
}

int64_t hub_journal_top(const struct hub_journal *j)
{
	return j->top;
}

size_t hub_journal_left(const struct hub_journal *j)
{
	return j->n - j->at;
}

bool hub_journal_is_behind(const struct hub_journal *j)
{
	return j->n && j->list[0].c <= j->stored;
}

bool hub_journal_doubts(const struct hub_journal *j, int64_t c)
{
	return c > j->stored;
}

bool hub_journal_has(const struct hub_journal *j, int64_t c, int64_t by)
{
	for (size_t i = 0; i < j->nknown; i++)
		if (j->known[i].c == c)
			return j->known[i].by == by;
	return false;
}

static int other_site(const struct entry *e, int64_t at_ms, struct br_err *err)
{
	time_t s = (time_t)(at_ms / 1000);
	char when[40], found[24];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
	snprintf(found, sizeof(found), "%" PRId64, e->c - 1);
	return br_err_set(err, BR_E_HUB_FOLDED_SITE, "found", found, "when", when, NULL);
}

static int read_one(struct hub_journal *j, const struct entry *e, const struct bus_record *r,
	struct br_arena *a, size_t nsources, struct hub_folded *out, struct br_err *err)
{
	if (e->site != hub_folded_site(j->world))
		return other_site(e, r->timestamp, err);
	return hub_folded_read(br_arena_copy(a, r->value), j->world, nsources, a, out, err);
}

int hub_journal_next(struct hub_journal *j, struct br_arena *a, size_t nsources,
	struct hub_folded *out, struct br_err *err)
{
	const struct entry *e = &j->list[j->at];
	struct bus_record r;
	int rc;

	/* the list goes by numbers, and an older bridge's record of one may stand behind */
	if ((j->source < 0 || (j->at && e->offset < j->list[j->at - 1].offset)) &&
		(rc = go_to(j, e->offset, err)) < 0)
		return rc;
	for (;;) {
		rc = bus_wait_from(j->bus, j->source, &r, WAIT_MS, err);
		if (rc <= 0)
			return rc < 0 ? rc : no_answer(j, err);
		if (r.offset == e->offset)
			break;
		bus_give_back(j->bus, &r, 1);
	}
	rc = read_one(j, e, &r, a, nsources, out, err);
	bus_give_back(j->bus, &r, 1);
	if (rc == 0)
		j->at++;
	return rc;
}
