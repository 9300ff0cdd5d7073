#include "shape.h"
#include "br_json.h"

struct shape_builder {
	struct br_arena *arena;
	struct shape shape;
	bool failed;
};

static const struct br_str root_name = {"", 0};

struct shape_builder *shape_begin(struct br_arena *a)
{
	struct shape_builder *b = br_arena_new(a, struct shape_builder);

	if (!b)
		return NULL;
	b->arena = a;
	b->shape.fields = br_arena_array(a, struct shape_field, SHAPE_MAX_FIELDS);
	b->shape.parts = br_arena_array(a, struct shape_part, SHAPE_MAX_PARTS);
	b->failed = !b->shape.fields || !b->shape.parts;
	if (!b->failed) {
		b->shape.parts[0].name = root_name;
		b->shape.nparts = 1;
	}
	return b;
}

/* "steps/1/x" for a part "steps": such a root field could not be told from a place of the part. */
static bool reads_like_place(struct br_str field, struct br_str part)
{
	return field.n > part.n && field.p[part.n] == '/' && memcmp(field.p, part.p, part.n) == 0 &&
	       memchr(field.p + part.n + 1, '/', field.n - part.n - 1);
}

int shape_add_part(struct shape_builder *b, struct br_str name)
{
	struct shape *s;
	struct br_str copy;

	if (!b || b->failed)
		return -BR_E_NOMEM;
	s = &b->shape;
	if (name.n == 0 || memchr(name.p, '/', name.n) || s->nparts == SHAPE_MAX_PARTS ||
		shape_find_part(s, name) >= 0)
		return -BR_E_SCHEMA_SHAPE;
	for (unsigned i = 0; i < s->parts[0].n; i++)
		if (reads_like_place(s->fields[i].name, name))
			return -BR_E_SCHEMA_SHAPE;
	copy = br_arena_copy(b->arena, name);
	if (!copy.p) {
		b->failed = true;
		return -BR_E_NOMEM;
	}
	s->parts[s->nparts] = (struct shape_part){.name = copy, .first = s->nfields};
	return s->nparts++;
}

int shape_add_field(
	struct shape_builder *b, struct br_str name, enum shape_type type, const void *about)
{
	struct shape *s;
	struct shape_part *part;
	struct br_str copy;

	if (!b || b->failed)
		return -BR_E_NOMEM;
	s = &b->shape;
	part = &s->parts[s->nparts - 1];
	if (name.n == 0 || s->nfields == SHAPE_MAX_FIELDS)
		return -BR_E_SCHEMA_SHAPE;
	for (unsigned i = 0; i < part->n; i++)
		if (br_str_eq(s->fields[part->first + i].name, name))
			return -BR_E_SCHEMA_SHAPE;
	copy = br_arena_copy(b->arena, name);
	if (!copy.p) {
		b->failed = true;
		return -BR_E_NOMEM;
	}
	s->fields[s->nfields] = (struct shape_field){
		.name = copy,
		.number = s->nfields,
		.part = (uint8_t)(s->nparts - 1),
		.type = (uint8_t)type,
		.about = about,
	};
	part->n++;
	return s->nfields++;
}

static size_t slot_of(const struct shape *s, unsigned part, struct br_str name)
{
	return (br_hash(name.p, name.n) + part) & (s->index_size - 1);
}

static bool build_index(struct shape *s, struct br_arena *a)
{
	s->index_size = 8;
	while (s->index_size < 2u * s->nfields)
		s->index_size *= 2;
	s->index = br_arena_array(a, uint16_t, s->index_size);
	if (!s->index)
		return false;
	for (unsigned i = 0; i < s->nfields; i++) {
		size_t at = slot_of(s, s->fields[i].part, s->fields[i].name);

		while (s->index[at])
			at = (at + 1) & (s->index_size - 1);
		s->index[at] = (uint16_t)(i + 1);
	}
	return true;
}

/* A name as JSON writes it, quotes and a colon around it: names may hold anything a database takes.
 */
static struct br_str json_name(struct br_buf *buf, struct br_str name, struct br_arena *a)
{
	struct br_jw w;

	br_buf_reset(buf);
	br_jw_init(&w, buf);
	br_jw_str(&w, name);
	br_buf_addc(buf, ':');
	return br_jw_failed(&w) ? BR_STR_NONE : br_arena_copy(a, br_buf_str(buf));
}

static bool build_json(struct shape *s, struct br_arena *a)
{
	struct br_buf buf;
	bool ok;

	s->json_field = br_arena_array(a, struct br_str, s->nfields);
	s->json_part = br_arena_array(a, struct br_str, s->nparts);
	ok = s->json_field && s->json_part;
	br_buf_init(&buf, 1 << 20);
	for (unsigned i = 0; ok && i < s->nfields; i++) {
		s->json_field[i] = json_name(&buf, s->fields[i].name, a);
		ok = s->json_field[i].p;
	}
	for (unsigned i = 0; ok && i < s->nparts; i++) {
		struct br_str *part = &s->json_part[i];

		*part = json_name(&buf, s->parts[i].name, a);
		ok = part->p;
		if (ok) {
			/* "name": becomes "name/ */
			((char *)part->p)[part->n - 2] = '/';
			part->n--;
		}
	}
	br_buf_release(&buf);
	return ok;
}

const struct shape *shape_end(struct shape_builder *b)
{
	struct shape *s;
	struct shape_field *fields;

	if (!b || b->failed)
		return NULL;
	s = &b->shape;
	/* the exact number: the builder's array is for the largest shape */
	fields = br_arena_array(b->arena, struct shape_field, s->nfields);
	if (!fields)
		return NULL;
	memcpy(fields, s->fields, s->nfields * sizeof(*fields));
	s->fields = fields;
	return build_index(s, b->arena) && build_json(s, b->arena) ? s : NULL;
}

int shape_find(const struct shape *s, unsigned part, struct br_str name)
{
	size_t at = slot_of(s, part, name);

	for (; s->index[at]; at = (at + 1) & (s->index_size - 1)) {
		const struct shape_field *f = &s->fields[s->index[at] - 1];

		if (f->part == part && br_str_eq(f->name, name))
			return f->number;
	}
	return -1;
}

int shape_find_part(const struct shape *s, struct br_str name)
{
	for (int i = 0; i < s->nparts; i++)
		if (br_str_eq(s->parts[i].name, name))
			return i;
	return -1;
}
