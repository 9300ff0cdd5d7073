/*
 * map_show.h - rows of a system shown both ways: what each column says, what the case gets, what
 * would be written back.
 *
 * Input is a JSON array or JSON lines of flat objects as the connector reports them, or CSV with
 * the columns in its header row
 * ("steps/1/yj" for columns of parts). One line of output per mapped field and per column written;
 * a line that fails does not hide the others.
 */
#ifndef MAP_SHOW_H
#define MAP_SHOW_H

#include "mapping.h"

enum map_show_as { MAP_SHOW_TABLE, MAP_SHOW_JSON, MAP_SHOW_CSV };

struct map_show_result {
	size_t rows, failed;   /* rows read, rows with at least one error */
	struct br_err ignored; /* columns of a CSV that may have been meant for those it lacks;
				  empty: none */
};

/* 0 also when rows failed (see the result); -code when the input cannot be read. had: status codes
 * the cases have had, may be empty. */
int map_show(const struct mapping *m, struct br_str input, const struct br_str *had, size_t nhad,
	enum map_show_as as, enum br_lang lang, struct br_buf *out, struct map_show_result *result,
	struct br_err *err);

#endif
