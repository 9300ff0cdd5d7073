/* A message into JSON. */
#include "message_table.h"

#include "br_text.h"

/* ---- numbers and bytes as text ---- */

static char *put_int(char *end, int64_t value)
{
	uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--end = (char)('0' + u % 10);
	while (u /= 10);
	if (value < 0)
		*--end = '-';
	return end;
}

static void put_base64(struct br_jw *w, struct br_str bytes)
{
	struct br_buf text;

	br_buf_init(&text, bytes.n / 3 * 4 + 8);
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t three = (uint32_t)(uint8_t)bytes.p[i] << 16;

		if (left > 1)
			three |= (uint32_t)(uint8_t)bytes.p[i + 1] << 8;
		if (left > 2)
			three |= (uint8_t)bytes.p[i + 2];
		br_buf_addc(&text, base64_digits[three >> 18]);
		br_buf_addc(&text, base64_digits[three >> 12 & 63]);
		br_buf_addc(&text, left > 1 ? base64_digits[three >> 6 & 63] : '=');
		br_buf_addc(&text, left > 2 ? base64_digits[three & 63] : '=');
	}
	if (br_buf_failed(&text))
		w->failed = true;
	else
		br_jw_str(w, br_buf_str(&text));
	br_buf_release(&text);
}

/* ---- delivery ids ---- */

/* "<incarnation>.<case>.<record>.<n>" in the caller's memory when it fits, NULL else. */
static char *did_put(const struct msg_did *d, char *text, size_t room, size_t *n)
{
	char num[24], *end = num + sizeof(num), *start = put_int(end, d->incarnation);
	size_t first = (size_t)(end - start), used = first;
	char *p = text;

	if (first + d->cid.n + d->rec.n + 3 + 24 > room)
		return NULL;
	memcpy(p, start, first);
	p[used++] = '.';
	if (d->cid.n)
		memcpy(p + used, d->cid.p, d->cid.n);
	used += d->cid.n;
	p[used++] = '.';
	if (d->rec.n)
		memcpy(p + used, d->rec.p, d->rec.n);
	used += d->rec.n;
	p[used++] = '.';
	start = put_int(end, d->n);
	memcpy(p + used, start, (size_t)(end - start));
	*n = used + (size_t)(end - start);
	return text;
}

struct br_str msg_did_text(const struct msg_did *d, struct br_arena *a)
{
	size_t room = d->cid.n + d->rec.n + 64, n = 0;
	char *text = br_arena_alloc(a, room);

	if (!text || !did_put(d, text, room - 1, &n))
		return BR_STR_NONE;
	text[n] = '\0';
	return (struct br_str){text, n};
}

/* ---- writing ---- */

static const void *field_of(const struct msg *m, const struct member *row)
{
	return (const char *)m + row->offset;
}

/* Whether an optional member says anything. */
static bool says_something(const struct msg *m, const struct member *row)
{
	const void *field = field_of(m, row);

	switch (row->kind) {
	case STR:
	case RAW:
	case BASE64:
		return ((const struct br_str *)field)->n > 0;
	case INT:
		return *(const int64_t *)field != 0;
	case HEX:
		return *(const uint64_t *)field != 0;
	case BOOL:
		return *(const bool *)field;
	case WORD:
		return *(const int *)field != 0;
	case IMAGE:
		return m->has_image;
	default:
		return true;
	}
}

static void write_did(struct br_jw *w, const struct msg_did *d)
{
	char text[256];
	size_t n;

	/* record names are at most 32 characters (site configuration), so it fits */
	if (did_put(d, text, sizeof(text), &n))
		br_jw_str(w, (struct br_str){text, n});
	else
		w->failed = true;
}

static void write_value(
	struct br_jw *w, const struct msg *m, const struct member *row, const struct shape *shape)
{
	const void *field = field_of(m, row);
	const struct br_str *s = field;
	char hex[BR_HEX64];

	switch (row->kind) {
	case STR:
		br_jw_str(w, *s);
		break;
	case INT:
		br_jw_int(w, *(const int64_t *)field);
		break;
	case BOOL:
		br_jw_bool(w, *(const bool *)field);
		break;
	case HEX:
		br_jw_str(w, br_hex64(hex, *(const uint64_t *)field));
		break;
	case RAW:
		if (s->n)
			br_jw_raw(w, *s);
		else
			br_jw_null(w);
		break;
	case BASE64:
		put_base64(w, *s);
		break;
	case WORD:
		br_jw_str(w, br_str_z(row->words[*(const int *)field]));
		break;
	case DID:
		write_did(w, field);
		break;
	case IMAGE:
		if (m->image_json.n && row->offset == offsetof(struct msg, image))
			br_jw_raw(w, m->image_json);
		else if (shape)
			image_write(field, shape, w);
		else
			w->failed = true;
		break;
	case LIDS:
		br_jw_array(w);
		for (size_t i = 0; i < m->nlids; i++)
			br_jw_str(w, m->lids[i]);
		br_jw_end_array(w);
		break;
	case DIGESTS:
		br_jw_array(w);
		for (size_t i = 0; i < m->ndigests; i++) {
			br_jw_str(w, m->digests[i].lid);
			br_jw_str(w, br_hex64(hex, m->digests[i].hash));
		}
		br_jw_end_array(w);
		break;
	}
}

void msg_write(const struct msg *m, const struct shape *shape, struct br_buf *out)
{
	uint32_t type = 1u << m->type;
	struct br_jw w;

	br_jw_init(&w, out);
	br_jw_object(&w);
	br_jw_kint(&w, "v", FORMAT_VERSION);
	for (size_t i = 0; i < BR_LEN(members); i++) {
		const struct member *row = &members[i];

		if (!(row->required & type) && !((row->optional & type) && says_something(m, row)))
			continue;
		br_jw_quoted_key(&w, row->quoted);
		write_value(&w, m, row, shape);
	}
	br_jw_end_object(&w);
	if (w.failed) {
		/* a half-written message must not pass for a whole one */
		out->failed = true;
		out->n = 0;
	}
}
