/*
 * Option tables for people: the page of the reference.
 */
#include "cfg_option.h"

#include "cfg_value.h"

#include <stdio.h>

static const char *help(const struct cfg_option *row, enum br_lang lang)
{
	const char *text = lang == BR_LANG_ZH ? row->help_zh : row->help_en;

	return text ? text : "";
}

static const char *type_word(const struct cfg_option *row, enum br_lang lang)
{
	static const char *const words[][2] = {
		[CFG_T_TEXT] = {"text", "文本"},
		[CFG_T_BOOL] = {"true or false", "true 或 false"},
		[CFG_T_INT] = {"whole number", "整数"},
		[CFG_T_DURATION] = {"time (250ms, 2s, 5m, 1h, 7d)",
			"时长（250ms、2s、5m、1h、7d）"},
		[CFG_T_SIZE] = {"bytes (512, 64k, 5M, 1G)", "字节数（512、64k、5M、1G）"},
		[CFG_T_RATE] = {"rate (10/s, 50/m, 200/h)", "速率（10/s、50/m、200/h）"},
		[CFG_T_ENUM] = {"one of", "其中之一："},
		[CFG_T_LIST] = {"list", "列表"},
		[CFG_T_MAP] = {"keys and values", "键和值"},
		[CFG_T_NODE] = {"see there", "见专门说明"},
	};

	return words[row->type][lang];
}

static bool has_range(const struct cfg_option *row)
{
	return row->min || row->max;
}

static void write_range(const struct cfg_option *row, const char *dash, FILE *to)
{
	char min[32], max[32];

	fprintf(to, "%s%s%s", cfg_number_text(row->type, row->min, min, sizeof(min)), dash,
		cfg_number_text(row->type, row->max, max, sizeof(max)));
}

/* A bar would end the cell. */
static void write_cell(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void reference_type(const struct cfg_option *row, enum br_lang lang, FILE *to)
{
	fputs(type_word(row, lang), to);
	for (size_t i = 0; row->type == CFG_T_ENUM && row->words[i]; i++)
		fprintf(to, "%s`%s`", i ? ", " : lang == BR_LANG_ZH ? "" : " ", row->words[i]);
	if (has_range(row)) {
		fputs(lang == BR_LANG_ZH ? "，" : ", ", to);
		write_range(row, "–", to);
	}
	if (row->secret)
		fputs(lang == BR_LANG_ZH ? "，密钥" : ", secret", to);
}

void cfg_write_reference(const struct cfg_option *table, enum br_lang lang, FILE *to)
{
	bool zh = lang == BR_LANG_ZH;

	fputs(zh ? "| 键 | 类型 | 默认值 | 说明 |\n|---|---|---|---|\n"
		 : "| Key | Type | Default | Meaning |\n|---|---|---|---|\n",
		to);
	for (const struct cfg_option *row = table; row->name; row++) {
		fprintf(to, "| `%s` | ", row->name);
		reference_type(row, lang, to);
		fputs(" | ", to);
		if (row->required)
			fputs(zh ? "必填" : "required", to);
		else if (row->dflt && *row->dflt) {
			fputc('`', to);
			write_cell(row->dflt, to);
			fputc('`', to);
		}
		fputs(" | ", to);
		write_cell(help(row, lang), to);
		fputs(" |\n", to);
	}
}
