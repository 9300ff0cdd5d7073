#include "cfg_wide.h"

#include "br_text.h"

static const struct sign {
	struct br_str wide;
	const char *meant;
} signs[] = {
	{BR_STR("："), ":"},
	{BR_STR("，"), ","},
	{BR_STR("“"), "\""},
	{BR_STR("”"), "\""},
};

static const struct sign *sign_at(struct br_str s, size_t i)
{
	for (size_t k = 0; k < BR_LEN(signs); k++)
		if (s.n - i >= signs[k].wide.n &&
			memcmp(s.p + i, signs[k].wide.p, signs[k].wide.n) == 0)
			return &signs[k];
	return NULL;
}

size_t cfg_wide_in_key(struct br_str key)
{
	size_t i = 0;

	while (i < key.n && !sign_at(key, i))
		i++;
	return i;
}

static bool latin(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-' || c == '/';
}

size_t cfg_wide_in_text(struct br_str text)
{
	const struct sign *s;
	size_t i = 0;

	while (i < text.n && latin(text.p[i]))
		i++;
	s = i ? sign_at(text, i) : NULL;
	return s && *s->meant == ':' ? i : text.n;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Behind the quote that closes the one at i. */
static size_t behind_quotes(struct br_str line, size_t i)
{
	const char *end = memchr(line.p + i + 1, line.p[i], line.n - i - 1);

	return end ? (size_t)(end - line.p) + 1 : line.n;
}

/* Does an entry with a key, or the end of the line, stand behind the comma? */
static bool parts_entries(struct br_str line, size_t i)
{
	const char *end = line.p + line.n, *p = line.p + i + 3;

	while (p < end && blank(*p))
		p++;
	if (p == end)
		return true;
	for (; p < end && !strchr(",[]{}", *p); p++) {
		struct br_str rest = {p, (size_t)(end - p)};
		const struct sign *s = sign_at(rest, 0);

		if (*p == ':' || (s && *s->meant == ':'))
			return true;
	}
	return false;
}

struct line_state {
	bool key;   /* a key may stand here */
	bool begun; /* and has begun */
	unsigned depth;
};

/* What a character that is no full-width sign makes of the state. */
static void step(struct line_state *s, struct br_str line, size_t i)
{
	char c = line.p[i];
	bool ends = i + 1 == line.n || blank(line.p[i + 1]);

	if (c == '{' || c == '[' || (c == ',' && s->depth)) {
		s->depth += c != ',';
		s->key = true;
		s->begun = false;
	} else if ((c == '}' || c == ']') && s->depth) {
		s->depth--;
	} else if (c == ':' && ends) {
		s->key = false;
	} else if (!blank(c) && !(c == '-' && ends)) {
		s->begun = true;
	}
}

size_t cfg_wide_in_line(struct br_str line, bool brackets)
{
	struct line_state s = {.key = true, .depth = brackets};

	for (size_t i = 0; i < line.n;) {
		bool apart = i == 0 || strchr(" \t{[,", line.p[i - 1]);
		const struct sign *sign = sign_at(line, i);

		if (line.p[i] == '#' && apart)
			break;
		if ((line.p[i] == '"' || line.p[i] == '\'') && apart) {
			i = behind_quotes(line, i);
			continue;
		}
		if (sign && ((*sign->meant == ':' && s.key) ||
				    (*sign->meant == '"' && s.key && !s.begun) ||
				    (*sign->meant == ',' && s.depth && parts_entries(line, i))))
			return i;
		step(&s, line, i);
		i++;
	}
	return line.n;
}

int cfg_wide_problem(
	const struct cfg_node *at, struct br_str text, size_t sign, struct cfg_report *report)
{
	const struct sign *s = sign_at(text, sign);
	struct cfg_node here = *at;
	char found[8];

	here.column += (unsigned)br_utf8_chars((struct br_str){text.p, sign});
	memcpy(found, s->wide.p, s->wide.n);
	found[s->wide.n] = '\0';
	return cfg_problem(
		report, &here, BR_E_CFG_YAML_WIDE, "found", found, "expected", s->meant, NULL);
}
