/*
 * A line is made on the stack and written with one write(2): lines of several threads (librdkafka
 * logs from its own) and processes on one terminal stay whole.
 */
#include "br_log.h"
#include "br_text.h"
#include "br_utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define CUT	       "\" cut=true\n" /* closes an open quote too; room for it is kept */

static struct {
	const char *proc;
	enum br_log_level level;
	enum br_lang lang;
} settings = {"casebridge", BR_LOG_INFO, BR_LANG_EN};

void br_log_init(const char *proc, enum br_log_level level, enum br_lang lang)
{
	tzset();
	settings.proc = proc;
	settings.level = level;
	settings.lang = lang;
}

struct line {
	size_t n;
	bool quoted, cut;
	char p[LINE_MAX_BYTES];
};

static size_t room(const struct line *l)
{
	return sizeof(l->p) - sizeof(CUT) - l->n;
}

/* All of s or nothing: an escape is never halved. */
static void add(struct line *l, struct br_str s)
{
	if (l->cut || s.n > room(l)) {
		l->cut = true;
		return;
	}
	memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

static void add_z(struct line *l, const char *text)
{
	add(l, br_str_z(text));
}

/* 0x7f and U+0080 to U+009F steer terminals too. */
static bool is_control(const unsigned char *p, unsigned len)
{
	return p[0] < 0x20 || p[0] == 0x7f || (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

static bool needs_quotes(struct br_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned len;

	for (size_t i = 0; i < s.n; i += len) {
		len = br_utf8_len(p + i, s.n - i);
		if (!len || is_control(p + i, len) || p[i] == ' ' || p[i] == '"' || p[i] == '=' ||
			p[i] == '\\')
			return true;
	}
	return s.n == 0;
}

static void add_escaped(struct line *l, const unsigned char *p, unsigned len)
{
	char text[8];

	if (!len)
		snprintf(text, sizeof(text), "\\x%02x", p[0]);
	else if (p[0] == '"' || p[0] == '\\')
		snprintf(text, sizeof(text), "\\%c", p[0]);
	else if (p[0] == '\n' || p[0] == '\r' || p[0] == '\t')
		snprintf(text, sizeof(text), "\\%c", p[0] == '\n' ? 'n' : p[0] == '\r' ? 'r' : 't');
	else
		snprintf(text, sizeof(text), "\\u%04x", (unsigned)br_utf8_decode(p, len));
	add_z(l, text);
}

static void add_value(struct line *l, struct br_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned len;

	if (!needs_quotes(s)) {
		struct br_str fits = br_utf8_cut(s, room(l));

		add(l, fits);
		l->cut = l->cut || fits.n < s.n;
		return;
	}
	add_z(l, "\"");
	l->quoted = !l->cut;
	for (size_t i = 0; i < s.n && !l->cut; i += len ? len : 1) {
		len = br_utf8_len(p + i, s.n - i);
		if (!len || is_control(p + i, len) || p[i] == '"' || p[i] == '\\')
			add_escaped(l, p + i, len);
		else
			add(l, (struct br_str){s.p + i, len});
	}
	if (!l->cut) {
		add_z(l, "\"");
		l->quoted = l->cut;
	}
}

static void add_pair(struct line *l, const char *key, struct br_str value)
{
	if (l->n)
		add_z(l, " ");
	add_z(l, key);
	add_z(l, "=");
	add_value(l, value);
}

/* 2018-07-02T09:05:00.123+08:00 */
static void add_time(struct line *l)
{
	struct timespec now;
	struct tm tm;
	char text[64];
	long minutes;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	minutes = tm.tm_gmtoff / 60;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03ld%c%02ld:%02ld", now.tv_nsec / 1000000,
		minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
	add_pair(l, "ts", br_str_z(text));
}

static void add_err(struct line *l, const char *key, const struct br_err *err)
{
	char text[BR_ERR_DETAILS * 2];

	add_pair(l, key, br_str_z(br_err_sentence(err, settings.lang, text, sizeof(text))));
	add_pair(l, "next", br_str_z(br_err_next_step(err, settings.lang, text, sizeof(text))));
}

static void add_field(struct line *l, const struct br_log_field *f)
{
	char text[64];

	switch (f->type) {
	case BR_F_STR:
		add_pair(l, f->key, f->str);
		break;
	case BR_F_INT:
		snprintf(text, sizeof(text), "%lld", (long long)f->num);
		add_pair(l, f->key, br_str_z(text));
		break;
	case BR_F_PII:
		add_pair(l, f->key, br_str_z(br_mask_z(f->str, text, sizeof(text))));
		break;
	case BR_F_SECRET:
		add_pair(l, f->key, BR_STR("***"));
		break;
	case BR_F_ERR:
		if (br_err_code(f->err))
			add_err(l, f->key, f->err);
		break;
	case BR_F_END:
		break;
	}
}

static void add_tag(struct line *l, const struct br_log_field *f)
{
	for (; f->type != BR_F_END; f++) {
		enum br_err_code code = f->type == BR_F_ERR ? br_err_code(f->err) : BR_E_OK;

		if (code) {
			add_pair(l, "tag", br_str_z(br_err_tag((int)code)));
			return;
		}
	}
}

static void end_line(struct line *l)
{
	const char *end = !l->cut ? "\n" : l->quoted ? CUT : CUT + 1;

	memcpy(l->p + l->n, end, strlen(end));
	l->n += strlen(end);
}

static void write_line(const struct line *l)
{
	size_t done = 0;

	while (done < l->n) {
		ssize_t n = write(STDERR_FILENO, l->p + done, l->n - done);

		if (n < 0 && errno != EINTR)
			return; /* there is nowhere left to say so */
		done += n > 0 ? (size_t)n : 0;
	}
}

void br_log_write(enum br_log_level level, const char *msg, const struct br_log_field *fields)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	int saved = errno;
	struct line l;

	if (level > settings.level)
		return;
	l.n = 0;
	l.quoted = l.cut = false;
	add_time(&l);
	add_pair(&l, "level", br_str_z(names[level]));
	add_tag(&l, fields);
	add_pair(&l, "proc", br_str_z(settings.proc));
	add_pair(&l, "msg", br_str_z(msg));
	for (const struct br_log_field *f = fields; f->type != BR_F_END; f++)
		add_field(&l, f);
	end_line(&l);
	write_line(&l);
	errno = saved;
}
