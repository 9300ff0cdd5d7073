#include "hub_order.h"

#include "hub_decide.h"
#include "hub_match.h"
#include "hub_step.h"

static struct br_str *text_member(struct hub_order *o, struct br_str key)
{
	struct {
		const char *key;
		struct br_str *to;
	} const members[] = {{"t", &o->type}, {"sys", &o->sys}, {"state", &o->state},
		{"id", &o->id}, {"by", &o->by}, {"why", &o->why}, {"place", &o->place},
		{"value", &o->value}, {"record", &o->rec}, {"lid", &o->lid}, {"case", &o->cid},
		{"fields", &o->fields}};

	for (size_t i = 0; i < BR_LEN(members); i++)
		if (br_str_eq(key, br_str_z(members[i].key)))
			return members[i].to;
	return NULL;
}

static int64_t *number_member(struct hub_order *o, struct br_str key)
{
	if (br_str_eq(key, BR_STR("parked")))
		return &o->parked;
	if (br_str_eq(key, BR_STR("conflict")))
		return &o->conflict;
	if (br_str_eq(key, BR_STR("match")))
		return &o->match;
	return br_str_eq(key, BR_STR("seen")) ? &o->seen : NULL;
}

static bool read_member(struct br_jr *r, struct br_str key, struct hub_order *o)
{
	enum br_json_token t = br_jr_next(r);
	struct br_str *text = text_member(o, key);
	int64_t *number = number_member(o, key);

	if (t == BR_JT_STRING && text)
		*text = r->text;
	else if (t == BR_JT_NUMBER && number)
		return br_json_int64(r->text, number);
	else if (t == BR_JT_TRUE && br_str_eq(key, BR_STR("take")))
		o->take = true;
	else
		return br_jr_skip(r, t, NULL) == 0;
	return true;
}

bool hub_order_read(
	struct br_str value, struct br_arena *a, struct hub_order *o, struct br_err *err)
{
	enum br_json_token t;
	struct br_jr r;

	*o = (struct hub_order){0};
	br_jr_init(&r, value, a, err);
	if (br_jr_next(&r) != BR_JT_OBJECT)
		return false;
	while ((t = br_jr_next(&r)) == BR_JT_KEY)
		if (!read_member(&r, r.text, o))
			return false;
	return t == BR_JT_END_OBJECT;
}

static bool read_state(struct br_str word, enum hub_sys_state *out)
{
	static const char *const words[] = {
		[SYS_TRIAL] = "trial", [SYS_LIVE] = "live", [SYS_PAUSED] = "paused"};

	for (size_t i = 0; i < BR_LEN(words); i++)
		if (br_str_eq(word, br_str_z(words[i]))) {
			*out = (enum hub_sys_state)i;
			return true;
		}
	return false;
}

static bool fold_system(struct hub_world *w, const struct hub_order *o)
{
	struct hub_system *s = hub_world_system(w, o->sys);
	enum hub_sys_state state;

	if (s && br_str_eq(o->state, BR_STR("rebase"))) {
		hub_step_rebase(w, s);
		return true;
	}
	if (!s || !read_state(o->state, &state) || (state == SYS_LIVE && !hub_match_reviewed(w, s)))
		return false;
	/* nothing is written to it anyhow, and it would come back without its review */
	if (s->state == SYS_TRIAL && state == SYS_PAUSED)
		return false;
	hub_step_system_state(w, s, state);
	return true;
}

bool hub_order_fold(struct hub_world *w, const struct hub_order *o)
{
	bool known;

	if (br_str_eq(o->type, BR_STR("SYSTEM")))
		return fold_system(w, o);
	known = hub_decide(w, o);
	hub_world_check(w);
	return known;
}
