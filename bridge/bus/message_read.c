/* JSON into a message. */
#include "message_table.h"

#include "br_text.h"

#include <stdio.h>

/* ---- numbers, bytes and delivery ids as text ---- */

static int base64_value(char c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

/* RFC 4648 with padding, nothing else. false: not base64 or no memory. */
static bool get_base64(struct br_str text, struct br_arena *a, struct br_str *out)
{
	size_t pad = 0, n = 0;
	char *bytes;

	if (text.n % 4 != 0)
		return false;
	while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
		pad++;
	bytes = br_arena_alloc(a, text.n / 4 * 3 + 1);
	if (!bytes)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		uint32_t four = 0;

		for (size_t j = i; j < i + 4; j++) {
			int value = j >= text.n - pad ? 0 : base64_value(text.p[j]);

			if (value < 0)
				return false;
			four = four << 6 | (uint32_t)value;
		}
		bytes[n++] = (char)(four >> 16);
		bytes[n++] = (char)(four >> 8);
		bytes[n++] = (char)four;
	}
	*out = (struct br_str){bytes, n - pad};
	return true;
}

#define CID_LENGTH 26

bool msg_did_read(struct br_str text, struct msg_did *out)
{
	const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
	const char *last = text.n ? memrchr(text.p, '.', text.n) : NULL;
	struct msg_did d;
	struct br_str rest;

	if (!dot || !br_json_int64((struct br_str){text.p, (size_t)(dot - text.p)}, &d.incarnation))
		return false;
	rest = (struct br_str){dot + 1, text.n - (size_t)(dot + 1 - text.p)};
	/* cid, ".", a record name of at least one character, ".", n; a record name may itself have
	 * dots */
	if (rest.n < CID_LENGTH + 4 || rest.p[CID_LENGTH] != '.' || last <= rest.p + CID_LENGTH + 1)
		return false;
	d.cid = (struct br_str){rest.p, CID_LENGTH};
	d.rec = (struct br_str){
		rest.p + CID_LENGTH + 1, (size_t)(last - (rest.p + CID_LENGTH + 1))};
	if (!br_json_int64((struct br_str){last + 1, (size_t)(text.p + text.n - last - 1)}, &d.n))
		return false;
	if (memchr(d.cid.p, '.', CID_LENGTH))
		return false;
	*out = d;
	return true;
}

/* ---- reading ---- */

struct reader {
	struct br_jr jr;
	struct br_arena *arena;
	struct br_err *err;
	struct msg *m;
	msg_shape_fn *shapes;
	void *arg;
	uint64_t seen; /* bit per row of members */
};
_Static_assert(BR_LEN(members) <= 64, "one bit per member");

static const char *const expected_names[] = {"text", "int64", "bool", "hex", "JSON", "base64",
	"a known word", "a delivery id", "an image", "a list of text",
	"a list of (text, hex) pairs"};

static int bad(struct reader *r, const char *member, const char *expected)
{
	return br_err_set(
		r->err, BR_E_BUS_BAD_MESSAGE, "member", member, "expected", expected, NULL);
}

static int no_memory(struct reader *r)
{
	return br_err_set(r->err, BR_E_NOMEM, NULL);
}

/* After a token that does not fit: the JSON's own error (or want of memory) when it is one. */
static int misfit(struct reader *r, const struct member *row, enum br_json_token t)
{
	if (t == BR_JT_ERROR)
		return r->jr.rc;
	return bad(r, row->name.p, expected_names[row->kind]);
}

static int read_lids(struct reader *r, const struct member *row)
{
	size_t room = 0, n = 0;
	struct br_str *lids = NULL;
	enum br_json_token t = br_jr_next(&r->jr);

	if (t != BR_JT_ARRAY)
		return misfit(r, row, t);
	while ((t = br_jr_next(&r->jr)) == BR_JT_STRING) {
		if (n == room) {
			struct br_str *more =
				br_arena_array(r->arena, struct br_str, room ? room * 2 : 64);

			if (!more)
				return no_memory(r);
			if (n)
				memcpy(more, lids, n * sizeof(*lids));
			lids = more;
			room = room ? room * 2 : 64;
		}
		lids[n++] = r->jr.text;
	}
	if (t != BR_JT_END_ARRAY)
		return misfit(r, row, t);
	r->m->lids = lids;
	r->m->nlids = n;
	return 0;
}

static int read_digests(struct reader *r, const struct member *row)
{
	struct msg_digest *digests;
	size_t n;
	int rc = read_lids(r, row);

	if (rc)
		return rc;
	n = r->m->nlids / 2;
	if (r->m->nlids % 2 != 0)
		return bad(r, row->name.p, expected_names[DIGESTS]);
	digests = br_arena_array(r->arena, struct msg_digest, n + 1);
	if (!digests)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		digests[i].lid = r->m->lids[2 * i];
		if (!br_hex64_read(r->m->lids[2 * i + 1], &digests[i].hash))
			return bad(r, row->name.p, expected_names[DIGESTS]);
	}
	r->m->digests = digests;
	r->m->ndigests = n;
	r->m->lids = NULL;
	r->m->nlids = 0;
	return 0;
}

static int read_image(struct reader *r, const struct member *row, struct image *out)
{
	const struct shape *shape;
	int rc;

	if (r->m->rec.n == 0)
		return bad(r, "rec", "in front of the image");
	shape = r->shapes ? r->shapes(r->arg, r->m->sys, r->m->rec) : NULL;
	if (!shape)
		return bad(r, "rec", "a known record");
	/*
	 * What a system tells may have columns that a newer mapping dropped: they mean nothing to
	 * us. A command must be understood whole: a column not written would be lost in silence.
	 */
	if (r->m->type == MSG_CMD && row->offset == offsetof(struct msg, image))
		rc = image_read_set(&r->jr, shape, false, r->arena, out);
	else
		rc = image_read(&r->jr, shape, r->m->type != MSG_CMD, r->arena, out);
	if (rc)
		return br_err_wrap(r->err, rc, BR_E_BUS_BAD_MESSAGE, "member", row->name.p,
			"expected", expected_names[IMAGE], NULL);
	if (row->offset == offsetof(struct msg, image))
		r->m->has_image = true;
	return 0;
}

static int read_raw(struct reader *r, struct br_str *out)
{
	enum br_json_token t = br_jr_next(&r->jr);

	if (t == BR_JT_NULL)
		return 0;
	if (t == BR_JT_ERROR)
		return r->jr.rc;
	return br_jr_skip(&r->jr, t, out);
}

static bool read_word(struct br_str text, const char *const *words, int *out)
{
	for (int i = 0; words[i]; i++) {
		if (br_str_eq(text, br_str_z(words[i]))) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* Members made of one string. */
static bool take_string(struct reader *r, const struct member *row, struct br_str text, void *field)
{
	switch (row->kind) {
	case STR:
		*(struct br_str *)field = text;
		return true;
	case HEX:
		return br_hex64_read(text, field);
	case BASE64:
		return get_base64(text, r->arena, field);
	case WORD:
		return read_word(text, row->words, field);
	case DID:
		if (!msg_did_read(text, field))
			return false;
		if (r->m->rec.n == 0)
			r->m->rec = r->m->did.rec;
		return br_str_eq(r->m->rec, r->m->did.rec);
	default:
		return false;
	}
}

static int read_value(struct reader *r, const struct member *row)
{
	void *field = (char *)r->m + row->offset;
	enum br_json_token t;

	switch (row->kind) {
	case IMAGE:
		return read_image(r, row, field);
	case LIDS:
		return read_lids(r, row);
	case DIGESTS:
		return read_digests(r, row);
	case RAW:
		return read_raw(r, field);
	default:
		break;
	}
	t = br_jr_next(&r->jr);
	if (row->kind == BOOL && (t == BR_JT_TRUE || t == BR_JT_FALSE)) {
		*(bool *)field = t == BR_JT_TRUE;
		return 0;
	}
	if (row->kind == INT && t == BR_JT_NUMBER && br_json_int64(r->jr.text, field) &&
		*(int64_t *)field >= 0)
		return 0;
	if (t == BR_JT_STRING && take_string(r, row, r->jr.text, field))
		return 0;
	if (br_arena_failed(r->arena))
		return no_memory(r);
	return misfit(r, row, t);
}

/* Members come in the order of the table, so the search starts behind the last one found. */
static const struct member *find_member(struct br_str name, size_t *from)
{
	for (size_t i = 0; i < BR_LEN(members); i++) {
		size_t at = *from + i < BR_LEN(members) ? *from + i : *from + i - BR_LEN(members);

		if (members[at].name.n == name.n &&
			memcmp(members[at].name.p, name.p, name.n) == 0) {
			*from = at + 1;
			return &members[at];
		}
	}
	return NULL;
}

static int read_version(struct reader *r)
{
	char found[32];
	int64_t v;

	if (br_jr_next(&r->jr) != BR_JT_NUMBER)
		return bad(r, "v", "int64");
	if (br_json_int64(r->jr.text, &v) && v == FORMAT_VERSION)
		return 0;
	snprintf(found, sizeof(found), "%.*s", BR_STR_ARG(r->jr.text));
	return br_err_set(r->err, BR_E_BUS_VERSION, "found", found, "known", "1", NULL);
}

static int read_members(struct reader *r)
{
	size_t from = 0;
	enum br_json_token t;

	/* the version comes first: an unknown one may mean anything else by the rest */
	t = br_jr_next(&r->jr);
	if (t != BR_JT_KEY || !br_str_eq(r->jr.text, BR_STR("v")))
		return t == BR_JT_ERROR ? r->jr.rc : bad(r, "v", "int64");
	int rc = read_version(r);

	while (rc == 0 && (t = br_jr_next(&r->jr)) == BR_JT_KEY) {
		const struct member *row = find_member(r->jr.text, &from);

		if (!row) {
			rc = br_jr_skip(&r->jr, br_jr_next(&r->jr), NULL);
			continue;
		}
		rc = read_value(r, row);
		r->seen |= 1ull << (row - members);
	}
	if (rc)
		return rc;
	if (t != BR_JT_END_OBJECT || br_jr_next(&r->jr) != BR_JT_END)
		return r->jr.rc;
	return 0;
}

static int check_required(struct reader *r)
{
	uint32_t type = 1u << r->m->type;

	/* "t" is the first row: without it the type means nothing */
	for (size_t i = 0; i < BR_LEN(members); i++) {
		if ((i == 0 || (members[i].required & type)) && !(r->seen >> i & 1))
			return bad(r, members[i].name.p, expected_names[members[i].kind]);
	}
	/* present without an image is only an observation that could not be read (code says why) */
	if (r->m->type == MSG_OBS && r->m->present && !r->m->has_image && r->m->code.n == 0)
		return bad(r, "image", expected_names[IMAGE]);
	return 0;
}

int msg_read(struct br_str value, msg_shape_fn *shapes, void *arg, struct br_arena *a,
	struct msg *out, struct br_err *err)
{
	struct br_err own;
	struct reader r = {.arena = a, .m = out, .shapes = shapes, .arg = arg};
	enum br_json_token t;
	int rc;

	/* the reader asks what went wrong, so it needs an err of its own when the caller has none
	 */
	br_err_clear(&own);
	r.err = err ? err : &own;
	memset(out, 0, sizeof(*out));
	br_jr_init(&r.jr, value, a, r.err);
	t = br_jr_next(&r.jr);
	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR ? r.jr.rc : bad(&r, "", "an object");
	rc = read_members(&r);
	if (rc == 0)
		rc = check_required(&r);
	return rc;
}
