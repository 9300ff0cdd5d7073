/*
 * One byte more than room is always allocated, so that the terminating NUL of br_buf_cstr() and
 * br_buf_take() cannot fail. A failed buffer has room 0: the inline br_buf_addc() then comes here
 * too.
 */
#include "br_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM_MIN ((size_t)256)

void br_buf_init(struct br_buf *b, size_t max)
{
	*b = (struct br_buf){.max = max};
}

void br_buf_release(struct br_buf *b)
{
	free(b->p);
	br_buf_init(b, b->max);
}

static void fail(struct br_buf *b)
{
	br_buf_release(b);
	b->failed = true;
}

static size_t next_room(const struct br_buf *b, size_t need)
{
	size_t room = b->room < ROOM_MIN ? ROOM_MIN : b->room;

	while (room < need)
		room = room > SIZE_MAX / 2 ? need : room * 2;
	return room < b->max ? room : b->max;
}

static bool grow(struct br_buf *b, size_t n)
{
	size_t room;
	char *p = NULL;

	if (n <= b->max - b->n) {
		room = next_room(b, b->n + n);
		if (room < SIZE_MAX)
			p = realloc(b->p, room + 1);
	}
	if (!p) {
		fail(b);
		return false;
	}
	b->p = p;
	b->room = room;
	return true;
}

char *br_buf_reserve(struct br_buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if ((!b->p || n > b->room - b->n) && !grow(b, n))
		return NULL;
	return b->p + b->n;
}

void br_buf_add(struct br_buf *b, const void *bytes, size_t n)
{
	char *to;

	if (!n)
		return;
	to = br_buf_reserve(b, n);
	if (to) {
		memcpy(to, bytes, n);
		b->n += n;
	}
}

void br_buf_printf(struct br_buf *b, const char *format, ...)
{
	/* what is there may be enough, then it is formatted once */
	size_t there = b->p ? b->room - b->n + 1 : 0;
	va_list args;
	char *to;
	int n;

	va_start(args, format);
	n = vsnprintf(there ? b->p + b->n : NULL, there, format, args);
	va_end(args);
	if (n < 0) {
		fail(b);
		return;
	}
	if ((size_t)n < there) {
		b->n += (size_t)n;
		return;
	}
	to = br_buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(args, format);
	vsnprintf(to, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

const char *br_buf_cstr(struct br_buf *b)
{
	if (!b->p)
		return "";
	b->p[b->n] = '\0';
	return b->p;
}

char *br_buf_take(struct br_buf *b, size_t *n)
{
	char *p = br_buf_reserve(b, 0);

	if (n)
		*n = b->n;
	if (!p)
		return NULL;
	p = b->p;
	p[b->n] = '\0';
	br_buf_init(b, b->max);
	return p;
}
