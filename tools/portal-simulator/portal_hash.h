/*
 * portal_hash.h - SM3 and SHA-256, plain and keyed, through OpenSSL; random numbers.
 */
#ifndef PORTAL_HASH_H
#define PORTAL_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum hash_kind { HASH_SM3, HASH_SHA256 };
#define HASH_HEX 65 /* 64 lower-case hex digits and the end */

/* They cannot fail: an OpenSSL without the algorithm ends the program with a message. */
void hash_hex(enum hash_kind kind, const void *data, size_t size, char out[HASH_HEX]);
void hash_hmac_hex(enum hash_kind kind, const char *key, const char *text, char out[HASH_HEX]);
/* Compares in constant time, hex digits of either case. */
bool hash_same(const char *hex, const char *other);
/* n random bytes as 2n hex digits; out holds 2n + 1. */
void hash_random_hex(char *out, size_t n);
unsigned hash_random_below(unsigned limit);

#endif
