#include "message.h"

#include <stdio.h>

/*
 * One table says what every message consists of; writer and reader both walk it, so they cannot
 * differ. The order of the rows is the order on the wire: the header first, and rec and did before
 * the images, whose shape they name.
 */
enum kind { STR, INT, BOOL, HEX, RAW, BASE64, WORD, DID, IMAGE, LIDS, DIGESTS };

struct member {
	struct br_str name;
	enum kind kind;
	size_t offset;
	uint32_t optional; /* types that may have it: written when it says something */
	uint32_t required; /* types that must have it: always written */
	const char *const *words;
};

static const char *const type_words[] = {"HELLO", "OBS", "INTENT", "RCPT", "CURSOR", "DIGEST",
	"SWEEP", "ALIVE", "BYE", "BEGIN", "CMD", "FENCE", "PING", "REFETCH", "PAUSE", "RESUME",
	"RESTART", "HELD", NULL};
static const char *const status_words[] = {"APPLIED", "STALE", "EXISTS", "AMBIGUOUS", "GONE",
	"REJECTED", "PARKED", "PENDING", "PROGRESS", NULL};
static const char *const op_words[] = {"create", "update", NULL};
static const char *const reason_words[] = {"poll", "sweep", "refetch", "push", NULL};
static const char *const sweep_words[] = {"none", "window", "full", NULL};

#define ALL	((1u << MSG_TYPES) - 1)
#define T(type) (1u << MSG_##type)
#define ROW(member, field, as, may, must, table)                                                   \
	{                                                                                          \
		BR_STR(member), as, offsetof(struct msg, field), may, must, table                  \
	}

static const struct member members[] = {
	ROW("t", type, WORD, 0, ALL, type_words),
	ROW("sys", sys, STR, 0, ALL, NULL),
	ROW("epoch", epoch, INT, 0, ALL, NULL),
	ROW("seq", seq, INT, 0, ALL, NULL),
	ROW("rec", rec, STR, T(RCPT) | T(CMD), T(OBS) | T(DIGEST) | T(REFETCH), NULL),
	ROW("ts", ts, INT, ALL & ~T(PING), T(PING), NULL),
	ROW("did", did, DID, 0, T(INTENT) | T(RCPT) | T(CMD), NULL),
	ROW("lid", lid, STR, T(RCPT) | T(CMD), T(OBS), NULL),
	ROW("present", present, BOOL, 0, T(OBS), NULL),
	ROW("reason", reason, WORD, 0, T(OBS), reason_words),
	ROW("status", status, WORD, 0, T(RCPT), status_words),
	ROW("op", op, WORD, 0, T(CMD), op_words),
	ROW("ver", ver, INT, T(CMD), 0, NULL),
	ROW("attempt", attempt, INT, T(INTENT), 0, NULL),
	ROW("attempted", attempted, BOOL, T(CMD) | T(FENCE), 0, NULL),
	ROW("atomic", atomic, BOOL, T(RCPT), 0, NULL),
	ROW("doubt", doubt, BOOL, T(RCPT), 0, NULL),
	ROW("beyond", beyond, BOOL, T(RCPT), 0, NULL),
	ROW("src_ts", src_ts, INT, T(OBS), 0, NULL),
	ROW("by", by, STR, T(OBS), 0, NULL),
	ROW("nk", nk, RAW, T(CMD), 0, NULL),
	ROW("base", base, IMAGE, 0, T(CMD), NULL),
	ROW("image", image, IMAGE, T(OBS) | T(RCPT), T(CMD), NULL),
	ROW("whole", whole, BOOL, T(OBS) | T(RCPT), 0, NULL),
	ROW("raw", raw, BASE64, T(OBS), 0, NULL),
	ROW("code", code, STR, T(OBS) | T(RCPT), 0, NULL),
	ROW("text", text, STR, T(OBS) | T(RCPT) | T(RESTART), 0, NULL),
	ROW("ref", ref, STR, T(RCPT), 0, NULL),
	ROW("lo", lo, STR, T(DIGEST), 0, NULL),
	ROW("hi", hi, STR, T(DIGEST), 0, NULL),
	ROW("digests", digests, DIGESTS, 0, T(DIGEST), NULL),
	ROW("lids", lids, LIDS, 0, T(REFETCH), NULL),
	ROW("sweep", sweep, STR, T(SWEEP), 0, NULL),
	ROW("done", done, BOOL, 0, T(SWEEP), NULL),
	ROW("held", held, INT, T(HELD), 0, NULL),
	ROW("stopped", stopped, BOOL, T(HELD), 0, NULL),
	ROW("nonce", nonce, STR, 0, T(HELLO) | T(BEGIN) | T(FENCE), NULL),
	ROW("inc", inc, STR, T(HELLO) | T(FENCE), 0, NULL),
	ROW("caps", caps, STR, T(HELLO), 0, NULL),
	ROW("target_epoch", target_epoch, INT, T(HELLO) | T(FENCE), 0, NULL),
	ROW("beat", beat, INT, T(HELLO) | T(CURSOR) | T(RCPT) | T(FENCE), 0, NULL),
	ROW("restores", restores, INT, T(HELLO) | T(FENCE), 0, NULL),
	ROW("map_hash", map_hash, HEX, T(HELLO) | T(BEGIN), 0, NULL),
	ROW("assigned", assigned, INT, T(PING), T(BEGIN), NULL),
	ROW("counted", counted, INT, T(PING), 0, NULL),
	ROW("incarnation", incarnation, INT, T(BEGIN), 0, NULL),
	ROW("spec", spec, RAW, 0, T(BEGIN), NULL),
	ROW("sweep_mode", sweep_mode, WORD, T(FENCE), 0, sweep_words),
	ROW("cursor", cursor, RAW, T(FENCE), T(CURSOR), NULL),
};

#define FORMAT_VERSION 1

const char *msg_type_name(enum msg_type t)
{
	return (unsigned)t < MSG_TYPES ? type_words[t] : "?";
}

const char *msg_status_name(enum msg_status s)
{
	return (unsigned)s <= RCPT_PROGRESS ? status_words[s] : "?";
}

bool msg_has_cap(const struct msg *m, struct br_str word)
{
	for (size_t i = 0; i < m->caps.n;) {
		size_t end = i;

		while (end < m->caps.n && m->caps.p[end] != ' ')
			end++;
		if (br_str_eq((struct br_str){m->caps.p + i, end - i}, word))
			return true;
		i = end + 1;
	}
	return false;
}

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

static struct br_str put_hex(char text[16], uint64_t value)
{
	for (int i = 15; i >= 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	return (struct br_str){text, 16};
}

static bool get_hex(struct br_str text, uint64_t *out)
{
	uint64_t value = 0;

	if (text.n == 0 || text.n > 16)
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

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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
	char hex[16];

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
		br_jw_str(w, put_hex(hex, *(const uint64_t *)field));
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
			br_jw_str(w, put_hex(hex, m->digests[i].hash));
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
		br_jw_key(&w, row->name);
		write_value(&w, m, row, shape);
	}
	br_jw_end_object(&w);
	if (w.failed) {
		/* a half-written message must not pass for a whole one */
		out->failed = true;
		out->n = 0;
	}
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
		if (!get_hex(r->m->lids[2 * i + 1], &digests[i].hash))
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
		return get_hex(text, field);
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
