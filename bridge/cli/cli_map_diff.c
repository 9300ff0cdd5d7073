/*
 * cli_map_diff.c - a mapping that has changed, on the cases there are: what would change (diff),
 * and having it done (apply).
 *
 * The ledger holds a note of what each field meant. Those that mean something else now are read
 * anew from what every system is known to hold (hub_remap.c); that is the preview. To apply it is
 * an order for each record that would change, and then the new note.
 */
#include "cli_order.h"

#include "br_json.h"
#include "br_log.h"
#include "br_text.h"
#include "hub_remap.h"
#include "ledger_look.h"
#include "ledger_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE	    1000
#define PAGE_BYTES  (64u << 20)
#define SAMPLES	    20
#define NAMES_SHOWN 300 /* bytes */

struct sample {
	const char *record, *lid, *case_no, *field, *how, *in_case, *in_system;
};

struct diff {
	struct cli *c;
	const struct cfg_system *system;
	const struct map_set *maps;
	const char *sys; /* id in the ledger; NULL: the bridge has never met it */
	enum case_owner role;
	bool personal, applies;
	struct ledger_look *ledger;
	struct br_arena page;
	struct cli_orders *orders;
	/* of the record that is walked */
	const struct mapping *map;
	bool *fields;
	const char *names; /* of fields, by commas */
	int64_t (*count)[REMAP_HOWS];
	/* of all */
	int64_t links, change, busy, unreadable;
	struct sample *samples;
	size_t nsamples, limit;
	const char **rows; /* record, field, then a number for each way */
	size_t nrows, rows_room;
};

enum { ROW_COLS = 2 + REMAP_HOWS };

/* ---- notes ---- */

static const char *hash_text(struct cli *c, uint64_t hash)
{
	char text[BR_HEX64];

	return br_arena_copy(&c->arena, br_hex64(text, hash)).p;
}

static const char *noted(const struct ledger_table *t, struct br_str record, struct br_str field)
{
	for (size_t i = 0; i < t->rows; i++)
		if (br_str_eq(br_str_z(t->cells[i * t->cols]), record) &&
			br_str_eq(br_str_z(t->cells[i * t->cols + 1]), field))
			return t->cells[i * t->cols + 2];
	return NULL;
}

static int read_notes(struct cli *c, const struct cfg_system *s, struct ledger_table *t)
{
	return cli_query(c, "select record, field, hash from casebridge.mappings where system = $1",
		1, &s->name.p, t);
}

/* Marks what means something else than noted; a record that nobody has noted is as it is. Names
 * them, by commas: NULL when nothing does. */
static const char *changed(
	struct cli *c, const struct mapping *m, const struct ledger_table *notes, bool *fields)
{
	struct br_str names = BR_STR("");

	for (unsigned f = 0; f < c->schema->shape->nfields; f++) {
		struct br_str name = case_field(c->schema, f)->name;
		const char *was = noted(notes, map_record(m), name);
		uint64_t now = map_field_hash(m, f);

		fields[f] = noted(notes, map_record(m), BR_STR("")) &&
			    (was ? !now || strcmp(was, hash_text(c, now)) != 0 : now != 0);
		if (fields[f])
			names = br_arena_printf(&c->arena, "%.*s%s%.*s", BR_STR_ARG(names),
				names.n ? "," : "", BR_STR_ARG(name));
	}
	return names.n ? names.p : NULL;
}

/* JSON rows of what a system's mappings mean now. */
static const char *meaning(struct cli *c, const struct map_set *maps)
{
	struct br_str text;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 16u << 20);
	br_jw_init(&w, &b);
	br_jw_array(&w);
	for (size_t i = 0; i < map_count(maps); i++) {
		const struct mapping *m = map_at(maps, i);

		for (unsigned f = 0; f <= c->schema->shape->nfields; f++) {
			bool itself = f == c->schema->shape->nfields;

			if (!itself && !map_field_hash(m, f))
				continue;
			br_jw_object(&w);
			br_jw_kstr(&w, "record", map_record(m));
			br_jw_kstr(
				&w, "field", itself ? BR_STR("") : case_field(c->schema, f)->name);
			br_jw_kstr(&w, "hash",
				br_str_z(
					hash_text(c, itself ? map_hash(m) : map_field_hash(m, f))));
			br_jw_end_object(&w);
		}
	}
	br_jw_end_array(&w);
	text = br_arena_copy(&c->arena, br_buf_str(&b));
	br_buf_release(&b);
	return text.p;
}

/* again: also where there is a note. Records the mapping lost keep theirs. */
static int note(struct cli *c, const struct cfg_system *s, const struct map_set *maps, bool again)
{
	const char *params[] = {s->name.p, meaning(c, maps), again ? "t" : "f"};
	struct ledger_table t;

	return cli_query(c,
		"with now as (select * from json_to_recordset($2::json) r(record text, field text, "
		"hash text)), due as (select record from now where field = '' and ($3::bool or not "
		"exists (select from casebridge.mappings m where m.system = $1 and m.record = "
		"now.record and m.field = ''))), gone as (delete from casebridge.mappings m using "
		"due where m.system = $1 and m.record = due.record and not exists (select from now "
		"where now.record = m.record and now.field = m.field)) insert into "
		"casebridge.mappings(system, record, field, hash) select $1, now.record, "
		"now.field, "
		"now.hash from now join due on due.record = now.record on conflict (system, "
		"record, "
		"field) do update set hash = excluded.hash, at = now() returning field",
		BR_LEN(params), params, &t);
}

static void warn_of(const struct cfg_system *s, const char *fields)
{
	char shown[NAMES_SHOWN];
	struct br_err err;

	snprintf(shown, sizeof(shown), "%s", fields);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_MAPPING_CHANGED, "system", s->name.p, "fields", shown, NULL);
	br_warn("a mapping has changed", L_ERR(&err));
}

/* Quietly in vain: whoever cannot reach the ledger says so himself, and goes on trying. */
static bool ledger_is_there(struct cli *c)
{
	struct ledger_table t;
	struct br_err err;

	br_err_clear(&err);
	return ledger_query(c->site->ledger_dsn.p, "select from casebridge.mappings limit 1", 0,
		       NULL, &c->arena, &t, &err) == 0;
}

void cli_map_note(struct cli *c)
{
	size_t i = 0;

	if (!ledger_is_there(c))
		return;
	for (const struct cfg_system *s = c->site->systems; s; s = s->next, i++) {
		struct ledger_table notes;

		if (read_notes(c, s, &notes) != CLI_OK)
			return;
		for (size_t k = 0; k < map_count(c->maps[i]); k++) {
			bool *fields = br_arena_array(&c->arena, bool, c->schema->shape->nfields);
			const char *names =
				fields ? changed(c, map_at(c->maps[i], k), &notes, fields) : NULL;

			if (names)
				warn_of(s, names);
		}
		if (note(c, s, c->maps[i], false) != CLI_OK)
			return;
	}
}

/* ---- the walk ---- */

static const char *value(struct diff *d, const struct cell *place, struct br_str v)
{
	const char *text = v.p ? br_arena_copy(&d->c->arena, v).p : NULL;

	return !text || d->personal ? text
				    : cli_value(d->c, case_field(d->c->schema, place->field), text);
}

static const char *case_no(struct diff *d, const struct ledger_look_link *l)
{
	const struct case_schema *s = d->c->schema;
	const struct cell *c = image_root(&l->doc, s->f_portal_case_no);

	if (!c || cell_is_null(c))
		c = image_root(&l->doc, s->f_dept_case_no);
	return br_arena_copy(&d->c->arena, c && !cell_is_null(c) ? c->value : l->cid).p;
}

static void keep_sample(
	struct diff *d, const struct ledger_look_link *l, const struct hub_remap_change *x)
{
	if (d->nsamples == d->limit)
		return;
	d->samples[d->nsamples++] = (struct sample){.record = map_record(d->map).p,
		.lid = br_arena_copy(&d->c->arena, l->lid).p,
		.case_no = case_no(d, l),
		.field = case_place(d->c->schema, &x->place, &d->c->arena).p,
		.how = hub_remap_words[x->how],
		.in_case = value(d, &x->place, x->in_case),
		.in_system = value(d, &x->place, x->in_system)};
}

static void order_it(struct diff *d, const struct ledger_look_link *l)
{
	cli_orders_add(d->orders, &(struct cli_order){.type = "REMAP",
					  .system = d->system->name.p,
					  .record = map_record(d->map).p,
					  .lid = br_arena_copy(&d->c->arena, l->lid).p,
					  .cid = br_arena_copy(&d->c->arena, l->cid).p,
					  .fields = d->names});
}

static int one_link(struct diff *d, const struct ledger_look_link *l, struct br_err *err)
{
	struct map_issue issue = {.ask = false};
	struct hub_remap_change *list;
	size_t n;

	d->links++;
	if (l->busy || l->parked) {
		d->busy++;
		return 0;
	}
	if (hub_remap(&(struct hub_remap){d->c->schema, d->map, d->role, d->fields, &l->doc,
			      &l->shadow, l->had, l->nhad},
		    &d->page, &list, &n, &issue) < 0)
		return br_err_set(err, BR_E_NOMEM, NULL);
	d->unreadable += br_err_code(&issue.err) != BR_E_OK;
	d->change += n > 0;
	for (size_t i = 0; i < n; i++) {
		d->count[list[i].place.field][list[i].how]++;
		keep_sample(d, l, &list[i]);
	}
	if (n && d->applies)
		order_it(d, l);
	return 0;
}

static int walk_links(struct diff *d, struct br_err *err)
{
	struct br_str lo = BR_STR("");
	size_t n = PAGE;
	int rc = 0;

	while (rc == 0 && n == PAGE) {
		struct ledger_look_link *links;

		rc = ledger_look_range(
			d->ledger, d->map, lo, BR_STR(""), PAGE, &d->page, &links, &n, err);
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = one_link(d, &links[i], err);
		if (rc == 0 && n)
			lo = br_arena_printf(
				&d->c->arena, "%.*s\x01", BR_STR_ARG(links[n - 1].lid));
		br_arena_reset(&d->page);
	}
	return rc;
}

/* ---- the report ---- */

static const char *const names[] = {"record", "field", "case", "system", "person", "read"};
static const struct cli_column columns[] = {
	{"record", "记录", 'k'},
	{"field", "字段", 'k'},
	{"case", "办件改为系统值", '1'},
	{"system", "系统改为办件值", '1'},
	{"person", "须人工决定", '1'},
	{"read", "须重新读取", '1'},
	{NULL, NULL, 0},
};
static const char *const sample_names[] = {
	"record", "local_id", "case_no", "field", "changes", "in_case", "in_system"};
static const struct cli_column sample_columns[] = {
	{"local_id", "系统内编号", '5'},
	{"case_no", "办件", '4'},
	{"field", "字段", '3'},
	{"changes", "改动", 'k'},
	{"in_case", "办件值", '6'},
	{"in_system", "系统值", '6'},
	{NULL, NULL, 0},
};

static void keep_rows(struct diff *d)
{
	for (unsigned f = 0; f < d->c->schema->shape->nfields; f++) {
		const char **row = &d->rows[d->nrows * ROW_COLS];

		if (!d->fields[f] || d->nrows == d->rows_room)
			continue;
		row[0] = map_record(d->map).p;
		row[1] = case_field(d->c->schema, f)->name.p;
		for (int i = 0; i < REMAP_HOWS; i++)
			row[2 + i] = br_arena_printf(&d->c->arena, "%" PRId64, d->count[f][i]).p;
		d->nrows++;
	}
}

static void sample_table(struct diff *d, struct ledger_table *t)
{
	const size_t cols = BR_LEN(sample_names);
	const char **cells = br_arena_array(&d->c->arena, const char *, d->nsamples *cols + 1);

	*t = (struct ledger_table){
		cols, cells ? d->nsamples : 0, (const char **)sample_names, cells};
	for (size_t i = 0; i < t->rows; i++) {
		const struct sample *s = &d->samples[i];
		const char *const row[] = {
			s->record, s->lid, s->case_no, s->field, s->how, s->in_case, s->in_system};

		memcpy(&cells[i * cols], row, sizeof(row));
	}
}

static void print_json(
	struct diff *d, const struct ledger_table *fields, const struct ledger_table *samples)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 64u << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kstr(&w, "system", d->system->name);
	br_jw_kint(&w, "records", d->links);
	br_jw_kint(&w, "change", d->change);
	br_jw_kint(&w, "busy", d->busy);
	br_jw_kint(&w, "unreadable", d->unreadable);
	cli_json_rows(&w, "fields", fields);
	cli_json_rows(&w, "samples", samples);
	br_jw_end_object(&w);
	puts(br_buf_cstr(&b));
	br_buf_release(&b);
}

static void print(struct diff *d)
{
	struct ledger_table fields = {ROW_COLS, d->nrows, (const char **)names, d->rows}, samples;

	sample_table(d, &samples);
	if (d->c->output == CLI_JSON) {
		print_json(d, &fields, &samples);
		return;
	}
	cli_print_rows(d->c, &fields, columns);
	if (d->c->output == CLI_TABLE && samples.rows) {
		putchar('\n');
		cli_print_rows(d->c, &samples, sample_columns);
	}
	cli_note(d->c,
		cli_say(d->c,
			"%" PRId64 " of %" PRId64 " records would change; %" PRId64
			" on their way or waiting for a person were left out, %" PRId64
			" cannot be read by the new mapping",
			"%" PRId64 " / %" PRId64 " 条记录会有变化；在途或待处理未计入 %" PRId64
			" 条，新映射无法读取 %" PRId64 " 条"),
		d->change, d->links, d->busy, d->unreadable);
}

/* ---- the verbs ---- */

static int find_system(struct diff *d)
{
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(d->c, "select id::text from casebridge.systems where code = $1", 1,
		&d->system->name.p, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_CLI_NEVER_MET, "system", d->system->name.p, NULL);
		return cli_fail(d->c, &err);
	}
	d->sys = t.cells[0];
	return CLI_OK;
}

static int walk(struct diff *d, const struct ledger_table *notes)
{
	size_t nfields = d->c->schema->shape->nfields, nmaps = map_count(d->maps);
	struct br_err err;
	int rc = 0;

	br_err_clear(&err);
	d->rows_room = nfields * nmaps;
	d->rows = br_arena_array(&d->c->arena, const char *, d->rows_room *ROW_COLS + 1);
	d->samples = br_arena_array(&d->c->arena, struct sample, d->limit + 1);
	d->ledger = ledger_look_new(d->c->site->ledger_dsn.p, d->sys, d->c->schema, &err);
	if (!d->ledger || !d->rows || !d->samples)
		return cli_fail(d->c, &err);
	for (size_t i = 0; rc == 0 && i < nmaps; i++) {
		d->map = map_at(d->maps, i);
		d->fields = br_arena_array(&d->c->arena, bool, nfields);
		d->count = br_arena_calloc(&d->c->arena, nfields, sizeof(*d->count));
		d->names = d->fields && d->count ? changed(d->c, d->map, notes, d->fields) : NULL;
		if (!d->names)
			continue;
		rc = walk_links(d, &err);
		keep_rows(d);
	}
	ledger_look_free(d->ledger);
	return rc < 0 ? cli_fail(d->c, &err) : CLI_OK;
}

static int have_it_done(struct diff *d)
{
	int status = cli_orders_send(d->c, d->orders);

	if (status == CLI_OK)
		status = note(d->c, d->system, d->maps, true);
	if (status == CLI_OK)
		cli_note(d->c,
			cli_say(d->c, "%" PRId64 " orders for the bridge",
				"向总线下达 %" PRId64 " 条指令"),
			d->change);
	return status;
}

static int diff(struct diff *d)
{
	struct ledger_table notes;
	int status = find_system(d);

	if (status == CLI_OK)
		status = read_notes(d->c, d->system, &notes);
	if (status == CLI_OK)
		status = walk(d, &notes);
	if (status != CLI_OK)
		return status;
	print(d);
	return d->applies ? have_it_done(d) : CLI_OK;
}

static const struct map_set *maps_of(struct cli *c, const struct cfg_system *system)
{
	size_t i = 0;

	for (const struct cfg_system *s = c->site->systems; s != system; s = s->next)
		i++;
	return c->maps[i];
}

int cli_map_diff(struct cli *c)
{
	struct diff d = {.c = c,
		.applies = c->argv[0][0] == 'a',
		.personal = cli_flag(c, "--personal"),
		.limit = SAMPLES};
	const char *limit = cli_option(c, "--limit");
	struct cfg_system *system = NULL;
	struct cli_decider by;
	int status = cli_decider(c, d.applies, &by);

	if (limit)
		d.limit = strtoul(limit, NULL, 10) % 100000;
	if (status == CLI_OK && c->argc != 2)
		status = CLI_USAGE;
	if (status == CLI_OK)
		status = cli_load(c);
	if (status == CLI_OK)
		status = cli_system_named(c, c->argv[1], &system);
	if (status != CLI_OK)
		return status;
	d.system = system;
	d.maps = maps_of(c, system);
	d.role = br_str_eq(system->role, BR_STR("portal")) ? CASE_OWNER_PORTAL
							   : CASE_OWNER_DEPARTMENT;
	d.orders = cli_orders_new(c, &by);
	if (!d.orders)
		return CLI_FAILED;
	br_arena_init(&d.page, PAGE_BYTES);
	status = diff(&d);
	br_arena_release(&d.page);
	return status;
}
