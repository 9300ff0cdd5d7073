#include "map_charset.h"
#include <iconv.h>
#include <stdio.h>

static size_t utf8_put(uint32_t c, char *p)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xC0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xE0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3F));
		p[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	p[0] = (char)(0xF0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3F));
	p[2] = (char)(0x80 | (c >> 6 & 0x3F));
	p[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

static uint8_t width_of(iconv_t cd, uint32_t c)
{
	char from[4], to[16], *in = from, *out = to;
	size_t n = utf8_put(c, from), room = sizeof(to);

	if (iconv(cd, &in, &n, &out, &room) != 0) {
		/* not stored, or only by something similar: both are "no" */
		iconv(cd, NULL, NULL, NULL, NULL);
		return 0;
	}
	return (uint8_t)(sizeof(to) - room);
}

static bool is_utf8(struct br_str name)
{
	return (name.n == 5 && strncasecmp(name.p, "UTF-8", 5) == 0) ||
	       (name.n == 4 && strncasecmp(name.p, "UTF8", 4) == 0);
}

const struct map_charset *map_charset_load(struct br_str name, struct br_arena *a)
{
	struct map_charset *cs = br_arena_new(a, struct map_charset);
	uint8_t *width;
	char z[40];
	iconv_t cd;

	if (!cs || name.n == 0 || name.n >= sizeof(z) || memchr(name.p, '/', name.n))
		return NULL;
	cs->name = br_arena_copy(a, name);
	cs->utf8 = is_utf8(name);
	if (cs->utf8)
		return cs;
	snprintf(z, sizeof(z), "%.*s", BR_STR_ARG(name));
	cd = iconv_open(z, "UTF-8");
	if (cd == (iconv_t)-1)
		return NULL;
	width = br_arena_alloc(a, 65536);
	if (width) {
		for (uint32_t c = 0; c < 65536; c++)
			width[c] = c >= 0xD800 && c < 0xE000 ? 0 : width_of(cd, c);
		/* the private planes 15 and 16 aside, a charset takes all of them or none */
		cs->beyond = width_of(cd, 0x20BB7);
	}
	cs->width = width;
	iconv_close(cd);
	return width ? cs : NULL;
}

/* One character of valid UTF-8. */
static uint32_t next(const unsigned char *p, size_t *n)
{
	if (p[0] < 0x80) {
		*n = 1;
		return p[0];
	}
	if (p[0] < 0xE0) {
		*n = 2;
		return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
	}
	if (p[0] < 0xF0) {
		*n = 3;
		return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
	}
	*n = 4;
	return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
	       (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}

static size_t width_at(const struct map_charset *cs, const char *p, size_t *n)
{
	uint32_t c = next((const unsigned char *)p, n);

	return c < 65536 ? cs->width[c] : cs->beyond;
}

int64_t map_charset_size(const struct map_charset *cs, struct br_str text, struct br_str *bad)
{
	int64_t size = 0;
	size_t n;

	if (cs->utf8)
		return (int64_t)text.n;
	for (size_t i = 0; i < text.n; i += n) {
		size_t w = width_at(cs, text.p + i, &n);

		if (n > text.n - i)
			n = text.n - i;
		if (w == 0) {
			*bad = (struct br_str){text.p + i, n};
			return -1;
		}
		size += (int64_t)w;
	}
	return size;
}

struct br_str map_charset_cut(const struct map_charset *cs, struct br_str text, size_t max)
{
	size_t used = 0, i = 0, n;

	while (i < text.n) {
		size_t w = cs->utf8 ? (next((const unsigned char *)text.p + i, &n), n)
				    : width_at(cs, text.p + i, &n);

		if (used + w > max || n > text.n - i)
			break;
		used += w;
		i += n;
	}
	return (struct br_str){text.p, i};
}
