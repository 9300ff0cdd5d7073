/*
 * br_err.h - error values: a catalogued code, named details, and the places it passed through.
 *
 * The one who fails sets the cause (br_err_set); each level that knows something new adds its place
 * (br_err_wrap); nobody overwrites. Texts live in the catalogue (errors/ *.def) in English and
 * Chinese, so a message is data until it is printed. Library code does not log; main and the loops
 * log once, with the tag. A struct br_err lives on the caller's stack and never allocates. Personal
 * data goes into details only through br_mask_* (br_text.h); secrets never.
 */
#ifndef BR_ERR_H
#define BR_ERR_H

#include "br_str.h"

enum br_err_class {
	BR_CLASS_RETRY, /* may work later: back off and try again */
	BR_CLASS_PARK,	/* this record needs a person; others go on */
	BR_CLASS_FATAL, /* configuration or programming: stop and say so */
};

enum br_err_code {
	BR_E_OK = 0,
#define BR_ERR(id, class, tag, en, zh, next_en, next_zh) BR_E_##id,
#include "br_err_codes.def"
#undef BR_ERR
	BR_E_COUNT
};

enum br_lang { BR_LANG_EN, BR_LANG_ZH };

#define BR_ERR_FRAMES  8
#define BR_ERR_DETAILS 1024
struct br_err {
	unsigned nframes; /* [0] is the cause, the rest are places, inside out */
	struct {
		enum br_err_code code;
		unsigned at; /* offset of the frame's first detail */
	} frame[BR_ERR_FRAMES];
	unsigned used;
	char details[BR_ERR_DETAILS]; /* key NUL value NUL ..., an empty key ends a frame */
};

static inline void br_err_clear(struct br_err *err)
{
	if (err) {
		err->nframes = 0;
		err->used = 0;
	}
}

/*
 * Sets the cause: code and pairs of (const char *key, const char *value), ended by NULL. Values
 * longer than the room are cut on a character boundary. err may be NULL. Returns -code, to be
 * returned at once: return br_err_set(err, BR_E_CFG_UNKNOWN_KEY, "key", key, "at", place, NULL);
 */
int br_err_set(struct br_err *err, enum br_err_code code, ...) __attribute__((sentinel));
#ifdef __clang_analyzer__ /* which cannot see into it, and would follow calls that fail with 0 */
#define br_err_set(err, code, ...) (br_err_set((err), (code), __VA_ARGS__), -(int)(code))
#endif
/* Adds a place to a failure that came from below; returns rc. */
int br_err_wrap(struct br_err *err, int rc, enum br_err_code where, ...) __attribute__((sentinel));

/* Catalogue look-ups; code may be given negative (a return value). Unknown codes give "BASE-000".
 */
const char *br_err_tag(int code);
enum br_err_class br_err_class(int code);
/* Its sentence, details as they stand in the catalogue ("{system}"). */
const char *br_err_words(int code, enum br_lang lang);
/* The code with this tag ("CFG-004"), or BR_E_OK. */
enum br_err_code br_err_by_tag(struct br_str tag);
/* The cause's code as set, BR_E_OK when err is empty or NULL. */
enum br_err_code br_err_code(const struct br_err *err);
/* Value of a named detail in the innermost frame that has it, or NULL. */
const char *br_err_detail(const struct br_err *err, const char *key);

/*
 * The whole message for people, outermost place first, e.g.
 *   EN: "systems/a.yaml:3:5: CFG-004 unknown key 'tabel'; did you mean 'table'? → correct the key
 * ..." Frames are joined by ": " (English) or "：" (Chinese); the cause's "at" detail stands in
 * front, its next step behind "→". Always terminated; cut on a character boundary. Returns buf.
 */
char *br_err_text(const struct br_err *err, enum br_lang lang, char *buf, size_t size);
/* Only the cause's sentence with places, and only the next step. */
char *br_err_sentence(const struct br_err *err, enum br_lang lang, char *buf, size_t size);
char *br_err_next_step(const struct br_err *err, enum br_lang lang, char *buf, size_t size);
/* BR_LANG_ZH when LC_ALL/LC_MESSAGES/LANG says zh, else English. */
enum br_lang br_lang_from_env(void);

#endif
