/*
 * portal_fields.h - every field of a case: name, label, type, length, code table.
 *
 * A case is a JSON object: the fields of FIELDS_BASIC as members, those of FIELDS_EXT in EXT, of
 * FIELDS_DONE in member DONE, and the lists STEPS, SPECIALNODES (elements told apart by SN) and
 * FILES (by FILEID). All values are strings or null, and every field is always there.
 */
#ifndef PORTAL_FIELDS_H
#define PORTAL_FIELDS_H

#include <jansson.h>

#include "portal_codes.h"

enum field_kind {
	FIELD_TEXT,
	FIELD_CODE,
	FIELD_DATE,
	FIELD_TIME,
	FIELD_MOBILE,
	FIELD_DIGITS,
	FIELD_NUMBER,
	FIELD_AMOUNT, /* two decimals */
};
enum {
	FIELD_REQUIRED = 1,  /* must have a value once the group is there */
	FIELD_FIXED = 2,     /* the portal fills it in; what a caller sends is passed over */
	FIELD_CLERK = 4,     /* a portal clerk may edit it */
	FIELD_APPLICANT = 8, /* the applicant may correct it while the case is open */
	FIELD_FORM = 16,     /* stands in the applicant's form */
};
struct field {
	const char *name, *label;
	enum field_kind kind;
	unsigned max; /* characters */
	const struct code *codes;
	unsigned flags;
};
enum field_group { FIELDS_BASIC, FIELDS_EXT, FIELDS_STEP, FIELDS_SPECIAL, FIELDS_DONE };

/* Fields of a group, ended by name NULL. */
const struct field *fields_of(enum field_group group);
const struct field *field_find(enum field_group group, const char *name);
/* NULL when the value may stand in the field, else what is wrong with it, in Chinese. */
const char *field_wrong(const struct field *f, const char *value);
/* The value as people read it: a code's text, else the value; "" for NULL. */
const char *field_shown(const struct field *f, const char *value);
/* An object with every field of the group null; new reference. */
json_t *fields_blank(enum field_group group);
/* A whole case with nothing in it; new reference. */
json_t *case_blank(void);

#endif
