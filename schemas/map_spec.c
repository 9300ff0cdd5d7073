/*
 * What a connector must know of a record, as JSON in BEGIN:
 *
 *   {"record":"application","map_hash":"9f...",
 *    "root":{...},"read":{...},"write":{...},              as written in the mapping; all scalars
 * are strings "columns":["sbh","xm"],
 *    "parts":{"steps":{"key":"xh","mode":"append","columns":["yj"],"on_create":{...}, "table":...,
 * "parent":...}},
 *    "normalise":{"xm":{"trim":"right","pad":18,"max_bytes":20,"charset":"GBK","empty":"null","number":true,"time":19}},
 *    "natural_key":["sfzh"],
 *    "refused":[{"native":["23505"],"text":"...","do":"correct"}],
 *    "on_create":{"sbh":{"generate":"nextval('ydz_sbh')","returning":true},"id":{"identity":true,"returning":true}},
 *    "required":["xm"],"target_owned":["gxsj"],
 *    "final":{"column":"zt","codes":["3","4"]}}
 *
 * Technical constants, looked-up and asked values are not in on_create: they come with the command
 * as ordinary columns. final is there when the status is a column of codes: those codes from which
 * a case does not go on, whatever it has been before.
 */
#include "br_text.h"
#include "cfg_part.h"
#include "map_program.h"

static void node_json(struct br_jw *w, const struct cfg_node *n)
{
	switch (n ? n->kind : CFG_NULL) {
	case CFG_NULL:
		br_jw_null(w);
		break;
	case CFG_SCALAR:
		br_jw_str(w, n->text);
		break;
	case CFG_LIST:
		br_jw_array(w);
		for (const struct cfg_node *c = cfg_first(n); c; c = c->next)
			node_json(w, c);
		br_jw_end_array(w);
		break;
	case CFG_MAP:
		br_jw_object(w);
		for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
			br_jw_key(w, c->key);
			node_json(w, c);
		}
		br_jw_end_object(w);
		break;
	}
}

static void columns(const struct mapping *m, unsigned part, struct br_jw *w)
{
	const struct shape_part *p = &m->shape->parts[part];

	br_jw_name(w, "columns");
	br_jw_array(w);
	for (unsigned i = 0; i < p->n; i++)
		br_jw_str(w, m->shape->fields[p->first + i].name);
	br_jw_end_array(w);
}

static void on_create(const struct mapping *m, unsigned part, struct br_jw *w)
{
	static const char *const words[] = {
		"generate", "technical", "ask", "identity", "trigger", "natural", "lookup"};

	br_jw_name(w, "on_create");
	br_jw_object(w);
	for (size_t i = 0; i < m->ncreates; i++) {
		const struct map_create *c = &m->creates[i];

		if (c->part != part || c->kind == MAP_CREATE_TECHNICAL ||
			c->kind == MAP_CREATE_ASK || c->kind == MAP_CREATE_LOOKUP)
			continue;
		br_jw_key(w, m->columns[c->column].name);
		br_jw_object(w);
		br_jw_key(w, br_str_z(words[c->kind]));
		if (c->kind == MAP_CREATE_GENERATE)
			br_jw_str(w, c->text);
		else
			br_jw_bool(w, true);
		br_jw_kbool(w, "returning", c->returning);
		br_jw_end_object(w);
	}
	br_jw_end_object(w);
}

static void parts(const struct mapping *m, struct br_jw *w)
{
	br_jw_name(w, "parts");
	br_jw_object(w);
	for (unsigned local = 1; local < m->shape->nparts; local++) {
		for (uint16_t i = 0; i < m->nparts; i++) {
			const struct map_part *p = &m->parts[i];

			if (p->local != local)
				continue;
			br_jw_key(w, p->name);
			br_jw_object(w);
			br_jw_kstr(w, "key", p->key);
			br_jw_kstr(w, "mode", p->append ? BR_STR("append") : BR_STR("merge"));
			columns(m, local, w);
			on_create(m, local, w);
			for (const struct cfg_node *c = cfg_first(p->node); c; c = c->next) {
				if (cfg_part_is_mapping(c->key))
					continue;
				br_jw_key(w, c->key);
				node_json(w, c);
			}
			br_jw_end_object(w);
		}
	}
	br_jw_end_object(w);
}

static bool has_norm(const struct map_column *c)
{
	return c->trim || c->pad || c->max_bytes || c->empty_null || c->number || c->time_precision;
}

static void norm(const struct map_column *c, struct br_jw *w)
{
	static const char *const trims[] = {"none", "left", "right", "both"};

	br_jw_object(w);
	if (c->trim)
		br_jw_kstr(w, "trim", br_str_z(trims[c->trim]));
	if (c->pad) {
		br_jw_kint(w, "pad", c->pad_to);
		br_jw_kstr(w, "pad_with", ((struct br_str){&c->pad, 1}));
		br_jw_kstr(w, "pad_side", c->pad_left ? BR_STR("left") : BR_STR("right"));
	}
	if (c->max_bytes) {
		br_jw_kint(w, "max_bytes", c->max_bytes);
		br_jw_kbool(w, "cut", c->cut);
	}
	if (c->charset)
		br_jw_kstr(w, "charset", c->charset->name);
	if (c->empty_null)
		br_jw_kstr(w, "empty", BR_STR("null"));
	if (c->number)
		br_jw_kbool(w, "number", true);
	if (c->time_precision)
		br_jw_kint(w, "time", c->time_precision);
	br_jw_end_object(w);
}

static void normalise(const struct mapping *m, struct br_jw *w)
{
	struct br_buf name;

	br_buf_init(&name, MAP_SPEC_MAX);
	br_jw_name(w, "normalise");
	br_jw_object(w);
	for (unsigned i = 0; i < m->shape->nfields; i++) {
		const struct map_column *c = &m->columns[i];

		if (!has_norm(c))
			continue;
		/* "steps.yj" for a part's column, the same for all its elements */
		br_buf_reset(&name);
		br_buf_adds(&name, m->shape->parts[c->part].name);
		if (c->part)
			br_buf_addc(&name, '.');
		br_buf_adds(&name, c->name);
		w->failed |= br_buf_failed(&name);
		br_jw_key(w, br_buf_str(&name));
		norm(c, w);
	}
	br_buf_release(&name);
	br_jw_end_object(w);
}

static void refused(const struct mapping *m, struct br_jw *w)
{
	static const char *const deeds[] = {"retry", "correct", "wait", "stop"};

	br_jw_name(w, "refused");
	br_jw_array(w);
	for (size_t i = 0; i < m->nrefusals; i++) {
		const struct map_refusal_row *r = &m->refusals[i];

		br_jw_object(w);
		br_jw_name(w, "native");
		br_jw_array(w);
		for (size_t k = 0; k < r->nnative; k++)
			br_jw_str(w, r->native[k]);
		br_jw_end_array(w);
		if (r->text.n)
			br_jw_kstr(w, "text", r->text);
		br_jw_kstr(w, "do", br_str_z(deeds[r->deed]));
		br_jw_end_object(w);
	}
	br_jw_end_array(w);
}

static void column_list(const struct mapping *m, const char *key,
	bool (*has)(const struct map_column *), struct br_jw *w)
{
	br_jw_key(w, br_str_z(key));
	br_jw_array(w);
	for (unsigned i = 0; i < m->shape->parts[0].n; i++) {
		if (has(&m->columns[i]))
			br_jw_str(w, m->columns[i].name);
	}
	br_jw_end_array(w);
}

static bool is_required(const struct map_column *c)
{
	return c->required;
}

static bool is_target_owned(const struct map_column *c)
{
	return c->target_owned;
}

/* ---- what needs no watching ---- */

static const struct map_line *status_line(const struct mapping *m)
{
	int i = m->line_of[m->schema->f_status];
	const struct map_line *line = i < 0 ? NULL : &m->lines[i];

	return line && line->in && line->source == MAP_FROM_COLUMN &&
			       line->conv.kind == MAP_CONV_CODES && line->conv.codes &&
			       m->columns[line->columns[0]].part == 0
		       ? line
		       : NULL;
}

/* Says every row of this code that the case is over? A row that says nothing of the status does
 * not. */
static bool is_final(const struct mapping *m, const struct map_line *line, struct br_str foreign)
{
	const struct code_table *statuses = case_field(m->schema, m->schema->f_status)->codes;
	const struct map_codes *t = line->conv.codes;
	bool final = false;

	for (int32_t r = map_codes_first(t, foreign); r >= 0; r = t->rows[r].next) {
		struct br_str says = t->rows[r].canonical[line->conv.pick];
		const struct code_row *row = says.p ? code_find(statuses, says) : NULL;

		if (!t->rows[r].in)
			continue;
		if (!row || !row->terminal || t->rows[r].star & 1u << line->conv.pick)
			return false;
		final = true;
	}
	return final;
}

static void final_codes(const struct mapping *m, struct br_jw *w)
{
	const struct map_line *line = status_line(m);
	const struct map_codes *t = line ? line->conv.codes : NULL;

	if (!line)
		return;
	br_jw_name(w, "final");
	br_jw_object(w);
	br_jw_kstr(w, "column", m->columns[line->columns[0]].name);
	br_jw_name(w, "codes");
	br_jw_array(w);
	for (size_t i = 0; i < t->n; i++) {
		if (t->rows[i].foreign.p && map_codes_first(t, t->rows[i].foreign) == (int32_t)i &&
			is_final(m, line, t->rows[i].foreign))
			br_jw_str(w, t->rows[i].foreign);
	}
	br_jw_end_array(w);
	br_jw_end_object(w);
}

static void spec(const struct mapping *m, struct br_jw *w)
{
	static const char *const raw[] = {"root", "read", "write"};
	char hash[BR_HEX64];

	br_jw_object(w);
	br_jw_kstr(w, "record", m->record);
	br_jw_kstr(w, "map_hash", br_hex64(hash, m->hash));
	for (size_t i = 0; i < BR_LEN(raw); i++) {
		const struct cfg_node *n = cfg_get(m->node, raw[i]);

		if (!n)
			continue;
		br_jw_key(w, br_str_z(raw[i]));
		node_json(w, n);
	}
	columns(m, 0, w);
	parts(m, w);
	normalise(m, w);
	br_jw_name(w, "natural_key");
	br_jw_array(w);
	for (size_t i = 0; i < m->nnatural; i++)
		br_jw_str(w, m->columns[m->natural[i]].name);
	br_jw_end_array(w);
	refused(m, w);
	on_create(m, 0, w);
	column_list(m, "required", is_required, w);
	column_list(m, "target_owned", is_target_owned, w);
	final_codes(m, w);
	br_jw_end_object(w);
}

int map_write_spec(struct map_set *set, struct br_arena *a)
{
	struct br_buf b;
	struct br_jw w;
	int rc = 0;

	br_buf_init(&b, MAP_SPEC_MAX);
	br_jw_init(&w, &b);
	br_jw_array(&w);
	for (size_t i = 0; i < set->n; i++)
		spec(set->maps[i], &w);
	br_jw_end_array(&w);
	if (br_jw_failed(&w))
		rc = br_buf_failed(&b) ? -BR_E_TOO_BIG : -BR_E_CFG_DEPTH;
	else
		set->spec = br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return rc == 0 && !set->spec.p ? -BR_E_NOMEM : rc;
}

struct br_str map_set_spec(const struct map_set *set)
{
	return set->spec;
}
