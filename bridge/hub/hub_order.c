#include "hub_order.h"

#include "hub_step.h"

bool hub_order_read(
	struct br_str value, struct br_arena *a, struct hub_order *o, struct br_err *err)
{
	struct {
		const char *key;
		struct br_str *to;
	} const members[] = {{"t", &o->type}, {"sys", &o->sys}, {"state", &o->state},
		{"case", &o->cid}, {"record", &o->rec}, {"lid", &o->lid}};
	enum br_json_token t;
	struct br_jr r;

	*o = (struct hub_order){0};
	br_jr_init(&r, value, a, err);
	if (br_jr_next(&r) != BR_JT_OBJECT)
		return false;
	while ((t = br_jr_next(&r)) == BR_JT_KEY) {
		struct br_str key = r.text, *to = NULL;

		for (size_t i = 0; i < BR_LEN(members); i++)
			if (br_str_eq(key, br_str_z(members[i].key)))
				to = members[i].to;
		t = br_jr_next(&r);
		if (t == BR_JT_STRING && to)
			*to = r.text;
		else if (br_jr_skip(&r, t, NULL) < 0)
			return false;
	}
	return t == BR_JT_END_OBJECT;
}

static enum hub_sys_state state_of(struct br_str word)
{
	if (br_str_eq(word, BR_STR("live")))
		return SYS_LIVE;
	return br_str_eq(word, BR_STR("trial")) ? SYS_TRIAL : SYS_PAUSED;
}

/* The record is read again, and what is there now counts. */
static void read_again(
	struct hub_world *w, struct hub_system *s, struct br_str rec, struct br_str lid)
{
	struct hub_out *out = hub_out_add(w, OUT_REFETCH, s);

	if (!out || !(out->lids = br_arena_array(w->arena, struct br_str, 1)))
		return;
	out->rec = rec;
	out->lids[0] = lid;
	out->nlids = 1;
}

bool hub_order_fold(struct hub_world *w, const struct hub_order *o)
{
	struct hub_system *s = hub_world_system(w, o->sys);
	struct hub_id id;
	struct hub_case *k;
	struct hub_link *l;

	if (!s)
		return false;
	if (br_str_eq(o->type, BR_STR("SYSTEM"))) {
		hub_step_system_state(w, s, state_of(o->state));
		return true;
	}
	k = hub_ulid_read(o->cid, &id) ? hub_world_case(w, &id) : NULL;
	l = k ? hub_case_link(k, s, o->rec) : NULL;
	if (l)
		hub_step_resume(w, l, true);
	if (o->lid.n)
		read_again(w, s, o->rec, o->lid);
	return true;
}
