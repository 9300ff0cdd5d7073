/*
 * br_log.h - one logfmt line per event on stderr:
 *   ts=2018-07-02T09:05:00.123+08:00 level=info tag=CONN-012 proc=connector:portal msg="..."
 * key=value ...
 *
 * Redaction is by type: BR_LOG_PII values are masked, BR_LOG_SECRET values print as ***. Values are
 * quoted and escaped when needed; control characters never reach the terminal. Lines over 8 KiB are
 * cut.
 */
#ifndef BR_LOG_H
#define BR_LOG_H

#include "br_err.h"

enum br_log_level { BR_LOG_ERROR, BR_LOG_WARN, BR_LOG_INFO, BR_LOG_DEBUG };

struct br_log_field {
	enum { BR_F_END, BR_F_STR, BR_F_INT, BR_F_PII, BR_F_SECRET, BR_F_ERR } type;
	const char *key;
	struct br_str str;
	int64_t num;
	const struct br_err *err;
};
#define L_STR(key, value) ((struct br_log_field){BR_F_STR, (key), (value), 0, NULL})
#define L_Z(key, value)	  ((struct br_log_field){BR_F_STR, (key), br_str_z(value), 0, NULL})
#define L_INT(key, value) ((struct br_log_field){BR_F_INT, (key), {NULL, 0}, (value), NULL})
#define L_PII(key, value) ((struct br_log_field){BR_F_PII, (key), (value), 0, NULL})
#define L_SECRET(key)	  ((struct br_log_field){BR_F_SECRET, (key), {NULL, 0}, 0, NULL})
/* the error's tag, sentence and next step */
#define L_ERR(error) ((struct br_log_field){BR_F_ERR, "err", {NULL, 0}, 0, (error)})

/* Once at start; proc names the process in every line ("bridge", "connector:portal"). */
void br_log_init(const char *proc, enum br_log_level level, enum br_lang lang);
void br_log_write(enum br_log_level level, const char *msg, const struct br_log_field *fields);
#define br_log(level, msg, ...)                                                                    \
	br_log_write((level), (msg),                                                               \
		(const struct br_log_field[]){                                                     \
			__VA_ARGS__ __VA_OPT__(, ){BR_F_END, NULL, {NULL, 0}, 0, NULL}})
#define br_error(msg, ...) br_log(BR_LOG_ERROR, msg __VA_OPT__(, ) __VA_ARGS__)
#define br_warn(msg, ...)  br_log(BR_LOG_WARN, msg __VA_OPT__(, ) __VA_ARGS__)
#define br_info(msg, ...)  br_log(BR_LOG_INFO, msg __VA_OPT__(, ) __VA_ARGS__)
#define br_debug(msg, ...) br_log(BR_LOG_DEBUG, msg __VA_OPT__(, ) __VA_ARGS__)

#endif
