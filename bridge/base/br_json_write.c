#include "br_json.h"
#include "br_utf8.h"

#include <stdio.h>

void br_jw_init(struct br_jw *w, struct br_buf *b)
{
	*w = (struct br_jw){.b = b};
}

/* Before every key, and before every value that has no key. */
static void separate(struct br_jw *w)
{
	uint32_t bit;

	if (w->depth == 0)
		return;
	bit = UINT32_C(1) << (w->depth - 1);
	if (w->first & bit)
		w->first &= ~bit;
	else
		br_buf_addc(w->b, ',');
}

static void begin_value(struct br_jw *w)
{
	if (w->after_key)
		w->after_key = false;
	else
		separate(w);
}

static void open_level(struct br_jw *w, char bracket)
{
	begin_value(w);
	if (w->depth == BR_JSON_DEPTH) {
		w->failed = true;
		return;
	}
	w->first |= UINT32_C(1) << w->depth++;
	br_buf_addc(w->b, bracket);
}

static void close_level(struct br_jw *w, char bracket)
{
	if (w->depth == 0 || w->after_key) {
		w->failed = true;
		return;
	}
	w->first &= ~(UINT32_C(1) << --w->depth);
	br_buf_addc(w->b, bracket);
}

void br_jw_object(struct br_jw *w)
{
	open_level(w, '{');
}

void br_jw_end_object(struct br_jw *w)
{
	close_level(w, '}');
}

void br_jw_array(struct br_jw *w)
{
	open_level(w, '[');
}

void br_jw_end_array(struct br_jw *w)
{
	close_level(w, ']');
}

/* Is all of a text of 1 to 15 bytes ASCII that needs no escape? Looked at in two pieces that may
 * overlap, or byte by byte below four. */
static bool is_clean_and_short(const char *p, size_t n)
{
	uint32_t first, last;

	if (n >= 8)
		return !(br_json_marks(br_load8(p)) | br_json_marks(br_load8(p + n - 8)));
	if (n >= 4) {
		memcpy(&first, p, sizeof(first));
		memcpy(&last, p + n - sizeof(last), sizeof(last));
		return !br_json_marks((uint64_t)last << 32 | first);
	}
	/* the rest of the word is of letters */
	return !br_json_marks(BR_ONES * 'a' << 24 | (uint64_t)(unsigned char)p[n / 2] << 16 |
			      (uint64_t)(unsigned char)p[n - 1] << 8 | (unsigned char)p[0]);
}

/* Offset of the next byte that needs an escape, s.n when there is none; *bad when it is one JSON
 * text cannot hold. */
static size_t clean_run(struct br_str s, size_t i, bool *bad)
{
	const unsigned char *p = (const unsigned char *)s.p;

	while (i < s.n) {
		if (s.n - i >= 8) {
			uint64_t marks = br_json_marks(br_load8(p + i));

			if (!marks) {
				i += 8;
				continue;
			}
			i += br_first_mark(marks);
		}
		if (p[i] < 0x80) {
			if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
				return i;
			i++;
			continue;
		}
		i += br_utf8_run(p + i, s.n - i, bad);
		if (*bad)
			return i;
	}
	return i;
}

static void add_escape(struct br_buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char named[0x60] = {['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't'};

	if (named[c])
		br_buf_add(b, (const char[]){'\\', named[c]}, 2);
	else
		br_buf_add(b, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* The rest of a string, from a byte that cannot stand as it is. U+0000 is refused as the reader
 * refuses it: PostgreSQL text cannot hold it. */
static void add_from(struct br_jw *w, struct br_str s, size_t at, bool bad)
{
	struct br_buf *b = w->b;

	for (;;) {
		size_t done = at + 1;

		if (bad || s.p[at] == '\0') {
			w->failed = true;
			break;
		}
		add_escape(b, (unsigned char)s.p[at]);
		at = clean_run(s, done, &bad);
		br_buf_add(b, s.p + done, at - done);
		if (at == s.n && !bad)
			break;
	}
	br_buf_addc(b, '"');
}

static void add_quoted(struct br_jw *w, struct br_str s)
{
	struct br_buf *b = w->b;
	char *to = br_buf_reserve(b, s.n + 2);
	bool bad = false;
	size_t clean;

	if (!to)
		return;
	clean = s.n - 1 < 15 && is_clean_and_short(s.p, s.n) ? s.n : clean_run(s, 0, &bad);
	*to = '"';
	if (clean)
		memcpy(to + 1, s.p, clean);
	b->n += 1 + clean;
	if (clean < s.n || bad) {
		add_from(w, s, clean, bad);
		return;
	}
	/* nearly always */
	to[1 + clean] = '"';
	b->n++;
}

void br_jw_key(struct br_jw *w, struct br_str key)
{
	if (w->after_key || w->depth == 0)
		w->failed = true;
	separate(w);
	add_quoted(w, key);
	br_buf_addc(w->b, ':');
	w->after_key = true;
}

void br_jw_quoted_key(struct br_jw *w, struct br_str quoted)
{
	uint32_t bit = w->depth ? UINT32_C(1) << (w->depth - 1) : 0;
	char *to = br_buf_reserve(w->b, quoted.n + 1);

	if (w->after_key || !bit)
		w->failed = true;
	w->after_key = true;
	if (!to)
		return;
	if (w->first & bit) {
		w->first &= ~bit;
	} else {
		*to++ = ',';
		w->b->n++;
	}
	memcpy(to, quoted.p, quoted.n);
	w->b->n += quoted.n;
}

void br_jw_str(struct br_jw *w, struct br_str value)
{
	begin_value(w);
	add_quoted(w, value);
}

void br_jw_int(struct br_jw *w, int64_t value)
{
	char text[24], *p = text + sizeof(text);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--p = '-';
	begin_value(w);
	br_buf_add(w->b, p, (size_t)(text + sizeof(text) - p));
}

static void add_literal(struct br_jw *w, struct br_str text)
{
	begin_value(w);
	br_buf_adds(w->b, text);
}

void br_jw_bool(struct br_jw *w, bool value)
{
	add_literal(w, value ? BR_STR("true") : BR_STR("false"));
}

void br_jw_null(struct br_jw *w)
{
	add_literal(w, BR_STR("null"));
}

void br_jw_raw(struct br_jw *w, struct br_str json)
{
	if (json.n == 0)
		w->failed = true;
	add_literal(w, json);
}

void br_jw_members(struct br_jw *w, struct br_str object)
{
	if (w->after_key || w->depth == 0 || object.n < 2)
		w->failed = true;
	else if (object.n > 2) {
		separate(w);
		br_buf_add(w->b, object.p + 1, object.n - 2);
	}
}
