#include "br_json_keys.h"

#include <sys/auxv.h>

#define FEW	    16
#define FIRST_SLOTS 64

struct slot {
	uint32_t hash;
	uint32_t index; /* in list + 1; 0 = free */
};

struct br_json_keys {
	uint32_t n, room;
	struct br_str *list; /* few, or in the arena */
	uint32_t mask;	     /* slots in use - 1 */
	uint32_t nslots;     /* slots allocated */
	struct slot *slots;
	uint64_t marks; /* of the few */
	struct br_str few[FEW];
};

/*
 * Keyed by what the kernel gave this process: with a hash an outsider can compute he could send an
 * object whose keys all meet in one slot. br_hash() is the same everywhere and must stay so.
 */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t keyed_hash(struct br_str s)
{
	static uint64_t seed[2];
	uint64_t h, word;
	size_t i = 0;

	if (!seed[0]) {
		const void *random = (const void *)getauxval(AT_RANDOM);

		if (random)
			memcpy(seed, random, sizeof(seed));
		seed[0] |= 1;
	}
	h = seed[0] ^ s.n;
	for (; s.n - i >= 8; i += 8) {
		memcpy(&word, s.p + i, 8);
		h = mix(h ^ word, seed[1] ^ UINT64_C(0x9e3779b97f4a7c15));
	}
	word = 0;
	if (s.n > i)
		memcpy(&word, s.p + i, s.n - i);
	h = mix(h ^ word, seed[1] ^ UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(h ^ h >> 32);
}

struct br_json_keys *br_json_keys_new(struct br_arena *a)
{
	struct br_json_keys *keys = br_arena_alloc(a, sizeof(*keys));

	if (keys) {
		keys->n = 0;
		keys->marks = 0;
		keys->room = FEW;
		keys->list = keys->few;
		keys->nslots = 0;
		keys->slots = NULL;
	}
	return keys;
}

void br_json_keys_reset(struct br_json_keys *keys)
{
	keys->n = 0;
	keys->marks = 0;
}

static void put_slot(struct br_json_keys *keys, struct slot slot)
{
	uint32_t at = slot.hash & keys->mask;

	while (keys->slots[at].index)
		at = (at + 1) & keys->mask;
	keys->slots[at] = slot;
}

/*
 * All keys of the list into count slots. Only the slots in use are cleared, not those a larger
 * object left: many objects of middle size behind a huge one must not cost the huge one's table
 * each.
 */
static bool use_slots(struct br_json_keys *keys, uint32_t count, struct br_arena *a)
{
	if (keys->nslots < count) {
		struct slot *slots = br_arena_alloc(a, count * sizeof(*slots));

		if (!slots)
			return false;
		keys->slots = slots;
		keys->nslots = count;
	}
	memset(keys->slots, 0, count * sizeof(*keys->slots));
	keys->mask = count - 1;
	for (uint32_t i = 0; i < keys->n; i++)
		put_slot(keys, (struct slot){keyed_hash(keys->list[i]), i + 1});
	return true;
}

static bool grow_list(struct br_json_keys *keys, struct br_arena *a)
{
	struct br_str *list;

	if (keys->room > UINT32_MAX / 8)
		return false;
	list = br_arena_alloc(a, (size_t)keys->room * 2 * sizeof(*list));
	if (!list)
		return false;
	memcpy(list, keys->list, keys->n * sizeof(*list));
	keys->list = list;
	keys->room *= 2;
	return true;
}

static bool find_key(const struct br_json_keys *keys, struct br_str key, uint32_t hash)
{
	uint32_t at = hash & keys->mask;

	for (; keys->slots[at].index; at = (at + 1) & keys->mask)
		if (keys->slots[at].hash == hash &&
			br_str_eq(keys->list[keys->slots[at].index - 1], key))
			return true;
	return false;
}

static enum br_key_added add_to_many(
	struct br_json_keys *keys, struct br_str key, struct br_arena *a)
{
	uint32_t hash = keyed_hash(key);

	/* half full at most */
	if (keys->n == FEW && !use_slots(keys, FIRST_SLOTS, a))
		return BR_KEY_NO_MEMORY;
	if (keys->n * 2 > keys->mask && !use_slots(keys, (keys->mask + 1) * 2, a))
		return BR_KEY_NO_MEMORY;
	if (find_key(keys, key, hash))
		return BR_KEY_DUPLICATE;
	if (keys->n == keys->room && !grow_list(keys, a))
		return BR_KEY_NO_MEMORY;
	keys->list[keys->n++] = key;
	put_slot(keys, (struct slot){hash, keys->n});
	return BR_KEY_NEW;
}

/* One bit, the same for the same key and seldom for another: of few keys most are told apart
 * without looking at them. */
static uint64_t mark_of(struct br_str key)
{
	const unsigned char *p = (const unsigned char *)key.p;
	uint32_t h = (uint32_t)key.n;

	if (key.n)
		h += (uint32_t)p[0] << 8 | (uint32_t)p[key.n / 2] << 16 |
		     (uint32_t)p[key.n - 1] << 24;
	return UINT64_C(1) << (h * UINT32_C(0x9e3779b1) >> 26);
}

enum br_key_added br_json_keys_add(struct br_json_keys *keys, struct br_str key, struct br_arena *a)
{
	uint64_t mark;

	if (keys->n >= FEW)
		return add_to_many(keys, key, a);
	mark = mark_of(key);
	if (keys->marks & mark)
		for (uint32_t i = 0; i < keys->n; i++)
			if (br_str_eq(keys->list[i], key))
				return BR_KEY_DUPLICATE;
	keys->marks |= mark;
	keys->list[keys->n++] = key;
	return BR_KEY_NEW;
}
