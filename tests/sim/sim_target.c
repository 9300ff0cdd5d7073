#include "sim_target.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_target targets[SIM_SYSTEMS];

const struct sim_field sim_fields[NF] = {
	[F_NK] = {"nk", "applicant.tel", NULL, CASE_OWNER_EITHER},
	[F_AD] = {"ad", "applicant.address", NULL, CASE_OWNER_EITHER},
	[F_SU] = {"su", "summary", NULL, CASE_OWNER_EITHER},
	[F_RE] = {"re", "outcome_reason", NULL, CASE_OWNER_DEPARTMENT},
	[F_IT] = {"it", "item.name", NULL, CASE_OWNER_PORTAL},
	[F_ZT] = {"zt", "status", NULL, CASE_OWNER_DEPARTMENT},
	[F_BN] = {"bn", "dept_case_no", NULL, CASE_OWNER_DEPARTMENT},
	[F_OP1] = {"op", "opinion", "1", CASE_OWNER_DEPARTMENT},
	[F_OP2] = {"op", "opinion", "2", CASE_OWNER_DEPARTMENT},
};

/* ---- values ---- */

sim_value sim_value_of(struct br_str text)
{
	size_t at = br_hash(text.p, text.n) % BR_LEN(people.by_hash);

	for (; people.by_hash[at]; at = (at + 1) % BR_LEN(people.by_hash)) {
		const char *known = people.texts[people.by_hash[at] - 1];

		if (strncmp(known, text.p, text.n) == 0 && known[text.n] == '\0')
			return (sim_value)(people.by_hash[at] - 1);
	}
	if (people.ntexts == SIM_VALUES)
		abort();
	people.texts[people.ntexts] = br_arena_copy(&sim.arena, text).p;
	people.by_hash[at] = (sim_value)(people.ntexts + 1);
	return (sim_value)people.ntexts++;
}

const char *sim_show(sim_value v)
{
	return v == V_NULL ? "null" : v == V_ABSENT ? "-" : people.texts[v];
}

static bool is_free_text(int field)
{
	return field != F_NK && field != F_ZT && field != F_BN;
}

/* People type words in lower case with a mark at both ends, so that no form of them is a word that
 * somebody types. */
sim_value sim_stored_form(int system, int field, sim_value v)
{
	const char *text = v >= 0 ? people.texts[v] : "";
	size_t n = strlen(text);
	char form[64];

	if (!is_free_text(field))
		return v;
	if (v < 0)
		return sim.plan.defaults[system][field] && v == V_NULL
			       ? sim_value_of(BR_STR("DEFAULT"))
			       : v;
	if (n >= sizeof(form))
		abort();
	memcpy(form, text, n + 1);
	switch (sim.plan.form[system][field]) {
	case FORM_UPPER:
		for (size_t i = 0; i < n; i++)
			form[i] = (char)toupper((unsigned char)form[i]);
		break;
	case FORM_SHORT:
		if (n > 1 && text[n - 1] == 'x')
			form[n - 1] = '\0';
		break;
	case FORM_TRIM:
		if (text[0] == '_')
			memmove(form, form + 1, n);
		break;
	default:
		break;
	}
	return strcmp(form, text) ? sim_value_of(br_str_z(form)) : v;
}

struct image sim_image(
	const struct sim_target *t, const char *lid, const sim_value *v, struct br_arena *a)
{
	struct image_builder b;
	struct image out;

	image_build(&b, a, NF + 1);
	image_set(&b, 0, BR_STR_NONE, (uint16_t)t->id_column, br_str_z(lid));
	for (int i = 0; i < NF; i++) {
		const char *key = sim_fields[i].key;
		struct br_str element = key ? br_str_z(key) : BR_STR_NONE;

		if (t->column[i] < 0 || v[i] == V_ABSENT)
			continue;
		if (v[i] == V_NULL)
			image_set_null(&b, key ? 1 : 0, element, (uint16_t)t->column[i]);
		else
			image_set(&b, key ? 1 : 0, element, (uint16_t)t->column[i],
				br_str_z(people.texts[v[i]]));
	}
	if (image_build_end(&b, &out) < 0)
		abort();
	return out;
}

sim_value sim_cell(const struct sim_target *t, const struct image *img, int field)
{
	const char *key = sim_fields[field].key;
	const struct cell *c;

	if (t->column[field] < 0)
		return V_ABSENT;
	c = image_get(
		img, key ? 1 : 0, key ? br_str_z(key) : BR_STR_NONE, (unsigned)t->column[field]);
	return !c ? V_ABSENT : cell_is_null(c) ? V_NULL : sim_value_of(c->value);
}

void sim_cells(const struct sim_target *t, const struct image *img, sim_value out[NF])
{
	for (int i = 0; i < NF; i++)
		out[i] = sim_cell(t, img, i);
}

/* ---- records ---- */

void sim_target_begin(void)
{
	memset(targets, 0, sizeof(targets));
	for (int s = 0; s < sim.plan.nsystems; s++) {
		struct sim_target *t = &targets[s];

		t->shape = map_shape(map_find(sim.maps[s], BR_STR("r")));
		t->id_column = shape_find(t->shape, 0, BR_STR("id"));
		for (int i = 0; i < NF; i++)
			t->column[i] = shape_find(t->shape, sim_fields[i].key ? 1 : 0,
				br_str_z(sim_fields[i].column));
	}
}

struct sim_row *sim_target_find(int system, struct br_str lid)
{
	struct sim_target *t = &targets[system];

	for (int i = 0; i < t->nrows; i++)
		if (!t->rows[i].gone && br_str_eq(br_str_z(t->rows[i].lid), lid))
			return &t->rows[i];
	return NULL;
}

static void changed(int system, struct sim_row *r)
{
	r->rv = ++targets[system].rv;
	r->changed_at = sim.now;
}

struct sim_row *sim_target_new(int system, int nk)
{
	struct sim_target *t = &targets[system];
	struct sim_row *r = &t->rows[t->nrows];

	if (t->nrows == SIM_RECORDS) {
		sim_wrong("%s has %d records", sim.systems[system].name.p, t->nrows);
		return &t->rows[t->nrows - 1];
	}
	t->nrows++;
	*r = (struct sim_row){.nk = nk, .made_at = sim.now};
	snprintf(r->lid, sizeof(r->lid), "%s%d", sim.systems[system].name.p, t->nrows);
	for (int i = 0; i < NF; i++)
		r->v[i] = sim_fields[i].key || t->column[i] < 0 ? V_ABSENT : V_NULL;
	changed(system, r);
	return r;
}

void sim_target_read(const struct sim_row *r)
{
	for (int i = 0; i < NF; i++)
		if (r->typed[i])
			people.typed[r->typed[i]].read = true;
}

/* A person's value that nobody has read must not be destroyed, unless the command knew it. */
static void overwrite(int system, struct sim_row *r, int field, sim_value expected, int looked)
{
	struct sim_typed *t = &people.typed[r->typed[field]];

	if (!r->typed[field])
		return;
	t->overwritten = true;
	if (t->read || expected == r->v[field] || (expected < 0 && r->v[field] < 0))
		return;
	t->unseen = looked != SIM_BLIND && r->typed[field] > looked;
	sights.h3_window += t->unseen;
	if (!t->unseen)
		sim_wrong("%s %s: %s = %s was overwritten unread (I6)", sim.systems[system].name.p,
			r->lid, sim_fields[field].column, sim_show(r->v[field]));
}

void sim_target_write(int system, struct sim_row *r, const sim_value set[NF],
	const sim_value base[NF], int looked)
{
	if (sim.trial[system])
		sim_wrong("%s is written, and it is only tried out (I11)",
			sim.systems[system].name.p);
	for (int i = 0; i < NF; i++) {
		sim_value v = set[i], stored;

		if (v == V_ABSENT)
			continue;
		stored = sim_stored_form(system, i, v);
		sights.transformed += stored != v;
		overwrite(system, r, i, base[i], looked);
		r->v[i] = stored;
		r->typed[i] = 0;
		if (i == F_NK && v >= 0)
			r->nk = v;
	}
	targets[system].writes++;
	changed(system, r);
	TRACE("%s %s is written: nk=%s ad=%s su=%s re=%s it=%s zt=%s bn=%s op1=%s op2=%s",
		sim.systems[system].name.p, r->lid, sim_show(r->v[F_NK]), sim_show(r->v[F_AD]),
		sim_show(r->v[F_SU]), sim_show(r->v[F_RE]), sim_show(r->v[F_IT]),
		sim_show(r->v[F_ZT]), sim_show(r->v[F_BN]), sim_show(r->v[F_OP1]),
		sim_show(r->v[F_OP2]));
}

struct sim_row *sim_target_look_up(int system, sim_value nk, int64_t before)
{
	struct sim_target *t = &targets[system];

	for (int i = 0; i < t->nrows; i++)
		if (!t->rows[i].gone && t->rows[i].v[F_NK] == nk && t->rows[i].made_at <= before)
			return &t->rows[i];
	return NULL;
}

const char *sim_target_identity(const struct sim_target *t, char inc[32])
{
	snprintf(inc, 32, "sim:%d", t->data);
	return inc;
}

bool sim_target_went_back(const struct sim_target *t, const char *inc, int64_t epoch, int64_t beat)
{
	char now[32];

	return (inc[0] && strcmp(inc, sim_target_identity(t, now)) != 0) || t->epoch < epoch ||
	       t->beat < beat;
}
