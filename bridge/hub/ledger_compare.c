#include "ledger_compare.h"

#include "hub_alike.h"

#include "br_buf.h"
#include "br_pg.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE	   "2000"
#define PAGE_BYTES (256u << 20)
#define KEYS	   8	 /* strong ones of a record */
#define TOO_MANY   "400" /* pairs of one key */
#define SEPARATOR  '\x1f'
#define STR_(x)	   #x
#define STR(x)	   STR_(x)

struct compare {
	PGconn *conn;
	struct br_err *err;
	const struct map_set *maps;
	const struct case_schema *schema;
	struct br_arena arena; /* of a page */
	struct br_buf rows, keys;
	int64_t n; /* records so far: each has its number */
	struct ledger_compared *out;
};

static int run(
	struct compare *c, const char *sql, int n, const struct br_pg_param *p, PGresult **res)
{
	return br_pg_exec_sync(c->conn, sql, n, p, res, c->err);
}

static int64_t number_at(const PGresult *res, int row, int col)
{
	return strtoll(PQgetvalue(res, row, col), NULL, 10);
}

static struct br_str text_at(const PGresult *res, int row, int col)
{
	return (struct br_str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)};
}

/* ---- rows on their way into the server ---- */

static void add_escaped(struct br_buf *b, struct br_str s)
{
	static const char special[] = "\\\t\n\r", as[] = "\\tnr";

	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(special, s.p[i], sizeof(special) - 1);

		if (at)
			br_buf_addc(b, '\\');
		br_buf_addc(b, at ? as[at - special] : s.p[i]);
	}
}

static int copy_in(struct compare *c, const char *sql, struct br_buf *b)
{
	PGresult *res = PQexec(c->conn, sql);
	int rc = PQresultStatus(res) == PGRES_COPY_IN ? 0 : br_pg_err(c->conn, res, c->err);

	PQclear(res);
	if (rc == 0 && br_buf_failed(b)) {
		PQputCopyEnd(c->conn, "out of memory");
		rc = br_err_set(c->err, BR_E_NOMEM, NULL);
	} else if (rc == 0 && (PQputCopyData(c->conn, b->p, (int)b->n) != 1 ||
				      PQputCopyEnd(c->conn, NULL) != 1)) {
		rc = br_pg_err(c->conn, NULL, c->err);
	}
	while ((res = PQgetResult(c->conn))) {
		if (rc == 0 && PQresultStatus(res) != PGRES_COMMAND_OK)
			rc = br_pg_err(c->conn, res, c->err);
		PQclear(res);
	}
	br_buf_reset(b);
	return rc;
}

/* ---- facts and keys of all cases ---- */

static void add_key(struct compare *c, bool side, uint64_t key, bool strong)
{
	br_buf_printf(&c->keys, "%lld\t%c\t%lld\t%c\n", (long long)(int64_t)key, side ? 't' : 'f',
		(long long)c->n, strong ? 't' : 'f');
}

/* By the words of the compared system's records: its own, or each of them for another's case. */
static void add_strong(
	struct compare *c, bool side, const struct mapping *map, const struct image *doc)
{
	struct br_str scheme[KEYS], value[KEYS];
	size_t n = map_match_keys(map, doc, scheme, value, KEYS);

	for (size_t i = 0; i < n; i++)
		add_key(c, side, hub_alike_key('s', scheme[i], value[i]), true);
}

static void add_keys(struct compare *c, bool side, struct br_str rec, const struct image *doc,
	const struct alike_facts *facts)
{
	const struct mapping *own = side ? map_find(c->maps, rec) : NULL;
	uint64_t keys[ALIKE_KEYS];
	size_t n = hub_alike_keys(facts, keys);

	for (size_t i = 0; i < n; i++)
		add_key(c, side, keys[i], false);
	for (size_t i = 0; i < map_count(c->maps); i++)
		if (!own || own == map_at(c->maps, i))
			add_strong(c, side, map_at(c->maps, i), doc);
}

/* cid, sys, rec, lid, doc */
static int add_row(struct compare *c, bool side, const PGresult *res, int row)
{
	struct alike_facts facts;
	struct image doc;
	struct br_jr r;
	int rc;

	br_jr_init(&r, text_at(res, row, 4), &c->arena, c->err);
	if (br_jr_next(&r) != BR_JT_OBJECT || case_read(c->schema, &r, true, &c->arena, &doc) < 0)
		return -(int)br_err_code(c->err);
	rc = hub_alike_facts(c->schema, &doc, &c->arena, &facts);
	if (rc < 0)
		return br_err_set(c->err, BR_E_NOMEM, NULL);
	br_buf_printf(&c->rows, "%lld\t%c", (long long)c->n, side ? 't' : 'f');
	for (int i = 0; i < 4; i++) {
		br_buf_addc(&c->rows, '\t');
		add_escaped(&c->rows, text_at(res, row, i));
	}
	br_buf_addc(&c->rows, '\t');
	for (unsigned i = 0; i < ALIKE_FACTS; i++) {
		if (i)
			br_buf_addc(&c->rows, SEPARATOR);
		add_escaped(&c->rows, facts.v[i]);
	}
	br_buf_addc(&c->rows, '\n');
	add_keys(c, side, text_at(res, row, 2), &doc, &facts);
	c->n++;
	return 0;
}

static int add_page(struct compare *c, bool side, int *got)
{
	PGresult *res = NULL;
	int rc = run(c, "fetch " PAGE " from side", 0, NULL, &res);

	br_arena_reset(&c->arena);
	*got = rc == 0 ? PQntuples(res) : 0;
	for (int i = 0; rc == 0 && i < *got; i++)
		rc = add_row(c, side, res, i);
	PQclear(res);
	if (rc == 0 && *got)
		rc = copy_in(c, "copy f from stdin", &c->rows);
	if (rc == 0 && *got)
		rc = copy_in(c, "copy k from stdin", &c->keys);
	return rc;
}

static int add_side(struct compare *c, bool side, const char *sql, int64_t *n)
{
	int64_t before = c->n;
	int rc = run(c, sql, 0, NULL, NULL), got = 1;

	while (rc == 0 && got)
		rc = add_page(c, side, &got);
	*n = c->n - before;
	return rc == 0 ? run(c, "close side", 0, NULL, NULL) : rc;
}

/* ---- pairs ---- */

static void read_facts(struct br_str text, struct alike_facts *out)
{
	*out = (struct alike_facts){0};
	for (unsigned i = 0; i < ALIKE_FACTS; i++) {
		const char *end = memchr(text.p, SEPARATOR, text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		out->v[i] = (struct br_str){text.p, n};
		text.p += end ? n + 1 : n;
		text.n -= end ? n + 1 : n;
	}
}

static int weigh_page(struct compare *c, int *got)
{
	PGresult *res = NULL;
	int rc = run(c, "fetch " PAGE " from pairs", 0, NULL, &res);

	*got = rc == 0 ? PQntuples(res) : 0;
	for (int i = 0; i < *got; i++) {
		bool strong = PQgetvalue(res, i, 2)[0] == 't';
		struct alike_facts a, b;
		char why[512];
		struct alike x;

		read_facts(text_at(res, i, 3), &a);
		read_facts(text_at(res, i, 4), &b);
		hub_alike(&a, &b, strong, &x);
		if (x.verdict != ALIKE_NONE)
			br_buf_printf(&c->rows, "%s\t%s\t%d\t%d\t%s\n", PQgetvalue(res, i, 0),
				PQgetvalue(res, i, 1), x.weight, (int)x.verdict,
				hub_alike_why(&x, strong, why, sizeof(why)));
	}
	PQclear(res);
	c->out->pairs += *got;
	return rc == 0 && *got ? copy_in(c, "copy w from stdin", &c->rows) : rc;
}

static int weigh_pairs(struct compare *c)
{
	int rc = run(c,
		"create temp table g on commit drop as select key, bool_or(strong) strong, "
		"count(*) filter (where side) na, count(*) filter (where not side) nb from k group "
		"by key having count(*) filter (where side) > 0 and count(*) filter (where not "
		"side) > 0; analyze g; "
		"declare pairs no scroll cursor for select x.a, x.b, x.strong, fa.facts, fb.facts "
		"from (select a.id a, b.id b, bool_or(g.strong and g.na = 1 and g.nb = 1) strong "
		"from g join k a on a.key = g.key and a.side join k b on b.key = g.key and not "
		"b.side where g.na * g.nb <= " TOO_MANY " group by 1, 2) x join f fa on fa.id = "
		"x.a join f fb on fb.id = x.b",
		0, NULL, NULL);
	int got = 1;

	while (rc == 0 && got)
		rc = weigh_page(c, &got);
	return rc == 0 ? run(c, "close pairs; analyze w", 0, NULL, NULL) : rc;
}

/* ---- proposals ---- */

/* What a person has refused is no rival any more. Certain stays what outweighs every other pair of
 * either case. */
static const char propose_sql[] =
	"delete from w using f a, f b, casebridge.candidates c where a.id = w.a and b.id = w.b "
	"and least(c.cid, c.other) = least(a.cid, b.cid) and greatest(c.cid, c.other) = "
	"greatest(a.cid, b.cid) and c.status = 'rejected';"
	"create temp table found on commit drop as select fa.sys, fa.rec, fa.lid, fa.cid, fb.sys "
	"other_sys, fb.rec other_rec, fb.lid other_lid, fb.cid other, case when x.verdict = 2 and "
	"x.na = 1 and x.nb = 1 then 'certain' else 'likely' end verdict, x.weight, x.why from "
	"(select *, count(*) over (partition by a order by weight range between " STR(
		ALIKE_MARGIN) " - 1 preceding and unbounded following) na, count(*) over "
			      "(partition "
			      "by b order by weight range between " STR(
				      ALIKE_MARGIN) " - 1 "
						    "preceding and unbounded following) nb from w) "
						    "x join f fa on fa.id = x.a join f fb on "
						    "fb.id = x.b; analyze found;"
						    "insert into casebridge.candidates(sys, rec, "
						    "lid, cid, other_sys, other_rec, other_lid, "
						    "other, verdict, weight, why) select * from "
						    "found order by weight desc, lid, other_lid on "
						    "conflict (least(cid, other), greatest(cid, "
						    "other)) do update set verdict = "
						    "excluded.verdict, weight = excluded.weight, "
						    "why = excluded.why, status = 'open', at = "
						    "now(), resolved_at = null where "
						    "candidates.status in ('open', 'passed')";

static int propose(struct compare *c, const struct br_pg_param *sys, struct br_str prefix)
{
	struct br_str records = br_arena_printf(&c->arena, "%lld", (long long)c->out->records),
		      others = br_arena_printf(&c->arena, "%lld", (long long)c->out->others);
	const struct br_pg_param p[] = {*sys, {records.p, 0, false}, {others.p, 0, false},
		{br_arena_copy(&c->arena, prefix).p, 0, false}};
	int rc = run(c, propose_sql, 0, NULL, NULL);

	if (rc == 0)
		rc = run(c,
			"delete from casebridge.candidates c where c.sys = $1::int2 and c.status = "
			"'open' and not exists (select from found f where least(f.cid, f.other) = "
			"least(c.cid, c.other) and greatest(f.cid, f.other) = greatest(c.cid, "
			"c.other))",
			1, sys, NULL);
	return rc < 0 ? rc
		      : run(c,
				"insert into casebridge.matchings(sys, records, others, seen) "
				"select $1::int2, $2::int8, $3::int8, coalesce((select "
				"json_object_agg(s.code, p.next) from casebridge.positions p join "
				"casebridge.systems s on p.topic = $4 || '.in.' || s.code), '{}') "
				"on conflict (sys) do update set at = now(), records = "
				"excluded.records, others = excluded.others, seen = excluded.seen",
				4, p, NULL);
}

static int count_all(struct compare *c, const struct br_pg_param *sys)
{
	PGresult *res = NULL;
	int rc = run(c,
		"select count(*) filter (where verdict = 'certain'), count(*) filter (where "
		"verdict = 'likely'), count(*), (select count(*) from g where na * nb > " TOO_MANY
		") from casebridge.candidates where (sys = $1::int2 or other_sys = $1::int2) and "
		"status = 'open'",
		1, sys, &res);

	if (rc == 0) {
		c->out->certain = number_at(res, 0, 0);
		c->out->likely = number_at(res, 0, 1);
		c->out->open = number_at(res, 0, 2);
		c->out->common = number_at(res, 0, 3);
	}
	PQclear(res);
	return rc;
}

/* ---- all of it ---- */

/* The cursors over both sides have the system's number written into them: they take no parameters
 * in a declaration. */
static int gather(struct compare *c, long sys)
{
	char sql[1024];
	int rc;

	snprintf(sql, sizeof(sql),
		"declare side no scroll cursor for select l.cid, l.sys, l.rec, l.lid, c.doc from "
		"casebridge.links l join casebridge.cases c on c.cid = l.cid where l.sys = %ld and "
		"l.lid is not null and l.state <> 'gone' and not exists (select from "
		"casebridge.links o where o.cid = l.cid and o.lid is not null and (o.sys <> l.sys "
		"or o.rec <> l.rec))",
		sys);
	rc = add_side(c, true, sql, &c->out->records);
	snprintf(sql, sizeof(sql),
		"declare side no scroll cursor for select l.cid, l.sys, l.rec, l.lid, c.doc from "
		"(select distinct on (l.cid) l.* from casebridge.links l where l.lid is not null "
		"and l.sys <> %ld and l.state <> 'gone' order by l.cid, l.sys, l.rec) l join "
		"casebridge.cases c on c.cid = l.cid where not exists (select from "
		"casebridge.links o where o.cid = l.cid and o.sys = %ld and o.lid is not null)",
		sys, sys);
	if (rc == 0)
		rc = add_side(c, false, sql, &c->out->others);
	return rc == 0 ? run(c, "analyze f; analyze k", 0, NULL, NULL) : rc;
}

static int begin(struct compare *c, struct br_str system, long *sys)
{
	struct br_pg_param code = {br_arena_copy(&c->arena, system).p, 0, false};
	PGresult *res = NULL;
	int rc = run(c,
		"begin isolation level repeatable read; set local search_path to pg_temp; "
		"set local work_mem = '32MB'; set local cursor_tuple_fraction = 1; "
		"set local jit = off; "
		"create temp table f (id int, side bool, cid uuid, sys int2, rec text collate "
		"\"C\", lid text collate \"C\", facts text collate \"C\") on commit drop; "
		"create temp table k (key int8, side bool, id int, strong bool) on commit drop; "
		"create temp table w (a int, b int, weight int, verdict int2, why text) on commit "
		"drop; select pg_advisory_xact_lock(hashtext('casebridge.match'))",
		0, NULL, NULL);

	if (rc == 0)
		rc = run(c, "select id from casebridge.systems where code = $1", 1, &code, &res);
	if (rc == 0)
		*sys = PQntuples(res) ? (long)number_at(res, 0, 0) : 0;
	PQclear(res);
	return rc;
}

static int compare(struct compare *c, struct br_str system, struct br_str prefix, bool preview)
{
	char number[24];
	struct br_pg_param p = {number, 0, false};
	long sys = 0;
	int rc = begin(c, system, &sys);

	snprintf(number, sizeof(number), "%ld", sys);
	if (rc == 0)
		rc = gather(c, sys);
	if (rc == 0)
		rc = weigh_pairs(c);
	if (rc == 0)
		rc = propose(c, &p, prefix);
	if (rc == 0)
		rc = count_all(c, &p);
	return rc == 0 ? run(c, preview ? "rollback" : "analyze casebridge.candidates; commit", 0,
				 NULL, NULL)
		       : rc;
}

int ledger_compare(const char *dsn, struct br_str system, const struct map_set *maps,
	const struct case_schema *schema, struct br_str prefix, bool preview,
	struct ledger_compared *out, struct br_err *err)
{
	struct compare c = {.err = err, .maps = maps, .schema = schema, .out = out};
	int rc = br_pg_open_sync(dsn, &c.conn, err);

	*out = (struct ledger_compared){0};
	if (rc < 0)
		return rc;
	br_arena_init(&c.arena, PAGE_BYTES);
	br_buf_init(&c.rows, PAGE_BYTES);
	br_buf_init(&c.keys, PAGE_BYTES);
	rc = compare(&c, system, prefix, preview);
	br_buf_release(&c.rows);
	br_buf_release(&c.keys);
	br_arena_release(&c.arena);
	PQfinish(c.conn);
	return rc;
}
