/*
 * ledger_range.c - what is known of the records in a DIGEST's range: links, page by page, and
 * records that wait without one.
 */
#include "ledger_private.h"

#define RANGE_PAGE   2000	 /* links of a range that are looked at together */
#define SHADOW_ARENA (16u << 20) /* of one link, while it is hashed */

/* What is compared of a shadow, which may go with the result. */
static bool read_hash(struct ledger_operation *o, struct br_str json, const struct shape *shape,
	struct br_arena *a, uint64_t *out)
{
	struct image shadow = {NULL, 0};
	struct br_err err;
	struct br_jr r;

	br_arena_reset(a);
	br_err_clear(&err);
	br_jr_init(&r, json, a, &err);
	if (json.n && image_read(&r, shape, true, a, &shadow) < 0) {
		ledger_fail(o, &err);
		return false;
	}
	*out = image_hash(&shadow);
	return true;
}

static bool room_for(struct hub_world *w, struct ledger_range *r, size_t n)
{
	size_t room = 2 * r->room > r->nknown + n ? 2 * r->room : r->nknown + n;
	struct hub_known *more;

	if (r->known && r->nknown + n <= r->room)
		return true;
	more = br_arena_array(w->arena, struct hub_known, room);
	if (!more) {
		w->failed = true;
		return false;
	}
	if (r->known)
		memcpy(more, r->known, r->nknown * sizeof(*more));
	r->known = more;
	r->room = room;
	return true;
}

static void read_range(struct ledger_operation *o, struct ledger_range *range,
	const struct mapping *map, const PGresult *res)
{
	size_t n = (size_t)PQntuples(res);
	struct br_arena one;

	range->more = n == RANGE_PAGE;
	/* the last of a full page is the first of the next one */
	n -= range->more;
	if (!room_for(o->w, range, n + 1))
		return;
	br_arena_init(&one, SHADOW_ARENA);
	for (size_t i = 0; i < n; i++) {
		struct hub_known *known = &range->known[range->nknown];
		int row = (int)i;

		if (!read_hash(o, ledger_get_text(res, row, 1), map_shape(map), &one, &known->hash))
			break;
		known->lid = ledger_keep(o->w, ledger_get_text(res, row, 0));
		known->unsure = (int32_t)ledger_get_int(res, row, 2) < range->sys->restores;
		known->parked = false;
		range->nknown++;
	}
	if (range->more)
		range->from = ledger_keep(o->w, ledger_get_text(res, (int)n, 0));
	br_arena_release(&one);
}

static void on_range(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;
	struct ledger_range *range;
	const struct mapping *map;

	do
		range = &g->want->ranges[g->range_at++];
	while (!range->more);
	map = map_find(range->sys->maps, range->rec);
	range->more = false;
	if (!res)
		ledger_fail(o, err);
	else if (map)
		read_range(o, range, map, res);
}

static int known_cmp(const void *a, const void *b)
{
	return br_str_cmp(((const struct hub_known *)a)->lid, ((const struct hub_known *)b)->lid);
}

/* Records of the range that wait without a link. */
static void on_range_parked(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;
	struct ledger_range *range = &g->want->ranges[g->parked_at++];
	size_t n = res ? (size_t)PQntuples(res) : 0;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	range->parked = br_arena_array(o->w->arena, struct hub_known, n + 1);
	if (!range->parked) {
		o->w->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		range->parked[i] = (struct hub_known){
			.lid = ledger_keep(o->w, ledger_get_text(res, (int)i, 0)),
			.hash = (uint64_t)ledger_get_int(res, (int)i, 1),
			.parked = true};
	range->nparked = n;
}

void ledger_ranges_settle(struct ledger *g)
{
	for (size_t i = 0; i < g->want->nranges; i++) {
		struct ledger_range *r = &g->want->ranges[i];

		if (!r->nparked || !room_for(g->look.w, r, r->nparked))
			continue;
		memcpy(r->known + r->nknown, r->parked, r->nparked * sizeof(*r->known));
		r->nknown += r->nparked;
		qsort(r->known, r->nknown, sizeof(*r->known), known_cmp);
	}
}

static void begin(const struct ledger *g)
{
	for (size_t i = 0; i < g->want->nranges; i++) {
		struct ledger_range *r = &g->want->ranges[i];

		r->more = true;
		r->from = r->lo.n ? r->lo : BR_STR("");
	}
}

static int ask_parked(struct ledger *g, struct br_err *err)
{
	struct hub_world *w = g->look.w;
	int rc = 0;

	g->parked_at = 0;
	for (size_t i = 0; i < g->want->nranges; i++) {
		const struct ledger_range *r = &g->want->ranges[i];
		struct br_str sys = br_arena_printf(w->arena, "%d", r->sys->id);
		struct br_str lo = ledger_keep(w, r->lo), hi = ledger_keep(w, r->hi),
			      rec = ledger_keep(w, r->rec);
		struct br_pg_param p[] = {{sys.p, 0, false}, {rec.p, 0, false}, {lo.p, 0, false},
			{hi.n ? hi.p : NULL, 0, false}};

		rc |= br_pg_send(g->look_pg, "range_parked",
			"select distinct on (p.lid) p.lid, p.seen from casebridge.parked p where "
			"p.sys = $1::int2 and p.rec = $2::text and p.seen <> 0 and p.status in "
			"('open', 'dropped') and p.kind = 'in' and p.lid collate \"C\" >= $3::text "
			"collate \"C\" and ($4::text is null or p.lid collate \"C\" <= $4::text "
			"collate \"C\") and not exists (select from casebridge.links l where "
			"l.sys = p.sys and l.rec = p.rec and l.lid = p.lid) order by p.lid, p.id "
			"desc",
			BR_LEN(p), NULL, p, true, on_range_parked, &g->look, err);
	}
	return rc;
}

int ledger_ranges_go_on(struct ledger *g, struct br_err *err)
{
#define RANGE_FROM                                                                                 \
	"select lid, shadow, based from casebridge.links where sys = $1::int2 and rec = $2::text " \
	"and lid >= $3::text and state <> 'gone'"
#define RANGE_ORDER " order by lid limit $4::int8"
	struct hub_world *w = g->look.w;
	struct br_str limit = br_arena_printf(w->arena, "%d", RANGE_PAGE);
	int asked = 0;

	g->range_at = 0;
	for (size_t i = 0; i < g->want->nranges; i++) {
		const struct ledger_range *r = &g->want->ranges[i];
		struct br_str sys = br_arena_printf(w->arena, "%d", r->sys->id);
		struct br_str from = br_arena_copy(w->arena, r->from), hi = ledger_keep(w, r->hi),
			      rec = ledger_keep(w, r->rec);
		struct br_pg_param p[] = {{sys.p, 0, false}, {rec.p, 0, false}, {from.p, 0, false},
			{limit.p, 0, false}, {hi.p, 0, false}};

		if (!r->more)
			continue;
		/* each walks the index from where it begins to where it ends */
		if (br_pg_send(g->look_pg, hi.n ? "range" : "range_open",
			    hi.n ? RANGE_FROM " and lid <= $5::text" RANGE_ORDER
				 : RANGE_FROM RANGE_ORDER,
			    hi.n ? 5 : 4, NULL, p, true, on_range, &g->look, err) < 0)
			return -1;
		asked = 1;
	}
	return asked;
}

int ledger_ranges_ask(struct ledger *g, struct br_err *err)
{
	begin(g);
	return ledger_ranges_go_on(g, err) < 0 ? -1 : ask_parked(g, err);
}
