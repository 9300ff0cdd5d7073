/*
 * br_json_keys.h - the keys one JSON object has had, to find a second one of the same name.
 *
 * Private to the reader. Up to 16 keys are compared one by one; more go into a hash table. The set
 * of one depth serves all objects of that depth, one after the other. Spans are borrowed; memory
 * comes from the arena.
 */
#ifndef BR_JSON_KEYS_H
#define BR_JSON_KEYS_H

#include "br_arena.h"

struct br_json_keys;
enum br_key_added { BR_KEY_NEW, BR_KEY_DUPLICATE, BR_KEY_NO_MEMORY };

/* NULL when the arena has no room. */
struct br_json_keys *br_json_keys_new(struct br_arena *a);
/* For the next object: empty, capacity kept, in constant time. */
void br_json_keys_reset(struct br_json_keys *keys);
enum br_key_added br_json_keys_add(
	struct br_json_keys *keys, struct br_str key, struct br_arena *a);

#endif
