/*
 * Details are stored as they come and made into text only when somebody reads them, so that
 * language and word order are the catalogue's business and no text of a user is ever a format
 * string.
 */
#include "br_err.h"
#include "br_text.h"
#include "br_utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

struct entry {
	enum br_err_class class;
	const char *tag;
	const char *sentence[2]; /* by enum br_lang */
	const char *next[2];
};

#define RETRY BR_CLASS_RETRY
#define PARK  BR_CLASS_PARK
#define FATAL BR_CLASS_FATAL
static const struct entry catalogue[BR_E_COUNT] = {
	[BR_E_OK] = {FATAL, "BASE-000", {"unknown error", "未知错误"},
		{"report this as a fault of the program", "请将此情况作为程序缺陷上报"}},
#define BR_ERR(id, class, tag, en, zh, next_en, next_zh)                                           \
	[BR_E_##id] = {class, tag, {en, zh}, {next_en, next_zh}},
#include "br_err_codes.def"
#undef BR_ERR
};
#undef RETRY
#undef PARK
#undef FATAL

static const struct entry *find(int code)
{
	if (code < 0)
		code = code == INT32_MIN ? 0 : -code;
	return &catalogue[code < BR_E_COUNT ? code : BR_E_OK];
}

const char *br_err_tag(int code)
{
	return find(code)->tag;
}

enum br_err_class br_err_class(int code)
{
	return find(code)->class;
}

const char *br_err_words(int code, enum br_lang lang)
{
	return find(code)->sentence[lang];
}

enum br_err_code br_err_by_tag(struct br_str tag)
{
	for (int code = 1; code < BR_E_COUNT; code++)
		if (br_str_eq(tag, br_str_z(catalogue[code].tag)))
			return (enum br_err_code)code;
	return BR_E_OK;
}

enum br_err_code br_err_code(const struct br_err *err)
{
	return err && err->nframes ? err->frame[0].code : BR_E_OK;
}

/* The cause may fill three quarters: places must still fit when it quotes something long. */
#define CAUSE_ROOM (BR_ERR_DETAILS / 4 * 3)

static void put(struct br_err *err, struct br_str s)
{
	if (s.n)
		memcpy(err->details + err->used, s.p, s.n);
	err->details[err->used + s.n] = '\0';
	err->used += (unsigned)s.n + 1;
}

/* Bytes of all pairs with their NULs; counts them. */
static size_t measure(va_list args, size_t *npairs)
{
	size_t bytes = 0;
	const char *key;

	*npairs = 0;
	while ((key = va_arg(args, const char *))) {
		bytes += strlen(key) + br_str_z(va_arg(args, const char *)).n + 2;
		++*npairs;
	}
	return bytes;
}

/* share: bytes each pair may take with its NULs. */
static void put_pairs(struct br_err *err, size_t share, va_list args)
{
	const char *key;

	while ((key = va_arg(args, const char *))) {
		struct br_str k = br_str_z(key), v = br_str_z(va_arg(args, const char *));

		assert(k.n);
		if (k.n + 2 > share)
			continue;
		put(err, k);
		put(err, br_utf8_cut(v, share - k.n - 2));
	}
}

/* Past the last frame or the last byte a place is left out: the cause matters more. */
static bool open_frame(struct br_err *err, enum br_err_code code, size_t limit)
{
	if (err->nframes == BR_ERR_FRAMES || err->used >= limit)
		return false;
	err->frame[err->nframes].code = code;
	err->frame[err->nframes].at = err->used;
	err->nframes++;
	return true;
}

static void close_frame(struct br_err *err)
{
	put(err, BR_STR_NONE);
}

/* When not all fits, each pair gets an equal share: one long value must not push out the others. */
static void add_frame(struct br_err *err, enum br_err_code code, size_t limit, va_list args)
{
	size_t room, npairs, bytes;
	va_list copy;

	if (!open_frame(err, code, limit))
		return;
	room = limit - err->used - 1; /* one for the empty key at the end */
	va_copy(copy, args);
	bytes = measure(copy, &npairs);
	va_end(copy);
	put_pairs(err, bytes <= room ? bytes : room / npairs, args);
	close_frame(err);
}

#undef br_err_set
int br_err_set(struct br_err *err, enum br_err_code code, ...)
{
	va_list args;

	if (err) {
		br_err_clear(err);
		va_start(args, code);
		add_frame(err, code, CAUSE_ROOM, args);
		va_end(args);
	}
	return -(int)code;
}

int br_err_wrap(struct br_err *err, int rc, enum br_err_code where, ...)
{
	va_list args;

	if (!err || rc >= 0)
		return rc;
	/* who failed without saying why still left a code */
	if (err->nframes == 0) {
		open_frame(
			err, rc > -(int)BR_E_COUNT ? (enum br_err_code) - rc : BR_E_OK, CAUSE_ROOM);
		close_frame(err);
	}
	va_start(args, where);
	add_frame(err, where, BR_ERR_DETAILS, args);
	va_end(args);
	return rc;
}

static const char *frame_detail(const struct br_err *err, unsigned frame, struct br_str key)
{
	const char *p = err->details + err->frame[frame].at;

	while (*p) {
		struct br_str k = br_str_z(p);
		const char *value = p + k.n + 1;

		if (br_str_eq(k, key))
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

const char *br_err_detail(const struct br_err *err, const char *key)
{
	for (unsigned i = 0; err && i < err->nframes; i++) {
		const char *value = frame_detail(err, i, br_str_z(key));

		if (value)
			return value;
	}
	return NULL;
}

/* Where text is made: always terminated; what does not fit is left out from there on. */
struct out {
	char *buf;
	size_t size, n;
	bool full;
};

static struct out out_init(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct out){buf, size, 0, size == 0};
}

static void add(struct out *o, struct br_str s)
{
	struct br_str fits;

	if (o->full)
		return;
	fits = br_utf8_cut(s, o->size - o->n - 1);
	o->full = fits.n < s.n;
	if (fits.n)
		memcpy(o->buf + o->n, fits.p, fits.n);
	o->n += fits.n;
	o->buf[o->n] = '\0';
}

/* A detail comes from anywhere: control characters become blanks, bytes that are not UTF-8 "?". */
static void add_detail(struct out *o, const char *value)
{
	struct br_str s = br_str_z(value);

	while (s.n) {
		unsigned len = br_utf8_len((const unsigned char *)s.p, s.n);
		unsigned char c = (unsigned char)s.p[0];
		bool control = c < 0x20 || c == 0x7f ||
			       (c == 0xc2 && len == 2 && (unsigned char)s.p[1] < 0xa0);

		if (len)
			add(o, control ? BR_STR(" ") : (struct br_str){s.p, len});
		else
			add(o, BR_STR("?"));
		s.p += len ? len : 1;
		s.n -= len ? len : 1;
	}
}

/* A text of the catalogue with its {names} replaced; one that has no detail becomes "?". */
static void add_template(struct out *o, const char *text, const struct br_err *err, unsigned frame)
{
	const char *open, *close, *value;

	while ((open = strchr(text, '{')) && (close = strchr(open, '}'))) {
		struct br_str name = {open + 1, (size_t)(close - open - 1)};

		add(o, (struct br_str){text, (size_t)(open - text)});
		value = frame_detail(err, frame, name);
		add_detail(o, value ? value : "?");
		text = close + 1;
	}
	add(o, br_str_z(text));
}

static void add_message(struct out *o, const struct br_err *err, enum br_lang lang, bool with_tag)
{
	const struct br_str colon = lang == BR_LANG_ZH ? BR_STR("：") : BR_STR(": ");
	const char *at = frame_detail(err, 0, BR_STR("at"));

	if (at && *at) {
		add_detail(o, at);
		add(o, colon);
	}
	for (unsigned i = err->nframes - 1; i > 0; i--) {
		add_template(o, find((int)err->frame[i].code)->sentence[lang], err, i);
		add(o, colon);
	}
	if (with_tag) {
		add(o, br_str_z(find((int)err->frame[0].code)->tag));
		add(o, BR_STR(" "));
	}
	add_template(o, find((int)err->frame[0].code)->sentence[lang], err, 0);
}

char *br_err_sentence(const struct br_err *err, enum br_lang lang, char *buf, size_t size)
{
	struct out o = out_init(buf, size);

	if (err && err->nframes)
		add_message(&o, err, lang, false);
	return buf;
}

char *br_err_next_step(const struct br_err *err, enum br_lang lang, char *buf, size_t size)
{
	struct out o = out_init(buf, size);

	if (err && err->nframes)
		add_template(&o, find((int)err->frame[0].code)->next[lang], err, 0);
	return buf;
}

char *br_err_text(const struct br_err *err, enum br_lang lang, char *buf, size_t size)
{
	struct out o = out_init(buf, size);

	if (err && err->nframes) {
		add_message(&o, err, lang, true);
		add(&o, BR_STR(" → "));
		add_template(&o, find((int)err->frame[0].code)->next[lang], err, 0);
	}
	return buf;
}

enum br_lang br_lang_from_env(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < BR_LEN(names); i++) {
		const char *value = getenv(names[i]);

		/* as setlocale(3) does: the first that is set and not empty decides */
		if (value && *value)
			return strncmp(value, "zh", 2) == 0 ? BR_LANG_ZH : BR_LANG_EN;
	}
	return BR_LANG_EN;
}
