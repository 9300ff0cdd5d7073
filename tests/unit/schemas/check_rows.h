/* Tables of texts and what a check says of them; one cmocka test per row. */
#ifndef CHECK_ROWS_H
#define CHECK_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "check.h"

struct check_row {
	const char *name;
	bool (*check)(struct br_str s);
	const char *in;
	bool ok;
};
struct normalise_row {
	const char *name;
	bool (*normalise)(struct br_str s, char *out);
	const char *in;
	const char *out; /* NULL: refused */
};

/* An exact copy on the heap, so that a sanitizer sees a byte read too many. */
static inline struct br_str exact(const char *z, char **to)
{
	size_t n = strlen(z);

	*to = malloc(n ? n : 1);
	assert_non_null(*to);
	memcpy(*to, z, n);
	return (struct br_str){*to, n};
}

static inline void test_check_row(void **state)
{
	const struct check_row *row = *state;
	char *copy;
	struct br_str in = exact(row->in, &copy);

	assert_int_equal(row->check(in), row->ok);
	free(copy);
}

static inline void test_normalise_row(void **state)
{
	const struct normalise_row *row = *state;
	char *copy, out[64] = "untouched";
	struct br_str in = exact(row->in, &copy);

	assert_int_equal(row->normalise(in, out), row->out != NULL);
	assert_string_equal(out, row->out ? row->out : "untouched");
	free(copy);
}

static inline size_t add_check_rows(
	struct CMUnitTest *tests, const struct check_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			rows[i].name, test_check_row, NULL, NULL, (void *)&rows[i]};
	return n;
}

static inline size_t add_normalise_rows(
	struct CMUnitTest *tests, const struct normalise_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			rows[i].name, test_normalise_row, NULL, NULL, (void *)&rows[i]};
	return n;
}

#endif
