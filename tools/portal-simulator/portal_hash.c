#include "portal_hash.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

static void must(bool worked, const char *what)
{
	if (worked)
		return;
	fprintf(stderr, "portal-simulator: OpenSSL cannot do %s\n", what);
	abort();
}

static const char *name_of(enum hash_kind kind)
{
	return kind == HASH_SM3 ? "SM3" : "SHA256";
}

static void to_hex(const unsigned char *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void hash_hex(enum hash_kind kind, const void *data, size_t size, char out[HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n = 0;

	must(EVP_Q_digest(NULL, name_of(kind), NULL, data, size, digest, &n) && n == 32,
		name_of(kind));
	to_hex(digest, n, out);
}

void hash_hmac_hex(enum hash_kind kind, const char *key, const char *text, char out[HASH_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n = 0;

	must(EVP_Q_mac(NULL, "HMAC", NULL, name_of(kind), NULL, key, strlen(key),
		     (const unsigned char *)text, strlen(text), digest, sizeof(digest), &n) &&
			n == 32,
		name_of(kind));
	to_hex(digest, n, out);
}

bool hash_same(const char *hex, const char *other)
{
	char a[HASH_HEX] = "", b[HASH_HEX] = "";

	if (strlen(hex) != HASH_HEX - 1 || strlen(other) != HASH_HEX - 1)
		return false;
	for (size_t i = 0; i < HASH_HEX - 1; i++) {
		a[i] = (char)tolower((unsigned char)hex[i]);
		b[i] = (char)tolower((unsigned char)other[i]);
	}
	return CRYPTO_memcmp(a, b, HASH_HEX) == 0;
}

void hash_random_hex(char *out, size_t n)
{
	unsigned char bytes[64];

	must(n <= sizeof(bytes) && RAND_bytes(bytes, (int)n) == 1, "random numbers");
	to_hex(bytes, n, out);
}

unsigned hash_random_below(unsigned limit)
{
	unsigned value;

	must(RAND_bytes((unsigned char *)&value, sizeof(value)) == 1, "random numbers");
	return limit ? value % limit : 0;
}
