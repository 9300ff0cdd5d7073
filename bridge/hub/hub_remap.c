#include "hub_remap.h"

#include <string.h>

const char *const hub_remap_words[REMAP_HOWS] = {"case", "system", "person", "read"};

struct work {
	const struct hub_remap *r;
	struct br_arena *a;
	struct image want; /* the record after writing the case */
	bool can_put;
	struct hub_remap_change *list;
	size_t n, room;
};

static int add(struct work *w, enum hub_remap_how how, const struct cell *place,
	const struct cell *in_case, const struct cell *in_system)
{
	if (w->n == w->room) {
		size_t room = w->room * 2 + 8;
		struct hub_remap_change *more = br_arena_array(w->a, struct hub_remap_change, room);

		if (!more)
			return -BR_E_NOMEM;
		if (w->n)
			memcpy(more, w->list, w->n * sizeof(*more));
		w->list = more;
		w->room = room;
	}
	w->list[w->n++] = (struct hub_remap_change){.how = how,
		.place = *place,
		.in_case = in_case ? in_case->value : BR_STR_NONE,
		.in_system = in_system ? in_system->value : BR_STR_NONE};
	return 0;
}

static enum hub_remap_how who_decides(const struct work *w, unsigned field)
{
	int override = map_field_owner(w->r->map, field);
	enum case_owner owner =
		override >= 0 ? (enum case_owner) override : case_field(w->r->schema, field)->owner;

	if (owner == CASE_OWNER_EITHER)
		return REMAP_ASK;
	return owner == w->r->role ? REMAP_IN : REMAP_OUT;
}

/* Would writing the case change anything the place is written to? */
static bool would_write(const struct work *w, const struct cell *place)
{
	struct image_pair p;

	image_pair_init(&p, &w->want, w->r->shadow);
	while (w->can_put && image_pair_next(&p)) {
		if (!p.left || (p.right ? map_column_same(w->r->map, p.left, p.right)
					: cell_is_null(p.left)))
			continue;
		if (map_place_writes(w->r->map, place, p.left))
			return true;
	}
	return false;
}

/* None of the columns it is read from has been seen yet. */
static bool is_unread(const struct work *w, unsigned field)
{
	const struct shape *shape = map_shape(w->r->map);
	bool reads = false;

	if (!map_field_in(w->r->map, field) || w->r->schema->shape->fields[field].part)
		return false;
	for (unsigned c = 0; c < shape->parts[0].n; c++) {
		const struct cell column = {.field = (uint16_t)c};
		const struct cell place = {.field = (uint16_t)field};

		if (!map_place_reads(w->r->map, &place, &column))
			continue;
		if (image_root(w->r->shadow, c))
			return false;
		reads = true;
	}
	return reads;
}

static int compare(struct work *w, const struct cell *got, const struct cell *mine)
{
	const struct cell *c = got ? got : mine;
	enum hub_remap_how how = who_decides(w, c->field);
	bool differs = got && !cell_same(got, mine) && !(cell_is_null(got) && !mine);

	if (!w->r->fields[c->field] || is_unread(w, c->field))
		return 0;
	if (differs && map_field_in(w->r->map, c->field) && how != REMAP_OUT)
		return add(w, how, c, mine, got);
	if (map_field_out(w->r->map, c->field) && how != REMAP_IN && mine && would_write(w, c))
		return add(w, REMAP_OUT, c, mine, got);
	return 0;
}

static int find_unread(struct work *w)
{
	int rc = 0;

	for (unsigned f = 0; rc == 0 && f < w->r->schema->shape->nfields; f++) {
		const struct cell place = {.field = (uint16_t)f};

		if (w->r->fields[f] && is_unread(w, f))
			rc = add(w, REMAP_READ, &place, image_root(w->r->kase, f), NULL);
	}
	return rc;
}

int hub_remap(const struct hub_remap *r, struct br_arena *a, struct hub_remap_change **out,
	size_t *n, struct map_issue *issue)
{
	const struct map_context ctx = {r->kase, r->had, r->nhad};
	struct work w = {.r = r, .a = a};
	struct map_issue cannot = {.ask = false};
	struct image_pair p;
	struct image got;
	int rc = 0;

	*out = NULL;
	*n = 0;
	br_err_clear(&issue->err);
	br_err_clear(&cannot.err);
	if (map_get(r->map, r->shadow, &ctx, a, &got, issue) < 0)
		return 0;
	w.can_put = map_put(r->map, r->kase, r->shadow, a, &w.want, &cannot) == 0;
	image_pair_init(&p, &got, r->kase);
	while (rc == 0 && image_pair_next(&p))
		rc = compare(&w, p.left, p.right);
	if (rc == 0)
		rc = find_unread(&w);
	*out = w.list;
	*n = w.n;
	return rc;
}

bool hub_remap_fields(const struct case_schema *s, struct br_str list, bool *fields)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		struct br_str name = {list.p, comma ? (size_t)(comma - list.p) : list.n};
		unsigned f = 0;

		while (f < s->shape->nfields && !br_str_eq(case_field(s, f)->name, name))
			f++;
		if (f == s->shape->nfields)
			return false;
		fields[f] = true;
		list.p += name.n + (comma != NULL);
		list.n -= name.n + (comma != NULL);
	}
	return true;
}
