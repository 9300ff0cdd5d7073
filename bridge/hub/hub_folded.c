#include "hub_folded.h"

#include "hub_order.h"

#include "br_text.h"

#define FORMAT_VERSION 1
/* Raised when the same messages make something else of the same state. */
#define FOLD_VERSION 3

/* ---- sums ---- */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	return br_mix(h, n ? br_hash(bytes, n) : 0);
}

static uint64_t mix_str(uint64_t h, struct br_str s)
{
	return mix(h, s.p, s.n);
}

static uint64_t mix_int(uint64_t h, int64_t v)
{
	return br_mix(h, (uint64_t)v);
}

static uint64_t mix_id(uint64_t h, const struct hub_id *id)
{
	return mix(h, id, sizeof(*id));
}

static uint64_t of_out(const struct hub_out *o)
{
	uint64_t h = mix_str(mix_int(1, o->kind), o->sys->code);

	if (o->kind == OUT_CMD && o->link->inflight.on) {
		h = mix_id(mix_int(h, o->link->n), &o->link->kase->cid);
		h = mix_int(mix_int(h, o->link->inflight.op), o->link->inflight.ver);
		h = mix_int(h, (int64_t)image_hash(&o->link->inflight.set));
	}
	for (size_t i = 0; i < o->nlids; i++)
		h = mix_str(h, o->lids[i]);
	return mix_str(h, o->nonce);
}

static uint64_t of_case(const struct hub_case *k)
{
	return mix_int(mix_int(mix_id(2, &k->cid), k->ver), (int64_t)image_hash(&k->doc));
}

static uint64_t of_history(const struct hub_history *h)
{
	return mix_str(mix_int(mix_id(3, &h->kase->cid), h->ver), h->delta);
}

static uint64_t of_conflict(const struct hub_conflict *c)
{
	uint64_t h = mix_str(mix_id(mix_int(4, c->kind), &c->kase->cid), c->place);

	return mix_str(mix_str(mix_str(h, c->win), c->lose), c->sys->code);
}

static uint64_t of_parked(const struct hub_parked *p)
{
	return mix_str(mix_str(mix_str(mix_int(5, p->kind), p->sys->code), p->lid), p->code);
}

static uint64_t of_decision(const struct hub_decision *d)
{
	uint64_t h = mix_int(mix_str(6, d->order), d->outcome);

	return mix_int(d->has_case ? mix_id(h, &d->cid) : h, d->ver);
}

uint64_t hub_folded_sum(const struct hub_world *w)
{
	uint64_t sum = 0;

	/* added up: nothing is said about the order in which independent things came */
	for (const struct hub_out *o = w->outs; o; o = o->next)
		sum += of_out(o);
	for (const struct hub_case *k = w->cases; k; k = k->hh.next)
		sum += k->publish ? of_case(k) : 0;
	for (const struct hub_history *h = w->history; h; h = h->next)
		sum += of_history(h);
	for (const struct hub_conflict *c = w->conflicts; c; c = c->next)
		sum += of_conflict(c);
	for (const struct hub_parked *p = w->parked; p; p = p->next)
		sum += of_parked(p);
	for (const struct hub_decision *d = w->decisions; d; d = d->next)
		sum += of_decision(d);
	for (size_t i = 0; i < w->nsystems; i++)
		sum += mix_int(mix_int(7 + i, w->systems[i].epoch), w->systems[i].last_seq);
	return sum;
}

uint64_t hub_folded_site(const struct hub_world *w)
{
	uint64_t h = mix_int(mix_str(FOLD_VERSION, w->schema->id), (int64_t)w->nsystems);

	for (size_t i = 0; i < w->nsystems; i++) {
		const struct hub_system *s = &w->systems[i];

		h = mix_int(mix_str(h, s->code), s->role);
		h = mix_int(mix_int(h, s->left_out), s->role_unknown);
		h = mix_int(mix_int(h, s->credit), s->gone_guard);
		for (size_t k = 0; s->items && k < s->items->n; k++)
			h = mix_str(h, s->items->item[k]);
		for (size_t k = 0; s->maps && k < map_count(s->maps); k++)
			h = mix_int(h, (int64_t)map_hash(map_at(s->maps, k)));
	}
	return h;
}

/* ---- as JSON ---- */

static struct br_str source_name(const struct hub_world *w, int source)
{
	return (size_t)source < w->nsystems && !w->systems[source].left_out
		       ? w->systems[source].code
		       : BR_STR("");
}

static void write_pair(struct br_jw *j, struct br_str name, int64_t a)
{
	br_jw_array(j);
	br_jw_str(j, name);
	br_jw_int(j, a);
	br_jw_end_array(j);
}

static void write_lists(
	const struct hub_folded *f, const struct hub_world *w, size_t nsources, struct br_jw *j)
{
	br_jw_name(j, "runs");
	br_jw_array(j);
	for (size_t i = 0; i < f->nruns; i++) {
		br_jw_array(j);
		br_jw_str(j, source_name(w, f->runs[i].source));
		br_jw_int(j, f->runs[i].from);
		br_jw_int(j, f->runs[i].to);
		br_jw_end_array(j);
	}
	br_jw_end_array(j);
	br_jw_name(j, "published");
	br_jw_array(j);
	for (size_t i = 0; i < nsources; i++)
		write_pair(j, source_name(w, (int)i), f->published[i]);
	br_jw_end_array(j);
	br_jw_name(j, "gaps");
	br_jw_array(j);
	for (size_t i = 0; i < w->nsystems; i++)
		if (f->gaps[i])
			br_jw_str(j, w->systems[i].code);
	br_jw_end_array(j);
}

void hub_folded_write(
	const struct hub_folded *f, const struct hub_world *w, size_t nsources, struct br_buf *out)
{
	char hex[BR_HEX64];
	struct br_jw j;

	br_jw_init(&j, out);
	br_jw_object(&j);
	br_jw_kint(&j, "v", FORMAT_VERSION);
	br_jw_kint(&j, "c", f->c);
	br_jw_kint(&j, "inc", f->incarnation);
	br_jw_kint(&j, "by", f->by);
	br_jw_kint(&j, "before", f->before);
	br_jw_kint(&j, "stored", f->stored);
	br_jw_kint(&j, "told", f->told);
	br_jw_kstr(&j, "site", br_hex64(hex, f->site));
	br_jw_kstr(&j, "sum", br_hex64(hex, f->sum));
	write_lists(f, w, nsources, &j);
	if (f->due) {
		br_jw_name(&j, "due");
		write_pair(&j, f->due->code, f->due_limit);
	}
	if (f->owing) {
		br_jw_name(&j, "owed");
		write_pair(&j, f->owing->code, f->owed_limit);
	}
	if (f->refused.n)
		br_jw_kstr(&j, "refused", f->refused);
	if (f->refused_due.n)
		br_jw_kstr(&j, "refused_due", f->refused_due);
	if (f->refused_owed.n)
		br_jw_kstr(&j, "refused_owed", f->refused_owed);
	br_jw_end_object(&j);
	if (br_jw_failed(&j))
		out->failed = true;
}

void hub_folded_write_opened(int64_t incarnation, int64_t stored, int64_t top, struct br_buf *out)
{
	struct br_jw j;

	br_jw_init(&j, out);
	br_jw_object(&j);
	br_jw_kint(&j, "v", FORMAT_VERSION);
	br_jw_kint(&j, "c", 0);
	br_jw_kint(&j, "by", incarnation);
	br_jw_kint(&j, "stored", stored);
	br_jw_kint(&j, "top", top);
	br_jw_end_object(&j);
	if (br_jw_failed(&j))
		out->failed = true;
}

/* One record being read. */
struct reading {
	struct br_jr r;
	struct hub_world *w;
	size_t nsources;
	struct hub_folded *f;
	size_t room; /* of runs */
	struct br_arena *a;
};

static bool read_int(struct reading *in, int64_t *out)
{
	return br_jr_next(&in->r) == BR_JT_NUMBER && br_json_int64(in->r.text, out);
}

static bool read_hex(struct reading *in, uint64_t *out)
{
	return br_jr_next(&in->r) == BR_JT_STRING && in->r.text.n == BR_HEX64 &&
	       br_hex64_read(in->r.text, out);
}

/* The name of a source, of which the last one is the ctl topic. -1: this site has none such. */
static int read_source(struct reading *in)
{
	const struct hub_system *s;

	if (br_jr_next(&in->r) != BR_JT_STRING)
		return -1;
	if (!in->r.text.n)
		return (int)in->nsources - 1;
	s = hub_world_system(in->w, in->r.text);
	return s && !s->left_out ? (int)(s - in->w->systems) : -1;
}

static bool opens(struct reading *in)
{
	return br_jr_next(&in->r) == BR_JT_ARRAY;
}

static bool ends(struct reading *in)
{
	return br_jr_next(&in->r) == BR_JT_END_ARRAY;
}

static bool add_run(struct reading *in, struct hub_run run)
{
	struct hub_folded *f = in->f;

	if (f->nruns == in->room) {
		size_t room = in->room * 2 + 8;
		struct hub_run *more = br_arena_array(in->a, struct hub_run, room);

		if (!more)
			return false;
		if (f->nruns)
			memcpy(more, f->runs, f->nruns * sizeof(*more));
		f->runs = more;
		in->room = room;
	}
	f->runs[f->nruns++] = run;
	return true;
}

static bool read_runs(struct reading *in)
{
	enum br_json_token t;

	if (!opens(in))
		return false;
	while ((t = br_jr_next(&in->r)) == BR_JT_ARRAY) {
		struct hub_run run = {.source = read_source(in)};

		if (run.source < 0 || !read_int(in, &run.from) || !read_int(in, &run.to) ||
			run.from < 0 || run.to <= run.from || !ends(in) || !add_run(in, run))
			return false;
	}
	return t == BR_JT_END_ARRAY;
}

static bool read_published(struct reading *in)
{
	enum br_json_token t;

	if (!opens(in))
		return false;
	while ((t = br_jr_next(&in->r)) == BR_JT_ARRAY) {
		int source = read_source(in);

		if (source < 0 || !read_int(in, &in->f->published[source]) || !ends(in))
			return false;
	}
	return t == BR_JT_END_ARRAY;
}

static bool read_gaps(struct reading *in)
{
	enum br_json_token t;

	if (!opens(in))
		return false;
	while ((t = br_jr_next(&in->r)) == BR_JT_STRING) {
		const struct hub_system *s = hub_world_system(in->w, in->r.text);

		if (!s)
			return false;
		in->f->gaps[s - in->w->systems] = true;
	}
	return t == BR_JT_END_ARRAY;
}

static bool read_waiting(struct reading *in, struct hub_system **s, int64_t *limit)
{
	if (!opens(in) || br_jr_next(&in->r) != BR_JT_STRING)
		return false;
	*s = hub_world_system(in->w, in->r.text);
	return *s && read_int(in, limit) && *limit > 0 && ends(in);
}

static bool read_text(struct reading *in, struct br_str *out)
{
	if (br_jr_next(&in->r) != BR_JT_STRING)
		return false;
	*out = br_arena_copy(in->a, in->r.text); /* NUL behind it */
	return out->p != NULL;
}

static bool read_member(struct reading *in, struct br_str key, int64_t *version)
{
	struct hub_folded *f = in->f;
	struct {
		struct br_str key;
		int64_t *to;
	} const numbers[] = {{BR_STR("v"), version}, {BR_STR("c"), &f->c},
		{BR_STR("inc"), &f->incarnation}, {BR_STR("by"), &f->by},
		{BR_STR("before"), &f->before}, {BR_STR("stored"), &f->stored},
		{BR_STR("told"), &f->told}, {BR_STR("top"), &f->top}};

	for (size_t i = 0; i < BR_LEN(numbers); i++)
		if (br_str_eq(key, numbers[i].key))
			return read_int(in, numbers[i].to);
	if (br_str_eq(key, BR_STR("site")))
		return read_hex(in, &f->site);
	if (br_str_eq(key, BR_STR("sum")))
		return read_hex(in, &f->sum);
	if (in->nsources == 0)
		return br_jr_skip(&in->r, br_jr_next(&in->r), NULL) == 0;
	if (br_str_eq(key, BR_STR("runs")))
		return read_runs(in);
	if (br_str_eq(key, BR_STR("published")))
		return read_published(in);
	if (br_str_eq(key, BR_STR("gaps")))
		return read_gaps(in);
	if (br_str_eq(key, BR_STR("due")))
		return read_waiting(in, &f->due, &f->due_limit);
	if (br_str_eq(key, BR_STR("owed")))
		return read_waiting(in, &f->owing, &f->owed_limit);
	if (br_str_eq(key, BR_STR("refused")))
		return read_text(in, &f->refused);
	if (br_str_eq(key, BR_STR("refused_due")))
		return read_text(in, &f->refused_due);
	if (br_str_eq(key, BR_STR("refused_owed")))
		return read_text(in, &f->refused_owed);
	return br_jr_skip(&in->r, br_jr_next(&in->r), NULL) == 0;
}

/* We write the numbers in front of the lists. */
static bool is_behind_head(const struct reading *in)
{
	return in->nsources == 0 && br_str_eq(in->r.text, BR_STR("runs"));
}

static bool read_all(struct reading *in)
{
	int64_t version = 0;
	enum br_json_token t;

	if (br_jr_next(&in->r) != BR_JT_OBJECT)
		return false;
	while ((t = br_jr_next(&in->r)) == BR_JT_KEY && !is_behind_head(in))
		if (!read_member(in, in->r.text, &version))
			return false;
	return (t == BR_JT_END_OBJECT || t == BR_JT_KEY) && version == FORMAT_VERSION &&
	       in->f->c >= 0;
}

int hub_folded_read(struct br_str text, struct hub_world *w, size_t nsources, struct br_arena *a,
	struct hub_folded *out, struct br_err *err)
{
	struct reading in = {.w = w, .nsources = nsources, .f = out, .a = a};
	struct br_err own;

	*out = (struct hub_folded){.text = text};
	out->published = br_arena_calloc(a, nsources, sizeof(*out->published));
	out->gaps = br_arena_calloc(a, w->nsystems + 1, sizeof(*out->gaps));
	if (!out->published || !out->gaps)
		return br_err_set(err, BR_E_NOMEM, NULL);
	br_err_clear(&own);
	br_jr_init(&in.r, text, a, &own);
	if (read_all(&in))
		return 0;
	return br_err_set(err, BR_E_HUB_FOLDED_BAD, NULL);
}
