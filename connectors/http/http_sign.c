/*
 * http_sign.c - HMAC (RFC 2104) with SHA-256 or SM3 (GB/T 32905) from OpenSSL 3, and templates.
 */
#include "http_call.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Fetched once: OpenSSL otherwise looks among its providers for every few bytes. */
static const EVP_MD *digest(enum http_hmac algorithm)
{
	static EVP_MD *sm3, *sha256;
	EVP_MD **md = algorithm == HTTP_HMAC_SM3 ? &sm3 : &sha256;

	if (!*md)
		*md = EVP_MD_fetch(NULL, algorithm == HTTP_HMAC_SM3 ? "SM3" : "SHA256", NULL);
	return *md;
}

struct br_str http_hex(const unsigned char *bytes, unsigned n, struct br_arena *a)
{
	char *p = br_arena_alloc(a, 2 * (size_t)n + 1);

	if (!p)
		return BR_STR_NONE;
	for (unsigned i = 0; i < n; i++) {
		p[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		p[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	p[2 * (size_t)n] = '\0';
	return (struct br_str){p, 2 * (size_t)n};
}

struct br_str http_hmac(
	enum http_hmac algorithm, struct br_str key, struct br_str text, struct br_arena *a)
{
	const EVP_MD *md = digest(algorithm);
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!md || !HMAC(md, key.p ? key.p : "", (int)key.n,
			   (const unsigned char *)(text.p ? text.p : ""), text.n, out, &n))
		return BR_STR_NONE;
	return http_hex(out, n, a);
}

struct br_str http_hash(enum http_hmac algorithm, struct br_str text, struct br_arena *a)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!EVP_Digest(text.p ? text.p : "", text.n, out, &n, digest(algorithm), NULL))
		return BR_STR_NONE;
	return http_hex(out, n, a);
}

static struct br_str column(const struct http_vars *v, struct br_str name)
{
	int f = v->shape ? shape_find(v->shape, v->part, name) : -1;
	unsigned part = v->part;
	struct br_str key = v->key;
	const struct cell *c;

	if (f < 0 && v->shape) {
		f = shape_find(v->shape, 0, name);
		part = 0;
		key = BR_STR_NONE;
	}
	if (f < 0)
		return BR_STR_NONE;
	c = v->set ? image_get(v->set, part, key, (unsigned)f) : NULL;
	if (!c && v->base)
		c = image_get(v->base, part, key, (unsigned)f);
	return c ? c->value : BR_STR_NONE;
}

static struct br_str value_of(const struct http_vars *v, struct br_str name)
{
	const struct {
		struct br_str name, value;
	} known[] = {
		{BR_STR("lid"), v->lid},
		{BR_STR("cursor"), v->cursor},
		{BR_STR("limit"), v->limit},
		{BR_STR("page"), v->page},
		{BR_STR("did"), v->did},
		{BR_STR("app_key"), v->o->app_key},
		{BR_STR("token"), v->token},
		{BR_STR("timestamp"), v->timestamp},
		{BR_STR("nonce"), v->nonce},
		{BR_STR("method"), v->method},
		{BR_STR("path"), v->path},
		{BR_STR("body"), v->body},
		{BR_STR("body_hash"), v->body_hash},
		{BR_STR("signature"), v->signature},
		{BR_STR("key"), v->key},
		{BR_STR("{"), BR_STR("{")},
	};

	for (size_t i = 0; i < BR_LEN(known); i++)
		if (br_str_eq(name, known[i].name))
			return known[i].value;
	return column(v, name);
}

static void add_encoded(struct br_buf *b, struct br_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		/* unreserved characters of RFC 3986 */
		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(c && strchr("-._~", c)))
			br_buf_addc(b, (char)c);
		else
			br_buf_printf(b, "%%%02X", c);
	}
}

struct br_str http_fill(
	struct br_str template, const struct http_vars *v, bool for_url, struct br_arena *a)
{
	struct br_buf b;
	struct br_str out;

	if (!template.p || !memchr(template.p, '{', template.n))
		return template;
	br_buf_init(&b, 16u << 20);
	for (size_t i = 0; i < template.n;) {
		const char *open = memchr(template.p + i, '{', template.n - i);
		const char *close =
			open ? memchr(open, '}', template.n - (size_t)(open - template.p)) : NULL;
		size_t plain = close ? (size_t)(open - template.p) - i : template.n - i;

		br_buf_add(&b, template.p + i, plain);
		i += plain;
		if (close) {
			struct br_str value =
				value_of(v, (struct br_str){open + 1, (size_t)(close - open - 1)});

			if (for_url)
				add_encoded(&b, value);
			else
				br_buf_adds(&b, value);
			i = (size_t)(close - template.p) + 1;
		}
	}
	out = br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}
