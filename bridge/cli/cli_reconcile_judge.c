#include "cli_reconcile.h"

#include "br_loop.h"

#include <stdlib.h>

/* Everything known of one suspect. */
struct both {
	const struct reconcile_suspect *suspect;
	const struct ledger_look_link *link; /* without cid: none */
	const struct reconcile_seen *seen;   /* NULL: not there */
	bool unread;			     /* the ledger does not know what stands there */
	unsigned classes;		     /* bits, of this record */
};

/* ---- lines of the report ---- */

static const char *keep(struct reconcile *r, struct br_str s)
{
	return s.p ? br_arena_copy(&r->keep, s).p : NULL;
}

static const char *case_no(struct reconcile *r, const struct image *kase)
{
	const struct case_schema *s = r->c->schema;
	const struct cell *no = image_root(kase, s->f_portal_case_no);

	if (!no || cell_is_null(no))
		no = image_root(kase, s->f_dept_case_no);
	return no && !cell_is_null(no) ? keep(r, no->value) : NULL;
}

/* Programs get codes, people labels; nobody gets personal data unless asked for. */
static const char *value(struct reconcile *r, const struct case_field *f, struct br_str v)
{
	if (!v.p || (f && f->pii == CASE_PII_NONE && r->c->output != CLI_TABLE) || r->personal)
		return keep(r, v);
	return keep(r, br_str_z(cli_value(r->c, f, br_arena_copy(&r->page, v).p)));
}

static enum reconcile_repair repair_of(
	const struct reconcile *r, const struct both *b, enum hub_diff_class class)
{
	if (!hub_diff_abouts[class].mends && !r->also[class])
		return REPAIR_PERSON;
	return b->suspect->map && b->unread ? REPAIR_READ : REPAIR_SEND;
}

static struct reconcile_row *add_row(
	struct reconcile *r, struct both *b, enum hub_diff_class class, const char *text)
{
	const struct ledger_look_link *l = b->link;
	struct reconcile_row *row;

	r->count.different += b->classes == 0;
	r->count.of[class] += !(b->classes & 1u << class);
	b->classes |= 1u << class;
	if ((int64_t)r->nrows == r->limit) {
		r->count.unlisted++;
		return NULL;
	}
	row = br_arena_new(&r->keep, struct reconcile_row);
	if (!row)
		return NULL;
	*row = (struct reconcile_row){.class = class,
		.record = b->suspect->map ? map_record(b->suspect->map).p : NULL,
		.lid = b->suspect->map ? keep(r, b->suspect->id) : NULL,
		.cid = keep(r, l->cid),
		.case_no = case_no(r, &l->doc),
		.text = text,
		.repair = repair_of(r, b, class)};
	*r->rows_end = row;
	r->rows_end = &row->next;
	r->nrows++;
	return row;
}

static void add_diff(
	struct reconcile *r, struct both *b, const struct hub_diff *d, const char *text)
{
	const struct case_schema *s = r->c->schema;
	struct reconcile_row *row = add_row(r, b, d->class, text);
	struct cell place = d->place;

	if (!row)
		return;
	if (place.field == IMAGE_ELEMENT) {
		row->field = br_arena_printf(&r->keep, "%.*s/%.*s",
			BR_STR_ARG(s->parts[place.part].name), BR_STR_ARG(place.key))
				     .p;
		return;
	}
	row->field = keep(r, case_place(s, &place, &r->page));
	row->in_case = value(r, case_field(s, place.field), d->in_case);
	row->in_system = value(r, case_field(s, place.field), d->in_system);
}

/* ---- records that stand alone ---- */

static bool remember_lost(struct reconcile *r, struct br_str cid)
{
	if (r->nlost == r->lost_room) {
		size_t room = r->lost_room ? r->lost_room * 2 : 64;
		struct br_str *more = realloc(r->lost, room * sizeof(*more));

		if (!more)
			return false;
		r->lost = more;
		r->lost_room = room;
	}
	r->lost[r->nlost] = br_arena_copy(&r->keep, cid);
	return r->lost[r->nlost++].p != NULL;
}

/* The case that the strong keys of a record lead to. */
static int find_case(struct reconcile *r, const struct both *b, const struct image *got,
	struct br_str *cid, struct br_str *lid, struct br_err *err)
{
	struct br_str scheme[8], value[8];
	size_t n = map_match_keys(b->suspect->map, got, scheme, value, BR_LEN(scheme));

	*cid = *lid = BR_STR_NONE;
	for (size_t i = 0; i < n && !cid->n; i++) {
		int rc = ledger_look_match(r->ledger, map_record(b->suspect->map), scheme[i],
			value[i], &r->page, cid, lid, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A record that nobody linked: of no case, of a case that lost its link, or of one that has another
 * record here. */
static int add_alone(struct reconcile *r, struct both *b, struct br_str cid, struct br_str lid,
	struct br_err *err)
{
	struct cli *c = r->c;
	struct reconcile_row *row;

	if (lid.n) {
		row = add_row(r, b, DIFF_TWICE,
			cli_say(c, "its case has another record here",
				"其办件在本系统已有另一条记录"));
		if (row)
			row->in_case = keep(r, lid);
		return 0;
	}
	add_row(r, b, hub_diff_alone(r->role, true),
		cid.n ? cli_say(c, "the link to its case is lost", "与办件的对照丢失")
		      : cli_say(c, "no case is known", "台账中没有对应办件"));
	return cid.n && !remember_lost(r, cid) ? br_err_set(err, BR_E_NOMEM, NULL) : 0;
}

static int judge_unknown(struct reconcile *r, struct both *b, struct br_err *err)
{
	const struct map_context none = {NULL, NULL, 0};
	struct map_issue issue = {.ask = false};
	struct ledger_look_link found = *b->link;
	struct br_str lid;
	int rc;

	br_err_clear(&issue.err);
	if (map_get(b->suspect->map, &b->seen->img, &none, &r->page, &found.doc, &issue) < 0)
		found.doc = (struct image){NULL, 0};
	if (!reconcile_in_day(r, &found.doc, -1))
		return 0;
	rc = find_case(r, b, &found.doc, &found.cid, &lid, err);
	if (rc < 0)
		return rc;
	b->link = &found;
	return add_alone(r, b, found.cid, lid, err);
}

/* ---- pairs ---- */

static const char *why_different(
	struct reconcile *r, const struct both *b, const struct map_issue *issue)
{
	char why[600];

	if (br_err_code(&issue->err))
		return keep(
			r, br_str_z(br_err_sentence(&issue->err, r->c->lang, why, sizeof(why))));
	if (b->unread)
		return cli_say(r->c, "changed there, and not read yet", "该系统已变更，尚未读取");
	return cli_say(
		r->c, "the case says otherwise, and it was not sent", "与办件不一致，且尚未发送");
}

static int judge_pair(struct reconcile *r, struct both *b, struct br_err *err)
{
	const struct ledger_look_link *l = b->link;
	const struct hub_sides s = {r->c->schema, b->suspect->map, &l->doc, l->had, l->nhad,
		&b->seen->img, r->tolerance_s, &l->shadow, &l->fver, &l->held};
	struct map_issue issue = {.ask = false};
	struct hub_diff *d;
	const char *text;
	size_t n;

	if (hub_reconcile(&s, &r->page, &d, &n, &issue) < 0)
		return br_err_set(err, BR_E_NOMEM, NULL);
	text = n ? why_different(r, b, &issue) : NULL;
	for (size_t i = 0; i < n; i++)
		add_diff(r, b, &d[i], text);
	return 0;
}

/* What changed between the two looks is on its way. */
static bool moved(const struct reconcile *r, const struct both *b)
{
	const struct reconcile_suspect *s = b->suspect;
	bool there = b->seen && b->seen->there;

	if (b->link->cid.n && br_wall_us() / 1000 - b->link->updated_ms < r->settle_ms)
		return true;
	if (there != s->there)
		return true;
	return there && !s->bad && !b->seen->bad.n && image_hash(&b->seen->img) != s->hash;
}

static int judge_record(struct reconcile *r, struct both *b, struct br_err *err)
{
	const struct ledger_look_link *l = b->link;
	bool there = b->seen && b->seen->there;

	if (l->busy || l->parked || moved(r, b)) {
		r->count.in_flight += l->busy || !l->parked;
		r->count.waiting += !l->busy && l->parked;
		return 0;
	}
	b->unread = !there || b->seen->bad.n || !l->cid.n || l->gone ||
		    image_hash(&b->seen->img) != l->hash;
	if (there && b->seen->bad.n)
		add_row(r, b, DIFF_ITEM, keep(r, b->seen->bad));
	else if (there && !l->cid.n)
		return judge_unknown(r, b, err);
	else if (there && l->gone)
		add_row(r, b, hub_diff_alone(r->role, true),
			cli_say(r->c, "it was gone, and is there again", "曾消失，现又出现"));
	else if (there)
		return judge_pair(r, b, err);
	else if (l->cid.n && !l->gone)
		add_row(r, b, hub_diff_alone(r->role, false),
			cli_say(r->c, "the record is not there any more",
				"该系统中的记录已不存在"));
	return 0;
}

/* ---- page by page ---- */

static const struct reconcile_seen *seen_of(const struct reconcile *r, struct br_str lid)
{
	for (size_t i = 0; i < r->nseen; i++)
		if (br_str_eq(r->seen[i].lid, lid))
			return &r->seen[i];
	return NULL;
}

static int judge_page(struct reconcile *r, size_t from, size_t n, struct br_err *err)
{
	const struct mapping *map = r->suspects[from].map;
	struct ledger_look_link *l;
	struct br_str *lids;
	int rc;

	br_arena_reset(&r->page);
	lids = br_arena_array(&r->page, struct br_str, n);
	if (!lids)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < n; i++)
		lids[i] = r->suspects[from + i].id;
	rc = reconcile_read(r, map, lids, n, err);
	if (rc == 0)
		rc = ledger_look_lids(r->ledger, map, lids, n, &r->page, &l, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct both b = {&r->suspects[from + i], &l[i], seen_of(r, lids[i]), false, 0};

		rc = judge_record(r, &b, err);
	}
	return rc;
}

static bool is_lost(const struct reconcile *r, struct br_str cid)
{
	for (size_t i = 0; i < r->nlost; i++)
		if (br_str_eq(r->lost[i], cid))
			return true;
	return false;
}

static int judge_case(struct reconcile *r, const struct reconcile_suspect *s, struct br_err *err)
{
	struct ledger_look_link l = {.cid = s->id};
	struct both b = {s, &l, NULL, true, 0};
	bool still = false;
	int rc;

	br_arena_reset(&r->page);
	rc = ledger_look_case(r->ledger, s->id, &r->page, &l, &still, err);
	if (rc < 0)
		return rc;
	if (!still || br_wall_us() / 1000 - l.updated_ms < r->settle_ms)
		r->count.in_flight++;
	else if (is_lost(r, s->id))
		r->count.records--; /* its record is there, and was told */
	else
		add_row(r, &b, hub_diff_alone(r->role, false),
			cli_say(r->c, "the case has no record here", "办件在本系统没有记录"));
	return 0;
}

/* Records by their mappings, doubles side by side; cases behind, for a record may explain one. */
static int suspect_cmp(const void *a, const void *b)
{
	const struct reconcile_suspect *x = a, *y = b;

	if (x->map != y->map)
		return !x->map ? 1 : !y->map ? -1 : x->map < y->map ? -1 : 1;
	return br_str_cmp(x->id, y->id);
}

static void drop_doubles(struct reconcile *r)
{
	size_t n = 0;

	if (!r->nsuspects)
		return;
	qsort(r->suspects, r->nsuspects, sizeof(*r->suspects), suspect_cmp);
	for (size_t i = 0; i < r->nsuspects; i++)
		if (!n || suspect_cmp(&r->suspects[n - 1], &r->suspects[i]) != 0)
			r->suspects[n++] = r->suspects[i];
	r->nsuspects = n;
}

int reconcile_judge(struct reconcile *r, struct br_err *err)
{
	size_t at = 0, n;
	int rc = 0;

	drop_doubles(r);
	for (; rc == 0 && at < r->nsuspects && r->suspects[at].map; at += n) {
		n = 1;
		while (n < RECONCILE_PAGE && at + n < r->nsuspects &&
			r->suspects[at + n].map == r->suspects[at].map)
			n++;
		rc = judge_page(r, at, n, err);
	}
	for (; rc == 0 && at < r->nsuspects; at++)
		rc = judge_case(r, &r->suspects[at], err);
	return rc == 0 && br_arena_failed(&r->keep) ? br_err_set(err, BR_E_NOMEM, NULL) : rc;
}
