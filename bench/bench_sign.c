#include "bench_sign.h"
#include "bench_clock.h"
#include "bench_file.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static void hex(const unsigned char *bytes, size_t n, char out[SIGN_HEX])
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

void sign_hmac(const char *secret, const char *text, char out[SIGN_HEX])
{
	unsigned char digest[32];
	unsigned n = sizeof(digest);

	if (!HMAC(EVP_sm3(), secret, (int)strlen(secret), (const unsigned char *)text, strlen(text),
		    digest, &n))
		bench_die("HMAC-SM3", "not available");
	hex(digest, n, out);
}

void sign_hash(const char *bytes, size_t n, char out[SIGN_HEX])
{
	unsigned char digest[32];
	unsigned size = sizeof(digest);

	if (!EVP_Digest(bytes, n, digest, &size, EVP_sm3(), NULL))
		bench_die("SM3", "not available");
	hex(digest, size, out);
}

void sign_nonce(char out[32])
{
	static unsigned long long number;

	snprintf(out, 32, "%llx-%llx", (unsigned long long)bench_now(CLOCK_REALTIME), ++number);
}

void sign_timestamp(char out[32])
{
	snprintf(out, 32, "%lld", (long long)(bench_now(CLOCK_REALTIME) / 1000000));
}
