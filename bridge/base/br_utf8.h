/*
 * br_utf8.h - one character of UTF-8 and eight bytes at a time; shared by br_text and br_json.
 *
 * Private to bridge/base: everybody else uses br_text.h.
 */
#ifndef BR_UTF8_H
#define BR_UTF8_H

#include "br_str.h"

#define BR_ONES UINT64_C(0x0101010101010101)
#define BR_HIGH UINT64_C(0x8080808080808080)

static inline uint64_t br_load8(const void *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Number of the byte (0..7, in memory order) that the lowest mark of a mask of high bits stands
 * for. */
static inline unsigned br_first_mark(uint64_t mask)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (unsigned)__builtin_ctzll(mask) >> 3;
#else
#error "words are looked at from their lowest byte: swap them first"
#endif
}

/*
 * High bit set in each byte a JSON string cannot hold as it is, or that is not ASCII: '"', '\\',
 * below 0x20, 0x80 and above. Borrows may set marks behind the first true one, so only the first
 * mark counts.
 */
static inline uint64_t br_json_marks(uint64_t w)
{
	uint64_t quote = w ^ (BR_ONES * '"');
	uint64_t back = w ^ (BR_ONES * '\\');

	return ((quote - BR_ONES) | (back - BR_ONES) | (w - BR_ONES * 0x20) | w) & BR_HIGH;
}

/* Not 0 when one of the eight bytes is a control character of ASCII. */
static inline uint64_t br_control_marks(uint64_t w)
{
	return ((w - BR_ONES * 0x20) | ((w ^ BR_ONES * 0x7f) - BR_ONES)) & ~w & BR_HIGH;
}

static inline bool br_utf8_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character at p, of which left (> 0) are there; 0 when it is not valid UTF-8. */
static inline unsigned br_utf8_len(const unsigned char *p, size_t left)
{
	unsigned char c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xc2)
		return 0;
	if (c < 0xe0)
		return left >= 2 && br_utf8_tail(p[1]) ? 2 : 0;
	if (c < 0xf0) {
		if (left < 3 || !br_utf8_tail(p[1]) || !br_utf8_tail(p[2]))
			return 0;
		/* overlong forms and surrogates */
		return (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] >= 0xa0) ? 0 : 3;
	}
	if (c > 0xf4 || left < 4 || !br_utf8_tail(p[1]) || !br_utf8_tail(p[2]) ||
		!br_utf8_tail(p[3]))
		return 0;
	return (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] >= 0x90) ? 0 : 4;
}

/*
 * Bytes of the characters outside ASCII that stand at p, up to ASCII or the end; *bad is set when
 * they end at a byte that is not valid UTF-8. The characters of Chinese text all have three bytes,
 * and their first is never 0xe0 or 0xed, behind which not every second byte is allowed: those go
 * four bytes at a look.
 */
static inline size_t br_utf8_run(const unsigned char *p, size_t n, bool *bad)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x80) {
		unsigned len;
		uint32_t w;

		if (n - i >= sizeof(w)) {
			memcpy(&w, p + i, sizeof(w));
			if ((w & 0xc0c0f0) == 0x8080e0 && p[i] != 0xe0 && p[i] != 0xed) {
				i += 3;
				continue;
			}
		}
		len = br_utf8_len(p + i, n - i);
		if (!len) {
			*bad = true;
			break;
		}
		i += len;
	}
	return i;
}

/* The character of len bytes at p, both as br_utf8_len() has approved them. */
static inline uint32_t br_utf8_decode(const unsigned char *p, unsigned len)
{
	uint32_t c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));

	for (unsigned i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Writes the character c (not a surrogate, <= U+10FFFF) at out, which has 4 bytes; returns how many
 * it took. */
static inline unsigned br_utf8_encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

#endif
