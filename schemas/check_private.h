/*
 * check_private.h - small helpers of the checks.
 */
#ifndef CHECK_PRIVATE_H
#define CHECK_PRIVATE_H

#include "check.h"

static inline bool check_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

static inline int check_number(const char *p, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (p[i] - '0');
	return value;
}

/*
 * Removes blanks (also U+3000 and U+00A0) and the bytes of drop, makes full-width characters
 * (U+FF01..U+FF5E) narrow and letters upper case. Returns the length, or room + 1 when it is longer
 * than room or has any other byte outside ASCII.
 */
size_t check_narrow(struct br_str in, const char *drop, char *out, size_t room);

#endif
