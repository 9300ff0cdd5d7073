#include "conn_cache.h"

#include <stdlib.h>

#ifndef CONN_CACHE_SETS
#define CONN_CACHE_SETS 32768u
#endif
#define SETS CONN_CACHE_SETS /* a power of two */
#define WAYS 4

struct entry {
	uint64_t key; /* 0 = free */
	uint64_t hash;
};

/* Entries of a set stand in the order of their use. Keys are hashes themselves: that two records
 * share all 64 bits *and* have the same image is not to be feared. */
struct conn_cache {
	struct entry sets[SETS][WAYS];
};

struct conn_cache *conn_cache_new(void)
{
	return calloc(1, sizeof(struct conn_cache));
}

void conn_cache_free(struct conn_cache *t)
{
	free(t);
}

void conn_cache_clear(struct conn_cache *t)
{
	memset(t, 0, sizeof(*t));
}

static uint64_t key_of(unsigned record, struct br_str lid)
{
	uint64_t key = br_hash(lid.p, lid.n) ^ (record + 1) * 0xd6e8feb86659fd93u;

	key ^= key >> 32;
	return key ? key : 1;
}

static struct entry *find(const struct conn_cache *t, uint64_t key)
{
	const struct entry *set = t->sets[key % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return (struct entry *)&set[i];
	return NULL;
}

bool conn_cache_told(const struct conn_cache *t, unsigned record, struct br_str lid, uint64_t hash)
{
	const struct entry *e = find(t, key_of(record, lid));

	return e && e->hash == hash;
}

void conn_cache_put(struct conn_cache *t, unsigned record, struct br_str lid, uint64_t hash)
{
	uint64_t key = key_of(record, lid);
	struct entry *set = t->sets[key % SETS], *e = find(t, key);

	if (!e)
		e = &set[WAYS - 1];
	memmove(set + 1, set, (size_t)(e - set) * sizeof(*set));
	set[0] = (struct entry){key, hash};
}

void conn_cache_drop(struct conn_cache *t, unsigned record, struct br_str lid)
{
	struct entry *e = find(t, key_of(record, lid));

	if (e)
		*e = (struct entry){0, 0};
}
