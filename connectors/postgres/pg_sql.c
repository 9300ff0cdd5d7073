#include "pg_sql.h"
#include <arpa/inet.h>

#define TEXT_OID 25
#define HEADER	 20 /* dimensions, flags, element type, length, lower bound */

static void quoted(struct br_buf *b, const char *p, size_t n)
{
	br_buf_addc(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			br_buf_addc(b, '"');
		br_buf_addc(b, p[i]);
	}
	br_buf_addc(b, '"');
}

void pg_sql_name(struct br_buf *b, struct br_str name)
{
	quoted(b, name.p, name.n);
}

void pg_sql_table(struct br_buf *b, struct br_str name)
{
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;

	if (dot) {
		quoted(b, name.p, (size_t)(dot - name.p));
		br_buf_addc(b, '.');
		quoted(b, dot + 1, name.n - (size_t)(dot - name.p) - 1);
	} else {
		quoted(b, name.p, name.n);
	}
}

/* The E form reads the same whatever standard_conforming_strings says. */
void pg_sql_constant(struct br_buf *b, struct br_str text)
{
	br_buf_adds(b, BR_STR("E'"));
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'' || text.p[i] == '\\')
			br_buf_addc(b, text.p[i]);
		br_buf_addc(b, text.p[i]);
	}
	br_buf_addc(b, '\'');
}

void pg_array_init(struct pg_array *x)
{
	br_buf_init(&x->b, 256u << 20);
	pg_array_reset(x);
}

void pg_array_release(struct pg_array *x)
{
	br_buf_release(&x->b);
}

void pg_array_reset(struct pg_array *x)
{
	static const char zero[HEADER];

	br_buf_reset(&x->b);
	br_buf_add(&x->b, zero, HEADER);
	x->n = 0;
	x->has_null = false;
}

static void put32(char *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

void pg_array_add(struct pg_array *x, struct br_str value)
{
	char *p = br_buf_reserve(&x->b, 4 + value.n);

	if (!p)
		return;
	put32(p, value.p ? (uint32_t)value.n : UINT32_MAX);
	if (value.p && value.n)
		memcpy(p + 4, value.p, value.n);
	x->b.n += 4 + (value.p ? value.n : 0);
	x->has_null |= value.p == NULL;
	x->n++;
}

bool pg_array_param(struct pg_array *x, struct br_pg_param *out)
{
	char *p = x->b.p;

	if (br_buf_failed(&x->b) || x->b.n < HEADER)
		return false;
	put32(p, x->n ? 1 : 0);
	put32(p + 4, x->has_null);
	put32(p + 8, TEXT_OID);
	put32(p + 12, x->n);
	put32(p + 16, 1);
	*out = (struct br_pg_param){p, (int)(x->n ? x->b.n : 12), true};
	return true;
}

#define A   1009 /* text[] */
#define A8  A, A, A, A, A, A, A, A
#define A64 A8, A8, A8, A8, A8, A8, A8, A8
const Oid pg_text_arrays[PG_MAX_PARAMS] = {A64, A64, A64, A64, A64, A64, A64, A64, A8, A8, A8, A8};
