#include "br_text.h"
#include "br_buf.h"
#include "br_utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

size_t br_utf8_check(struct br_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	bool bad = false;
	size_t i = 0;

	while (i < s.n && !bad) {
		if (s.n - i >= 8 && !(br_load8(p + i) & BR_HIGH))
			i += 8;
		else if (p[i] < 0x80)
			i++;
		else
			i += br_utf8_run(p + i, s.n - i, &bad);
	}
	return i;
}

bool br_has_control(struct br_str s)
{
	uint64_t marks = 0;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8)
		marks |= br_control_marks(br_load8(s.p + i));
	if (s.n >= 8 && i < s.n) /* the last eight, some of them once more */
		return (marks | br_control_marks(br_load8(s.p + s.n - 8))) != 0;
	for (; i < s.n; i++)
		marks |= (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f;
	return marks != 0;
}

struct br_str br_utf8_cut(struct br_str s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	/* in bytes that are not UTF-8 there may be no beginning: three steps back is the longest
	 * character */
	while (n > 0 && max - n < 3 && br_utf8_tail((unsigned char)s.p[n]))
		n--;
	return (struct br_str){s.p, br_utf8_tail((unsigned char)s.p[n]) ? max : n};
}

size_t br_utf8_chars(struct br_str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += !br_utf8_tail((unsigned char)s.p[i]);
	return count;
}

#define WIDE_BLANK "\xe3\x80\x80" /* U+3000 */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct br_str br_trim(struct br_str s)
{
	for (;;) {
		if (s.n >= 1 && is_blank(s.p[0]))
			s.p++, s.n--;
		else if (s.n >= 3 && memcmp(s.p, WIDE_BLANK, 3) == 0)
			s.p += 3, s.n -= 3;
		else
			break;
	}
	for (;;) {
		if (s.n >= 1 && is_blank(s.p[s.n - 1]))
			s.n--;
		else if (s.n >= 3 && memcmp(s.p + s.n - 3, WIDE_BLANK, 3) == 0)
			s.n -= 3;
		else
			return s;
	}
}

struct br_str br_hex64(char text[BR_HEX64], uint64_t value)
{
	for (size_t i = BR_HEX64; i-- > 0; value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	return (struct br_str){text, BR_HEX64};
}

bool br_hex64_read(struct br_str text, uint64_t *out)
{
	uint64_t value = 0;

	if (text.n == 0 || text.n > BR_HEX64)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else
			return false;
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

/* What a mask keeps: characters in front and behind, with stars between. */
struct mask {
	size_t head, stars, tail;
};

static bool all_digits(struct br_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool is_id_number(struct br_str s)
{
	char last = s.n ? s.p[s.n - 1] : 0;

	if (s.n == 15)
		return all_digits(s);
	return s.n == 18 && all_digits((struct br_str){s.p, 17}) &&
	       ((last >= '0' && last <= '9') || last == 'X' || last == 'x');
}

/* Two to six characters outside ASCII, or up to twenty with the dot of transcribed names (U+00B7).
 */
static bool is_name(struct br_str s, size_t chars)
{
	bool dot = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!((unsigned char)s.p[i] & 0x80))
			return false;
		dot = dot || (i + 1 < s.n && memcmp(s.p + i, "\xc2\xb7", 2) == 0);
	}
	return chars >= 2 && chars <= (dot ? 20 : 6);
}

static struct mask choose_mask(struct br_str value)
{
	size_t chars;

	if (value.n == 0)
		return (struct mask){0, 0, 0};
	if (br_utf8_check(value) != value.n)
		return (struct mask){0, 3, 0};
	if (is_id_number(value))
		return (struct mask){6, value.n - 10, 4};
	if (value.n == 11 && value.p[0] == '1' && all_digits(value))
		return (struct mask){3, 4, 4};
	chars = br_utf8_chars(value);
	if (is_name(value, chars))
		return chars == 2 ? (struct mask){1, 1, 0} : (struct mask){1, chars - 2, 1};
	/* a fixed number of stars: the length of an address is a hint too */
	return (struct mask){1, 3, 0};
}

/* Bytes of the first (of > 0) characters of valid UTF-8. */
static size_t chars_to_bytes(struct br_str s, size_t chars)
{
	size_t i = 0;

	while (i < s.n && (chars || br_utf8_tail((unsigned char)s.p[i])))
		chars -= !br_utf8_tail((unsigned char)s.p[i++]);
	return i;
}

#define MASK_MAX 64 /* 4 bytes in front, 18 stars, 4 behind; an id number has 18 */

static struct br_str masked(struct br_str value, char out[MASK_MAX])
{
	struct mask m = choose_mask(value);
	size_t head = m.head ? chars_to_bytes(value, m.head) : 0;
	size_t tail = 0;

	for (size_t chars = m.tail; chars;
		chars -= !br_utf8_tail((unsigned char)value.p[value.n - tail]))
		tail++;
	if (head)
		memcpy(out, value.p, head);
	memset(out + head, '*', m.stars);
	if (tail)
		memcpy(out + head + m.stars, value.p + value.n - tail, tail);
	return (struct br_str){out, head + m.stars + tail};
}

struct br_str br_mask(struct br_arena *a, struct br_str value)
{
	char out[MASK_MAX];

	return br_arena_copy(a, masked(value, out));
}

char *br_mask_z(struct br_str value, char *buf, size_t size)
{
	char out[MASK_MAX];
	struct br_str s;

	if (!size)
		return buf;
	s = br_utf8_cut(masked(value, out), size - 1);
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	return buf;
}

#define WORD_MAX 64 /* characters; nobody mistypes a longer key by a little */

static size_t decode_word(struct br_str s, uint32_t out[WORD_MAX])
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = 0;

	for (size_t i = 0; i < s.n; n++) {
		unsigned len = br_utf8_len(p + i, s.n - i);

		if (!len || n == WORD_MAX)
			return 0;
		out[n] = br_utf8_decode(p + i, len);
		i += len;
	}
	return n;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insert, remove, replace, or exchange two neighbours: one step each. */
static size_t edit_distance(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(row[j - 1] + 1, above[j] + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return rows[na % 3][nb];
}

const char *br_nearest(struct br_str word, const char *const *candidates, size_t n)
{
	uint32_t w[WORD_MAX], c[WORD_MAX];
	size_t nw = decode_word(word, w);
	size_t best = nw / 3 > 1 ? nw / 3 + 1 : 2; /* one more than is near enough */
	const char *nearest = NULL;

	for (size_t i = 0; nw && i < n; i++) {
		size_t nc = decode_word(br_str_z(candidates[i]), c);
		size_t distance = nc ? edit_distance(w, nw, c, nc) : best;

		if (distance < best) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

char *br_url_shown(const char *url, char *buf, size_t size)
{
	const char *end = url + strcspn(url, "?#");
	const char *scheme = strstr(url, "://");
	const char *host = scheme && scheme < end ? scheme + 3 : url;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	const char *from = at ? at + 1 : host;

	snprintf(buf, size, "%.*s%.*s", (int)(host - url), url, (int)(end - from), from);
	return buf;
}

static int file_error(const char *path, int error, struct br_err *err)
{
	char why[128];

	return br_err_set(err, BR_E_FILE_READ, "path", path, "why",
		strerror_r(error, why, sizeof(why)), NULL);
}

static int too_big(const char *what, size_t max, struct br_err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", max);
	return br_err_set(err, BR_E_TOO_BIG, "what", what, "max", text, NULL);
}

#define READ_CHUNK ((size_t)16384)

/* Read to the end rather than to st_size: pipes and /proc have none, and a file may grow meanwhile.
 */
static int read_all(int fd, const char *path, struct br_buf *b, size_t max, struct br_err *err)
{
	for (;;) {
		size_t room = max - b->n < READ_CHUNK ? max - b->n + 1 : READ_CHUNK;
		char *to = br_buf_reserve(b, room);
		ssize_t got;

		if (!to)
			return br_err_set(err, BR_E_NOMEM, NULL);
		do
			got = read(fd, to, room);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return file_error(path, errno, err);
		if (got == 0)
			return 0;
		b->n += (size_t)got;
		if (b->n > max)
			return too_big(path, max, err);
	}
}

int br_read_file(
	const char *path, size_t max, struct br_arena *a, struct br_str *out, struct br_err *err)
{
	struct br_buf b;
	struct br_str text;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return file_error(path, errno, err);
	br_buf_init(&b, max < SIZE_MAX ? max + 1 : max);
	rc = read_all(fd, path, &b, max, err);
	close(fd);
	if (rc == 0) {
		text = br_arena_copy(a, br_buf_str(&b));
		if (text.p)
			*out = text;
		else if (a->full)
			rc = too_big(path, a->max, err);
		else
			rc = br_err_set(err, BR_E_NOMEM, NULL);
	}
	br_buf_release(&b);
	return rc;
}
