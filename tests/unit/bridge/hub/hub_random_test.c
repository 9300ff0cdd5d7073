/*
 * The step against random histories: three systems as arrays of records, people who type values
 * again, connectors that write by compare-and-set, crashes of connectors and of the bridge, copies
 * of old messages. No Kafka, no ledger. At the end the faults stop and everything runs until it is
 * quiet; then
 *   - every case stands once in every system, and all say the same, unless a conflict says why not;
 *   - no value is in the case that nobody typed, and none that was read is in neither the case's
 * past nor a conflict;
 *   - the commands were few, no link waits for anything, and the counters add up;
 *   - one more edit at a time, in quiet, comes to stand everywhere (or is refused by its owner).
 * One number makes the whole run: casebridge's hub_random_test SEED repeats it, with a trace.
 */
#include "hub_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "hub_fixture.h"

#define SEEDS	    1500
#define NSYS	    3
#define MAX_CASES   3
#define MAX_RECORDS 16
#define MAX_QUEUE   8192
#define MAX_VALUES  64

#define HEAD(name, title, role, kind)                                                              \
	"system: " name "\ntitle: " title "\nrole: " role "\nconnector: " kind                     \
	"\nstart_live: true\n"
#define COMMON                                                                                     \
	"      applicant.address: ad\n"                                                            \
	"      summary: su\n"                                                                      \
	"      outcome_reason: re\n"                                                               \
	"      item.name: it\n"                                                                    \
	"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": ACCEPTED, \"2\": FINISHED "  \
	"} }\n"
static const struct fixture_file files[] = {
	{"systems/a.yaml",
		HEAD("a", "民政局", "department",
			"postgres") "connection: { dsn: \"dbname=x\" }\nrecords:\n  r:\n"
				    "    root: { table: t, key: id }\n    read: { every: 1s }\n    "
				    "write: { create: true }\n    case:\n"
				    "      dept_case_no: id\n" COMMON
				    "    parts: { steps: { table: l, parent: id, key: xh, case: { "
				    "opinion: op } } }\n"
				    "    on_create: { id: { generate: \"nextval('s')\", returning: "
				    "true } }\n"},
	{"systems/b.yaml",
		HEAD("b", "政务服务网", "portal",
			"postgres") "connection: { dsn: \"dbname=x\" }\nrecords:\n  r:\n"
				    "    root: { table: t, key: id }\n    read: { every: 1s }\n    "
				    "write: { create: true }\n    case:\n"
				    "      portal_case_no: id\n      dept_case_no: bn\n" COMMON
				    "    parts: { steps: { table: l, parent: id, key: xh, case: { "
				    "opinion: op } } }\n"
				    "    on_create: { id: { generate: \"nextval('s')\", returning: "
				    "true } }\n"},
	{"systems/c.yaml",
		HEAD("c", "档案局", "department",
			"postgres") "connection: { dsn: \"dbname=x\" }\nrecords:\n  r:\n"
				    "    root: { table: t, key: id }\n    read: { every: 1s }\n    "
				    "write: { create: true }\n    case:\n"
				    "      accept_doc_no: id\n      dept_case_no: bn\n" COMMON
				    "    parts: { steps: { table: l, parent: id, key: xh, case: { "
				    "opinion: op } } }\n"
				    "    on_create: { id: { generate: \"nextval('s')\", returning: "
				    "true } }\n"},
};

/* What a record has: columns of the root, then one column of two child rows. */
enum { F_AD, F_SU, F_RE, F_IT, F_ZT, F_BN, F_OP1, F_OP2, NF };
static const struct {
	const char *column, *field, *key;
	enum case_owner owner;
} fields[NF] = {
	{"ad", "applicant.address", NULL, CASE_OWNER_EITHER},
	{"su", "summary", NULL, CASE_OWNER_EITHER},
	{"re", "outcome_reason", NULL, CASE_OWNER_DEPARTMENT},
	{"it", "item.name", NULL, CASE_OWNER_PORTAL},
	{"zt", "status", NULL, CASE_OWNER_DEPARTMENT},
	{"bn", "dept_case_no", NULL, CASE_OWNER_DEPARTMENT},
	{"op", "opinion", "1", CASE_OWNER_DEPARTMENT},
	{"op", "opinion", "2", CASE_OWNER_DEPARTMENT},
};

/* A value is a number in the run's list of texts; these are none. GONE stands in commands only: the
 * row is not to be there. */
#define V_NULL	 (-1)
#define V_ABSENT (-2)
#define V_GONE	 (-3)

/* In every third run people take child rows away. */
#define REMOVES (R->seed % 3 == 0)

struct record {
	bool there, emptied; /* emptied: the last child row was taken away once */
	char lid[8],
		cid[HUB_ULID_TEXT + 1]; /* cid: of the command that made it; "" when a person did */
	int8_t v[NF];
	/* the inbox row of its case */
	bool has_inbox;
	int64_t inc, n;
	int8_t post[NF];
};

struct command {
	struct msg_did did;
	enum msg_op op;
	struct br_str lid;
	struct image base, set;
	bool attempted, used;
};
struct answer {
	struct msg_did did;
	struct msg receipt;
};

enum conn_phase { C_HELLO, C_SETTLING, C_RUNNING };
struct fake {
	struct hub_system *sys;
	const struct shape *shape;
	int id_field, field[NF];
	bool has_bn, upper, inbox, whole;
	struct record rec[MAX_RECORDS];
	int nrec;
	/* connector */
	enum conn_phase phase;
	char nonce[32];
	int64_t epoch, seq;
	int8_t told[MAX_RECORDS][NF]; /* told[..][0] == -9: nothing yet */
	struct command cmd[64];
	int ncmd;
	struct answer answered[256];
	int nanswered;
	/* queues */
	struct msg in[MAX_QUEUE];
	int in_head, in_tail;
	struct msg deliver[MAX_QUEUE];
	int deliver_head, deliver_tail;
};

struct run {
	uint64_t seed, rng;
	bool trace;
	struct br_arena arena;
	struct hub_world w;
	struct hub_system systems[NSYS];
	struct fake f[NSYS];
	struct hub_out *published;
	const char *values[MAX_VALUES];
	int nvalues;
	int created, edits;
	/* the base each command was first sent with */
	struct {
		const struct hub_system *sys;
		struct msg_did did;
		struct image base;
	} first[1024];
	int nfirst;
	bool base_moved;
	int64_t offset;
	int nonces;
	/* per case (in the order of the world), system, field: bit sets of values */
	struct truth {
		char cid[HUB_ULID_TEXT + 1];
		uint64_t canon[NF], lost[NSYS][NF], told[NSYS][NF];
	} truth[MAX_CASES + 2];
	int ntruth;
	struct hub_conflict *conflict_seen;
	uint64_t typed[NF]; /* by anybody, anywhere */
	uint64_t typed_in[NSYS][NF];
	char why[300];
};

static struct run *R;
static uint64_t only_seed;

#define TRACE(...)                                                                                 \
	do {                                                                                       \
		if (R->trace)                                                                      \
			print_message(__VA_ARGS__);                                                \
	} while (0)

static uint64_t rnd(void)
{
	/* splitmix64 */
	uint64_t z = R->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int below(int n)
{
	return (int)(rnd() % (uint64_t)n);
}

static bool chance(int percent)
{
	return below(100) < percent;
}

static int value_of(struct br_str s)
{
	for (int i = 0; i < R->nvalues; i++)
		if (br_str_eq(s, br_str_z(R->values[i])))
			return i;
	assert_true(R->nvalues < MAX_VALUES);
	R->values[R->nvalues] = br_arena_copy(&R->arena, s).p;
	return R->nvalues++;
}

static int value_z(const char *z)
{
	return value_of(br_str_z(z));
}

static const char *show(int v)
{
	return v == V_NULL ? "null" : v < 0 ? "-" : R->values[v];
}

static int stored_form(const struct fake *f, int field, int v)
{
	char up[8];

	if (!f->upper || v < 0 || field == F_ZT || field == F_BN)
		return v;
	snprintf(up, sizeof(up), "%s", R->values[v]);
	up[0] = (char)(up[0] >= 'a' && up[0] <= 'z' ? up[0] - 32 : up[0]);
	return value_z(up);
}

/* ---- images ---- */

static struct image image_of(const struct fake *f, const struct record *r, const int8_t *v)
{
	struct image_builder b;
	struct image out;

	image_build(&b, &R->arena, NF + 1);
	image_set(&b, 0, BR_STR_NONE, (uint16_t)f->id_field, br_str_z(r->lid));
	for (int i = 0; i < NF; i++) {
		uint8_t part = fields[i].key ? 1 : 0;
		struct br_str key = fields[i].key ? br_str_z(fields[i].key) : BR_STR_NONE;

		if (f->field[i] < 0 || v[i] == V_ABSENT)
			continue;
		if (v[i] == V_NULL)
			image_set_null(&b, part, key, (uint16_t)f->field[i]);
		else
			image_set(&b, part, key, (uint16_t)f->field[i], br_str_z(R->values[v[i]]));
	}
	assert_int_equal(image_build_end(&b, &out), 0);
	return out;
}

static int cell_value(const struct fake *f, const struct image *img, int i)
{
	const struct cell *c;

	if (f->field[i] < 0)
		return V_ABSENT;
	if (fields[i].key && image_get(img, 1, br_str_z(fields[i].key), IMAGE_ELEMENT))
		return V_GONE;
	c = image_get(img, fields[i].key ? 1 : 0,
		fields[i].key ? br_str_z(fields[i].key) : BR_STR_NONE, (unsigned)f->field[i]);
	return !c ? V_ABSENT : cell_is_null(c) ? V_NULL : value_of(c->value);
}

/* ---- connector to bridge ---- */

static void emit(struct fake *f, struct msg m)
{
	m.sys = f->sys->code;
	m.rec = BR_STR("r");
	if (m.type != MSG_HELLO) {
		m.epoch = f->epoch;
		m.seq = ++f->seq;
	}
	assert_true(f->in_tail < MAX_QUEUE);
	f->in[f->in_tail++] = m;
}

static void start_connector(struct fake *f)
{
	struct msg m = {
		.type = MSG_HELLO, .caps = f->inbox ? BR_STR("inbox") : BR_STR("cas lookup")};

	snprintf(f->nonce, sizeof(f->nonce), "%.*s-%d", BR_STR_ARG(f->sys->code), ++R->nonces);
	m.nonce = br_arena_copy(&R->arena, br_str_z(f->nonce));
	f->phase = C_HELLO;
	f->ncmd = f->nanswered = 0;
	memset(f->told, -9, sizeof(f->told));
	/* it reads its topic from where that ends now */
	f->deliver_head = f->deliver_tail;
	emit(f, m);
	TRACE("%.*s: starts as %s\n", BR_STR_ARG(f->sys->code), f->nonce);
}

static void send_receipt(struct fake *f, const struct command *c, enum msg_status status,
	const struct record *r, const int8_t *post, bool doubt)
{
	struct msg m = {
		.type = MSG_RCPT, .did = c->did, .status = status, .atomic = true, .doubt = doubt};

	if (r)
		m.lid = br_arena_copy(&R->arena, br_str_z(r->lid));
	if (post) {
		m.has_image = true;
		m.whole = f->whole;
		m.image = image_of(f, r, post);
		memcpy(f->told[r - f->rec], post, NF);
	}
	emit(f, m);
	assert_true(f->nanswered < 256);
	f->answered[f->nanswered++] = (struct answer){c->did, m};
	TRACE("%.*s: command %lld of %.*s: %s\n", BR_STR_ARG(f->sys->code), (long long)c->did.n, 4,
		c->did.cid.p + 22, msg_status_name(status));
}

static struct record *find_record(struct fake *f, struct br_str lid)
{
	for (int i = 0; i < f->nrec; i++)
		if (f->rec[i].there && br_str_eq(br_str_z(f->rec[i].lid), lid))
			return &f->rec[i];
	return NULL;
}

static struct record *new_record(struct fake *f)
{
	struct record *r = &f->rec[f->nrec++];

	assert_true(f->nrec <= MAX_RECORDS);
	*r = (struct record){.there = true};
	snprintf(r->lid, sizeof(r->lid), "%.*s%d", BR_STR_ARG(f->sys->code), f->nrec);
	for (int i = 0; i < NF; i++)
		r->v[i] = fields[i].key || f->field[i] < 0 ? V_ABSENT : V_NULL;
	return r;
}

static bool is_set(const struct record *r, int i, int set)
{
	return set == V_GONE ? r->v[i] == V_ABSENT : set == r->v[i];
}

static bool as_base(const struct fake *f, const struct command *c, const struct record *r)
{
	for (int i = 0; i < NF; i++) {
		int base = cell_value(f, &c->base, i), set = cell_value(f, &c->set, i);

		if (base != V_ABSENT ? base != r->v[i] : set != V_ABSENT && r->v[i] != V_ABSENT)
			return false;
	}
	return true;
}

static bool as_sent(const struct fake *f, const struct command *c, const struct record *r)
{
	for (int i = 0; i < NF; i++) {
		int base = cell_value(f, &c->base, i), set = cell_value(f, &c->set, i);

		if (set != V_ABSENT ? !is_set(r, i, set) : base != V_ABSENT && base != r->v[i])
			return false;
	}
	return true;
}

static void write_record(struct fake *f, const struct command *c, struct record *r)
{
	for (int i = 0; i < NF; i++) {
		int set = cell_value(f, &c->set, i);

		if (set == V_GONE)
			r->v[i] = V_ABSENT;
		else if (set != V_ABSENT)
			r->v[i] = (int8_t)stored_form(f, i, set);
	}
	memcpy(r->post, r->v, NF);
	r->has_inbox = f->inbox;
	r->inc = c->did.incarnation;
	r->n = c->did.n;
	if (c->op == OP_CREATE)
		snprintf(r->cid, sizeof(r->cid), "%.*s", BR_STR_ARG(c->did.cid));
}

/* Executes one command; die: the connector ends between the write and its receipt. */
static void execute(struct fake *f, int at, bool die)
{
	struct command c = f->cmd[at];
	struct record *r = NULL;

	f->cmd[at] = f->cmd[--f->ncmd];
	for (int i = 0; i < f->nrec; i++)
		if (f->rec[i].there &&
			(c.op == OP_CREATE ? br_str_eq(br_str_z(f->rec[i].cid), c.did.cid)
					   : br_str_eq(br_str_z(f->rec[i].lid), c.lid)))
			r = &f->rec[i];
	if (r && r->has_inbox &&
		(r->inc > c.did.incarnation || (r->inc == c.did.incarnation && r->n >= c.did.n))) {
		if (r->n == c.did.n && r->inc == c.did.incarnation)
			send_receipt(f, &c, RCPT_APPLIED, r, r->post, false);
		return;
	}
	if (!f->inbox) {
		struct msg intent = {.type = MSG_INTENT, .did = c.did};

		emit(f, intent);
	}
	if (c.op == OP_CREATE && r) {
		send_receipt(f, &c, RCPT_EXISTS, r, r->v, c.attempted);
	} else if (c.op == OP_CREATE) {
		r = new_record(f);
		write_record(f, &c, r);
		if (!die)
			send_receipt(f, &c, RCPT_APPLIED, r, r->v, false);
	} else if (!r) {
		send_receipt(f, &c, RCPT_GONE, NULL, NULL, false);
	} else if (!f->inbox && c.attempted && !as_base(f, &c, r) && as_sent(f, &c, r)) {
		send_receipt(f, &c, RCPT_APPLIED, r, r->v, true);
	} else if (!as_base(f, &c, r)) {
		send_receipt(f, &c, RCPT_STALE, r, r->v, !f->inbox && c.attempted);
	} else {
		write_record(f, &c, r);
		if (!die)
			send_receipt(f, &c, RCPT_APPLIED, r, r->v, false);
	}
	if (die)
		start_connector(f);
}

static bool read_record(struct fake *f, int i)
{
	struct msg m = {.type = MSG_OBS, .present = true, .has_image = true, .whole = f->whole};
	struct record *r = &f->rec[i];

	if (!r->there || memcmp(f->told[i], r->v, NF) == 0)
		return false;
	memcpy(f->told[i], r->v, NF);
	m.lid = br_arena_copy(&R->arena, br_str_z(r->lid));
	m.image = image_of(f, r, r->v);
	emit(f, m);
	TRACE("%.*s: reads %s\n", BR_STR_ARG(f->sys->code), r->lid);
	return true;
}

static void take_delivery(struct fake *f)
{
	struct msg m = f->deliver[f->deliver_head++];

	if (m.type == MSG_BEGIN && f->phase == C_HELLO && br_str_eq(m.nonce, br_str_z(f->nonce))) {
		f->phase = C_SETTLING;
		f->epoch = m.assigned;
		f->seq = 0;
		f->ncmd = 0;
		return;
	}
	if (m.type == MSG_RESTART) {
		start_connector(f);
		return;
	}
	if (m.type != MSG_CMD || f->phase == C_HELLO)
		return;
	for (int i = 0; i < f->nanswered; i++)
		if (msg_did_same(&f->answered[i].did, &m.did)) {
			emit(f, f->answered[i].receipt);
			return;
		}
	for (int i = 0; i < f->ncmd; i++)
		if (msg_did_same(&f->cmd[i].did, &m.did))
			return;
	assert_true(f->ncmd < 64);
	f->cmd[f->ncmd++] = (struct command){.did = m.did,
		.op = m.op,
		.lid = m.lid,
		.base = m.base,
		.set = m.image,
		.attempted = m.attempted};
}

/* Something a connector can do; false when there is nothing. It reads only when what it inherited
 * is settled. */
static bool connector_turn(struct fake *f, bool faults)
{
	bool fence = false;

	if (f->deliver_head < f->deliver_tail &&
		(chance(50) || f->ncmd == 0 || f->phase != C_RUNNING)) {
		fence = f->deliver[f->deliver_head].type == MSG_FENCE;
		take_delivery(f);
		if (fence && f->phase == C_SETTLING) {
			/* FENCE is last: what came before it is settled now */
			while (f->ncmd && f->phase == C_SETTLING)
				execute(f, below(f->ncmd), faults && chance(10));
			if (f->phase == C_SETTLING)
				f->phase = C_RUNNING;
		}
		return true;
	}
	if (f->phase != C_RUNNING)
		return false;
	if (f->ncmd && chance(60)) {
		execute(f, below(f->ncmd), faults && chance(10));
		return true;
	}
	for (int i = 0, from = f->nrec ? below(f->nrec) : 0; i < f->nrec; i++)
		if (read_record(f, (from + i) % f->nrec))
			return true;
	if (f->ncmd) {
		execute(f, below(f->ncmd), faults && chance(10));
		return true;
	}
	return false;
}

/* ---- the bridge ---- */

static struct fake *fake_of(const struct hub_system *s)
{
	return &R->f[s - R->systems];
}

static void deliver(struct fake *f, struct msg m)
{
	assert_true(f->deliver_tail < MAX_QUEUE);
	f->deliver[f->deliver_tail++] = m;
}

static void deliver_command(struct hub_link *l, bool inherited)
{
	const struct hub_inflight *in = &l->inflight;
	struct msg m = {.type = MSG_CMD,
		.did = {in->incarnation, br_str_z(l->kase->ulid), BR_STR("r"), l->n},
		.op = in->op,
		.lid = l->lid,
		.image = in->set,
		.base = in->own_base ? in->base : l->shadow,
		.attempted = in->attempted || inherited};

	deliver(fake_of(l->sys), m);
	for (int i = 0; i < R->nfirst; i++)
		if (R->first[i].sys == l->sys && msg_did_same(&R->first[i].did, &m.did)) {
			R->base_moved |= !image_same(&R->first[i].base, &m.base);
			return;
		}
	assert_true(R->nfirst < 1024);
	R->first[R->nfirst].sys = l->sys;
	R->first[R->nfirst].did = m.did;
	R->first[R->nfirst++].base = m.base;
}

static bool begins(const struct hub_system *s)
{
	for (struct hub_out *o = R->w.outs; o; o = o->next)
		if (o->kind == OUT_BEGIN && o->sys == s)
			return true;
	return false;
}

static void announce(struct hub_system *s, bool attempted)
{
	struct msg begin = {.type = MSG_BEGIN,
		.nonce = br_arena_copy(&R->arena, br_str_z(s->nonce)),
		.assigned = s->epoch};
	struct msg fence = {.type = MSG_FENCE, .nonce = begin.nonce, .attempted = attempted};

	deliver(fake_of(s), begin);
	for (struct hub_case *k = R->w.cases; k; k = k->hh.next)
		for (struct hub_link *l = k->links; l; l = l->next)
			if (l->sys == s && l->inflight.on)
				deliver_command(l, attempted);
	deliver(fake_of(s), fence);
}

static void publish_batch(void)
{
	for (struct hub_out *o = R->w.outs; o; o = o->next) {
		struct msg m = {.type = MSG_RESTART};

		if (o->kind == OUT_CMD && !begins(o->sys) && o->link->inflight.on)
			deliver_command(o->link, false);
		else if (o->kind == OUT_RESTART)
			deliver(fake_of(o->sys), m);
	}
	for (int i = 0; i < NSYS; i++)
		for (struct hub_out *o = R->w.outs; o; o = o->next)
			if (o->kind == OUT_FENCE && o->sys == &R->systems[i] && !o->next)
				announce(&R->systems[i], o->attempted);
			else if (o->kind == OUT_FENCE && o->sys == &R->systems[i]) {
				bool last = true;

				for (struct hub_out *p = o->next; p; p = p->next)
					last &= p->kind != OUT_FENCE || p->sys != o->sys;
				if (last)
					announce(o->sys, o->attempted);
			}
}

/* The next batch finds what the ledger would have: nothing new, nothing dirty. */
static void end_batch(void)
{
	for (struct hub_case *k = R->w.cases; k; k = k->hh.next) {
		k->is_new = k->dirty = k->publish = false;
		for (struct hub_link *l = k->links; l; l = l->next)
			l->is_new = l->dirty = false;
	}
	R->w.outs = NULL;
	R->w.outs_end = &R->w.outs;
}

static struct truth *truth_of(const struct hub_case *k)
{
	for (int i = 0; i < R->ntruth; i++)
		if (strcmp(R->truth[i].cid, k->ulid) == 0)
			return &R->truth[i];
	if (R->ntruth == MAX_CASES + 2)
		return NULL;
	memcpy(R->truth[R->ntruth].cid, k->ulid, sizeof(k->ulid));
	return &R->truth[R->ntruth++];
}

/* What the case says of a field, in the letters of the systems. */
static int canonical(const struct hub_case *k, int i)
{
	int part = fields[i].key ? shape_find_part(schema->shape, BR_STR("steps")) : 0;
	const struct cell *c = image_get(&k->doc, (unsigned)part,
		fields[i].key ? br_str_z(fields[i].key) : BR_STR_NONE,
		(unsigned)shape_find(schema->shape, (unsigned)part, br_str_z(fields[i].field)));

	if (!c)
		return V_ABSENT;
	if (cell_is_null(c))
		return V_NULL;
	if (i == F_ZT)
		return value_z(br_str_eq(c->value, BR_STR("RECEIVED"))	 ? "0"
			       : br_str_eq(c->value, BR_STR("ACCEPTED")) ? "1"
									 : "2");
	return value_of(c->value);
}

static uint64_t bit(int v)
{
	return v < 0 ? UINT64_C(1) << 63 : UINT64_C(1) << v;
}

static int field_of_place(struct br_str place)
{
	for (int i = 0; i < NF; i++) {
		char name[40];

		snprintf(name, sizeof(name), fields[i].key ? "steps/%s/%s" : "%s%s",
			fields[i].key ? fields[i].key : "", fields[i].field);
		if (br_str_eq(place, br_str_z(name)))
			return i;
	}
	return -1;
}

static int json_value(struct br_str json, int field)
{
	struct br_str s = {json.p + 1, json.n - 2};

	if (json.p[0] != '"')
		return V_NULL;
	if (field == F_ZT)
		return value_z(br_str_eq(s, BR_STR("RECEIVED"))	  ? "0"
			       : br_str_eq(s, BR_STR("ACCEPTED")) ? "1"
								  : "2");
	return value_of(s);
}

static void note_truth(struct fake *f, const struct msg *m, struct hub_link *l)
{
	for (struct hub_case *k = R->w.cases; k; k = k->hh.next) {
		struct truth *t = truth_of(k);

		for (int i = 0; t && i < NF; i++)
			t->canon[i] |= bit(canonical(k, i));
	}
	for (struct hub_conflict *c = R->conflict_seen ? R->conflict_seen->next : R->w.conflicts; c;
		c = c->next) {
		struct truth *t = truth_of(c->kase);
		int i = field_of_place(c->place);

		R->conflict_seen = c;
		TRACE("   conflict %d of %.*s in %.*s: %.*s over %.*s\n", (int)c->kind,
			BR_STR_ARG(c->place), BR_STR_ARG(c->sys->code), BR_STR_ARG(c->win),
			BR_STR_ARG(c->lose));
		if (t && i >= 0)
			for (int s = 0; s < NSYS; s++)
				t->lost[s][i] |= bit(json_value(c->lose, i));
	}
	if (l && m->has_image)
		for (int i = 0; i < NF; i++) {
			struct truth *t = truth_of(l->kase);

			if (t)
				t->told[f - R->f][i] |= bit(cell_value(f, &m->image, i));
		}
}

static void fold(struct fake *f, struct msg *m)
{
	bool newer = hub_is_newer(f->sys, m);
	struct hub_link *l = NULL;

	R->w.offset = ++R->offset;
	R->w.source = (int)(f - R->f);
	R->w.now_ms = 1530493500000 + R->offset;
	R->w.topic = f->sys->code;
	hub_step(&R->w, f->sys, m);
	assert_false(R->w.failed);
	if (newer && m->lid.n)
		l = hub_world_link(&R->w, f->sys, BR_STR("r"), m->lid);
	note_truth(f, m, l);
}

/* Links that wait for credit, as the bridge looks after them when there is some. */
static bool resume_due(void)
{
	bool sent;

	for (int i = 0; i < NSYS; i++) {
		struct hub_system *s = &R->systems[i];

		if (!s->backlog || s->outstanding >= s->credit)
			continue;
		s->backlog = false;
		for (struct hub_case *k = R->w.cases; k; k = k->hh.next)
			for (struct hub_link *l = k->links; l; l = l->next)
				if (l->sys == s && l->due)
					hub_step_resume(&R->w, l, false);
	}
	sent = R->w.outs != NULL;
	publish_batch();
	end_batch();
	return sent;
}

static bool hub_turn(bool faults)
{
	int from = below(NSYS), took = 0, most = 1 + below(4);

	for (int i = 0; i < NSYS; i++) {
		struct fake *f = &R->f[(from + i) % NSYS];

		while (took < most && f->in_head < f->in_tail) {
			struct msg m = f->in[f->in_head++];

			fold(f, &m);
			took++;
			/* an old copy comes again later */
			if (faults && chance(10) && m.type != MSG_HELLO && f->in_tail < MAX_QUEUE)
				f->in[f->in_tail++] = m;
		}
	}
	if (took && faults && chance(4)) {
		/* it stops between commit and produce; it comes up, and tells everybody again */
		TRACE("the bridge starts again\n");
		end_batch();
		R->w.incarnation++;
		for (int i = 0; i < NSYS; i++) {
			R->systems[i].gap = false;
			if (R->systems[i].nonce[0])
				announce(&R->systems[i], !R->systems[i].transactional);
		}
		return true;
	}
	publish_batch();
	end_batch();
	return resume_due() || took;
}

/* ---- people ---- */

static int some_value(int field)
{
	static const char *const words[] = {"a", "b", "c", "d"}, *const codes[] = {"0", "1", "2"};

	if (field == F_ZT)
		return value_z(codes[below(3)]);
	return chance(8) && !fields[field].key ? V_NULL : value_z(words[below(4)]);
}

static void type(struct fake *f, struct record *r, int field, int v)
{
	v = stored_form(f, field, v);
	if (r->v[field] == v)
		return;
	r->v[field] = (int8_t)v;
	r->emptied |= v == V_ABSENT && r->v[F_OP1] == V_ABSENT && r->v[F_OP2] == V_ABSENT;
	R->typed[field] |= bit(v);
	R->typed_in[f - R->f][field] |= bit(v);
	R->edits++;
	TRACE("%.*s: somebody types %s %s%s = %s\n", BR_STR_ARG(f->sys->code), r->lid,
		fields[field].column, fields[field].key ? fields[field].key : "", show(v));
}

static int some_field(void)
{
	int i = below(NF - 1);

	return i >= F_BN ? i + 1 : i;
}

static void person(void)
{
	struct fake *f = &R->f[below(NSYS)];
	struct record *r;

	if (R->created < MAX_CASES && (R->created == 0 || chance(15))) {
		r = new_record(f);
		R->created++;
		TRACE("%.*s: somebody enters %s\n", BR_STR_ARG(f->sys->code), r->lid);
		type(f, r, F_ZT, value_z("0"));
		for (int i = 0; i < F_ZT; i++)
			if (chance(60))
				type(f, r, i, some_value(i));
		return;
	}
	r = f->nrec ? &f->rec[below(f->nrec)] : NULL;
	if (r && REMOVES && chance(15)) {
		type(f, r, F_OP1 + below(2), V_ABSENT);
	} else if (r && r->there) {
		int field = some_field();

		type(f, r, field, some_value(field));
	}
}

/* ---- the checks ---- */

#define WRONG(...) (snprintf(R->why, sizeof(R->why), __VA_ARGS__), false)

static bool quiet_down(int limit)
{
	for (int i = 0; i < limit; i++) {
		bool did = hub_turn(false);

		for (int s = 0; s < NSYS; s++)
			did |= connector_turn(&R->f[s], false);
		if (!did)
			return true;
	}
	return WRONG("it does not come to rest");
}

/* A conflict that says why this system shows something else. */
static bool flagged(const struct hub_case *k, const struct hub_system *s, int field)
{
	for (struct hub_conflict *c = R->w.conflicts; c; c = c->next)
		if (c->kase == k && c->sys == s && field_of_place(c->place) == field &&
			(c->kind == CONFLICT_REWRITTEN || c->kind == CONFLICT_SUSPECT ||
				c->kind == CONFLICT_DEVIATION))
			return true;
	return false;
}

static bool check_link(const struct hub_link *l)
{
	struct fake *f = fake_of(l->sys);
	struct record *r = find_record(f, l->lid);

	if (l->state != LINK_IDLE || l->inflight.on || l->due)
		return WRONG("link of %s in %.*s: state %d, in flight %d, due %d, backlog %d, out "
			     "%lld of %lld",
			l->kase->ulid, BR_STR_ARG(l->sys->code), (int)l->state, l->inflight.on,
			l->due, l->sys->backlog, (long long)l->sys->outstanding,
			(long long)l->sys->credit);
	if (!r)
		return WRONG("%s is not in %.*s", l->kase->ulid, BR_STR_ARG(l->sys->code));
	for (int i = 0; i < NF; i++) {
		int want = stored_form(f, i, canonical(l->kase, i));

		if (f->field[i] < 0 || flagged(l->kase, l->sys, i) || want == r->v[i] ||
			(want < 0 && r->v[i] < 0))
			continue;
		/* who shows no list at all may mean anything by it */
		if (REMOVES && !f->whole && r->emptied && r->v[i] == V_ABSENT)
			continue;
		return WRONG("%s: %s%s is %s in %.*s and %s in the case", l->kase->ulid,
			fields[i].column, fields[i].key ? fields[i].key : "", show(r->v[i]),
			BR_STR_ARG(l->sys->code), show(canonical(l->kase, i)));
	}
	return true;
}

static uint64_t loose(uint64_t set)
{
	uint64_t more = set;

	for (int i = 0; i < R->nvalues; i++)
		for (int j = 0; j < R->nvalues; j++)
			if (set & bit(i) && strcasecmp(R->values[i], R->values[j]) == 0)
				more |= bit(j);
	return more;
}

static bool check_values(const struct hub_case *k)
{
	struct truth *t = truth_of(k);

	for (int i = 0; t && i < NF; i++) {
		uint64_t nothing = bit(V_NULL), numbers = 0;

		if (i == F_BN)
			continue;
		if (t->canon[i] & ~(R->typed[i] | nothing | numbers))
			return WRONG("%s: nobody typed what stood in %s", k->ulid, fields[i].field);
		for (int s = 0; s < NSYS; s++) {
			uint64_t kept = t->canon[i] | t->lost[s][i],
				 typed = t->told[s][i] & R->typed_in[s][i] & ~nothing;

			if (typed & ~(R->f[s].upper ? loose(kept) : kept))
				return WRONG("%s: a value of %s read in %c is nowhere", k->ulid,
					fields[i].field, 'a' + s);
		}
	}
	return true;
}

static bool check_counters(void)
{
	for (int i = 0; i < NSYS; i++) {
		const struct hub_system *s = &R->systems[i];
		const struct hub_counters *c = &s->count;

		if (c->read != c->accepted + c->echo + c->refused + c->parked_in)
			return WRONG("%c: what was read does not add up", 'a' + i);
		if (c->sent !=
			c->applied + c->stale + c->exists + c->gone + c->rejected + c->unknown)
			return WRONG("%c: sent %lld, answered %lld", 'a' + i, (long long)c->sent,
				(long long)(c->applied + c->stale + c->exists + c->gone +
					    c->rejected + c->unknown));
		if (s->outstanding != 0)
			return WRONG("%c: %lld outstanding", 'a' + i, (long long)s->outstanding);
	}
	return true;
}

static bool check_all(void)
{
	int n = 0;

	for (struct hub_case *k = R->w.cases; k; k = k->hh.next) {
		int links = 0;

		n++;
		for (struct hub_link *l = k->links; l; l = l->next, links++)
			if (!check_link(l))
				return false;
		if (links != NSYS)
			return WRONG("%s has %d records", k->ulid, links);
		if (!check_values(k))
			return false;
	}
	if (R->base_moved)
		return WRONG("a command was sent again with another base");
	if (n != R->created)
		return WRONG("%d cases for %d entered", n, R->created);
	for (int i = 0; i < NSYS; i++)
		if (R->f[i].nrec != R->created)
			return WRONG("%c has %d records for %d cases", 'a' + i, R->f[i].nrec,
				R->created);
	return check_counters();
}

/* In quiet, one edit: it comes to stand everywhere, or its owner's value comes back. */
static bool one_edit(void)
{
	int s = below(NSYS), field = some_field(), v, before, now;
	struct fake *f = &R->f[s];
	struct record *r = f->nrec ? &f->rec[below(f->nrec)] : NULL;
	struct hub_link *l =
		r ? hub_world_link(&R->w, f->sys, BR_STR("r"), br_str_z(r->lid)) : NULL;
	bool mine;

	if (!l)
		return WRONG("a record without a case");
	v = stored_form(f, field, some_value(field));
	if (REMOVES && f->whole && fields[field].key && chance(50))
		v = V_ABSENT;
	before = canonical(l->kase, field);
	mine = fields[field].owner == CASE_OWNER_EITHER || fields[field].owner == f->sys->role;
	if (v == r->v[field] || (v < 0 && r->v[field] < 0))
		return true;
	type(f, r, field, v);
	if (!quiet_down(500))
		return false;
	now = canonical(l->kase, field);
	if (mine ? now != v : now != before)
		return WRONG("%c typed %s for %s (it was %s), the case says %s", 'a' + s, show(v),
			fields[field].field, show(before), show(now));
	return check_all();
}

/* ---- one run ---- */

static void set_up(uint64_t seed)
{
	size_t i = 0;

	memset(R, 0, sizeof(*R));
	R->seed = R->rng = seed;
	R->trace = only_seed != 0;
	br_arena_init(&R->arena, 512u << 20);
	br_buf_init(&R->w.scratch, 1u << 20);
	br_buf_init(&R->w.delta, 1u << 20);
	R->w.schema = schema;
	R->w.systems = R->systems;
	R->w.nsystems = NSYS;
	R->w.incarnation = 100;
	hub_world_begin(&R->w, &R->arena);
	for (struct cfg_system *c = site->systems; c; c = c->next, i++) {
		struct fake *f = &R->f[i];

		R->systems[i] = (struct hub_system){.id = (int16_t)(i + 1),
			.code = c->name,
			.maps = maps[i],
			.items = &c->items,
			.credit = chance(30) ? 1 : 1000,
			.state = SYS_LIVE,
			.role = br_str_eq(c->role, BR_STR("portal")) ? CASE_OWNER_PORTAL
								     : CASE_OWNER_DEPARTMENT};
		f->sys = &R->systems[i];
		f->shape = map_shape(map_find(maps[i], BR_STR("r")));
		f->id_field = shape_find(f->shape, 0, BR_STR("id"));
		for (int j = 0; j < NF; j++)
			f->field[j] = shape_find(
				f->shape, fields[j].key ? 1 : 0, br_str_z(fields[j].column));
		f->inbox = chance(60);
		f->upper = chance(40);
		f->whole = chance(70);
	}
	for (i = 0; i < NSYS; i++)
		start_connector(&R->f[i]);
}

static void tear_down(void)
{
	HASH_CLEAR(hh, R->w.cases);
	HASH_CLEAR(hh, R->w.links);
	HASH_CLEAR(hh, R->w.keys);
	br_buf_release(&R->w.scratch);
	br_buf_release(&R->w.delta);
	br_arena_release(&R->arena);
}

static bool play(uint64_t seed)
{
	int people = 5 + (int)(seed % 40), crashes = (int)(seed / 7 % 6), steps = people * 12;
	bool ok = true;

	set_up(seed);
	for (int i = 0; i < steps; i++) {
		struct fake *f = &R->f[below(NSYS)];

		if (below(steps) < people * 2)
			person();
		if (crashes && below(steps) < crashes)
			start_connector(f);
		if (chance(50))
			hub_turn(true);
		else
			connector_turn(f, true);
	}
	ok = quiet_down(4000) && check_all();
	for (int i = 0; ok && i < 12; i++)
		ok = R->created == 0 || one_edit();
	if (ok) {
		int64_t sent = 0, versions = 0;

		for (int i = 0; i < NSYS; i++)
			sent += R->systems[i].count.sent;
		for (struct hub_case *k = R->w.cases; k; k = k->hh.next)
			versions += k->ver;
		if (versions > R->edits + R->created * 4 || sent > (R->edits + 8) * NSYS * 4)
			ok = WRONG("%d edits made %lld versions and %lld commands", R->edits,
				(long long)versions, (long long)sent);
	}
	tear_down();
	return ok;
}

static void random_histories(void **state)
{
	int bad = 0;

	(void)state;
	R = malloc(sizeof(*R));
	assert_non_null(R);
	for (uint64_t seed = only_seed ? only_seed : 1; seed <= (only_seed ? only_seed : SEEDS);
		seed++)
		if (!play(seed) && bad++ < 8)
			print_error("seed %llu: %s\n", (unsigned long long)seed, R->why);
	free(R);
	assert_int_equal(bad, 0);
}

static int load(void **state)
{
	(void)state;
	return fixture_load(files, BR_LEN(files));
}

static int unload(void **state)
{
	(void)state;
	return fixture_unload();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_histories)};

	if (argc > 1)
		only_seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, load, unload);
}
