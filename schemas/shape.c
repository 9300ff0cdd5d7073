#include "shape.h"

struct shape_builder {
	struct br_arena *a;
	struct shape s;
	struct shape_field *fields; /* SHAPE_MAX_FIELDS while building */
	struct shape_part *parts;
	bool failed;
};

struct shape_builder *shape_begin(struct br_arena *a)
{
	struct shape_builder *b = br_arena_new(a, struct shape_builder);

	if (!b)
		return NULL;
	b->a = a;
	b->fields = br_arena_array(a, struct shape_field, SHAPE_MAX_FIELDS);
	b->parts = br_arena_array(a, struct shape_part, SHAPE_MAX_PARTS);
	b->failed = !b->fields || !b->parts;
	b->s.nparts = 1;
	if (!b->failed)
		b->parts[0].name = BR_STR("");
	return b;
}

int shape_add_part(struct shape_builder *b, struct br_str name)
{
	struct shape_part *p;

	if (!b || b->failed || b->s.nparts == SHAPE_MAX_PARTS) {
		if (b)
			b->failed = true;
		return -BR_E_NOMEM;
	}
	p = &b->parts[b->s.nparts];
	p->name = br_arena_copy(b->a, name);
	p->first = b->s.nfields;
	return b->s.nparts++;
}

int shape_add_field(struct shape_builder *b, struct br_str name, enum shape_type type, const void *about)
{
	struct shape_field *f;

	if (!b || b->failed || b->s.nfields == SHAPE_MAX_FIELDS) {
		if (b)
			b->failed = true;
		return -BR_E_NOMEM;
	}
	f = &b->fields[b->s.nfields];
	f->name = br_arena_copy(b->a, name);
	f->number = b->s.nfields;
	f->part = (uint8_t)(b->s.nparts - 1);
	f->type = (uint8_t)type;
	f->about = about;
	b->parts[f->part].n++;
	return b->s.nfields++;
}

static uint32_t slot_of(const struct shape *s, unsigned part, struct br_str name)
{
	return (uint32_t)(br_hash(name.p, name.n) + part * 0x9e3779b9u) & (s->index_size - 1);
}

const struct shape *shape_end(struct shape_builder *b)
{
	struct shape *s = b ? &b->s : NULL;

	if (!b || b->failed)
		return NULL;
	s->fields = b->fields;
	s->parts = b->parts;
	for (s->index_size = 16; s->index_size < 2u * s->nfields; s->index_size *= 2)
		;
	s->index = br_arena_array(b->a, uint16_t, s->index_size);
	if (!s->index)
		return NULL;
	for (uint16_t i = 0; i < s->nfields; i++) {
		uint32_t at = slot_of(s, s->fields[i].part, s->fields[i].name);

		while (s->index[at])
			at = (at + 1) & (s->index_size - 1);
		s->index[at] = (uint16_t)(i + 1);
	}
	return s;
}

int shape_find(const struct shape *s, unsigned part, struct br_str name)
{
	for (uint32_t at = slot_of(s, part, name); s->index[at]; at = (at + 1) & (s->index_size - 1)) {
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
