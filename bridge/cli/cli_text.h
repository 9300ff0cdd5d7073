/*
 * cli_text.h - text on a terminal, which has columns: an East Asian wide character takes two of
 * them, a combining one none.
 *
 * Text is UTF-8; bytes that are none count as one column each. Widths are those of the C library
 * (wcwidth) under a UTF-8 locale, which main() has set.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "br_arena.h"

/* Columns of the terminal that stdout is: COLUMNS, or what the terminal says. 0: stdout is none, or
 * its width is not known; then nothing is shortened or wrapped. */
size_t cli_screen(void);
/* Columns a text takes. */
size_t cli_width(struct br_str s);
/* The longest beginning that takes at most `room` columns. */
struct br_str cli_fit(struct br_str s, size_t room);
/*
 * The next line of at most `room` columns; *rest goes on behind it. Breaks at blanks, which are
 * dropped, and beside wide characters, but not in front of a closing sign (，。）); a word longer
 * than a line is cut. At least one character is taken.
 */
struct br_str cli_take_line(struct br_str *rest, size_t room);
/* The text without control characters: a blank instead of white space, U+FFFD instead of others, so
 * that what somebody typed into a system cannot move the cursor. The text itself when it has none.
 */
const char *cli_printable(struct br_arena *a, const char *text);

#endif
