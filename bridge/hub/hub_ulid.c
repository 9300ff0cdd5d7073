#include "hub_ulid.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void put_be(uint8_t *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

struct hub_id hub_ulid_make(int64_t ms, struct br_str topic, int64_t offset)
{
	struct hub_id id;
	uint64_t seed[2] = {br_hash(topic.p, topic.n), (uint64_t)offset};
	uint64_t high = br_hash(seed, sizeof(seed));
	uint64_t low;

	seed[0] ^= 0x9e3779b97f4a7c15u;
	low = br_hash(seed, sizeof(seed));
	put_be(id.b, (uint64_t)ms, 6);
	put_be(id.b + 6, high, 8);
	put_be(id.b + 14, low, 2);
	return id;
}

void hub_ulid_text(const struct hub_id *id, char out[HUB_ULID_TEXT + 1])
{
	/* 26 * 5 = 130 bits: the first character carries the two missing bits as zeros */
	unsigned bits = 2, acc = 0, at = 0;

	for (unsigned i = 0; i < 16; i++) {
		acc = (acc << 8) | id->b[i];
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			out[at++] = alphabet[(acc >> bits) & 31];
		}
		acc &= (1u << bits) - 1;
	}
	out[at] = '\0';
}

bool hub_ulid_read(struct br_str s, struct hub_id *out)
{
	unsigned bits = 0, acc = 0, at = 0;

	if (s.n != HUB_ULID_TEXT || s.p[0] > '7')
		return false;
	for (unsigned i = 0; i < HUB_ULID_TEXT; i++) {
		const char *where = s.p[i] ? strchr(alphabet, s.p[i]) : NULL;

		if (!where)
			return false;
		acc = (acc << 5) | (unsigned)(where - alphabet);
		bits += i == 0 ? 3 : 5;
		if (bits >= 8) {
			bits -= 8;
			out->b[at++] = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	return at == 16;
}
