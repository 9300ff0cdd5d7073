/* What depends on what: fields on columns, case parts on local parts. */
#include "map_program.h"

static const struct map_line *line_of(const struct mapping *m, unsigned field)
{
	return field < m->schema->shape->nfields && m->line_of[field] >= 0 ? &m->lines[m->line_of[field]] : NULL;
}

bool map_reads(const struct mapping *m, unsigned field, unsigned column)
{
	const struct map_line *line = line_of(m, field);

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

bool map_writes(const struct mapping *m, unsigned field, unsigned column)
{
	const struct map_line *line = line_of(m, field);

	if (!line || !line->out || column >= m->shape->nfields || m->columns[column].target_owned)
		return false;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		if (line->columns[i] == column)
			return true;
	}
	return technical(m, field, column);
}

int map_case_part(const struct mapping *m, unsigned local_part)
{
	for (uint16_t p = 0; p < m->nparts; p++) {
		if (m->parts[p].local == local_part)
			return m->parts[p].canonical;
	}
	return -1;
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

struct br_str map_release(const struct mapping *m)
{
	return m->release;
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

uint64_t map_hash(const struct mapping *m)
{
	return m->hash;
}
