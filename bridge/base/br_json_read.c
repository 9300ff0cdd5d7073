/*
 * The reader is a state machine over positions in the input: each call of br_jr_next() reads the
 * separators that may stand here and one token. What is expected next is the whole state besides
 * the stack of open brackets.
 */
#include "br_json.h"
#include "br_json_keys.h"
#include "br_utf8.h"

#include <assert.h>
#include <stdio.h>

#define INT64_DIGITS 18 /* every number of so many fits */

enum state {
	S_VALUE,      /* at the start, or behind a key */
	S_FIRST_ITEM, /* behind [ */
	S_FIRST_KEY,  /* behind { */
	S_NEXT,	      /* behind a value inside brackets */
	S_DONE,	      /* behind the outermost value */
	S_ERROR,
};

void br_jr_init(struct br_jr *r, struct br_str in, struct br_arena *a, struct br_err *err)
{
	*r = (struct br_jr){.in = in, .arena = a, .err = err, .state = S_VALUE};
}

static enum br_json_token fail_at(struct br_jr *r, size_t pos, const char *why)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", pos);
	r->pos = pos;
	r->state = S_ERROR;
	r->rc = br_err_set(r->err, BR_E_JSON_SYNTAX, "pos", text, "why", why, NULL);
	return BR_JT_ERROR;
}

static enum br_json_token fail_memory(struct br_jr *r)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", r->arena->max);
	r->state = S_ERROR;
	if (r->arena->full)
		r->rc = br_err_set(r->err, BR_E_TOO_BIG, "what", "JSON", "max", text, NULL);
	else
		r->rc = br_err_set(r->err, BR_E_NOMEM, NULL);
	return BR_JT_ERROR;
}

/* Bytes as a number, -1 at the end of the input. */
static int peek(const struct br_jr *r)
{
	return r->pos < r->in.n ? (unsigned char)r->in.p[r->pos] : -1;
}

static int skip_more_blanks(struct br_jr *r)
{
	int c;

	do {
		r->pos++;
		c = peek(r);
	} while (c == ' ' || c == '\n' || c == '\t' || c == '\r');
	return c;
}

/* What we write ourselves has none. */
static inline int skip_blanks(struct br_jr *r)
{
	int c = peek(r);

	return c == ' ' || c == '\n' || c == '\t' || c == '\r' ? skip_more_blanks(r) : c;
}

static enum br_json_token fail_here(struct br_jr *r, const char *why)
{
	return fail_at(r, r->pos, r->pos < r->in.n ? why : "unexpected end");
}

/* A value is complete. */
static void value_done(struct br_jr *r)
{
	r->state = r->depth ? S_NEXT : S_DONE;
}

/* From i to the next quote or backslash, checking all between; the offset of it, or of the bad byte
 * with *why. */
static size_t plain_run(struct br_str in, size_t i, const char **why)
{
	const unsigned char *p = (const unsigned char *)in.p;
	bool bad = false;

	while (i < in.n) {
		if (in.n - i >= 8) {
			uint64_t marks = br_json_marks(br_load8(p + i));

			if (!marks) {
				i += 8;
				continue;
			}
			i += br_first_mark(marks);
		}
		if (p[i] < 0x80) {
			if (p[i] == '"' || p[i] == '\\')
				return i;
			if (p[i] < 0x20) {
				*why = "control character in a string";
				return i;
			}
			i++;
			continue;
		}
		i += br_utf8_run(p + i, in.n - i, &bad);
		if (bad) {
			*why = "invalid UTF-8";
			return i;
		}
	}
	*why = "unexpected end";
	return i;
}

static int hex4(struct br_str in, size_t i)
{
	int value = 0;

	if (in.n - i < 4)
		return -1;
	for (size_t end = i + 4; i < end; i++) {
		char c = in.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Reads \uXXXX behind its u at *i, with its second half where there is one; NULL, or why not. */
static const char *read_unicode(struct br_str in, size_t *i, uint32_t *out)
{
	int first = hex4(in, *i), second;

	if (first < 0)
		return "\\u needs four hexadecimal digits";
	if (first == 0)
		return "U+0000 is not allowed";
	*i += 4;
	*out = (uint32_t)first;
	if (first < 0xd800 || first > 0xdfff)
		return NULL;
	if (first >= 0xdc00 || in.n - *i < 6 || in.p[*i] != '\\' || in.p[*i + 1] != 'u')
		return "unpaired surrogate";
	second = hex4(in, *i + 2);
	if (second < 0xdc00 || second > 0xdfff)
		return "unpaired surrogate";
	*i += 6;
	*out = 0x10000 + (((uint32_t)first & 0x3ff) << 10 | ((uint32_t)second & 0x3ff));
	return NULL;
}

/* Reads the escape whose backslash is at *i and writes its character. */
static const char *read_escape(struct br_str in, size_t *i, char **to)
{
	static const char plain[256] = {['"'] = '"',
		['\\'] = '\\',
		['/'] = '/',
		['b'] = '\b',
		['f'] = '\f',
		['n'] = '\n',
		['r'] = '\r',
		['t'] = '\t'};
	size_t at = *i + 1;
	unsigned char c;
	uint32_t character;
	const char *why;

	if (at >= in.n)
		return "unexpected end";
	c = (unsigned char)in.p[at++];
	if (plain[c]) {
		*(*to)++ = plain[c];
		*i = at;
		return NULL;
	}
	if (c != 'u')
		return "unknown escape";
	why = read_unicode(in, &at, &character);
	if (!why) {
		*to += br_utf8_encode(character, *to);
		*i = at;
	}
	return why;
}

/* Where the closing quote is when all escapes are right; at most the end. */
static size_t find_quote(struct br_str in, size_t i)
{
	while (i < in.n && in.p[i] != '"')
		i += in.p[i] == '\\' && i + 1 < in.n ? 2 : 1;
	return i;
}

/* A string with escapes, from start; i is at the first one. Escapes only shrink, so its raw length
 * is enough. */
static bool read_escaped(struct br_jr *r, size_t start, size_t i)
{
	size_t room = find_quote(r->in, i) - start;
	char *text = br_arena_alloc(r->arena, room), *to = text;
	const char *why = NULL;
	size_t from = start;

	if (!text) {
		fail_memory(r);
		return false;
	}
	for (;;) {
		memcpy(to, r->in.p + from, i - from);
		to += i - from;
		if (!why && r->in.p[i] == '"')
			break;
		if (!why)
			why = read_escape(r->in, &i, &to);
		if (why) {
			fail_at(r, i, why);
			return false;
		}
		from = i;
		i = plain_run(r->in, i, &why);
	}
	r->text = (struct br_str){text, (size_t)(to - text)};
	r->pos = i + 1;
	return true;
}

/* pos is at the opening quote. */
static bool read_string(struct br_jr *r)
{
	size_t start = r->pos + 1;
	const char *why = NULL;
	size_t i = plain_run(r->in, start, &why);

	if (why) {
		fail_at(r, i, why);
		return false;
	}
	if (r->in.p[i] == '\\')
		return read_escaped(r, start, i);
	r->text = (struct br_str){r->in.p + start, i - start};
	r->pos = i + 1;
	return true;
}

static bool skip_digits(struct br_jr *r)
{
	size_t start = r->pos;

	while (r->pos < r->in.n && r->in.p[r->pos] >= '0' && r->in.p[r->pos] <= '9')
		r->pos++;
	return r->pos > start;
}

static bool skip_number(struct br_jr *r)
{
	if (peek(r) == '-')
		r->pos++;
	if (peek(r) == '0')
		r->pos++;
	else if (!skip_digits(r))
		return false;
	if (peek(r) == '.') {
		r->pos++;
		if (!skip_digits(r))
			return false;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->pos++;
		if (peek(r) == '+' || peek(r) == '-')
			r->pos++;
		return skip_digits(r);
	}
	return true;
}

static enum br_json_token read_number(struct br_jr *r)
{
	size_t start = r->pos;

	if (!skip_number(r))
		return fail_here(r, "a digit is missing");
	r->text = (struct br_str){r->in.p + start, r->pos - start};
	value_done(r);
	return BR_JT_NUMBER;
}

static enum br_json_token read_literal(struct br_jr *r, struct br_str word, enum br_json_token t)
{
	if (r->in.n - r->pos < word.n || memcmp(r->in.p + r->pos, word.p, word.n) != 0)
		return fail_here(r, "unknown word");
	r->pos += word.n;
	value_done(r);
	return t;
}

static enum br_json_token open_level(struct br_jr *r, enum br_json_token t)
{
	if (r->depth == BR_JSON_DEPTH)
		return fail_here(r, "too many levels");
	if (t == BR_JT_OBJECT && r->keys[r->depth])
		br_json_keys_reset(r->keys[r->depth]);
	r->kind[r->depth++] = (uint8_t)t;
	r->state = t == BR_JT_OBJECT ? S_FIRST_KEY : S_FIRST_ITEM;
	r->pos++;
	return t;
}

static enum br_json_token close_level(struct br_jr *r)
{
	enum br_json_token t = r->kind[--r->depth];

	r->pos++;
	value_done(r);
	return t == BR_JT_OBJECT ? BR_JT_END_OBJECT : BR_JT_END_ARRAY;
}

static enum br_json_token read_value(struct br_jr *r, int c)
{
	r->start = r->pos;
	switch (c) {
	case '{':
		return open_level(r, BR_JT_OBJECT);
	case '[':
		return open_level(r, BR_JT_ARRAY);
	case '"':
		if (!read_string(r))
			return BR_JT_ERROR;
		value_done(r);
		return BR_JT_STRING;
	case 't':
		return read_literal(r, BR_STR("true"), BR_JT_TRUE);
	case 'f':
		return read_literal(r, BR_STR("false"), BR_JT_FALSE);
	case 'n':
		return read_literal(r, BR_STR("null"), BR_JT_NULL);
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return read_number(r);
		return fail_here(r, "a value is missing");
	}
}

static bool remember_key(struct br_jr *r)
{
	struct br_json_keys **keys = &r->keys[r->depth - 1];

	if (!*keys)
		*keys = br_json_keys_new(r->arena);
	switch (*keys ? br_json_keys_add(*keys, r->text, r->arena) : BR_KEY_NO_MEMORY) {
	case BR_KEY_NEW:
		return true;
	case BR_KEY_DUPLICATE:
		fail_at(r, r->start, "the object has this key twice");
		return false;
	default:
		fail_memory(r);
		return false;
	}
}

static enum br_json_token read_key(struct br_jr *r, int c)
{
	r->start = r->pos;
	if (c != '"')
		return fail_here(r, "a key is missing");
	if (!read_string(r) || !remember_key(r))
		return BR_JT_ERROR;
	if (skip_blanks(r) != ':')
		return fail_here(r, "a colon is missing");
	r->pos++;
	r->state = S_VALUE;
	return BR_JT_KEY;
}

/* Behind a value inside brackets: the closing one, or a comma and what follows it. */
static enum br_json_token read_next(struct br_jr *r, int c)
{
	bool object = r->kind[r->depth - 1] == BR_JT_OBJECT;

	if (c == (object ? '}' : ']'))
		return close_level(r);
	if (c != ',')
		return fail_here(r, "a comma or closing bracket is missing");
	r->pos++;
	c = skip_blanks(r);
	return object ? read_key(r, c) : read_value(r, c);
}

enum br_json_token br_jr_next(struct br_jr *r)
{
	int c = skip_blanks(r);

	switch ((enum state)r->state) {
	case S_VALUE:
		return read_value(r, c);
	case S_FIRST_ITEM:
		return c == ']' ? close_level(r) : read_value(r, c);
	case S_FIRST_KEY:
		return c == '}' ? close_level(r) : read_key(r, c);
	case S_NEXT:
		return read_next(r, c);
	case S_DONE:
		return c < 0 ? BR_JT_END : fail_here(r, "bytes behind the value");
	case S_ERROR:
		break;
	}
	return BR_JT_ERROR;
}

int br_jr_skip(struct br_jr *r, enum br_json_token t, struct br_str *raw)
{
	size_t start = r->start;
	unsigned around;

	assert(t != BR_JT_END && t != BR_JT_KEY && t != BR_JT_END_OBJECT && t != BR_JT_END_ARRAY);
	if (t == BR_JT_OBJECT || t == BR_JT_ARRAY)
		for (around = r->depth - 1u; t != BR_JT_ERROR && r->depth > around;)
			t = br_jr_next(r);
	if (t == BR_JT_ERROR)
		return r->rc;
	if (raw)
		*raw = (struct br_str){r->in.p + start, r->pos - start};
	return 0;
}

bool br_json_int64(struct br_str text, int64_t *out)
{
	bool negative = text.n && text.p[0] == '-';
	uint64_t value = 0, max = (uint64_t)INT64_MAX + negative;

	if (text.n == negative)
		return false;
	for (size_t i = negative; i < text.n; i++) {
		unsigned digit = (unsigned)(unsigned char)text.p[i] - '0';

		if (digit > 9 || (text.n > INT64_DIGITS && value > (max - digit) / 10))
			return false;
		value = value * 10 + digit;
	}
	*out = (int64_t)(negative ? -value : value);
	return true;
}
