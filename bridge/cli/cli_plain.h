/*
 * cli_plain.h - rows for people: columns side by side, fitted to the terminal.
 *
 * Piped, nothing is shortened or wrapped. On a terminal that is too narrow, long texts go onto
 * indented lines below their row, then the columns that matter least are shortened (they end in
 * "…"), and when even that is not enough each row is printed from top to bottom.
 */
#ifndef CLI_PLAIN_H
#define CLI_PLAIN_H

#include "cli.h"

void cli_plain_table(struct cli *c, const struct cli_table *t);
/* One row from top to bottom. */
void cli_plain_record(struct cli *c, const struct cli_table *t);
/* Text whose first line begins with `first` blanks and whose further lines with `more`. */
void cli_plain_text(struct cli *c, const char *text, size_t first, size_t more);

#endif
