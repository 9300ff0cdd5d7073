#include "cli_reconcile.h"

#include "map_time.h"

#include <stdlib.h>

void reconcile_fail(struct reconcile *r, const struct br_err *err)
{
	if (!r->failed)
		r->err = *err;
	r->failed = true;
}

static void no_memory(struct reconcile *r)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_NOMEM, NULL);
	reconcile_fail(r, &err);
}

static int failure(const struct reconcile *r, struct br_err *err)
{
	if (!r->failed)
		return 0;
	*err = r->err;
	return -(int)br_err_code(err);
}

void reconcile_suspect(struct reconcile *r, const struct reconcile_suspect *s)
{
	struct reconcile_suspect *to;

	if (r->nsuspects == r->room) {
		size_t room = r->room ? r->room * 2 : 256;

		to = realloc(r->suspects, room * sizeof(*to));
		if (!to) {
			no_memory(r);
			return;
		}
		r->suspects = to;
		r->room = room;
	}
	to = &r->suspects[r->nsuspects++];
	*to = *s;
	to->id = br_arena_copy(&r->keep, s->id);
	if (!to->id.p)
		no_memory(r);
}

/* ---- the day ---- */

static bool is_of_day(const struct reconcile *r, struct br_str time)
{
	size_t n = strlen(r->day);

	return time.n >= n && memcmp(time.p, r->day, n) == 0;
}

bool reconcile_in_day(struct reconcile *r, const struct image *kase, int64_t created_ms)
{
	const uint16_t fields[] = {r->c->schema->f_applied_at, r->c->schema->f_accepted_at};

	if (!r->day)
		return true;
	for (size_t i = 0; i < BR_LEN(fields); i++) {
		const struct cell *at = image_root(kase, fields[i]);

		if (at && !cell_is_null(at))
			return is_of_day(r, at->value);
	}
	return created_ms < 0 ||
	       is_of_day(r, map_time_rfc3339(created_ms / 1000, r->c->zone, &r->page));
}

/* ---- a pair of sides ---- */

/* The shadow is what stands there: does the case say the same? */
static bool differs_from_case(
	struct reconcile *r, const struct mapping *map, const struct ledger_look_link *l)
{
	const struct hub_sides s = {r->c->schema, map, &l->doc, l->had, l->nhad, &l->shadow,
		r->tolerance_s, &l->shadow, &l->fver, &l->held};
	struct map_issue issue = {.ask = false};
	struct hub_diff *diff;
	size_t n = 0;

	if (hub_reconcile(&s, &r->page, &diff, &n, &issue) < 0)
		no_memory(r);
	return n > 0;
}

/* Left out, and counted: what is on its way will be equal, what waits for a person is told there.
 */
static bool leave_out(struct reconcile *r, const struct ledger_look_link *l)
{
	r->count.in_flight += l->busy;
	r->count.waiting += !l->busy && l->parked;
	return l->busy || l->parked;
}

static void compare(struct reconcile *r, const struct mapping *map, const struct msg_digest *shown,
	const struct ledger_look_link *l)
{
	const struct reconcile_suspect s = {.map = map,
		.id = shown ? shown->lid : l->lid,
		.hash = shown ? shown->hash : 0,
		.there = shown != NULL};

	if (l && !reconcile_in_day(r, &l->doc, l->created_ms))
		return;
	r->count.records++;
	if (l && leave_out(r, l))
		return;
	if (!l || !shown || shown->hash != l->hash || differs_from_case(r, map, l))
		reconcile_suspect(r, &s);
}

static int digest_cmp(const void *a, const void *b)
{
	return br_str_cmp(((const struct msg_digest *)a)->lid, ((const struct msg_digest *)b)->lid);
}

/* ---- systems that walk over their keys ---- */

static void compare_range(struct reconcile *r, const struct mapping *map, struct msg_digest *d,
	size_t n, const struct ledger_look_link *l, size_t nl)
{
	size_t i = 0, j = 0;

	qsort(d, n, sizeof(*d), digest_cmp);
	while (!r->failed && (i < n || j < nl)) {
		int c = i == n ? 1 : j == nl ? -1 : br_str_cmp(d[i].lid, l[j].lid);

		if (c == 0)
			compare(r, map, &d[i++], &l[j++]);
		else if (c < 0)
			compare(r, map, &d[i++], NULL);
		else
			compare(r, map, NULL, &l[j++]);
	}
}

static void on_digest(void *arg, const struct conn_record *record, struct br_str lo,
	struct br_str hi, const struct msg_digest *d, size_t n)
{
	struct reconcile *r = arg;
	const struct mapping *map = map_find(r->maps, record->name);
	struct msg_digest *sorted;
	struct ledger_look_link *l;
	struct br_err err;
	size_t nl;

	if (r->failed || !map)
		return;
	br_arena_reset(&r->page);
	br_err_clear(&err);
	sorted = br_arena_array(&r->page, struct msg_digest, n + 1);
	if (!sorted) {
		no_memory(r);
		return;
	}
	if (n)
		memcpy(sorted, d, n * sizeof(*d));
	if (ledger_look_range(r->ledger, map, lo, hi, 0, &r->page, &l, &nl, &err) < 0)
		reconcile_fail(r, &err);
	else
		compare_range(r, map, sorted, n, l, nl);
}

/* ---- records one by one ---- */

static bool keep_seen(struct reconcile *r, struct reconcile_seen **out)
{
	if (r->nseen == r->seen_room) {
		size_t room = r->seen_room ? r->seen_room * 2 : RECONCILE_PAGE;
		struct reconcile_seen *more = realloc(r->seen, room * sizeof(*more));

		if (!more)
			return false;
		r->seen = more;
		r->seen_room = room;
	}
	*out = &r->seen[r->nseen++];
	memset(*out, 0, sizeof(**out));
	return true;
}

static bool copy_image(const struct image *img, struct br_arena *a, struct image *out)
{
	out->n = img->n;
	out->cells = br_arena_array(a, struct cell, img->n + 1);
	for (uint32_t i = 0; out->cells && i < img->n; i++) {
		out->cells[i] = img->cells[i];
		if (img->cells[i].key.n)
			out->cells[i].key = br_arena_copy(a, img->cells[i].key);
		if (img->cells[i].value.p)
			out->cells[i].value = br_arena_copy(a, img->cells[i].value);
	}
	return !br_arena_failed(a);
}

/* A record that is no image comes in the walk, too: it has no place in a digest. */
static void bad_in_walk(struct reconcile *r, const struct conn_record *record, struct br_str lid)
{
	const struct reconcile_suspect s = {
		.map = map_find(r->maps, record->name), .id = lid, .there = true, .bad = true};

	r->count.records++;
	if (s.map)
		reconcile_suspect(r, &s);
}

static void on_record(void *arg, const struct conn_record *record, struct br_str lid,
	const struct image *img, const struct br_err *err)
{
	struct reconcile *r = arg;
	struct reconcile_seen *seen;
	char why[600];

	if (r->failed)
		return;
	if (err && !r->seen_map && conn_look_walks(r->look)) {
		bad_in_walk(r, record, lid);
		return;
	}
	if (!keep_seen(r, &seen)) {
		no_memory(r);
		return;
	}
	seen->map = map_find(r->maps, record->name);
	seen->lid = br_arena_copy(&r->page, lid);
	seen->there = img || err;
	if (err)
		seen->bad = br_arena_copy(
			&r->page, br_str_z(br_err_sentence(err, r->c->lang, why, sizeof(why))));
	if (img && !copy_image(img, &r->page, &seen->img))
		no_memory(r);
}

const struct conn_look_events reconcile_events = {.digest = on_digest, .record = on_record};

static int seen_cmp(const void *a, const void *b)
{
	return br_str_cmp(
		((const struct reconcile_seen *)a)->lid, ((const struct reconcile_seen *)b)->lid);
}

int reconcile_read(struct reconcile *r, const struct mapping *map, const struct br_str *lids,
	size_t n, struct br_err *err)
{
	int rc;

	r->nseen = 0;
	r->seen_map = map;
	rc = conn_look_read(r->look, map_record(map), lids, n, err);
	r->seen_map = NULL;
	if (rc == 0)
		rc = failure(r, err);
	if (rc == 0 && r->nseen)
		qsort(r->seen, r->nseen, sizeof(*r->seen), seen_cmp);
	return rc;
}

/* ---- systems that do not: every record we know is asked for, and what they list is looked up ----
 */

static void compare_seen(
	struct reconcile *r, const struct mapping *map, const struct ledger_look_link *l)
{
	const struct reconcile_seen key = {.lid = l->lid},
				    *seen = r->nseen ? bsearch(&key, r->seen, r->nseen,
							       sizeof(*r->seen), seen_cmp)
						     : NULL;
	struct msg_digest d = {.lid = l->lid};

	if (seen && seen->there)
		d.hash = image_hash(&seen->img);
	compare(r, map, seen && seen->there ? &d : NULL, l);
}

/* The next links behind `last`, which is moved on, and what the system shows of them. */
static int read_next(struct reconcile *r, const struct mapping *map, char *last, size_t size,
	size_t *n, struct br_err *err)
{
	struct ledger_look_link *l;
	struct br_str *lids;
	int rc;

	br_arena_reset(&r->page);
	rc = ledger_look_range(
		r->ledger, map, br_str_z(last), BR_STR(""), RECONCILE_PAGE, &r->page, &l, n, err);
	if (rc < 0)
		return rc;
	lids = br_arena_array(&r->page, struct br_str, *n + 1);
	if (!lids)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < *n; i++)
		lids[i] = l[i].lid;
	rc = reconcile_read(r, map, lids, *n, err);
	for (size_t i = 0; rc == 0 && i < *n; i++)
		compare_seen(r, map, &l[i]);
	if (*n) /* no text lies between an id and that id with a byte 1 */
		snprintf(last, size, "%.*s\x01", BR_STR_ARG(l[*n - 1].lid));
	return rc;
}

static int read_known(struct reconcile *r, const struct mapping *map, struct br_err *err)
{
	char last[4096] = "";
	size_t n = RECONCILE_PAGE;
	int rc = 0;

	while (rc == 0 && n == RECONCILE_PAGE) {
		rc = read_next(r, map, last, sizeof(last), &n, err);
		if (rc == 0)
			rc = failure(r, err);
	}
	return rc;
}

/* What of one page of the list the ledger does not know. */
static int compare_listed(struct reconcile *r, const struct mapping *map, struct br_err *err)
{
	struct br_str *lids = br_arena_array(&r->page, struct br_str, r->nseen + 1);
	struct ledger_look_link *l;
	size_t n = 0, at = 0;
	int rc;

	if (!lids)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < r->nseen; i++)
		if (r->seen[i].map == map)
			lids[n++] = r->seen[i].lid;
	rc = n ? ledger_look_lids(r->ledger, map, lids, n, &r->page, &l, err) : 0;
	for (size_t i = 0; rc == 0 && i < r->nseen; i++) {
		struct msg_digest d = {r->seen[i].lid, image_hash(&r->seen[i].img)};

		if (r->seen[i].map == map && !l[at++].cid.n)
			compare(r, map, &d, NULL);
	}
	return rc;
}

static int walk_list(struct reconcile *r, struct br_err *err)
{
	bool more = true;
	int rc = 0;

	while (rc == 0 && more) {
		br_arena_reset(&r->page);
		r->nseen = 0;
		rc = conn_look_feed(r->look, &more, err);
		if (rc == 0)
			rc = failure(r, err);
		for (size_t i = 0; rc == 0 && i < map_count(r->maps); i++)
			rc = compare_listed(r, map_at(r->maps, i), err);
	}
	return rc;
}

static int walk_keys(struct reconcile *r, struct br_err *err)
{
	bool done = false;
	int rc = 0;

	while (rc == 0 && !done) {
		rc = conn_look_walk(r->look, &done, err);
		if (rc == 0)
			rc = failure(r, err);
	}
	return rc;
}

/* ---- cases without a record ---- */

static bool takes_part(const struct reconcile *r, const struct image *kase)
{
	const struct cfg_list *items = &r->system->items;
	const struct cell *item = image_root(kase, r->c->schema->f_impl_code);

	if (items->n == 0)
		return true;
	for (size_t i = 0; item && i < items->n; i++)
		if (br_str_eq(items->item[i], item->value))
			return true;
	return false;
}

static int walk_unlinked(struct reconcile *r, struct br_err *err)
{
	struct ledger_look_link *l;
	size_t n;

	do {
		int rc;

		br_arena_reset(&r->page);
		rc = ledger_look_unlinked(r->ledger, &r->page, &l, &n, err);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			if (!map_route(r->maps, &l[i].doc) || !takes_part(r, &l[i].doc) ||
				!reconcile_in_day(r, &l[i].doc, l[i].created_ms))
				continue;
			r->count.records++;
			reconcile_suspect(r, &(struct reconcile_suspect){.id = l[i].cid});
		}
	} while (n && !r->failed);
	return failure(r, err);
}

int reconcile_walk(struct reconcile *r, struct br_err *err)
{
	int rc = 0;

	if (conn_look_walks(r->look))
		rc = walk_keys(r, err);
	for (size_t i = 0; rc == 0 && !conn_look_walks(r->look) && i < map_count(r->maps); i++)
		rc = read_known(r, map_at(r->maps, i), err);
	if (rc == 0 && !conn_look_walks(r->look))
		rc = walk_list(r, err);
	/* nothing is created in a system that is not live */
	return rc == 0 && r->live ? walk_unlinked(r, err) : rc;
}
