#include "versions.h"
#include "image_name.h"

#include <stdio.h>

static int compare(const struct version_at *at, unsigned part, struct br_str key, unsigned field)
{
	int c;

	if (at->part != part)
		return at->part < part ? -1 : 1;
	c = br_str_cmp(at->key, key);
	return c ? c : (at->field > field) - (at->field < field);
}

/* Where the place is, or would be inserted. */
static uint32_t find(
	const struct versions *v, unsigned part, struct br_str key, unsigned field, bool *found)
{
	uint32_t low = 0, high = v->n;

	*found = false;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = compare(&v->at[mid], part, key, field);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int32_t versions_get(const struct versions *v, unsigned part, struct br_str key, unsigned field)
{
	bool found;
	uint32_t at;

	if (v->n == 0)
		return v->dflt;
	at = find(v, part, part ? key : BR_STR_NONE, field, &found);
	return found ? v->at[at].v : v->dflt;
}

static int grow(struct versions *v, struct br_arena *a)
{
	uint32_t room = v->room ? v->room * 2 : 8;
	struct version_at *at = room > v->room ? br_arena_alloc(a, room * sizeof(*at)) : NULL;

	if (!at)
		return -BR_E_NOMEM;
	if (v->n)
		memcpy(at, v->at, v->n * sizeof(*at));
	v->at = at;
	v->room = room;
	return 0;
}

int versions_set(struct versions *v, struct br_arena *a, unsigned part, struct br_str key,
	unsigned field, int32_t version)
{
	struct version_at now = {.key = part ? key : BR_STR_NONE,
		.field = (uint16_t)field,
		.part = (uint8_t)part,
		.v = version};
	bool found;
	uint32_t at = find(v, part, now.key, field, &found);

	if (found && version != v->dflt) {
		v->at[at].v = version;
		return 0;
	}
	if (found) {
		v->n--;
		memmove(&v->at[at], &v->at[at + 1], (v->n - at) * sizeof(*v->at));
		return 0;
	}
	if (version == v->dflt)
		return 0;
	if (v->n == v->room && grow(v, a) < 0)
		return -BR_E_NOMEM;
	memmove(&v->at[at + 1], &v->at[at], (v->n - at) * sizeof(*v->at));
	v->at[at] = now;
	v->n++;
	return 0;
}

void versions_write(const struct versions *v, const struct shape *shape, struct br_jw *w)
{
	br_jw_object(w);
	br_jw_kint(w, "*", v->dflt);
	for (uint32_t i = 0; i < v->n; i++) {
		image_name_write(shape, v->at[i].part, v->at[i].key, v->at[i].field, w);
		br_jw_int(w, v->at[i].v);
	}
	br_jw_end_object(w);
}

static int bad_member(struct br_jr *r, struct br_str name, const char *expected, const char *found)
{
	char text[128];

	snprintf(text, sizeof(text), "%.*s", BR_STR_ARG(name));
	return br_err_set(r->err, BR_E_SCHEMA_MEMBER, "field", text, "expected", expected, "found",
		found, NULL);
}

static int read_number(struct br_jr *r, struct br_str name, int32_t *out)
{
	enum br_json_token t = br_jr_next(r);
	int64_t value;

	if (t == BR_JT_ERROR)
		return image_json_error(r);
	if (t != BR_JT_NUMBER || !br_json_int64(r->text, &value) || value < INT32_MIN ||
		value > INT32_MAX)
		return bad_member(r, name, "a whole number of 32 bits",
			t == BR_JT_NUMBER ? "another number" : "no number");
	*out = (int32_t)value;
	return 0;
}

/* The default may stand anywhere (jsonb sorts keys), so exceptions are kept as they are until all
 * is read. */
static int read_member(struct br_jr *r, const struct shape *shape, struct br_arena *a,
	struct versions *v, bool *has_default)
{
	struct br_str name = r->text;
	struct image_place at = {0};
	int32_t version;
	int rc;

	if (br_str_eq(name, BR_STR("*"))) {
		*has_default = true;
		return read_number(r, name, &v->dflt);
	}
	switch (image_name_read(shape, name, v->n ? v->at[v->n - 1].field + 1u : 0, a, &at)) {
	case IMAGE_NAME_FOUND:
		break;
	case IMAGE_NAME_UNKNOWN:
		return read_number(r, name, &version);
	case IMAGE_NAME_BAD:
		return bad_member(r, name, "a place", "a wrong escape");
	case IMAGE_NAME_NOMEM:
		return br_err_set(r->err, BR_E_NOMEM, NULL);
	}
	rc = read_number(r, name, &version);
	if (rc)
		return rc;
	if (v->n == v->room && grow(v, a) < 0)
		return br_err_set(r->err, BR_E_NOMEM, NULL);
	v->at[v->n++] = (struct version_at){
		.key = at.key, .field = at.field, .part = at.part, .v = version};
	return 0;
}

/* Insertion sort: what we wrote ourselves is in order already, and exceptions are few. */
static void put_in_order(struct versions *v)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		struct version_at now = v->at[i];
		uint32_t to = kept;

		if (now.v == v->dflt)
			continue;
		while (to && compare(&v->at[to - 1], now.part, now.key, now.field) > 0) {
			v->at[to] = v->at[to - 1];
			to--;
		}
		v->at[to] = now;
		kept++;
	}
	v->n = kept;
}

int versions_read(
	struct br_jr *r, const struct shape *shape, struct br_arena *a, struct versions *out)
{
	struct versions v = {0};
	bool has_default = false;
	enum br_json_token t = br_jr_next(r);

	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR
			       ? image_json_error(r)
			       : bad_member(r, BR_STR("versions"), "an object", "something else");
	while ((t = br_jr_next(r)) == BR_JT_KEY) {
		int rc = read_member(r, shape, a, &v, &has_default);

		if (rc)
			return rc;
	}
	if (t == BR_JT_ERROR)
		return image_json_error(r);
	if (!has_default)
		return bad_member(r, BR_STR("*"), "a whole number of 32 bits", "nothing");
	put_in_order(&v);
	*out = v;
	return 0;
}

int versions_copy(const struct versions *v, struct br_arena *a, struct versions *out)
{
	struct versions copy = {.dflt = v->dflt, .n = v->n, .room = v->n};

	if (v->n) {
		copy.at = br_arena_alloc(a, v->n * sizeof(*copy.at));
		if (!copy.at)
			return -BR_E_NOMEM;
		memcpy(copy.at, v->at, v->n * sizeof(*copy.at));
	}
	for (uint32_t i = 0; i < copy.n; i++) {
		struct br_str *key = &copy.at[i].key;

		if (key->n) {
			*key = br_arena_copy(a, *key);
			if (!key->p)
				return -BR_E_NOMEM;
		}
	}
	*out = copy;
	return 0;
}
