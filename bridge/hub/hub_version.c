#include "hub_version.h"

void hub_version_begin(struct hub_version *v, struct hub_world *w, struct hub_case *k,
	uint32_t cells, uint32_t elements)
{
	*v = (struct hub_version){.w = w, .k = k};
	image_build(&v->over, w->arena, cells);
	image_build(&v->gone, w->arena, elements);
	br_buf_reset(&w->delta);
	br_jw_init(&v->delta, &w->delta);
	br_jw_object(&v->delta);
}

int32_t hub_version_number(const struct hub_version *v)
{
	return v->k->ver + 1;
}

static void delta_value(struct br_jw *j, const struct cell *c)
{
	if (c && !cell_is_null(c))
		br_jw_str(j, c->value);
	else
		br_jw_null(j);
}

static void delta_add(struct hub_version *v, const struct cell *old, const struct cell *now)
{
	br_jw_key(&v->delta, case_place(v->w->schema, now, v->w->arena));
	br_jw_array(&v->delta);
	delta_value(&v->delta, old);
	delta_value(&v->delta, now);
	br_jw_end_array(&v->delta);
}

static void remember_status(struct hub_version *v, const struct cell *c)
{
	struct hub_case *k = v->k;
	struct br_str *had;

	if (c->part != 0 || c->field != v->w->schema->f_status || cell_is_null(c))
		return;
	for (size_t i = 0; i < k->nhad; i++)
		if (br_str_eq(k->had[i], c->value))
			return;
	had = br_arena_array(v->w->arena, struct br_str, k->nhad + 1);
	if (!had) {
		v->w->failed = true;
		return;
	}
	if (k->nhad)
		memcpy(had, k->had, k->nhad * sizeof(*had));
	had[k->nhad++] = c->value;
	k->had = had;
}

/* Re-assertions are counted per value: with a new one every system starts anew. */
static void forget_tries(struct hub_version *v, const struct cell *c)
{
	for (struct hub_link *l = v->k->links; l; l = l->next) {
		if (versions_of(&l->tries, c) == 0)
			continue;
		if (versions_set(&l->tries, v->w->arena, c->part, c->key, c->field, 0) < 0)
			v->w->failed = true;
		l->dirty = true;
	}
}

static void touch(struct hub_version *v, const struct cell *c)
{
	if (versions_set(
		    &v->k->fver, v->w->arena, c->part, c->key, c->field, hub_version_number(v)) < 0)
		v->w->failed = true;
	forget_tries(v, c);
	v->any = true;
}

void hub_version_set(struct hub_version *v, const struct cell *now, const struct cell *old)
{
	image_set(&v->over, now->part, now->key, now->field, now->value);
	touch(v, now);
	delta_add(v, old, now);
	remember_status(v, now);
}

void hub_version_drop(struct hub_version *v, const struct cell *c)
{
	struct cell none = *c;

	none.value = BR_STR_NONE;
	touch(v, c);
	if (!cell_is_null(c))
		delta_add(v, c, &none);
}

void hub_version_drop_element(struct hub_version *v, const struct cell *element)
{
	image_set_null(&v->gone, element->part, element->key, IMAGE_ELEMENT);
	v->any = true;
}

static void write_history(struct hub_version *v, const struct hub_origin *from)
{
	struct hub_history *h = br_arena_new(v->w->arena, struct hub_history);

	br_jw_end_object(&v->delta);
	if (!h || br_jw_failed(&v->delta)) {
		v->w->failed = true;
		return;
	}
	h->kase = v->k;
	h->ver = v->k->ver;
	h->sys = from->link ? from->link->sys : NULL;
	h->by = from->by;
	h->why = from->why;
	h->order = from->order;
	h->delta = br_arena_copy(v->w->arena, br_buf_str(v->delta.b));
	h->at_ms = v->w->now_ms;
	h->source = v->w->source;
	h->offset = v->w->offset;
	*v->w->history_end = h;
	v->w->history_end = &h->next;
}

/* By the words of every record of the case, or of the one whose edit it was. */
static void add_match_keys(struct hub_version *v, const struct hub_link *only)
{
	struct br_str scheme[8], value[8];

	for (struct hub_link *l = v->k->links; l; l = l->next) {
		size_t n = l->map && (!only || l == only) ? map_match_keys(l->map, &v->k->doc,
								    scheme, value, BR_LEN(scheme))
							  : 0;

		for (size_t i = 0; i < n; i++)
			if (!hub_world_match(v->w, scheme[i], value[i]))
				hub_world_add_key(v->w, v->k, scheme[i], value[i], true);
	}
}

bool hub_version_end(struct hub_version *v, const struct hub_origin *from)
{
	struct hub_case *k = v->k;
	struct image over, doc, gone;

	if (!v->any)
		return false;
	if (image_build_end(&v->over, &over) < 0 || image_build_end(&v->gone, &gone) < 0 ||
		image_merge(&k->doc, &over, v->w->arena, &doc) < 0 ||
		image_without(&doc, &gone, v->w->arena, &doc) < 0) {
		v->w->failed = true;
		return true;
	}
	k->doc = doc;
	k->ver++;
	k->updated_ms = v->w->now_ms;
	k->dirty = k->publish = true;
	write_history(v, from);
	add_match_keys(v, from->link);
	return true;
}
