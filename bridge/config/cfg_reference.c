/*
 * ${env:NAME} and ${file:NAME} in values. What they bring in is never quoted in a message: it may
 * be a secret.
 */
#include "cfg_option.h"

#include "br_buf.h"
#include "br_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SECRET_MAX ((size_t)64 * 1024)
#define VALUE_MAX  ((size_t)1 << 20)

struct expansion {
	struct br_buf b;
	const struct cfg_node *at;
	const char *secrets_dir;
	struct cfg_report *report;
	bool template; /* braces mean something in what comes out */
};

bool cfg_has_reference(struct br_str text)
{
	return text.n >= 3 && memmem(text.p, text.n, "${", 2);
}

static int bad_reference(struct br_str ref, const struct cfg_node *at, struct cfg_report *report)
{
	struct br_str found = br_arena_copy(report->arena, ref);

	return cfg_problem(report, at, BR_E_CFG_REFERENCE, "found", found.p ? found.p : "", "env",
		"${env:NAME}", "file", "${file:NAME}", "brace", "${", "twice", "$${", NULL);
}

static int check_content(
	struct br_str value, const char *name, const struct cfg_node *at, struct cfg_report *report)
{
	if (memchr(value.p, '\0', value.n) || br_utf8_check(value) < value.n)
		return cfg_problem(report, at, BR_E_CFG_SECRET_CONTENT, "name", name, NULL);
	return 0;
}

static int read_env(
	const char *name, const struct cfg_node *at, struct br_str *out, struct cfg_report *report)
{
	const char *value = getenv(name);

	if (!value)
		return cfg_problem(report, at, BR_E_CFG_ENV_MISSING, "name", name, NULL);
	*out = br_str_z(value);
	return check_content(*out, name, at, report);
}

static const char *secret_path(const char *name, const char *secrets_dir, struct br_arena *a)
{
	return name[0] == '/'
		       ? name
		       : br_arena_printf(a, "%s/%s", secrets_dir ? secrets_dir : ".", name).p;
}

static void check_mode(const char *path, const struct cfg_node *at, struct cfg_report *report)
{
	struct stat st;
	char mode[16];

	if (stat(path, &st) != 0 || !(st.st_mode & (S_IRGRP | S_IROTH)))
		return;
	snprintf(mode, sizeof(mode), "%04o", (unsigned)st.st_mode & 07777);
	cfg_warning(report, at, BR_E_CFG_SECRET_MODE, "path", path, "mode", mode, NULL);
}

static int read_secret(const char *name, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report)
{
	const char *path = secret_path(name, secrets_dir, report->arena);
	struct br_str text;
	struct br_err err;
	int rc;

	if (!path)
		return cfg_problem(report, at, BR_E_NOMEM, NULL);
	br_err_clear(&err);
	rc = br_read_file(path, SECRET_MAX, report->arena, &text, &err);
	if (rc == -BR_E_TOO_BIG)
		return cfg_problem(report, at, BR_E_CFG_SECRET_CONTENT, "name", path, NULL);
	if (rc)
		return cfg_problem(report, at, BR_E_CFG_SECRET_MISSING, "path", path, "why",
			br_err_detail(&err, "why"), NULL);
	check_mode(path, at, report);
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (text.n == 0)
		return cfg_problem(report, at, BR_E_CFG_SECRET_EMPTY, "path", path, NULL);
	*out = text;
	return check_content(text, path, at, report);
}

/* ref: what stands between the braces. */
static int read_reference(struct br_str ref, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report)
{
	static const struct br_str env = BR_STR("env:"), file = BR_STR("file:");
	struct br_str copy = br_arena_copy(report->arena, ref);

	if (!copy.p)
		return cfg_problem(report, at, BR_E_NOMEM, NULL);
	if (ref.n > env.n && memcmp(ref.p, env.p, env.n) == 0)
		return read_env(copy.p + env.n, at, out, report);
	if (ref.n > file.n && memcmp(ref.p, file.p, file.n) == 0)
		return read_secret(copy.p + file.n, at, secrets_dir, out, report);
	return bad_reference(ref, at, report);
}

/* What is text whatever stands in it. */
static void add_literal(struct expansion *x, struct br_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (x->template && text.p[i] == '{')
			br_buf_adds(&x->b, BR_STR("{{}"));
		else
			br_buf_addc(&x->b, text.p[i]);
	}
}

/* Replaces what begins at text->p, which is "${", and moves text behind it. */
static int take_reference(struct br_str *text, struct expansion *x)
{
	struct br_str value = BR_STR_NONE;
	const char *close = memchr(text->p, '}', text->n);
	size_t n;
	int rc;

	if (!close) {
		rc = bad_reference(*text, x->at, x->report);
		text->n = 0;
		return rc;
	}
	n = (size_t)(close - text->p) + 1;
	rc = read_reference(
		(struct br_str){text->p + 2, n - 3}, x->at, x->secrets_dir, &value, x->report);
	add_literal(x, value);
	text->p += n;
	text->n -= n;
	return rc;
}

/* All problems of a text are told, not only the first. */
static int expand_into(struct br_str text, struct expansion *x)
{
	int rc = 0;

	while (text.n) {
		int bad = 0;

		if (text.n >= 3 && memcmp(text.p, "$${", 3) == 0) {
			add_literal(x, BR_STR("${"));
			text.p += 3;
			text.n -= 3;
		} else if (text.n >= 2 && memcmp(text.p, "${", 2) == 0) {
			bad = take_reference(&text, x);
		} else {
			br_buf_addc(&x->b, *text.p++);
			text.n--;
		}
		rc = rc ? rc : bad;
	}
	return rc;
}

static int expand(struct br_str text, const struct cfg_node *at, const char *secrets_dir,
	bool template, struct br_str *out, struct cfg_report *report)
{
	struct expansion x = {
		.at = at, .secrets_dir = secrets_dir, .report = report, .template = template};
	struct br_str value;
	int rc;

	if (!cfg_has_reference(text)) {
		*out = text;
		return 0;
	}
	br_buf_init(&x.b, VALUE_MAX);
	rc = expand_into(text, &x);
	value = rc ? BR_STR_NONE : br_arena_copy(report->arena, br_buf_str(&x.b));
	if (!rc && (br_buf_failed(&x.b) || !value.p))
		rc = cfg_problem(report, at, BR_E_NOMEM, NULL);
	br_buf_release(&x.b);
	if (!rc)
		*out = value;
	return rc;
}

int cfg_expand(struct br_str text, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report)
{
	return expand(text, at, secrets_dir, false, out, report);
}

int cfg_expand_template(struct br_str text, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report)
{
	return expand(text, at, secrets_dir, true, out, report);
}
