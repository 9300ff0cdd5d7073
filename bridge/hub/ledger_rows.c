#include "ledger_rows.h"

#include <assert.h>

/* PostgreSQL's binary formats (src/backend/utils/adt/arrayfuncs.c: array_recv; timestamptz:
 * microseconds since 2000-01-01) */
static const struct {
	uint32_t oid;
} elements[] = {
	[LT_UUID] = {2950},
	[LT_INT2] = {21},
	[LT_INT4] = {23},
	[LT_INT8] = {20},
	[LT_TEXT] = {25},
	[LT_JSON] = {114},
	[LT_BOOL] = {16},
	[LT_TIME] = {1184},
	[LT_BYTEA] = {17},
};
#define EPOCH_2000_US 946684800000000LL
#define ARRAY_HEADER  20
#define COLUMN_MAX    (256u << 20)

static void put_be(char *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(v >> (8 * (bytes - 1 - i)));
}

void ledger_rows_init(struct ledger_rows *r, const enum ledger_type *types)
{
	memset(r, 0, sizeof(*r));
	r->types = types;
	while (types[r->ncols] != LT_END) {
		assert(r->ncols < LEDGER_COLUMNS);
		br_buf_init(&r->col[r->ncols], COLUMN_MAX);
		r->ncols++;
	}
	ledger_rows_reset(r);
}

void ledger_rows_release(struct ledger_rows *r)
{
	for (unsigned i = 0; i < r->ncols; i++)
		br_buf_release(&r->col[i]);
}

void ledger_rows_reset(struct ledger_rows *r)
{
	r->n = 0;
	r->at = 0;
	for (unsigned i = 0; i < r->ncols; i++) {
		br_buf_reset(&r->col[i]);
		r->nulls[i] = false;
		if (br_buf_reserve(&r->col[i], ARRAY_HEADER))
			r->col[i].n = ARRAY_HEADER;
	}
}

static void add(struct ledger_rows *r, const void *bytes, size_t n, bool null)
{
	struct br_buf *b = &r->col[r->at];
	char *p = br_buf_reserve(b, 4 + n);

	if (p) {
		put_be(p, null ? UINT32_MAX : n, 4);
		if (null) {
			r->nulls[r->at] = true;
			b->n += 4;
		} else {
			if (n)
				memcpy(p + 4, bytes, n);
			b->n += 4 + n;
		}
	}
	if (++r->at == r->ncols) {
		r->at = 0;
		r->n++;
	}
}

void ledger_add_id(struct ledger_rows *r, const struct hub_id *id)
{
	add(r, id ? id->b : NULL, sizeof(id->b), id == NULL);
}

void ledger_add_int(struct ledger_rows *r, int64_t v)
{
	unsigned n = r->types[r->at] == LT_INT2 ? 2 : r->types[r->at] == LT_INT4 ? 4 : 8;
	char be[8];

	put_be(be, (uint64_t)v, n);
	add(r, be, n, false);
}

void ledger_add_bool(struct ledger_rows *r, bool v)
{
	char c = v;

	add(r, &c, 1, false);
}

void ledger_add_text(struct ledger_rows *r, struct br_str s)
{
	add(r, s.p, s.n, s.p == NULL);
}

void ledger_add_ms(struct ledger_rows *r, int64_t ms)
{
	char be[8];

	put_be(be, (uint64_t)(ms * 1000 - EPOCH_2000_US), 8);
	add(r, be, 8, ms < 0);
}

int ledger_rows_send(struct ledger_rows *r, struct br_pg *pg, const char *name, const char *sql,
	br_pg_result_fn *fn, void *arg, struct br_err *err)
{
	struct br_pg_param params[LEDGER_COLUMNS];

	if (r->n == 0)
		return 0;
	for (unsigned i = 0; i < r->ncols; i++) {
		char *h = r->col[i].p;

		if (br_buf_failed(&r->col[i]))
			return br_err_set(err, BR_E_NOMEM, NULL);
		put_be(h, 1, 4); /* dimensions */
		put_be(h + 4, r->nulls[i], 4);
		put_be(h + 8, elements[r->types[i]].oid, 4);
		put_be(h + 12, (uint32_t)r->n, 4);
		put_be(h + 16, 1, 4); /* lower bound */
		params[i] = (struct br_pg_param){h, (int)r->col[i].n, true};
	}
	return br_pg_send(pg, name, sql, (int)r->ncols, NULL, params, true, fn, arg, err);
}

int64_t ledger_get_int(const PGresult *res, int row, int col)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(res, row, col);
	int n = PQgetlength(res, row, col);
	uint64_t v = n && (p[0] & 0x80) ? UINT64_MAX : 0;

	for (int i = 0; i < n; i++)
		v = (v << 8) | p[i];
	return (int64_t)v;
}

bool ledger_get_bool(const PGresult *res, int row, int col)
{
	return PQgetlength(res, row, col) == 1 && PQgetvalue(res, row, col)[0];
}

struct br_str ledger_get_text(const PGresult *res, int row, int col)
{
	if (PQgetisnull(res, row, col))
		return BR_STR_NONE;
	return (struct br_str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)};
}

struct hub_id ledger_get_id(const PGresult *res, int row, int col)
{
	struct hub_id id = {{0}};

	if (PQgetlength(res, row, col) == (int)sizeof(id.b))
		memcpy(id.b, PQgetvalue(res, row, col), sizeof(id.b));
	return id;
}
