/*
 * sim_log.c - what else the real code calls: its log goes into the trace, and its chance is the
 * run's.
 */
#include "sim.h"

#include "br_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

void br_log_init(const char *proc, enum br_log_level level, enum br_lang lang)
{
	(void)proc;
	(void)level;
	(void)lang;
}

static void field_text(const struct br_log_field *f, char *out, size_t size)
{
	if (f->type == BR_F_INT)
		snprintf(out, size, "%" PRId64, f->num);
	else if (f->type == BR_F_ERR)
		br_err_sentence(f->err, BR_LANG_EN, out, size);
	else
		snprintf(out, size, "%.*s", BR_STR_ARG(f->str));
}

/* What only the log tells of. */
static void see(const char *msg, const struct br_log_field *f)
{
	bool answered = strcmp(msg, "the bridge has answered") == 0;

	for (; f->type != BR_F_END; f++) {
		sights.leases += f->type == BR_F_ERR && br_err_code(f->err) == BR_E_CONN_LEASE;
		sights.settled += answered && strcmp(f->key, "outstanding") == 0 && f->num > 0;
	}
}

void br_log_write(enum br_log_level level, const char *msg, const struct br_log_field *fields)
{
	char text[2048] = "", one[700];
	size_t n = 0;

	(void)level;
	see(msg, fields);
	if (!sim.trace)
		return;
	for (; fields->type != BR_F_END && n < sizeof(text); fields++) {
		field_text(fields, one, sizeof(one));
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%s", fields->key, one);
	}
	sim_trace("log: %s%s", msg, text);
}

ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	char *p = buf;

	(void)flags;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = sim_rnd();

		memcpy(p + i, &r, n - i < 8 ? n - i : 8);
	}
	return (ssize_t)n;
}
