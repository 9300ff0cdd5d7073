/*
 * libyaml says what its grammar expected; a person wants to know what to write. Its messages are
 * told apart by their text, which has not changed since 0.1; what is not in the table is a plain
 * syntax error with the right place.
 */
#include "cfg_yaml.h"

#include "br_text.h"
#include "cfg_wide.h"

#include <stdio.h>

static const struct saying {
	const char *problem; /* the beginning of libyaml's */
	const char *context; /* the beginning of its context; NULL = any */
	enum br_err_code code;
	enum { HERE, OPENING } place; /* at the problem, or where the thing began */
} sayings[] = {
	{"found a tab character", NULL, BR_E_CFG_TAB, HERE},
	{"could not find expected ':'", NULL, BR_E_CFG_YAML_COLON, OPENING},
	{"mapping values are not allowed", NULL, BR_E_CFG_YAML_COLON_IN_TEXT, HERE},
	{"mapping keys are not allowed", NULL, BR_E_CFG_YAML_COLON_IN_TEXT, HERE},
	{"found unexpected ':'", NULL, BR_E_CFG_YAML_COLON_IN_TEXT, HERE},
	{"block sequence entries are not allowed", NULL, BR_E_CFG_YAML_DASH, HERE},
	{"found unexpected end of stream", "while scanning a quoted scalar", BR_E_CFG_YAML_QUOTE,
		OPENING},
	{"found unexpected document indicator", "while scanning a quoted scalar",
		BR_E_CFG_YAML_QUOTE, OPENING},
	{"", "while parsing a quoted scalar", BR_E_CFG_YAML_ESCAPE, HERE},
	{"", "while scanning a block scalar", BR_E_CFG_YAML_BLOCK, HERE},
	{"did not find expected key", "while parsing a block mapping", BR_E_CFG_YAML_INDENT, HERE},
	{"did not find expected '-'", "while parsing a block collection", BR_E_CFG_YAML_INDENT,
		HERE},
	{"", "while parsing a flow sequence", BR_E_CFG_YAML_BRACKET, HERE},
	{"", "while parsing a flow mapping", BR_E_CFG_YAML_BRACKET, HERE},
	{"did not find expected node content", NULL, BR_E_CFG_YAML_CONTENT, HERE},
	{"found character that cannot start", NULL, BR_E_CFG_YAML_CHAR, HERE},
	{"did not find expected alphabetic or numeric", "while scanning an anchor", BR_E_CFG_ANCHOR,
		OPENING},
	{"did not find expected alphabetic or numeric", "while scanning an alias", BR_E_CFG_ALIAS,
		OPENING},
	{"", "while scanning a tag", BR_E_CFG_TAG, OPENING},
	{"", "while parsing a tag", BR_E_CFG_TAG, OPENING},
	{"found undefined tag handle", NULL, BR_E_CFG_TAG, OPENING},
	{"did not find expected <document start>", NULL, BR_E_CFG_YAML_INDENT, HERE},
};

static bool begins(const char *text, const char *with)
{
	return !with || (text ? strncmp(text, with, strlen(with)) == 0 : *with == '\0');
}

static const struct saying *find(const yaml_parser_t *parser)
{
	for (size_t i = 0; i < BR_LEN(sayings); i++)
		if (begins(parser->problem, sayings[i].problem) &&
			begins(parser->context, sayings[i].context))
			return &sayings[i];
	return NULL;
}

static struct cfg_node place_of(const char *shown, yaml_mark_t mark)
{
	return (struct cfg_node){.file = shown,
		.line = (unsigned)mark.line + 1,
		.column = (unsigned)mark.column + 1};
}

/* The offset of a mark, which counts characters. */
static size_t offset_of(struct br_str text, yaml_mark_t mark)
{
	size_t chars = 0, i = 0;

	for (; i < text.n; i++)
		if (((unsigned char)text.p[i] & 0xc0) != 0x80 && chars++ == mark.index)
			break;
	return i;
}

static bool begins_line(struct br_str text, size_t at)
{
	while (at && (text.p[at - 1] == ' ' || text.p[at - 1] == '\t'))
		at--;
	return at == 0 || text.p[at - 1] == '\n' || text.p[at - 1] == '\r';
}

/* What the grammar calls the same, but a person does not. */
static enum br_err_code refine(enum br_err_code code, struct br_str text, size_t at)
{
	char c = at < text.n ? text.p[at] : '\0';

	/* in a block a tab cannot begin a line */
	if (code == BR_E_CFG_YAML_CHAR && c == '\t')
		return BR_E_CFG_TAB;
	if (code == BR_E_CFG_YAML_INDENT && c == ':')
		return BR_E_CFG_KEY_SHAPE;
	if (code == BR_E_CFG_YAML_INDENT && !begins_line(text, at))
		return BR_E_CFG_YAML_BEHIND;
	return code;
}

/* The line around a byte, without its end. */
static struct br_str line_around(struct br_str text, size_t byte)
{
	size_t from = byte, to = byte;

	while (from && text.p[from - 1] != '\n' && text.p[from - 1] != '\r')
		from--;
	while (to < text.n && text.p[to] != '\n' && text.p[to] != '\r')
		to++;
	return (struct br_str){text.p + from, to - from};
}

/* The last line above a byte that is neither empty nor a remark; *line counts back to it. */
static struct br_str line_above(struct br_str text, size_t byte, unsigned *line)
{
	struct br_str s = line_around(text, byte), said = BR_STR("");

	while (said.n == 0 && s.p > text.p) {
		size_t end = (size_t)(s.p - text.p) - 1;

		if (end && text.p[end] == '\n' && text.p[end - 1] == '\r')
			end--;
		s = line_around(text, end);
		said = br_trim(s);
		if (said.n && said.p[0] == '#')
			said = BR_STR("");
		--*line;
	}
	return s;
}

static int wide_in(struct br_str line, unsigned number, bool brackets, const char *shown,
	struct cfg_report *report)
{
	struct cfg_node at = {.file = shown, .line = number, .column = 1};
	size_t sign = cfg_wide_in_line(line, brackets);

	return sign < line.n ? cfg_wide_problem(&at, line, sign, report) : 0;
}

/* A full-width sign makes of a key a text that goes on, so that the complaint is about the line
 * below, or of entries one entry. 0: there is none. */
static int wide_problem(enum br_err_code code, const struct cfg_node *at, struct br_str text,
	size_t byte, unsigned line, struct cfg_report *report)
{
	bool brackets = code == BR_E_CFG_YAML_BRACKET;
	struct br_str here = line_around(text, byte), above;
	unsigned number = line;
	int rc;

	if (code == BR_E_CFG_YAML_COLON) { /* the parser has read on: what began the text counts */
		while (number > at->line && here.p > text.p)
			here = line_above(text, (size_t)(here.p - text.p), &number);
		return wide_in(here, number, false, at->file, report);
	}
	if (code != BR_E_CFG_YAML_COLON_IN_TEXT && !brackets)
		return 0;
	above = line_above(text, byte, &number);
	rc = number < line ? wide_in(above, number, false, at->file, report) : 0;
	return rc ? rc : wide_in(here, line, brackets, at->file, report);
}

int cfg_yaml_problem(const yaml_parser_t *parser, const char *shown, struct br_str text,
	const struct cfg_node *within, struct cfg_report *report)
{
	const struct saying *s = find(parser);
	enum br_err_code code = s ? s->code : BR_E_CFG_SYNTAX;
	struct cfg_node at = place_of(shown, parser->problem_mark), open = at;
	size_t byte = offset_of(text, parser->problem_mark);
	int rc;

	if (parser->error == YAML_MEMORY_ERROR)
		return cfg_problem(report, NULL, BR_E_NOMEM, NULL);
	if (parser->context)
		open = place_of(shown, parser->context_mark);
	if (s && s->place == OPENING)
		at = open;
	code = refine(code, text, byte);
	rc = wide_problem(code, &at, text, byte, (unsigned)parser->problem_mark.line + 1, report);
	if (rc)
		return rc;
	/* at the end of the file it is no value that is wanted */
	if (code == BR_E_CFG_YAML_CONTENT && byte == text.n && within) {
		code = BR_E_CFG_YAML_BRACKET;
		open = *within;
	}
	return cfg_problem(report, &at, code, "open", cfg_place(report->arena, &open), NULL);
}

/* Place of a byte as the parser would count: lines end in LF, CR or CR LF, columns are characters.
 */
static struct cfg_node place_of_byte(struct br_str text, size_t byte, const char *shown)
{
	struct cfg_node at = {.file = shown, .line = 1, .column = 1};

	for (size_t i = 0; i < byte; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\n' || (c == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'))) {
			at.line++;
			at.column = 1;
		} else if ((c & 0xc0) != 0x80 && c != '\r') {
			at.column++;
		}
	}
	return at;
}

static size_t find_control(struct br_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return i;
		/* U+0080 to U+009F without U+0085, a line end; U+FFFE and U+FFFF */
		if (c == 0xc2 && (unsigned char)text.p[i + 1] < 0xa0 &&
			(unsigned char)text.p[i + 1] != 0x85)
			return i;
		if (c == 0xef && memcmp(text.p + i, "\xef\xbf\xbe", 3) >= 0 &&
			memcmp(text.p + i, "\xef\xbf\xbf", 3) <= 0)
			return i;
	}
	return text.n;
}

int cfg_text_check(struct br_str text, const char *shown, struct cfg_report *report)
{
	size_t bad;
	struct cfg_node at;
	char name[16];

	if (text.n >= 2 &&
		(memcmp(text.p, "\xff\xfe", 2) == 0 || memcmp(text.p, "\xfe\xff", 2) == 0)) {
		at = (struct cfg_node){.file = shown, .line = 1, .column = 1};
		return cfg_problem(report, &at, BR_E_CFG_UTF16, NULL);
	}
	bad = br_utf8_check(text);
	if (bad < text.n) {
		at = place_of_byte(text, bad, shown);
		return cfg_problem(report, &at, BR_E_CFG_UTF8, NULL);
	}
	bad = find_control(text);
	if (bad == text.n)
		return 0;
	at = place_of_byte(text, bad, shown);
	if ((unsigned char)text.p[bad] == 0xef)
		snprintf(name, sizeof(name), "U+%s",
			(unsigned char)text.p[bad + 2] == 0xbe ? "FFFE" : "FFFF");
	else
		snprintf(name, sizeof(name), "U+%04X",
			(unsigned)(unsigned char)
				text.p[bad + ((unsigned char)text.p[bad] == 0xc2)]);
	return cfg_problem(report, &at, BR_E_CFG_CONTROL, "char", name, NULL);
}
