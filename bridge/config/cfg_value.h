/*
 * cfg_value.h - numbers with units, read and written.
 */
#ifndef CFG_VALUE_H
#define CFG_VALUE_H

#include "cfg_option.h"

/* INT, DURATION, SIZE or RATE from the text a user wrote; false when it is none or does not fit
 * int64_t. */
bool cfg_number_read(enum cfg_type type, struct br_str text, int64_t *out);
/* The shortest text that reads back as the value ("90s", "64k", "200/h"); size of at least 32 is
 * enough. Returns buf. */
char *cfg_number_text(enum cfg_type type, int64_t value, char *buf, size_t size);

#endif
