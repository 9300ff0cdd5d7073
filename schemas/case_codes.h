/*
 * case_codes.h - code tables from codes/<name>.csv. Private to the loader.
 */
#ifndef CASE_CODES_H
#define CASE_CODES_H

#include "case_schema.h"

/* Reads one table; problems go to the report. False when it cannot be used. */
bool case_codes_read(const char *folder, struct br_str name, struct br_arena *a,
	struct cfg_report *report, struct code_table *out);

#endif
