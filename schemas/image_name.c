#include "image_name.h"
#include "br_text.h"

/* Can the key stand between the quotes of a JSON string as it is? Keys are numbers and the like,
 * nearly always. */
static bool is_plain(struct br_str key)
{
	bool ascii = true;

	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (c < 0x20 || c == '"' || c == '\\' || c == '%' || c == '/')
			return false;
		ascii = ascii && c < 0x80;
	}
	return ascii || br_utf8_check(key) == key.n;
}

static void write_element(struct br_buf *name, struct br_str part, struct br_str key)
{
	br_buf_adds(name, part);
	br_buf_addc(name, '/');
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '%')
			br_buf_adds(name, BR_STR("%25"));
		else if (key.p[i] == '/')
			br_buf_adds(name, BR_STR("%2F"));
		else
			br_buf_addc(name, key.p[i]);
	}
}

void image_element_write(const struct shape *s, unsigned part, struct br_str key, struct br_jw *w)
{
	struct br_buf name;

	br_buf_init(&name, w->b->max);
	write_element(&name, s->parts[part].name, key);
	w->failed = w->failed || br_buf_failed(&name);
	br_jw_key(w, br_buf_str(&name));
	br_buf_release(&name);
}

static void write_escaped(
	const struct shape *s, unsigned part, struct br_str key, unsigned field, struct br_jw *w)
{
	struct br_buf name;

	br_buf_init(&name, w->b->max);
	write_element(&name, s->parts[part].name, key);
	br_buf_addc(&name, '/');
	br_buf_adds(&name, s->fields[field].name);
	w->failed = w->failed || br_buf_failed(&name);
	br_jw_key(w, br_buf_str(&name));
	br_buf_release(&name);
}

void image_name_write(
	const struct shape *s, unsigned part, struct br_str key, unsigned field, struct br_jw *w)
{
	struct br_str column = s->json_field[field];

	if (part == 0) {
		br_jw_quoted_key(w, column);
		return;
	}
	if (!is_plain(key)) {
		write_escaped(s, part, key, field, w);
		return;
	}
	br_jw_quoted_key(w, s->json_part[part]);
	br_buf_adds(w->b, key);
	br_buf_addc(w->b, '/');
	br_buf_add(w->b, column.p + 1, column.n - 1);
}

static enum image_name read_key(struct br_str in, struct br_arena *a, struct br_str *out)
{
	char *text, *to;

	if (!memchr(in.p, '%', in.n)) {
		*out = in;
		return IMAGE_NAME_FOUND;
	}
	text = to = br_arena_alloc(a, in.n);
	if (!text)
		return IMAGE_NAME_NOMEM;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			*to++ = in.p[i];
			continue;
		}
		if (in.n - i < 3 || in.p[i + 1] != '2' ||
			(in.p[i + 2] != '5' && in.p[i + 2] != 'F'))
			return IMAGE_NAME_BAD;
		*to++ = in.p[i + 2] == '5' ? '%' : '/';
		i += 2;
	}
	*out = (struct br_str){text, (size_t)(to - text)};
	return IMAGE_NAME_FOUND;
}

/* Absent fields leave gaps, so a few more than the next are looked at before the name is hashed. */
#define LOOK_AHEAD 8u

static int find_field(const struct shape *s, unsigned part, struct br_str name, unsigned expect)
{
	unsigned end = s->parts[part].first + s->parts[part].n;

	end = end - expect > LOOK_AHEAD ? expect + LOOK_AHEAD : end;
	for (; expect < end; expect++)
		if (br_str_eq(s->fields[expect].name, name))
			return (int)expect;
	return shape_find(s, part, name);
}

enum image_name image_name_read(const struct shape *s, struct br_str name, unsigned expect,
	struct br_arena *a, struct image_place *out)
{
	const char *end = name.p + name.n;
	const char *first = s->nparts > 1 && name.n ? memchr(name.p, '/', name.n) : NULL;
	const char *second = first ? memchr(first + 1, '/', (size_t)(end - first) - 1) : NULL;
	int part =
		second ? shape_find_part(s, (struct br_str){name.p, (size_t)(first - name.p)}) : 0;
	int field;

	if (part <= 0) {
		field = expect < s->parts[0].n ? find_field(s, 0, name, expect)
					       : shape_find(s, 0, name);
		*out = (struct image_place){.field = (uint16_t)field};
		return field < 0 ? IMAGE_NAME_UNKNOWN : IMAGE_NAME_FOUND;
	}
	/* of the elements of a list the fields come round again */
	field = find_field(s, (unsigned)part,
		(struct br_str){second + 1, (size_t)(end - second) - 1},
		expect < s->nfields && s->fields[expect].part == part ? expect
								      : s->parts[part].first);
	if (field < 0)
		return IMAGE_NAME_UNKNOWN;
	out->part = (uint8_t)part;
	out->field = (uint16_t)field;
	return read_key((struct br_str){first + 1, (size_t)(second - first) - 1}, a, &out->key);
}

enum image_name image_element_read(
	const struct shape *s, struct br_str name, struct br_arena *a, struct image_place *out)
{
	const char *end = name.p + name.n, *slash = name.n ? memchr(name.p, '/', name.n) : NULL;
	int part =
		slash ? shape_find_part(s, (struct br_str){name.p, (size_t)(slash - name.p)}) : 0;

	if (part <= 0 || memchr(slash + 1, '/', (size_t)(end - slash) - 1))
		return IMAGE_NAME_UNKNOWN;
	*out = (struct image_place){.field = IMAGE_ELEMENT, .part = (uint8_t)part};
	return read_key((struct br_str){slash + 1, (size_t)(end - slash) - 1}, a, &out->key);
}
