/*
 * cfg_wide.h - full-width signs that were typed for those of YAML: "title：x" for "title: x". To
 * YAML they are letters, so that it complains elsewhere or not at all. Private to cfg_node.c and
 * cfg_yaml.c.
 */
#ifndef CFG_WIDE_H
#define CFG_WIDE_H

#include "cfg_node.h"

/* Such a sign in a key without quotes: no key has one. Offset of the sign, or key.n. */
size_t cfg_wide_in_key(struct br_str key);
/* In a text without quotes that stands where keys could stand: only behind a name in Latin letters,
 * since texts may hold such signs. Offset of the sign, or text.n. */
size_t cfg_wide_in_text(struct br_str text);
/* In a line that YAML has refused: where a key can stand, or between entries in brackets. brackets:
 * the line begins within some. Offset of the sign, or line.n. */
size_t cfg_wide_in_line(struct br_str line, bool brackets);
/* Adds the problem; at: where text begins, sign: offset of the sign. Returns -code. */
int cfg_wide_problem(
	const struct cfg_node *at, struct br_str text, size_t sign, struct cfg_report *report);

#endif
