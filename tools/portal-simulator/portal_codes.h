/*
 * portal_codes.h - the portal's code tables and its checks of single values.
 */
#ifndef PORTAL_CODES_H
#define PORTAL_CODES_H

#include <stdbool.h>
#include <stddef.h>

struct code {
	const char *value, *text; /* a table ends with value NULL */
};
extern const struct code codes_state[], codes_applicant_type[], codes_cert_type[], codes_sex[],
	codes_submit[], codes_channel[], codes_approval[], codes_unit[], codes_card[],
	codes_node_type[], codes_node_state[], codes_node_result[], codes_special[], codes_done[],
	codes_yes_no[], codes_rating[];

/* The text of a value, NULL when the table does not have it. */
const char *code_text(const struct code *table, const char *value);

bool value_is_date(const char *s);	 /* YYYYMMDD, a day that exists */
bool value_is_time(const char *s);	 /* YYYYMMDDhhmmss */
bool value_is_mobile(const char *s);	 /* 1[3-9] and nine digits */
bool value_is_citizen_id(const char *s); /* 18 characters, birth date and check character */
bool value_is_number(const char *s, unsigned decimals);
/* Characters (not bytes) of UTF-8 text. */
size_t value_characters(const char *s);

/* States that end a case: nothing leads out of them. */
bool state_is_final(const char *state);
/* Whether the portal lets a case go from one state to the other. */
bool state_may_follow(const char *from, const char *to);
/* Whether a step of this type may end with this result. */
bool node_pair_ok(const char *type, const char *result);

#endif
