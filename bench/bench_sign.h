/*
 * bench_sign.h - token and signature of the simulated portal's interface
 * (tools/portal-simulator/README.md, section 2), HMAC-SM3.
 */
#ifndef BENCH_SIGN_H
#define BENCH_SIGN_H

#include <stddef.h>

#define SIGN_HEX 65

/* Lower-case hex of HMAC-SM3(secret, text), and of SM3(bytes). */
void sign_hmac(const char *secret, const char *text, char out[SIGN_HEX]);
void sign_hash(const char *bytes, size_t n, char out[SIGN_HEX]);
/* A new nonce, and now in milliseconds since 1970, as text. */
void sign_nonce(char out[32]);
void sign_timestamp(char out[32]);

#endif
