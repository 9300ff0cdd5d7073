#include "image.h"

#include <stdlib.h>

bool cell_same(const struct cell *a, const struct cell *b)
{
	if (!a || !b)
		return a == b;
	if (cell_is_null(a) || cell_is_null(b))
		return cell_is_null(a) == cell_is_null(b);
	return br_str_eq(a->value, b->value);
}

static int place_cmp(const struct cell *c, unsigned part, struct br_str key, unsigned field)
{
	int d;

	if (c->part != part)
		return c->part < part ? -1 : 1;
	d = br_str_cmp(c->key, key);
	if (d)
		return d;
	return (c->field > field) - (c->field < field);
}

int cell_cmp(const struct cell *a, const struct cell *b)
{
	return place_cmp(a, b->part, b->key, b->field);
}

const struct cell *image_get(const struct image *img, unsigned part, struct br_str key, unsigned field)
{
	uint32_t lo = 0, hi = img->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		int d = place_cmp(&img->cells[mid], part, key, field);

		if (d == 0)
			return &img->cells[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool image_same(const struct image *a, const struct image *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (cell_cmp(&a->cells[i], &b->cells[i]) != 0 || !cell_same(&a->cells[i], &b->cells[i]))
			return false;
	return true;
}

void image_build(struct image_builder *b, struct br_arena *a, uint32_t expected)
{
	*b = (struct image_builder){.arena = a, .room = expected ? expected : 8, .sorted = true};
	b->cells = br_arena_alloc(a, b->room * sizeof(*b->cells));
	b->failed = !b->cells;
}

static struct cell *add(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field)
{
	struct cell *c;

	if (b->failed)
		return NULL;
	if (b->n == b->room) {
		struct cell *more = br_arena_alloc(b->arena, 2 * (size_t)b->room * sizeof(*more));

		if (!more) {
			b->failed = true;
			return NULL;
		}
		memcpy(more, b->cells, b->n * sizeof(*more));
		b->cells = more;
		b->room *= 2;
	}
	c = &b->cells[b->n];
	*c = (struct cell){.key = key, .field = field, .part = part};
	if (b->n && cell_cmp(&b->cells[b->n - 1], c) >= 0)
		b->sorted = false;
	b->n++;
	return c;
}

void image_set(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field, struct br_str value)
{
	struct cell *c = add(b, part, key, field);

	if (c)
		c->value = value.p || value.n ? value : BR_STR("");
}

void image_set_null(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field)
{
	add(b, part, key, field);
}

/* Stable: of two cells of one place the later set one stays. Messages keep their order, so this sorts almost nothing. */
static void insertion_sort(struct cell *c, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct cell x = c[i];
		uint32_t j = i;

		for (; j > 0 && cell_cmp(&c[j - 1], &x) > 0; j--)
			c[j] = c[j - 1];
		c[j] = x;
	}
}

static int merge_sort(struct cell *c, uint32_t n, struct br_arena *a)
{
	struct cell *from = c, *to = br_arena_alloc(a, n * sizeof(*to));

	if (!to)
		return -BR_E_NOMEM;
	for (uint32_t width = 1; width < n; width *= 2) {
		struct cell *swap;

		for (uint32_t i = 0; i < n; i += 2 * width) {
			uint32_t l = i, m = i + width < n ? i + width : n, r = m, e = i + 2 * width < n ? i + 2 * width : n, k = i;

			while (l < m && r < e)
				to[k++] = cell_cmp(&from[l], &from[r]) <= 0 ? from[l++] : from[r++];
			while (l < m)
				to[k++] = from[l++];
			while (r < e)
				to[k++] = from[r++];
		}
		swap = from;
		from = to;
		to = swap;
	}
	if (from != c)
		memcpy(c, from, n * sizeof(*c));
	return 0;
}

int image_build_end(struct image_builder *b, struct image *out)
{
	uint32_t kept = 0;

	if (!b->failed && !b->sorted) {
		if (b->n <= 48)
			insertion_sort(b->cells, b->n);
		else if (merge_sort(b->cells, b->n, b->arena) < 0)
			b->failed = true;
		for (uint32_t i = 0; !b->failed && i < b->n; i++) {
			if (i + 1 < b->n && cell_cmp(&b->cells[i], &b->cells[i + 1]) == 0)
				continue;
			b->cells[kept++] = b->cells[i];
		}
		b->n = kept;
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
	const struct cell *l = p->i < p->a->n ? &p->a->cells[p->i] : NULL;
	const struct cell *r = p->j < p->b->n ? &p->b->cells[p->j] : NULL;
	int d;

	if (!l && !r)
		return false;
	d = !l ? 1 : !r ? -1 : cell_cmp(l, r);
	p->left = d <= 0 ? l : NULL;
	p->right = d >= 0 ? r : NULL;
	p->i += d <= 0;
	p->j += d >= 0;
	return true;
}

int image_merge(const struct image *base, const struct image *over, struct br_arena *a, struct image *out)
{
	struct image_pair p;
	struct cell *cells;
	uint32_t n = 0;

	if (over->n == 0 || base->n == 0) {
		*out = over->n == 0 ? *base : *over;
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

/* ---- flat JSON ---- */

static void add_escaped(struct br_buf *b, struct br_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%')
			br_buf_add(b, "%25", 3);
		else if (s.p[i] == '/')
			br_buf_add(b, "%2F", 3);
		else
			br_buf_addc(b, s.p[i]);
	}
}

void image_write_key(const struct cell *c, const struct shape *shape, struct br_jw *w)
{
	const struct shape_field *f = &shape->fields[c->field];
	char room[512];
	struct br_buf b = {.p = room, .room = sizeof(room), .max = sizeof(room)};

	if (c->part == 0) {
		br_jw_key(w, f->name);
		return;
	}
	if (shape->parts[c->part].name.n + 3 * c->key.n + f->name.n + 2 > sizeof(room)) {
		w->failed = true;
		return;
	}
	br_buf_adds(&b, shape->parts[c->part].name);
	br_buf_addc(&b, '/');
	add_escaped(&b, c->key);
	br_buf_addc(&b, '/');
	br_buf_adds(&b, f->name);
	br_jw_key(w, br_buf_str(&b));
}

void image_write(const struct image *img, const struct shape *shape, struct br_jw *w)
{
	br_jw_object(w);
	for (uint32_t i = 0; i < img->n; i++) {
		image_write_key(&img->cells[i], shape, w);
		if (cell_is_null(&img->cells[i]))
			br_jw_null(w);
		else
			br_jw_str(w, img->cells[i].value);
	}
	br_jw_end_object(w);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct br_str unescape(struct br_str s, struct br_arena *a)
{
	char *out, *p;

	if (!memchr(s.p, '%', s.n))
		return s;
	out = p = br_arena_alloc(a, s.n + 1);
	if (!out)
		return BR_STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 && hex_digit(s.p[i + 2]) >= 0) {
			*p++ = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
			i += 2;
		} else {
			*p++ = s.p[i];
		}
	}
	*p = '\0';
	return (struct br_str){out, (size_t)(p - out)};
}

/* Where a flat name points to: field number, or -1. guess: the field after the last one, since writers keep the order. */
static int locate(struct br_str name, const struct shape *shape, unsigned guess, struct br_arena *a, uint8_t *part, struct br_str *key)
{
	const char *first = memchr(name.p, '/', name.n), *last;
	int p;

	*part = 0;
	*key = BR_STR_NONE;
	if (!first) {
		if (guess < shape->nfields && shape->fields[guess].part == 0 && br_str_eq(shape->fields[guess].name, name))
			return (int)guess;
		return shape_find(shape, 0, name);
	}
	last = memrchr(name.p, '/', name.n);
	p = shape_find_part(shape, (struct br_str){name.p, (size_t)(first - name.p)});
	if (p <= 0 || last == first)
		return -1;
	*part = (uint8_t)p;
	*key = unescape((struct br_str){first + 1, (size_t)(last - first - 1)}, a);
	return shape_find(shape, *part, (struct br_str){last + 1, name.n - (size_t)(last - name.p) - 1});
}

int image_locate(struct br_str name, const struct shape *shape, struct br_arena *a, uint8_t *part, struct br_str *key)
{
	return locate(name, shape, SHAPE_MAX_FIELDS, a, part, key);
}

static int unknown_column(struct br_err *err, struct br_str name)
{
	char text[160];
	size_t n = name.n < sizeof(text) - 1 ? name.n : sizeof(text) - 1;

	memcpy(text, name.p, n);
	text[n] = '\0';
	return br_err_set(err, BR_E_SCHEMA_UNKNOWN_COLUMN, "column", text, NULL);
}

int image_read(struct br_jr *r, const struct shape *shape, bool ignore_unknown, struct br_arena *a, struct image *out)
{
	struct image_builder b;
	enum br_json_token t = br_jr_next(r);
	unsigned guess = 0;

	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR ? -BR_E_JSON_SYNTAX
					: br_err_set(r->err, BR_E_JSON_SYNTAX, "pos", "0", "why", "an image must be an object", NULL);
	image_build(&b, a, shape->parts[0].n);
	while ((t = br_jr_next(r)) == BR_JT_KEY) {
		struct br_str name = r->text, key;
		uint8_t part;
		int field = locate(name, shape, guess, a, &part, &key);

		t = br_jr_next(r);
		if (field < 0) {
			int rc = ignore_unknown ? br_jr_skip(r, t, NULL) : unknown_column(r->err, name);

			if (rc < 0)
				return rc;
			continue;
		}
		guess = (unsigned)field + 1;
		if (t == BR_JT_STRING)
			image_set(&b, part, key, (uint16_t)field, r->text);
		else if (t == BR_JT_NULL)
			image_set_null(&b, part, key, (uint16_t)field);
		else
			return t == BR_JT_ERROR ? -BR_E_JSON_SYNTAX
						: br_err_set(r->err, BR_E_JSON_SYNTAX, "pos", "?", "why", "a value must be a string or null", NULL);
	}
	if (t != BR_JT_END_OBJECT)
		return -BR_E_JSON_SYNTAX;
	if (image_build_end(&b, out) < 0)
		return br_err_set(r->err, BR_E_NOMEM, NULL);
	return 0;
}

uint64_t image_hash(const struct image *img)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (uint32_t i = 0; i < img->n; i++) {
		const struct cell *c = &img->cells[i];
		uint64_t piece[4] = {h, (uint64_t)c->field << 8 | c->part, br_hash(c->key.p, c->key.n),
			cell_is_null(c) ? 0 : br_hash(c->value.p, c->value.n) ^ 1};

		h = br_hash(piece, sizeof(piece));
	}
	return h;
}
