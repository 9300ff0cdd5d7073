/*
 * Small scope: every sequence of up to four inputs over one case in two systems, two fields and
 * three values (empty, 1, 2), through hub_step() and through the model in small_model.h; after each
 * input both must say the same of the case, of what each system holds, lacks and is being told, and
 * of who lost. It begins with nothing, and with a case both systems hold.
 *
 * Then the model leaves out one rule at a time and must be caught: a comparison that notices
 * nothing is worth nothing.
 */
#include "hub_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "hub_fixture.h"
#include "small_model.h"

#ifdef BR_ARENA_MALLOC_EACH
#define DEPTH 3 /* under the sanitizers */
#else
#define DEPTH 4
#endif

#define RECORD(name, role)                                                                         \
	"system: " name "\ntitle: 系统\nrole: " role                                               \
	"\nconnector: postgres\nstart_live: true\nconnection: { dsn: \"dbname=x\" }\n"             \
	"records:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s }\n"               \
	"    write: { create: true }\n    case:\n      applicant.address: x\n"                     \
	"      outcome_reason: y\n"                                                                \
	"    on_create: { id: { generate: \"nextval('s')\", returning: true } }\n"
static const struct fixture_file files[] = {
	{"systems/a.yaml", RECORD("a", "department")}, {"systems/b.yaml", RECORD("b", "portal")}};

enum sort { OBSERVED, APPLIED, STALE, DOUBT, EXISTS, REJECTED, UNKNOWN, VANISHED, LATE, RETRY };
static const char *const sorts[] = {"observed", "applied", "stale", "in doubt", "exists",
	"rejected", "unknown", "gone", "late", "retry"};
struct input {
	int system;
	enum sort sort;
	int v[FIELDS];
};

/* What was reached by the inputs so far: the world, and the systems its links point to. */
struct level {
	struct hub_world w;
	struct br_arena arena;
	struct hub_system systems[SYSTEMS];
	struct small model;
	struct input input;
};
static struct level levels[DEPTH + 1];
static unsigned column[SYSTEMS][FIELDS], id_column[SYSTEMS], place[FIELDS];
static unsigned long steps;
static char trouble[600];

static const char *const lids[SYSTEMS] = {"D1", "P1"};
static const struct br_str texts[] = {[NONE] = {NULL, 0}, [ONE] = {"1", 1}, [TWO] = {"2", 1}};

static int value_of(const struct cell *c)
{
	return !c ? ABSENT : cell_is_null(c) ? NONE : c->value.p[0] == '1' ? ONE : TWO;
}

/* ---- the bridge's side ---- */

static void copy_versions(struct br_arena *a, const struct versions *from, struct versions *to)
{
	assert_int_equal(versions_copy(from, a, to), 0);
}

static void copy_link(
	struct level *to, struct hub_case *k, const struct hub_link *from, const struct level *was)
{
	struct hub_system *s = &to->systems[from->sys - was->systems];
	struct hub_link *l = hub_world_add_link(&to->w, k, s, from->rec, from->lid);

	l->state = from->state;
	l->shadow = from->shadow;
	copy_versions(&to->arena, &from->held, &l->held);
	copy_versions(&to->arena, &from->tries, &l->tries);
	l->n = from->n;
	l->inflight = from->inflight;
}

/* A new batch with what the last one left, as the ledger would bring it. */
static void load(struct level *to, const struct level *was)
{
	memcpy(to->systems, was->systems, sizeof(to->systems));
	hub_world_begin(&to->w, &to->arena);
	to->model = was->model;
	for (const struct hub_case *from = was->w.cases; from; from = from->hh.next) {
		struct hub_case *k = hub_world_add_case(&to->w, &from->cid);

		k->ver = from->ver;
		k->doc = from->doc;
		copy_versions(&to->arena, &from->fver, &k->fver);
		for (const struct hub_link *l = from->links; l; l = l->next)
			copy_link(to, k, l, was);
	}
}

static struct hub_link *link_of(struct level *at, int system)
{
	struct hub_case *k = at->w.cases;

	return k ? hub_case_link(k, &at->systems[system], BR_STR("r")) : NULL;
}

static struct image image_of(struct level *at, int system, const int v[FIELDS])
{
	struct image_builder b;
	struct image out;

	image_build(&b, &at->arena, FIELDS + 1);
	image_set(&b, 0, BR_STR_NONE, (uint16_t)id_column[system], br_str_z(lids[system]));
	for (int f = 0; f < FIELDS; f++)
		image_set(&b, 0, BR_STR_NONE, (uint16_t)column[system][f], texts[v[f]]);
	assert_int_equal(image_build_end(&b, &out), 0);
	return out;
}

static void tell(struct level *at, const struct input *in)
{
	static const enum msg_status status[] = {[APPLIED] = RCPT_APPLIED,
		[STALE] = RCPT_STALE,
		[DOUBT] = RCPT_STALE,
		[EXISTS] = RCPT_EXISTS,
		[REJECTED] = RCPT_REJECTED,
		[UNKNOWN] = RCPT_PARKED,
		[VANISHED] = RCPT_GONE,
		[LATE] = RCPT_APPLIED};
	struct hub_system *s = &at->systems[in->system];
	struct hub_link *l = link_of(at, in->system);
	struct msg m = {.type = in->sort == OBSERVED ? MSG_OBS : MSG_RCPT,
		.epoch = s->epoch,
		.seq = s->last_seq + 1,
		.rec = BR_STR("r"),
		.lid = br_str_z(lids[in->system]),
		.present = true,
		.atomic = in->sort != DOUBT,
		.doubt = in->sort == DOUBT};

	if (in->sort == RETRY) {
		hub_step_resume(&at->w, l, true);
		return;
	}
	if (m.type == MSG_RCPT) {
		m.status = status[in->sort];
		m.did = (struct msg_did){l->inflight.incarnation, br_str_z(l->kase->ulid),
			BR_STR("r"), l->n - (in->sort == LATE)};
	}
	if (in->v[X]) {
		m.image = image_of(at, in->system, in->v);
		m.has_image = true;
	}
	at->w.now_ms = 1530493500000 + s->last_seq;
	at->w.offset++;
	hub_step(&at->w, s, &m);
}

/* ---- the model's side ---- */

static void tell_model(struct small *s, const struct input *in)
{
	s->nconflicts = s->nparked = 0;
	switch (in->sort) {
	case OBSERVED:
		small_observe(s, in->system, in->v);
		break;
	case LATE:
		if (small_without != NO_NUMBER)
			break;
		/* fall through */
	case APPLIED:
		small_applied(s, in->system, in->v);
		break;
	case STALE:
	case DOUBT:
		small_stale(s, in->system, in->v, in->sort == DOUBT);
		break;
	case EXISTS:
		small_exists(s, in->system, in->v);
		break;
	case REJECTED:
		small_closed(s, in->system, REFUSED);
		break;
	case UNKNOWN:
		small_closed(s, in->system, PARKED);
		break;
	case VANISHED:
		small_closed(s, in->system, GONE);
		break;
	case RETRY:
		small_retry(s, in->system);
		break;
	}
}

/* ---- comparing ---- */

static void differ(const char *what, int system, int field, int hub, int model)
{
	if (!trouble[0])
		snprintf(trouble, sizeof(trouble),
			"%s of %s, field %c: the bridge has %d, the model %d", what,
			system < 0 ? "the case" : lids[system], "XY-"[field], hub, model);
}

#define SAME(what, system, field, a, b)                                                            \
	do {                                                                                       \
		if ((int)(a) != (int)(b))                                                          \
			differ(what, system, field, (int)(a), (int)(b));                           \
	} while (0)

static void compare_command(const struct hub_link *l, const struct small_link *is, int s)
{
	SAME("a command", s, FIELDS, l->inflight.on, is->out.on);
	SAME("the number", s, FIELDS, l->n, is->n);
	if (!l->inflight.on)
		return;
	SAME("its kind", s, FIELDS, l->inflight.op == OP_CREATE, is->out.create);
	SAME("its version", s, FIELDS, l->inflight.ver, is->out.ver);
	for (int f = 0; f < FIELDS; f++)
		SAME("what it sets", s, f, value_of(image_root(&l->inflight.set, column[s][f])),
			is->out.set[f]);
}

static void compare_link(struct level *at, int s)
{
	static const enum small_state states[] = {[LINK_IDLE] = IDLE,
		[LINK_INFLIGHT] = BUSY,
		[LINK_REJECTED] = REFUSED,
		[LINK_PARKED] = PARKED,
		[LINK_GONE] = GONE};
	const struct small_link *is = &at->model.link[s];
	const struct hub_link *l = link_of(at, s);

	SAME("a link", s, FIELDS, l != NULL, is->there);
	if (!l || !is->there)
		return;
	SAME("a record", s, FIELDS, l->lid.n > 0, is->numbered);
	SAME("the state", s, FIELDS, states[l->state], is->state);
	SAME("what is due", s, FIELDS, l->due, false);
	compare_command(l, is, s);
	for (int f = 0; f < FIELDS; f++) {
		int32_t held = versions_get(&l->held, 0, BR_STR_NONE, place[f]);
		int32_t fver = versions_get(&at->w.cases->fver, 0, BR_STR_NONE, place[f]);
		bool lacks = at->model.doc[f] == ABSENT ? held < 0 : fver > held;

		SAME("the shadow", s, f, value_of(image_root(&l->shadow, column[s][f])),
			is->shadow[f]);
		if (is->numbered)
			SAME("what it lacks", s, f, lacks, small_lacks(&at->model, s, f));
		SAME("re-assertions", s, f, versions_get(&l->tries, 0, BR_STR_NONE, place[f]),
			is->tries[f]);
	}
}

/* In any order. */
static void compare_conflicts(const struct level *at)
{
	static const enum small_kind kinds[] = {[CONFLICT_LOST] = LOST,
		[CONFLICT_OWNERSHIP] = OWNER,
		[CONFLICT_INITIAL] = FIRST,
		[CONFLICT_SUSPECT] = SUSPECT,
		[CONFLICT_REWRITTEN] = REWRITTEN};
	int n = 0, found = 0, parked = 0;

	for (const struct hub_conflict *c = at->w.conflicts; c; c = c->next, n++)
		for (int i = 0; i < at->model.nconflicts; i++)
			found += &at->systems[at->model.conflict[i].system] == c->sys &&
				 kinds[c->kind] == at->model.conflict[i].kind &&
				 (at->model.conflict[i].field == Y) ==
					 br_str_eq(c->place, BR_STR("outcome_reason"));
	SAME("conflicts", -1, FIELDS, n, at->model.nconflicts);
	SAME("conflicts, kind by kind", -1, FIELDS, found, at->model.nconflicts);
	for (const struct hub_parked *p = at->w.parked; p; p = p->next)
		parked++;
	SAME("parked items", -1, FIELDS, parked, at->model.nparked);
}

static void compare(struct level *at)
{
	const struct hub_case *k = at->w.cases;
	const struct small *m = &at->model;

	SAME("memory", -1, FIELDS, at->w.failed, false);
	SAME("cases", -1, FIELDS, HASH_COUNT(at->w.cases), m->there);
	if (!k || !m->there)
		return;
	SAME("the version", -1, FIELDS, k->ver, m->ver);
	for (int f = 0; f < FIELDS; f++) {
		SAME("the value", -1, f, value_of(image_root(&k->doc, place[f])), m->doc[f]);
		SAME("its version", -1, f, versions_get(&k->fver, 0, BR_STR_NONE, place[f]),
			m->fver[f]);
	}
	for (int s = 0; s < SYSTEMS; s++)
		compare_link(at, s);
	compare_conflicts(at);
}

/* ---- all sequences ---- */

static bool can_be(const struct small *m, int system, enum sort sort)
{
	const struct small_link *l = &m->link[system];

	switch (sort) {
	case OBSERVED:
		return l->numbered || !m->there;
	case APPLIED:
	case REJECTED:
	case UNKNOWN:
		return l->out.on;
	case STALE:
	case DOUBT:
	case VANISHED:
		return l->out.on && !l->out.create;
	case EXISTS:
		return l->out.on && l->out.create;
	case LATE:
		return l->there;
	case RETRY:
		return l->state == REFUSED || l->state == PARKED;
	}
	return false;
}

static bool has_values(enum sort sort)
{
	return sort <= EXISTS;
}

static void say(const struct level *upto)
{
	for (const struct level *at = levels + 1; at <= upto; at++)
		print_error("  %s %s %d %d\n", lids[at->input.system], sorts[at->input.sort],
			at->input.v[X], at->input.v[Y]);
	print_error("%s\n", trouble);
}

static void go_on(int depth);

static void one(int depth, const struct input *in)
{
	struct level *at = &levels[depth];

	load(at, at - 1);
	at->input = *in;
	tell(at, in);
	tell_model(&at->model, in);
	steps++;
	compare(at);
	if (!trouble[0] && depth < DEPTH)
		go_on(depth + 1);
	else if (trouble[0] && small_without == ALL_RULES && at->input.system >= 0) {
		say(at);
		fail();
	}
}

static void go_on(int depth)
{
	const struct small *m = &levels[depth - 1].model;

	for (int s = 0; s < SYSTEMS; s++)
		for (int sort = OBSERVED; sort <= RETRY; sort++) {
			struct input in = {.system = s, .sort = (enum sort)sort, .v = {NONE, NONE}};

			if (!can_be(m, s, in.sort))
				continue;
			for (int i = 0; i < (has_values(in.sort) ? 9 : 1) && !trouble[0]; i++) {
				in.v[X] = NONE + i % 3;
				in.v[Y] = NONE + i / 3;
				one(depth, &in);
			}
		}
}

static void begin(void)
{
	struct level *at = &levels[0];

	memset(&at->model, 0, sizeof(at->model));
	memset(at->systems, 0, sizeof(at->systems));
	for (int s = 0; s < SYSTEMS; s++)
		at->systems[s] = (struct hub_system){.id = (int16_t)(s + 1),
			.code = br_str_z(s == DEPT ? "a" : "b"),
			.role = s == DEPT ? CASE_OWNER_DEPARTMENT : CASE_OWNER_PORTAL,
			.maps = maps[s],
			.credit = 100,
			.state = SYS_LIVE,
			.epoch = 1};
	hub_world_begin(&at->w, &at->arena);
	trouble[0] = '\0';
}

/* A case both hold, with 1 in both fields. */
static void begin_with_a_case(void)
{
	static const struct input first = {PORTAL, OBSERVED, {ONE, ONE}},
				  then = {DEPT, APPLIED, {ONE, ONE}};

	begin();
	tell(&levels[0], &first);
	tell_model(&levels[0].model, &first);
	tell(&levels[0], &then);
	tell_model(&levels[0].model, &then);
	levels[0].w.conflicts = NULL;
	levels[0].w.parked = NULL;
	compare(&levels[0]);
	if (trouble[0])
		fail_msg("%s", trouble);
}

static void all_sequences(void **state)
{
	(void)state;
	small_without = ALL_RULES;
	steps = 0;
	begin();
	go_on(1);
	print_message("%lu inputs from nothing\n", steps);
	steps = 0;
	begin_with_a_case();
	go_on(1);
	print_message("%lu inputs from a case both systems hold\n", steps);
}

static void every_rule_counts(void **state)
{
	(void)state;
	if (DEPTH < 4)
		skip(); /* some show themselves with the fourth input only */
	for (int rule = ALL_RULES + 1; rule < SMALL_RULES; rule++) {
		small_without = ALL_RULES;
		begin_with_a_case();
		small_without = (enum small_rule)rule;
		go_on(1);
		if (!trouble[0]) {
			begin();
			go_on(1);
		}
		if (!trouble[0])
			fail_msg("rule %d is left out, and nothing is different", rule);
	}
	small_without = ALL_RULES;
}

static int set_up(void **state)
{
	(void)state;
	if (fixture_load(files, BR_LEN(files)) < 0)
		return -1;
	place[X] = (unsigned)shape_find(schema->shape, 0, BR_STR("applicant.address"));
	place[Y] = (unsigned)shape_find(schema->shape, 0, BR_STR("outcome_reason"));
	for (int s = 0; s < SYSTEMS; s++) {
		const struct shape *shape = map_shape(map_find(maps[s], BR_STR("r")));

		id_column[s] = (unsigned)shape_find(shape, 0, BR_STR("id"));
		column[s][X] = (unsigned)shape_find(shape, 0, BR_STR("x"));
		column[s][Y] = (unsigned)shape_find(shape, 0, BR_STR("y"));
	}
	for (int i = 0; i <= DEPTH; i++) {
		br_arena_init(&levels[i].arena, 64u << 20);
		br_buf_init(&levels[i].w.scratch, 1u << 20);
		br_buf_init(&levels[i].w.delta, 1u << 20);
		levels[i].w.schema = schema;
		levels[i].w.systems = levels[i].systems;
		levels[i].w.nsystems = SYSTEMS;
		levels[i].w.incarnation =
			1530493501; /* not before the messages: numbers begin at 1 */
		levels[i].w.topic = BR_STR("in.x");
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i <= DEPTH; i++) {
		hub_world_begin(&levels[i].w, &levels[i].arena);
		br_arena_release(&levels[i].arena);
		br_buf_release(&levels[i].w.scratch);
		br_buf_release(&levels[i].w.delta);
	}
	return fixture_unload();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sequences), cmocka_unit_test(every_rule_counts)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
