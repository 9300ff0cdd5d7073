#include "ledger_query.h"

#include "br_pg.h"

static int copy_result(const PGresult *res, struct br_arena *a, struct ledger_table *t)
{
	t->cols = (size_t)PQnfields(res);
	t->rows = (size_t)PQntuples(res);
	t->names = br_arena_array(a, const char *, t->cols + 1);
	t->cells = br_arena_array(a, const char *, t->cols * t->rows + 1);
	if (!t->names || !t->cells)
		return -BR_E_NOMEM;
	for (size_t j = 0; j < t->cols; j++)
		t->names[j] = br_arena_copy(a, br_str_z(PQfname(res, (int)j))).p;
	for (size_t i = 0; i < t->rows; i++)
		for (size_t j = 0; j < t->cols; j++)
			if (!PQgetisnull(res, (int)i, (int)j))
				t->cells[i * t->cols + j] =
					br_arena_copy(a, br_str_z(PQgetvalue(res, (int)i, (int)j)))
						.p;
	return br_arena_failed(a) ? -BR_E_NOMEM : 0;
}

int ledger_query(const char *dsn, const char *sql, int nparams, const char *const *params,
	struct br_arena *a, struct ledger_table *out, struct br_err *err)
{
	struct br_pg_param p[16] = {{NULL, 0, false}};
	PGresult *res = NULL;
	PGconn *conn;
	int rc = br_pg_open_sync(dsn, &conn, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < nparams; i++)
		p[i].p = params[i];
	rc = br_pg_exec_sync(conn, sql, nparams, p, &res, err);
	if (rc == 0 && copy_result(res, a, out) < 0)
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	PQclear(res);
	PQfinish(conn);
	return rc;
}
