#include "versions.h"

static int at_cmp(const struct version_at *v, unsigned part, struct br_str key, unsigned field)
{
	int d;

	if (v->part != part)
		return v->part < part ? -1 : 1;
	d = br_str_cmp(v->key, key);
	return d ? d : (v->field > field) - (v->field < field);
}

/* The first entry not before the place. */
static uint32_t lower(const struct versions *v, unsigned part, struct br_str key, unsigned field)
{
	uint32_t lo = 0, hi = v->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (at_cmp(&v->at[mid], part, key, field) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int32_t versions_get(const struct versions *v, unsigned part, struct br_str key, unsigned field)
{
	uint32_t i;

	if (v->n == 0)
		return v->dflt;
	i = lower(v, part, key, field);
	return i < v->n && at_cmp(&v->at[i], part, key, field) == 0 ? v->at[i].v : v->dflt;
}

int versions_set(struct versions *v, struct br_arena *a, unsigned part, struct br_str key, unsigned field, int32_t version)
{
	uint32_t i = lower(v, part, key, field);
	bool there = i < v->n && at_cmp(&v->at[i], part, key, field) == 0;

	if (version == v->dflt) {
		if (there) {
			memmove(&v->at[i], &v->at[i + 1], (v->n - i - 1) * sizeof(*v->at));
			v->n--;
		}
		return 0;
	}
	if (there) {
		v->at[i].v = version;
		return 0;
	}
	if (v->n == v->room) {
		uint32_t room = v->room ? 2 * v->room : 8;
		struct version_at *more = br_arena_alloc(a, room * sizeof(*more));

		if (!more)
			return -BR_E_NOMEM;
		if (v->n)
			memcpy(more, v->at, v->n * sizeof(*more));
		v->at = more;
		v->room = room;
	}
	memmove(&v->at[i + 1], &v->at[i], (v->n - i) * sizeof(*v->at));
	v->at[i] = (struct version_at){.key = key, .field = (uint16_t)field, .part = (uint8_t)part, .v = version};
	v->n++;
	return 0;
}

/* Names are those of the flat JSON of an image, so both share one codec: the numbers travel as text there and as numbers here. */
void versions_write(const struct versions *v, const struct shape *shape, struct br_jw *w)
{
	br_jw_object(w);
	br_jw_kint(w, "*", v->dflt);
	for (uint32_t i = 0; i < v->n; i++) {
		struct cell c = {.key = v->at[i].key, .field = v->at[i].field, .part = v->at[i].part};

		image_write_key(&c, shape, w);
		br_jw_int(w, v->at[i].v);
	}
	br_jw_end_object(w);
}

int versions_read(struct br_jr *r, const struct shape *shape, struct br_arena *a, struct versions *out)
{
	enum br_json_token t = br_jr_next(r);

	*out = (struct versions){0};
	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR ? -BR_E_JSON_SYNTAX
					: br_err_set(r->err, BR_E_JSON_SYNTAX, "pos", "0", "why", "versions must be an object", NULL);
	while ((t = br_jr_next(r)) == BR_JT_KEY) {
		struct br_str name = r->text, key;
		uint8_t part;
		int64_t v;
		int field = -1;

		if (!br_str_eq(name, BR_STR("*")))
			field = image_locate(name, shape, a, &part, &key);
		t = br_jr_next(r);
		if (t != BR_JT_NUMBER || !br_json_int64(r->text, &v) || v < INT32_MIN || v > INT32_MAX)
			return t == BR_JT_ERROR ? -BR_E_JSON_SYNTAX
						: br_err_set(r->err, BR_E_JSON_SYNTAX, "pos", "?", "why", "a version must be a small integer", NULL);
		if (br_str_eq(name, BR_STR("*")))
			out->dflt = (int32_t)v;
		else if (field >= 0 && versions_set(out, a, part, key, (unsigned)field, (int32_t)v) < 0)
			return br_err_set(r->err, BR_E_NOMEM, NULL);
		/* a place the schema no longer has needs no version */
	}
	return t == BR_JT_END_OBJECT ? 0 : -BR_E_JSON_SYNTAX;
}

int versions_copy(const struct versions *v, struct br_arena *a, struct versions *out)
{
	*out = *v;
	out->room = v->n;
	out->at = br_arena_alloc(a, (size_t)(v->n ? v->n : 1) * sizeof(*out->at));
	if (!out->at)
		return -BR_E_NOMEM;
	if (v->n)
		memcpy(out->at, v->at, v->n * sizeof(*out->at));
	return 0;
}
