/* What depends on what: fields on columns, case parts on local parts. */
#include "map_program.h"

const struct map_line *map_line_at(const struct mapping *m, unsigned field, struct br_str key)
{
	unsigned canonical;

	if (field >= m->schema->shape->nfields)
		return NULL;
	if (m->line_of[field] >= 0)
		return &m->lines[m->line_of[field]];
	canonical = m->schema->shape->fields[field].part;
	for (uint16_t p = 0; p < m->nparts && canonical; p++) {
		const struct map_part *part = &m->parts[p];

		if (part->canonical != canonical || !part->element.n ||
			!br_str_eq(part->element, key))
			continue;
		for (uint16_t i = 0; i < part->nlines; i++) {
			if (m->lines[part->first_line + i].field == field)
				return &m->lines[part->first_line + i];
		}
	}
	return NULL;
}

/* A line of the field, whatever the element: the next after `after` (NULL: the first). */
static const struct map_line *next_line(
	const struct mapping *m, unsigned field, const struct map_line *after)
{
	for (const struct map_line *l = after ? after + 1 : m->lines; l < m->lines + m->nlines;
		l++) {
		if (l->field == field)
			return l;
	}
	return NULL;
}

static const struct map_line *line_of(const struct mapping *m, unsigned field)
{
	if (field >= m->schema->shape->nfields)
		return NULL;
	return m->line_of[field] >= 0		      ? &m->lines[m->line_of[field]]
	       : m->schema->shape->fields[field].part ? next_line(m, field, NULL)
						      : NULL;
}

static bool line_reads(const struct map_line *line, unsigned column)
{
	if (!line || !line->in)
		return false;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		if (line->columns[i] == column)
			return true;
	}
	for (uint16_t i = 0; i < line->nalso; i++) {
		if (line->also[i] == column)
			return true;
	}
	return false;
}

static bool same_element(const struct mapping *m, const struct map_line *line,
	const struct cell *place, const struct cell *column)
{
	/* the root's columns may speak of the root and of named elements; a last step's column of
	 * the root */
	if (line->key.n || line->source == MAP_FROM_LAST)
		return true;
	return map_case_part(m, column->part) == place->part && br_str_eq(place->key, column->key);
}

bool map_place_reads(const struct mapping *m, const struct cell *place, const struct cell *column)
{
	const struct map_line *line = map_line_at(m, place->field, place->key);

	return line && same_element(m, line, place, column) && line_reads(line, column->field);
}

bool map_reads(const struct mapping *m, unsigned field, unsigned column)
{
	for (const struct map_line *l = line_of(m, field); l;
		l = l->key.n ? next_line(m, field, l) : NULL) {
		if (line_reads(l, column))
			return true;
	}
	return false;
}

/* A technical constant of a part's row goes with whatever field brings the row into being. */
static bool technical(const struct mapping *m, unsigned field, unsigned column)
{
	for (size_t i = 0; i < m->ncreates; i++) {
		const struct map_create *c = &m->creates[i];

		if (c->part && c->column == column && c->kind == MAP_CREATE_TECHNICAL)
			return map_case_part(m, c->part) == m->schema->shape->fields[field].part;
	}
	return false;
}

static bool line_writes(const struct mapping *m, const struct map_line *line, unsigned column)
{
	if (!line || !line->out || column >= m->shape->nfields || m->columns[column].target_owned)
		return false;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		if (line->columns[i] == column)
			return true;
	}
	return technical(m, line->field, column);
}

bool map_place_writes(const struct mapping *m, const struct cell *place, const struct cell *column)
{
	const struct map_line *line = map_line_at(m, place->field, place->key);

	return line && same_element(m, line, place, column) && line_writes(m, line, column->field);
}

bool map_written_place(
	const struct mapping *m, const struct cell *column, unsigned *at, struct cell *place)
{
	while (*at < m->nlines) {
		const struct map_line *line = &m->lines[(*at)++];
		const struct shape_field *f = &m->schema->shape->fields[line->field];

		*place = (struct cell){.key = line->key.n ? line->key : column->key,
			.field = line->field,
			.part = f->part};
		if (map_place_writes(m, place, column))
			return true;
	}
	return false;
}

bool map_writes(const struct mapping *m, unsigned field, unsigned column)
{
	for (const struct map_line *l = line_of(m, field); l;
		l = l->key.n ? next_line(m, field, l) : NULL) {
		if (line_writes(m, l, column))
			return true;
	}
	return false;
}

int map_case_part(const struct mapping *m, unsigned local_part)
{
	for (uint16_t p = 0; p < m->nparts; p++) {
		if (m->parts[p].local == local_part)
			return m->parts[p].canonical;
	}
	return -1;
}

bool map_part_grows(const struct mapping *m, unsigned local_part)
{
	for (uint16_t p = 0; p < m->nparts; p++) {
		if (m->parts[p].local == local_part && m->parts[p].append)
			return true;
	}
	return false;
}

bool map_part_drops(const struct mapping *m, unsigned local_part)
{
	const struct shape_part *part = &m->shape->parts[local_part];
	bool may = m->writes && !m->by_calls && !map_part_grows(m, local_part);

	for (unsigned c = part->first; c < part->first + part->n; c++)
		may &= m->columns[c].updatable;
	return may;
}

int map_local_part(const struct mapping *m, unsigned case_part)
{
	for (uint16_t p = 0; p < m->nparts; p++) {
		if (m->parts[p].canonical == case_part)
			return m->parts[p].local;
	}
	return -1;
}

bool map_field_in(const struct mapping *m, unsigned field)
{
	const struct map_line *line = line_of(m, field);

	return line && line->in;
}

bool map_field_out(const struct mapping *m, unsigned field)
{
	const struct map_line *line = line_of(m, field);

	if (!line || !line->out || !m->writes)
		return false;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		if (!m->columns[line->columns[i]].target_owned)
			return true;
	}
	return false;
}

enum map_class map_field_class(const struct mapping *m, unsigned field)
{
	const struct map_line *line = line_of(m, field);

	return line ? (enum map_class)line->klass : MAP_EXACT;
}

int map_field_owner(const struct mapping *m, unsigned field)
{
	const struct map_line *line = line_of(m, field);

	return line ? line->owner : -1;
}

bool map_creates(const struct mapping *m)
{
	return m->creates_records;
}

bool map_target_owned(const struct mapping *m, unsigned column)
{
	return column < m->shape->nfields && m->columns[column].target_owned;
}

struct br_str map_record(const struct mapping *m)
{
	return m->record;
}

const struct shape *map_shape(const struct mapping *m)
{
	return m->shape;
}

uint64_t map_field_hash(const struct mapping *m, unsigned field)
{
	return m->field_hash && field < m->schema->shape->nfields ? m->field_hash[field] : 0;
}

uint64_t map_hash(const struct mapping *m)
{
	return m->hash;
}
