/*
 * br_buf.h - a growing byte buffer with a maximum.
 *
 * On overflow of the maximum or of memory the buffer becomes empty, stays failed and ignores
 * further writes until reset, so that a writer checks once at the end (br_buf_failed).
 */
#ifndef BR_BUF_H
#define BR_BUF_H

#include "br_str.h"

struct br_buf {
	char *p;
	size_t n;    /* bytes written */
	size_t room; /* bytes allocated */
	size_t max;  /* bytes */
	bool failed;
};

void br_buf_init(struct br_buf *b, size_t max);
void br_buf_release(struct br_buf *b);
/* Empty again, capacity kept, failure forgotten. */
static inline void br_buf_reset(struct br_buf *b)
{
	b->n = 0;
	b->failed = false;
}
static inline bool br_buf_failed(const struct br_buf *b)
{
	return b->failed;
}
static inline struct br_str br_buf_str(const struct br_buf *b)
{
	return (struct br_str){b->p, b->n};
}

/* Makes room for n more bytes and returns where to write them, or NULL (failed). The caller adds to
 * b->n. */
char *br_buf_reserve(struct br_buf *b, size_t n);
void br_buf_add(struct br_buf *b, const void *bytes, size_t n);
static inline void br_buf_addc(struct br_buf *b, char c)
{
	if (b->n < b->room)
		b->p[b->n++] = c;
	else
		br_buf_add(b, &c, 1);
}
static inline void br_buf_adds(struct br_buf *b, struct br_str s)
{
	br_buf_add(b, s.p, s.n);
}
void br_buf_printf(struct br_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A terminating NUL behind the bytes, not counted; "" when failed. */
const char *br_buf_cstr(struct br_buf *b);
/* The bytes as malloc'ed memory now owned by the caller (NUL behind them); the buffer is empty
 * after. */
char *br_buf_take(struct br_buf *b, size_t *n);

#endif
