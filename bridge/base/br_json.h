/*
 * br_json.h - JSON on the data path: a direct writer and a single-pass pull reader. No trees, no
 * allocation per value. Jansson serves configuration and is the oracle of the differential tests.
 *
 * Writer: appends to a br_buf. Commas are its business. Strings must be UTF-8; a bad byte marks the
 * writer failed (br_jw_failed) - text is checked at the borders, so this is the last net, not the
 * first.
 *
 * Reader: br_jr_next() gives the next token. It accepts exactly RFC 8259 with these refusals:
 * invalid UTF-8, unpaired surrogates, U+0000 in strings or keys, duplicate keys in one object,
 * depth over BR_JSON_DEPTH, bytes behind the value. Numbers are given as their text; nothing
 * becomes a double.
 */
#ifndef BR_JSON_H
#define BR_JSON_H

#include "br_arena.h"
#include "br_buf.h"
#include "br_err.h"

#define BR_JSON_DEPTH 32

struct br_jw {
	struct br_buf *b;
	uint32_t first; /* bit per level: no member written yet */
	uint8_t depth;
	bool after_key;
	bool failed;
};

void br_jw_init(struct br_jw *w, struct br_buf *b);
static inline bool br_jw_failed(const struct br_jw *w)
{
	return w->failed || w->b->failed;
}
void br_jw_object(struct br_jw *w);	/* { */
void br_jw_end_object(struct br_jw *w); /* } */
void br_jw_array(struct br_jw *w);	/* [ */
void br_jw_end_array(struct br_jw *w);	/* ] */
void br_jw_key(struct br_jw *w, struct br_str key);
/* A key as it stands in the text, with its quotes, its escapes and the colon; or its beginning, and
 * the caller adds the rest of it to the buffer. */
void br_jw_quoted_key(struct br_jw *w, struct br_str quoted);
void br_jw_str(struct br_jw *w, struct br_str value);
void br_jw_int(struct br_jw *w, int64_t value);
void br_jw_bool(struct br_jw *w, bool value);
void br_jw_null(struct br_jw *w);
/* Bytes that are already one valid JSON value. */
void br_jw_raw(struct br_jw *w, struct br_str json);
/* The members of an object written before, in the open object, as they stand. */
void br_jw_members(struct br_jw *w, struct br_str object);

/* A literal that needs no escapes, with its quotes and the colon. */
#define BR_JSON_QUOTED(key) BR_STR("\"" key "\":")
/* A key that is such a literal, alone or with its value. */
#define br_jw_name(w, key)	   br_jw_quoted_key((w), BR_JSON_QUOTED(key))
#define br_jw_kstr(w, key, value)  (br_jw_name((w), key), br_jw_str((w), (value)))
#define br_jw_kint(w, key, value)  (br_jw_name((w), key), br_jw_int((w), (value)))
#define br_jw_kbool(w, key, value) (br_jw_name((w), key), br_jw_bool((w), (value)))
#define br_jw_kraw(w, key, value)  (br_jw_name((w), key), br_jw_raw((w), (value)))

enum br_json_token {
	BR_JT_END, /* the whole input was one value and is used up */
	BR_JT_OBJECT,
	BR_JT_END_OBJECT,
	BR_JT_ARRAY,
	BR_JT_END_ARRAY,
	BR_JT_KEY,    /* text */
	BR_JT_STRING, /* text */
	BR_JT_NUMBER, /* text, as written */
	BR_JT_TRUE,
	BR_JT_FALSE,
	BR_JT_NULL,
	BR_JT_ERROR, /* details in the err given to init */
};

struct br_jr {
	struct br_str in;
	size_t pos;		/* bytes read */
	struct br_arena *arena; /* unescaped strings and key sets live here */
	struct br_str
		text; /* of the last KEY, STRING or NUMBER; borrowed from the input or the arena */
	struct br_err *err;
	/* private */
	struct br_json_keys *keys[BR_JSON_DEPTH];
	uint8_t kind[BR_JSON_DEPTH];
	uint8_t depth;
	uint8_t state;
	size_t start; /* of the last token */
	int rc;	      /* of the error that ended reading */
};

void br_jr_init(struct br_jr *r, struct br_str in, struct br_arena *a, struct br_err *err);
enum br_json_token br_jr_next(struct br_jr *r);
/* Having read the first token t of a value, skips the rest of it; gives its raw bytes when raw is
 * not NULL. 0 or -BR_E_JSON_SYNTAX (or the arena's -BR_E_TOO_BIG, -BR_E_NOMEM). Call directly after
 * br_jr_next() returned t. */
int br_jr_skip(struct br_jr *r, enum br_json_token t, struct br_str *raw);
/* A NUMBER token's text as int64: false when it is not an integer or does not fit. */
bool br_json_int64(struct br_str text, int64_t *out);

#endif
