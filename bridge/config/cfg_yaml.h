/*
 * cfg_yaml.h - what is wrong with the text of a YAML file, in our own words. Private to cfg_node.c
 * and cfg_csv.c.
 */
#ifndef CFG_YAML_H
#define CFG_YAML_H

#include "cfg_node.h"

#include <yaml.h>

/* Adds the problem that ended the parser to the report. within: the innermost list or map being
 * read, or NULL. Returns -code. */
int cfg_yaml_problem(const yaml_parser_t *parser, const char *shown, struct br_str text,
	const struct cfg_node *within, struct cfg_report *report);
/*
 * Looks through the bytes before the parser does: valid UTF-8 (not UTF-16), no NUL or other control
 * characters, so that the place is right and the words are ours. Returns 0 or -code.
 */
int cfg_text_check(struct br_str text, const char *shown, struct cfg_report *report);

#endif
