/*
 * check.h - is a number, code, date or name well formed? What the published standards let one
 * decide without asking anybody.
 *
 * Every check is a pure function of its argument: no clock, no table, no memory. The plain checks
 * accept only the canonical form (what stands in the case); the _normalise functions accept what
 * real tables hold and write the canonical form. A number that passes is well formed, not proven to
 * belong to anyone.
 *
 *   公民身份号码           GB 11643    check_id.c
 *   统一社会信用代码       GB 32100    check_org.c
 *   组织机构代码           GB 11714    check_org.c
 *   实施编码               GB/T 39554.1  check_org.c
 *   行政区划代码           GB/T 2260   check_text.c
 *   dates and times        GB/T 7408, RFC 3339  check_time.c
 */
#ifndef CHECK_H
#define CHECK_H

#include "br_str.h"

/* 公民身份号码 GB 11643: 18 characters, the last a digit or X; the birth date is a day of the
 * calendar, the check character right. */
bool check_citizen_id(struct br_str id);
/*
 * As people and old tables write it -> 18 characters and a NUL. Accepts 15 digits (GB 11643-1989:
 * the century is 19, the check character is computed), x for X, full-width digits and X, blanks
 * between and around.
 */
bool check_citizen_id_normalise(struct br_str in, char out[19]);
/* Of an id that passes check_citizen_id: the day of birth as "1950-03-07", and whether the holder
 * is male. */
void check_citizen_id_birth(struct br_str id, char out[11]);
bool check_citizen_id_male(struct br_str id);

/* 统一社会信用代码 GB 32100-2015: 18 characters without I O S V Z, its own check character and that
 * of the 组织机构代码 inside. */
bool check_credit_code(struct br_str code);
/* Lower case, full-width and blanks -> 18 characters and a NUL. */
bool check_credit_code_normalise(struct br_str in, char out[19]);
/* 组织机构代码 GB 11714: 8 characters and a check character, with or without the hyphen between. */
bool check_org_code(struct br_str code);
/* 实施编码: credit code of the unit (18), 行使层级 (1 to 7), 基本编码 (12 letters or digits): 31
 * characters. */
bool check_impl_code(struct br_str code);
/* Dashes, blanks, lower case -> 31 characters and a NUL. */
bool check_impl_code_normalise(struct br_str in, char out[32]);

/* 11 digits of a mainland mobile: 1, then 3 to 9. */
bool check_mobile(struct br_str s);
/* Area code with 0, number, extension: 0564-3333333, 05643333333, 0564-3333333-8001. */
bool check_landline(struct br_str s);
/* 6 digits. */
bool check_postcode(struct br_str s);
/* 行政区划代码 in canonical length: 12 digits, the first not 0. */
bool check_division(struct br_str s);
/* 6, 9 or 12 digits -> 12 digits, padded with 0, and a NUL. */
bool check_division_normalise(struct br_str in, char out[13]);

/*
 * A name of a person or an organisation: from 2 to max characters, no control characters, no blank
 * at either end, not only digits or signs.
 */
bool check_name(struct br_str s, size_t max);
/*
 * The separator of transcribed names becomes U+00B7: U+2022, U+30FB, U+FF65, U+2027, U+FF0E and '.'
 * between two characters that are not ASCII. Blanks at the ends go. out has room for in.n + in.n /
 * 2 + 1 bytes and takes a NUL; returns its length.
 */
size_t check_name_normalise(struct br_str in, char *out);

/* "1950-03-07": a day of the calendar, year 1 to 9999. */
bool check_date(struct br_str s);
/* RFC 3339 with zone: "2018-07-02T09:05:00+08:00", "...T01:05:00.123Z"; T and Z in capitals. */
bool check_time(struct br_str s);
/* The moment of such a time, in microseconds since 1970 (digits beyond are dropped); false when it
 * is none. */
bool check_time_us(struct br_str s, int64_t *us);
bool check_calendar(int year, int month, int day);

/* Whole number of 64 bits, decimal number, as they are written in the case: no plus sign, no
 * leading zeros, no "-0". */
bool check_int(struct br_str s);
bool check_decimal(struct br_str s);
/* "true" or "false". */
bool check_bool(struct br_str s);

#endif
