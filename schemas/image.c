#include "image.h"
#include "image_name.h"

#include <stdio.h>

bool cell_same(const struct cell *a, const struct cell *b)
{
	if (!a || !b)
		return a == b;
	return cell_is_null(a) == cell_is_null(b) && br_str_eq(a->value, b->value);
}

int cell_cmp(const struct cell *a, const struct cell *b)
{
	int c;

	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	/* cells of one element mostly share the key's bytes */
	c = a->key.p == b->key.p && a->key.n == b->key.n ? 0 : br_str_cmp(a->key, b->key);
	return c ? c : (a->field > b->field) - (a->field < b->field);
}

const struct cell *image_get(
	const struct image *img, unsigned part, struct br_str key, unsigned field)
{
	struct cell place = {.key = key, .field = (uint16_t)field, .part = (uint8_t)part};
	uint32_t low = 0, high = img->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = cell_cmp(&img->cells[mid], &place);

		if (c == 0)
			return &img->cells[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool image_same(const struct image *a, const struct image *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (cell_cmp(&a->cells[i], &b->cells[i]) != 0 ||
			!cell_same(&a->cells[i], &b->cells[i]))
			return false;
	return true;
}

bool image_has_element(const struct image *img, unsigned part, struct br_str key)
{
	const struct cell first = {.key = key, .part = (uint8_t)part};
	uint32_t low = 0, high = img->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (cell_cmp(&img->cells[mid], &first) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < img->n && img->cells[low].part == part && br_str_eq(img->cells[low].key, key);
}

int image_without(
	const struct image *img, const struct image *set, struct br_arena *a, struct image *out)
{
	uint32_t gone = 0, n = 0;
	struct cell *cells;

	for (uint32_t i = 0; i < set->n; i++)
		gone += set->cells[i].field == IMAGE_ELEMENT;
	*out = *img;
	if (gone == 0)
		return 0;
	cells = br_arena_alloc(a, (img->n + 1) * sizeof(*cells));
	if (!cells)
		return -BR_E_NOMEM;
	for (uint32_t i = 0; i < img->n; i++) {
		const struct cell *c = &img->cells[i];

		if (c->part == 0 || !image_get(set, c->part, c->key, IMAGE_ELEMENT))
			cells[n++] = *c;
	}
	*out = (struct image){cells, n};
	return 0;
}

void image_build(struct image_builder *b, struct br_arena *a, uint32_t expected)
{
	*b = (struct image_builder){.arena = a, .room = expected ? expected : 8, .sorted = true};
	b->cells = br_arena_alloc(a, b->room * sizeof(*b->cells));
	b->failed = !b->cells;
}

static bool grow(struct image_builder *b)
{
	uint32_t room = b->room * 2;
	struct cell *cells =
		room > b->room ? br_arena_alloc(b->arena, room * sizeof(*cells)) : NULL;

	if (!cells) {
		b->failed = true;
		return false;
	}
	memcpy(cells, b->cells, b->n * sizeof(*cells));
	b->cells = cells;
	b->room = room;
	return true;
}

void image_set(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field,
	struct br_str value)
{
	struct cell *c;

	if (b->failed || (b->n == b->room && !grow(b)))
		return;
	c = &b->cells[b->n];
	*c = (struct cell){
		.key = part ? key : BR_STR_NONE, .value = value, .field = field, .part = part};
	if (b->n && b->sorted && cell_cmp(c - 1, c) >= 0)
		b->sorted = false;
	b->n++;
}

void image_set_null(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field)
{
	image_set(b, part, key, field, BR_STR_NONE);
}

/* Merges the sorted runs [0, half) and [half, n) of from into to; on equal places the left one
 * first. */
static void merge_runs(const struct cell *from, size_t half, size_t n, struct cell *to)
{
	size_t i = 0, j = half;

	while (i < half || j < n) {
		bool left = i < half && (j == n || cell_cmp(&from[i], &from[j]) <= 0);

		*to++ = from[left ? i++ : j++];
	}
}

/* A stable sort, so that the last one set stays last. Returns the array that holds the result. */
static struct cell *sort_cells(struct cell *cells, size_t n, struct cell *spare)
{
	for (size_t run = 1; run < n; run *= 2) {
		struct cell *swap = cells;

		for (size_t at = 0; at < n; at += 2 * run) {
			size_t left = n - at;

			merge_runs(cells + at, left < run ? left : run,
				left < 2 * run ? left : 2 * run, spare + at);
		}
		cells = spare;
		spare = swap;
	}
	return cells;
}

static uint32_t keep_last(struct cell *cells, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (i + 1 == n || cell_cmp(&cells[i], &cells[i + 1]) != 0)
			cells[kept++] = cells[i];
	return kept;
}

int image_build_end(struct image_builder *b, struct image *out)
{
	struct cell *spare;

	if (!b->failed && !b->sorted) {
		spare = br_arena_alloc(b->arena, b->n * sizeof(*spare));
		b->failed = !spare;
		if (spare) {
			b->cells = sort_cells(b->cells, b->n, spare);
			b->n = keep_last(b->cells, b->n);
			b->sorted = true;
		}
	}
	if (b->failed)
		return -BR_E_NOMEM;
	*out = (struct image){b->cells, b->n};
	return 0;
}

void image_pair_init(struct image_pair *p, const struct image *a, const struct image *b)
{
	*p = (struct image_pair){.a = a, .b = b};
}

bool image_pair_next(struct image_pair *p)
{
	const struct cell *left = p->i < p->a->n ? &p->a->cells[p->i] : NULL;
	const struct cell *right = p->j < p->b->n ? &p->b->cells[p->j] : NULL;
	int c = !left ? 1 : !right ? -1 : cell_cmp(left, right);

	p->left = c <= 0 ? left : NULL;
	p->right = c >= 0 ? right : NULL;
	p->i += p->left != NULL;
	p->j += p->right != NULL;
	return left || right;
}

int image_merge(
	const struct image *base, const struct image *over, struct br_arena *a, struct image *out)
{
	struct image_pair p;
	struct cell *cells;
	uint32_t n = 0;

	if (over->n == 0 || base->n == 0) {
		*out = over->n ? *over : *base;
		return 0;
	}
	cells = br_arena_alloc(a, ((size_t)base->n + over->n) * sizeof(*cells));
	if (!cells)
		return -BR_E_NOMEM;
	image_pair_init(&p, base, over);
	while (image_pair_next(&p))
		cells[n++] = p.right ? *p.right : *p.left;
	*out = (struct image){cells, n};
	return 0;
}

bool image_beyond(const struct image *img, const struct image *base, const struct image *over,
	struct br_arena *a, struct image *out)
{
	struct cell *cells = br_arena_alloc(a, ((size_t)img->n + 1) * sizeof(*cells));
	struct image known;
	struct image_pair p;
	uint32_t n = 0;

	if (!cells || image_merge(base, over, a, &known) < 0)
		return false;
	image_pair_init(&p, img, &known);
	while (image_pair_next(&p)) {
		if (!p.left)
			return false;
		if (!p.right || !cell_same(p.left, p.right))
			cells[n++] = *p.left;
	}
	*out = (struct image){cells, n};
	return true;
}

int image_with_beyond(const struct image *base, const struct image *over,
	const struct image *beyond, struct br_arena *a, struct image *out)
{
	struct image left, known;
	struct cell *cells;
	uint32_t n = 0;

	if (image_without(base, over, a, &left) < 0 || image_merge(&left, over, a, &known) < 0 ||
		image_merge(&known, beyond, a, out) < 0)
		return -BR_E_NOMEM;
	if (left.cells == base->cells)
		return 0;
	/* that an element was to go is not among what is there */
	cells = br_arena_alloc(a, (out->n + 1) * sizeof(*cells));
	if (!cells)
		return -BR_E_NOMEM;
	for (uint32_t i = 0; i < out->n; i++)
		if (out->cells[i].field != IMAGE_ELEMENT)
			cells[n++] = out->cells[i];
	*out = (struct image){cells, n};
	return 0;
}

void image_write(const struct image *img, const struct shape *shape, struct br_jw *w)
{
	br_jw_object(w);
	for (uint32_t i = 0; i < img->n; i++) {
		const struct cell *c = &img->cells[i];

		if (c->field == IMAGE_ELEMENT)
			image_element_write(shape, c->part, c->key, w);
		else
			image_name_write(shape, c->part, c->key, c->field, w);
		if (cell_is_null(c))
			br_jw_null(w);
		else
			br_jw_str(w, c->value);
	}
	br_jw_end_object(w);
}

static const char *name_z(struct br_str name, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", BR_STR_ARG(name));
	return buf;
}

static int bad_name(struct br_jr *r, enum br_err_code code, struct br_str name)
{
	char text[128];

	return br_err_set(r->err, code, "column", name_z(name, text, sizeof(text)), NULL);
}

static int bad_value(struct br_jr *r, struct br_str name, enum br_json_token t)
{
	static const char *const found[] = {[BR_JT_OBJECT] = "an object",
		[BR_JT_ARRAY] = "an array",
		[BR_JT_NUMBER] = "a number",
		[BR_JT_TRUE] = "true",
		[BR_JT_FALSE] = "false"};
	char text[128];

	if (t == BR_JT_ERROR)
		return image_json_error(r);
	return br_err_set(r->err, BR_E_SCHEMA_MEMBER, "field", name_z(name, text, sizeof(text)),
		"expected", "a string or null", "found",
		(size_t)t < BR_LEN(found) && found[t] ? found[t] : "nothing", NULL);
}

static int out_of_memory(struct br_jr *r)
{
	char max[24];

	if (!r->arena->full)
		return br_err_set(r->err, BR_E_NOMEM, NULL);
	snprintf(max, sizeof(max), "%zu", r->arena->max);
	return br_err_set(r->err, BR_E_TOO_BIG, "what", "record", "max", max, NULL);
}

/* One member, its key having been read. expect is the number of the field that probably follows. */
static int read_member(struct br_jr *r, const struct shape *shape, bool ignore_unknown, bool set,
	unsigned *expect, struct image_builder *b)
{
	struct br_str name = r->text;
	struct image_place at = {0};
	enum image_name found = image_name_read(shape, name, *expect, r->arena, &at);
	enum br_json_token t;

	if (set && found == IMAGE_NAME_UNKNOWN)
		found = image_element_read(shape, name, r->arena, &at);
	switch (found) {
	case IMAGE_NAME_FOUND:
		break;
	case IMAGE_NAME_UNKNOWN:
		if (!ignore_unknown)
			return bad_name(r, BR_E_SCHEMA_UNKNOWN_COLUMN, name);
		t = br_jr_next(r);
		return t == BR_JT_ERROR ? image_json_error(r) : br_jr_skip(r, t, NULL);
	case IMAGE_NAME_BAD:
		return bad_name(r, BR_E_SCHEMA_BAD_NAME, name);
	case IMAGE_NAME_NOMEM:
		return out_of_memory(r);
	}
	t = br_jr_next(r);
	if (t == BR_JT_STRING && at.field != IMAGE_ELEMENT)
		image_set(b, at.part, at.key, at.field, r->text);
	else if (t == BR_JT_NULL)
		image_set_null(b, at.part, at.key, at.field);
	else
		return bad_value(r, name, t);
	*expect = at.field + 1u;
	return b->failed ? out_of_memory(r) : 0;
}

static int read(struct br_jr *r, const struct shape *shape, bool ignore_unknown, bool set,
	struct br_arena *a, struct image *out)
{
	struct image_builder b;
	enum br_json_token t = br_jr_next(r);
	unsigned expect = 0;
	int rc;

	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR
			       ? image_json_error(r)
			       : br_err_set(r->err, BR_E_SCHEMA_MEMBER, "field", "image",
					 "expected", "an object", "found", "something else", NULL);
	image_build(&b, a, shape->parts[0].n);
	while ((t = br_jr_next(r)) == BR_JT_KEY) {
		rc = read_member(r, shape, ignore_unknown, set, &expect, &b);
		if (rc)
			return rc;
	}
	if (t == BR_JT_ERROR)
		return image_json_error(r);
	rc = image_build_end(&b, out);
	return rc ? out_of_memory(r) : 0;
}

int image_read(struct br_jr *r, const struct shape *shape, bool ignore_unknown, struct br_arena *a,
	struct image *out)
{
	return read(r, shape, ignore_unknown, false, a, out);
}

int image_read_set(struct br_jr *r, const struct shape *shape, bool ignore_unknown,
	struct br_arena *a, struct image *out)
{
	return read(r, shape, ignore_unknown, true, a, out);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Eight bytes a step; the length is mixed in by the caller, so that padding cannot be mistaken for
 * bytes. */
static uint64_t mix_bytes(uint64_t h, struct br_str s)
{
	size_t i = 0;
	uint64_t w;

	for (; s.n - i >= 8; i += 8) {
		memcpy(&w, s.p + i, 8);
		h = mix(h, w);
	}
	if (i < s.n) {
		w = 0;
		memcpy(&w, s.p + i, s.n - i);
		h = mix(h, w);
	}
	return h;
}

uint64_t image_hash(const struct image *img)
{
	uint64_t h = UINT64_C(0x243f6a8885a308d3);

	for (uint32_t i = 0; i < img->n; i++) {
		const struct cell *c = &img->cells[i];

		h = mix(h, (uint64_t)c->part << 56 | (uint64_t)c->field << 40 |
				   (uint64_t)cell_is_null(c) << 39 | c->key.n);
		h = mix(h, c->value.n);
		h = mix_bytes(mix_bytes(h, c->key), c->value);
	}
	return mix(h, img->n);
}
