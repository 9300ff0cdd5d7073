/* What a create is looked up by before it is made: the natural key the bridge sends, else the key
 * itself where the case brings it. */
#include "pg_batch.h"

static int natural_key(struct pg_batch *b, struct pg_write *w)
{
	struct pg_record *r = w->r;
	unsigned found = 0, at = r->nnatural;
	enum br_json_token t;
	struct br_jr j;

	w->nk = br_arena_array(b->a, struct br_str, r->nnatural + 1);
	if (!w->nk)
		return -BR_E_NOMEM;
	br_jr_init(&j, w->cmd->nk, b->a, NULL);
	while ((t = br_jr_next(&j)) != BR_JT_END && t != BR_JT_ERROR) {
		if (t == BR_JT_KEY) {
			for (at = 0; at < r->nnatural && !br_str_eq(r->natural[at].name, j.text);)
				at++;
		} else if (t == BR_JT_STRING && at < r->nnatural) {
			w->nk[at] = j.text;
			found++;
		}
	}
	if (found < r->nnatural || !found)
		w->nk = NULL;
	return 0;
}

static const struct cell *key_cell(const struct pg_write *w)
{
	int field = shape_find(w->r->shape, 0, w->r->tables[0].key.name);
	const struct cell *c = field < 0 ? NULL : image_root(&w->cmd->set, (unsigned)field);

	return c && !cell_is_null(c) ? c : NULL;
}

int pg_prepare_create(struct pg_batch *b, struct pg_write *w)
{
	const struct cell *key;

	if (w->r->nnatural && w->cmd->nk.n && natural_key(b, w))
		return -BR_E_NOMEM;
	key = w->nk ? NULL : key_cell(w);
	if (!key || !pg_key_fits(w->r, key->value))
		return 0;
	w->nk = br_arena_array(b->a, struct br_str, 1);
	if (!w->nk)
		return -BR_E_NOMEM;
	w->nk[0] = key->value;
	w->by_key = true;
	return 0;
}

static bool same_key(const struct pg_write *a, const struct pg_write *b)
{
	unsigned n = a->by_key ? 1 : a->r->nnatural;

	if (a->r != b->r || a->by_key != b->by_key)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!br_str_eq(a->nk[i], b->nk[i]))
			return false;
	}
	return true;
}

static uint64_t key_hash(const struct pg_write *w)
{
	uint64_t h = w->r->number;

	for (unsigned i = 0; i < (w->by_key ? 1 : w->r->nnatural); i++)
		h = h * 31 + br_hash(w->nk[i].p, w->nk[i].n);
	return h;
}

/* Two creates with one key in a batch would both find nothing: the second waits until the first can
 * be found. */
int pg_part_doubles(struct pg_batch *b)
{
	size_t slots = 16;
	uint32_t *seen;

	while (slots < b->n * 2)
		slots *= 2;
	seen = br_arena_array(b->a, uint32_t, slots);
	if (!seen)
		return -BR_E_NOMEM;
	for (size_t i = 0; i < b->n; i++) {
		size_t at;

		if (!b->w[i].nk)
			continue;
		for (at = key_hash(&b->w[i]) & (slots - 1);
			seen[at] && !same_key(&b->w[seen[at] - 1], &b->w[i]);)
			at = (at + 1) & (slots - 1);
		if (seen[at])
			pg_postpone(&b->w[i]);
		else
			seen[at] = (uint32_t)i + 1;
	}
	return 0;
}
