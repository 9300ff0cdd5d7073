#include "ledger_look.h"

#include "br_pg.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE "500" /* cases without a record, at a time */

struct ledger_look {
	PGconn *conn;
	char sys[24];
	const struct case_schema *schema;
	bool walking; /* the cursor over cases without a record is open */
};

struct ledger_look *ledger_look_new(
	const char *dsn, const char *sys, const struct case_schema *schema, struct br_err *err)
{
	struct ledger_look *g = calloc(1, sizeof(*g));

	if (!g) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	snprintf(g->sys, sizeof(g->sys), "%s", sys);
	g->schema = schema;
	if (br_pg_open_sync(dsn, &g->conn, err) == 0 &&
		br_pg_exec_sync(g->conn, "set default_transaction_read_only to on", 0, NULL, NULL,
			err) == 0)
		return g;
	ledger_look_free(g);
	return NULL;
}

void ledger_look_free(struct ledger_look *g)
{
	if (!g)
		return;
	PQfinish(g->conn);
	free(g);
}

/* ---- rows ---- */

static struct br_str text(const PGresult *res, int row, int col, struct br_arena *a)
{
	if (PQgetisnull(res, row, col))
		return BR_STR_NONE;
	return br_arena_copy(
		a, (struct br_str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)});
}

static int read_had(struct br_str words, struct br_arena *a, struct ledger_look_link *l)
{
	size_t n = words.n ? 1 : 0, at = 0;

	for (size_t i = 0; i < words.n; i++)
		n += words.p[i] == ' ';
	l->had = br_arena_array(a, struct br_str, n + 1);
	if (!l->had)
		return -BR_E_NOMEM;
	for (; l->nhad < n; at++) {
		size_t from = at;

		while (at < words.n && words.p[at] != ' ')
			at++;
		l->had[l->nhad++] = (struct br_str){words.p + from, at - from};
	}
	return 0;
}

static int read_doc(const struct ledger_look *g, struct br_str json, struct br_arena *a,
	struct image *out, struct br_err *err)
{
	struct br_jr r;

	*out = (struct image){NULL, 0};
	if (!json.n)
		return 0;
	br_jr_init(&r, json, a, err);
	return br_jr_next(&r) == BR_JT_OBJECT ? case_read(g->schema, &r, true, a, out)
					      : -(int)br_err_code(err);
}

/* A column that the mapping no longer has does not count. */
static int read_shadow(struct br_str json, const struct mapping *map, struct br_arena *a,
	struct image *out, struct br_err *err)
{
	struct br_jr r;

	*out = (struct image){NULL, 0};
	if (!json.n || !map)
		return 0;
	br_jr_init(&r, json, a, err);
	return image_read(&r, map_shape(map), true, a, out);
}

static int read_versions(const struct ledger_look *g, struct br_str json, struct br_arena *a,
	struct versions *out, struct br_err *err)
{
	struct br_jr r;

	*out = (struct versions){0};
	if (!json.n)
		return 0;
	br_jr_init(&r, json, a, err);
	return versions_read(&r, g->schema->shape, a, out);
}

/* lid, cid, busy, gone, parked, created_ms, updated_ms, shadow, doc, had, fver, held */
#define COLUMNS                                                                                    \
	"l.cid, coalesce(l.state in ('inflight', 'pending') or l.due or l.inflight is not null, "  \
	"false), coalesce(l.state = 'gone', false)"
#define CASE_COLUMNS                                                                               \
	"(extract(epoch from c.created_at) * 1000)::int8, (extract(epoch from c.updated_at) * "    \
	"1000)::int8, l.shadow, c.doc, array_to_string(c.had, ' '), c.fver, l.held"
static int read_row(const struct ledger_look *g, const PGresult *res, int row,
	const struct mapping *map, struct br_arena *a, struct ledger_look_link *l,
	struct br_err *err)
{
	int rc;

	*l = (struct ledger_look_link){
		.lid = text(res, row, 0, a),
		.cid = text(res, row, 1, a),
		.busy = PQgetvalue(res, row, 2)[0] == 't',
		.gone = PQgetvalue(res, row, 3)[0] == 't',
		.parked = PQgetvalue(res, row, 4)[0] == 't',
		.created_ms = strtoll(PQgetvalue(res, row, 5), NULL, 10),
		.updated_ms = strtoll(PQgetvalue(res, row, 6), NULL, 10),
	};
	rc = read_shadow(text(res, row, 7, a), map, a, &l->shadow, err);
	if (rc == 0)
		rc = read_doc(g, text(res, row, 8, a), a, &l->doc, err);
	if (rc == 0)
		rc = read_had(text(res, row, 9, a), a, l);
	if (rc == 0)
		rc = read_versions(g, text(res, row, 10, a), a, &l->fver, err);
	if (rc == 0)
		rc = read_versions(g, text(res, row, 11, a), a, &l->held, err);
	l->hash = image_hash(&l->shadow);
	if (rc == 0 && br_arena_failed(a))
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	return rc;
}

static int read_rows(const struct ledger_look *g, PGresult *res, const struct mapping *map,
	struct br_arena *a, struct ledger_look_link **out, size_t *n, struct br_err *err)
{
	int rows = PQntuples(res), rc = 0;

	*n = 0;
	*out = br_arena_array(a, struct ledger_look_link, (size_t)rows + 1);
	if (!*out)
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	for (int i = 0; rc == 0 && i < rows; i++, ++*n)
		rc = read_row(g, res, i, map, a, &(*out)[i], err);
	PQclear(res);
	return rc;
}

/* ---- questions ---- */

static struct br_pg_param param(struct br_str s, struct br_arena *a)
{
	return (struct br_pg_param){s.n ? br_arena_copy(a, s).p : NULL, 0, false};
}

int ledger_look_range(struct ledger_look *g, const struct mapping *map, struct br_str lo,
	struct br_str hi, size_t limit, struct br_arena *a, struct ledger_look_link **out,
	size_t *n, struct br_err *err)
{
	struct br_str most = limit ? br_arena_printf(a, "%zu", limit) : BR_STR_NONE;
	struct br_pg_param p[] = {{g->sys, 0, false}, param(map_record(map), a), param(lo, a),
		param(hi, a), {most.p, 0, false}};
	PGresult *res;
	int rc = br_pg_exec_sync(g->conn,
		"select l.lid, " COLUMNS ", l.state in ('rejected', 'parked'), " CASE_COLUMNS
		" from casebridge.links l join casebridge.cases c on c.cid = l.cid"
		" where l.sys = $1::int2 and l.rec = $2::text and l.lid is not null"
		" and ($3::text is null or l.lid >= $3::text collate \"C\")"
		" and ($4::text is null or l.lid <= $4::text collate \"C\")"
		" and l.state <> 'gone' order by l.lid limit $5::int8",
		5, p, &res, err);

	return rc < 0 ? rc : read_rows(g, res, map, a, out, n, err);
}

static struct br_str as_json(const struct br_str *texts, size_t n, struct br_arena *a)
{
	struct br_str out;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 64u << 20);
	br_jw_init(&w, &b);
	br_jw_array(&w);
	for (size_t i = 0; i < n; i++)
		br_jw_str(&w, texts[i]);
	br_jw_end_array(&w);
	out = br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

int ledger_look_lids(struct ledger_look *g, const struct mapping *map, const struct br_str *lids,
	size_t n, struct br_arena *a, struct ledger_look_link **out, struct br_err *err)
{
	struct br_pg_param p[] = {
		{g->sys, 0, false}, param(map_record(map), a), param(as_json(lids, n, a), a)};
	PGresult *res;
	size_t found;
	int rc = br_pg_exec_sync(g->conn,
		"select u.lid, " COLUMNS
		", coalesce(l.state in ('rejected', 'parked'), false) or exists (select from "
		"casebridge.parked p where p.sys = $1::int2 and p.rec = $2::text and p.lid = u.lid "
		"and p.status = 'open'), " CASE_COLUMNS
		" from json_array_elements_text($3::json) with ordinality u(lid, i)"
		" left join casebridge.links l on l.sys = $1::int2 and l.rec = $2::text and "
		"l.lid = u.lid left join casebridge.cases c on c.cid = l.cid order by u.i",
		3, p, &res, err);

	return rc < 0 ? rc : read_rows(g, res, map, a, out, &found, err);
}

/* Does no row of links say that the case is in the system, or that anything is under way? */
#define UNLINKED                                                                                   \
	"not exists (select from casebridge.links l where l.cid = c.cid and l.sys = %s and "       \
	"(l.lid is not null or l.state <> 'idle' or l.due or l.inflight is not null))"

#define OF_CASES                                                                                   \
	"select '', c.cid, false, false, false, (extract(epoch from c.created_at) * 1000)::int8, " \
	"(extract(epoch from c.updated_at) * 1000)::int8, null, c.doc, array_to_string(c.had, "    \
	"' '), null, null from casebridge.cases c where " UNLINKED

static int begin_unlinked(struct ledger_look *g, struct br_err *err)
{
	char sql[1024];

	snprintf(
		sql, sizeof(sql), "begin; declare unlinked no scroll cursor for " OF_CASES, g->sys);
	g->walking = br_pg_exec_sync(g->conn, sql, 0, NULL, NULL, err) == 0;
	return g->walking ? 0 : -(int)br_err_code(err);
}

int ledger_look_unlinked(struct ledger_look *g, struct br_arena *a, struct ledger_look_link **out,
	size_t *n, struct br_err *err)
{
	PGresult *res;
	int rc = g->walking ? 0 : begin_unlinked(g, err);

	if (rc == 0)
		rc = br_pg_exec_sync(g->conn, "fetch " PAGE " from unlinked", 0, NULL, &res, err);
	if (rc == 0)
		rc = read_rows(g, res, NULL, a, out, n, err);
	if (rc == 0 && *n == 0) {
		g->walking = false;
		rc = br_pg_exec_sync(g->conn, "commit", 0, NULL, NULL, err);
	}
	return rc;
}

int ledger_look_case(struct ledger_look *g, struct br_str cid, struct br_arena *a,
	struct ledger_look_link *out, bool *unlinked, struct br_err *err)
{
	struct br_pg_param p[] = {param(cid, a)};
	struct ledger_look_link *l = NULL;
	char sql[1024];
	PGresult *res;
	size_t n = 0;
	int rc;

	snprintf(sql, sizeof(sql), OF_CASES " and c.cid = $1::uuid", g->sys);
	rc = br_pg_exec_sync(g->conn, sql, 1, p, &res, err);
	if (rc == 0)
		rc = read_rows(g, res, NULL, a, &l, &n, err);
	if (rc < 0)
		return rc;
	*unlinked = n == 1;
	if (n)
		*out = l[0];
	return 0;
}

int ledger_look_match(struct ledger_look *g, struct br_str record, struct br_str scheme,
	struct br_str value, struct br_arena *a, struct br_str *cid, struct br_str *lid,
	struct br_err *err)
{
	struct br_pg_param p[] = {
		{g->sys, 0, false}, param(record, a), param(scheme, a), param(value, a)};
	PGresult *res;
	int rc = br_pg_exec_sync(g->conn,
		"select m.cid, l.lid from casebridge.match_keys m left join casebridge.links l on "
		"l.cid = m.cid and l.sys = $1::int2 and l.rec = $2::text where m.scheme = $3::text "
		"and m.value = $4::text",
		4, p, &res, err);

	*cid = *lid = BR_STR_NONE;
	if (rc < 0)
		return rc;
	if (PQntuples(res) == 1) {
		*cid = text(res, 0, 0, a);
		*lid = text(res, 0, 1, a);
	}
	PQclear(res);
	return br_arena_failed(a) ? br_err_set(err, BR_E_NOMEM, NULL) : 0;
}
