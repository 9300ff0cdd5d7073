/*
 * sim_http.c - br_http.h: requests that are carried out at some moment and answered at a later one,
 * or not, by a server with or without conditions (ETag) and keys. The real http kind stands on the
 * other side.
 *
 *   GET /list?cursor=N&limit=N   what changed, after the index has caught up
 *   GET /r/LID                   one record
 *   GET /find?nk=TEXT            numbers of records about a matter, after the index has caught up
 *   POST /new, /put, /step       {"id":..., columns} -> {"id":..., "record": {...}}
 */
#include "sim_target.h"

#include "br_buf.h"
#include "br_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVER (8 * SIM_MS)

struct br_http {
	struct sim_proc *proc;
	bool freed;
	size_t running;
	int looked[SIM_RECORDS]; /* by row: what was seen of it (sim_target_write) */
};

struct br_http_headers {
	struct br_str etag;
};

static int flying[SIM_SYSTEMS];

struct exchange {
	struct br_http *h;
	br_http_fn *fn;
	void *arg;
	int system;
	struct br_str path, body, if_match, key;
	bool post;
	enum { FATE_GOOD, FATE_NOT_SENT, FATE_NOT_DONE, FATE_UNHEARD, FATE_BUSY, FATE_PAGE } fate;
	bool page_after; /* the error page comes although it was done */
	int looked;	 /* at the record, before it is written */
	/* the answer */
	int status;
	struct br_str answer, etag;
	int row;	 /* whose record it shows; -1: none, or many */
	int typed;	 /* serial: what was typed so far */
	uint16_t *shown; /* serials of all that people typed and that it shows */
	int nshown;
};

/* ---- what it says ---- */

static bool has_etag(int system)
{
	return sim.plan.class[system] == CLASS_H1 || sim.plan.class[system] == CLASS_H2;
}

static void write_value(struct br_jw *w, sim_value v)
{
	if (v == V_NULL)
		br_jw_null(w);
	else
		br_jw_str(w, br_str_z(people.texts[v]));
}

static void note_shown(struct exchange *x, const struct sim_row *r)
{
	if (!x->shown)
		x->shown = br_arena_array(&sim.arena, uint16_t, SIM_RECORDS * NF);
	for (int i = 0; i < NF; i++)
		if (r->typed[i])
			x->shown[x->nshown++] = r->typed[i];
}

static void write_record(struct exchange *x, const struct sim_row *r, struct br_jw *w)
{
	const struct sim_target *t = &targets[x->system];

	br_jw_object(w);
	br_jw_kstr(w, "id", br_str_z(r->lid));
	for (int i = 0; i < F_OP1; i++) {
		if (t->column[i] < 0)
			continue;
		br_jw_key(w, br_str_z(sim_fields[i].column));
		write_value(w, r->v[i]);
	}
	br_jw_key(w, BR_STR("steps"));
	br_jw_array(w);
	for (int i = F_OP1; i <= F_OP2; i++) {
		if (r->v[i] == V_ABSENT)
			continue;
		br_jw_object(w);
		br_jw_kstr(w, "xh", br_str_z(sim_fields[i].key));
		br_jw_key(w, BR_STR("op"));
		write_value(w, r->v[i]);
		br_jw_end_object(w);
	}
	br_jw_end_array(w);
	br_jw_end_object(w);
	note_shown(x, r);
}

static void finish(struct exchange *x, int status, struct br_buf *b)
{
	x->status = status;
	x->answer = br_arena_copy(&sim.arena, br_buf_str(b));
	br_buf_release(b);
}

static void say(struct exchange *x, int status)
{
	x->status = status;
	x->answer = BR_STR("{\"msg\":\"no\"}");
}

static struct br_str etag_of(int system, const struct sim_row *r)
{
	return has_etag(system) ? br_arena_printf(&sim.arena, "\"%" PRId64 "\"", r->rv)
				: BR_STR_NONE;
}

static void show(struct exchange *x, const struct sim_row *r)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kstr(&w, "id", br_str_z(r->lid));
	br_jw_key(&w, BR_STR("record"));
	write_record(x, r, &w);
	br_jw_end_object(&w);
	x->row = (int)(r - targets[x->system].rows);
	x->typed = people.ntyped;
	x->etag = etag_of(x->system, r);
	finish(x, 200, &b);
}

/* ---- reading ---- */

static int by_rv(const void *a, const void *b)
{
	const struct sim_row *x = *(struct sim_row *const *)a, *y = *(struct sim_row *const *)b;

	return x->rv < y->rv ? -1 : x->rv > y->rv;
}

static void list(struct exchange *x)
{
	struct sim_target *t = &targets[x->system];
	int64_t cursor = strtoll(x->path.p + strlen("/list?cursor="), NULL, 10);
	struct sim_row *rows[SIM_RECORDS];
	int n = 0, limit = 1 + sim_below(20);
	struct br_buf b;
	struct br_jw w;

	for (int i = 0; i < t->nrows; i++)
		if (!t->rows[i].gone && t->rows[i].rv > cursor &&
			t->rows[i].changed_at + sim.plan.lag_us <= sim.now)
			rows[n++] = &t->rows[i];
	qsort(rows, (size_t)n, sizeof(struct sim_row *), by_rv);
	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_key(&w, BR_STR("items"));
	br_jw_array(&w);
	for (int i = 0; i < n && i < limit; i++) {
		write_record(x, rows[i], &w);
		cursor = rows[i]->rv;
	}
	br_jw_end_array(&w);
	br_jw_key(&w, BR_STR("cursor"));
	br_jw_str(&w, br_arena_printf(&sim.arena, "%" PRId64, cursor));
	br_jw_kbool(&w, "more", n > limit);
	br_jw_end_object(&w);
	finish(x, 200, &b);
}

static void find(struct exchange *x)
{
	struct sim_target *t = &targets[x->system];
	sim_value nk = sim_value_of(br_str_z(x->path.p + strlen("/find?nk=")));
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_key(&w, BR_STR("items"));
	br_jw_array(&w);
	for (int i = 0; i < t->nrows; i++) {
		if (t->rows[i].gone || t->rows[i].v[F_NK] != nk ||
			t->rows[i].made_at + sim.plan.lag_us > sim.now)
			continue;
		br_jw_object(&w);
		br_jw_kstr(&w, "id", br_str_z(t->rows[i].lid));
		br_jw_end_object(&w);
	}
	br_jw_end_array(&w);
	br_jw_end_object(&w);
	finish(x, 200, &b);
}

/* ---- writing ---- */

struct wanted {
	struct br_str id, element;
	sim_value v[NF];
};

static int field_of(struct br_str column, struct br_str element)
{
	for (int i = 0; i < NF; i++)
		if (br_str_eq(column, br_str_z(sim_fields[i].column)) &&
			(!sim_fields[i].key || br_str_eq(element, br_str_z(sim_fields[i].key))))
			return i;
	return -1;
}

static void read_body(const struct exchange *x, struct wanted *out)
{
	struct br_str columns[16], texts[16];
	struct br_err err;
	struct br_jr r;
	int n = 0;

	*out = (struct wanted){BR_STR_NONE, BR_STR_NONE, {0}};
	for (int i = 0; i < NF; i++)
		out->v[i] = V_ABSENT;
	br_err_clear(&err);
	br_jr_init(&r, x->body, &sim.arena, &err);
	br_jr_next(&r);
	while (br_jr_next(&r) == BR_JT_KEY && n < 16) {
		columns[n] = r.text;
		texts[n] = br_jr_next(&r) == BR_JT_STRING ? r.text : BR_STR_NONE;
		if (br_str_eq(columns[n], BR_STR("id")))
			out->id = texts[n];
		else if (br_str_eq(columns[n], BR_STR("xh")))
			out->element = texts[n];
		else
			n++;
	}
	for (int i = 0; i < n; i++) {
		int field = field_of(columns[i], out->element);

		if (field >= 0)
			out->v[field] = texts[i].p ? sim_value_of(texts[i]) : V_NULL;
	}
}

static void write_it(struct exchange *x)
{
	sim_value nothing[NF];
	struct wanted want;
	struct sim_row *r;

	for (int i = 0; i < NF; i++)
		nothing[i] = V_ABSENT;
	read_body(x, &want);
	if (br_str_eq(x->path, BR_STR("/new"))) {
		r = sim_target_new(x->system, V_NULL);
		r->by_bridge = true;
	} else {
		r = sim_target_find(x->system, want.id);
	}
	if (!r) {
		say(x, 404);
		return;
	}
	if (has_etag(x->system) && x->if_match.n && !BR_WITHOUT(COMPARE_AND_SET) &&
		!br_str_eq(x->if_match, etag_of(x->system, r))) {
		say(x, 412);
		return;
	}
	sim_target_write(x->system, r, want.v, nothing, x->looked);
	show(x, r);
}

static struct sim_request *remembered(const struct exchange *x)
{
	for (struct sim_request *q = targets[x->system].requests; q; q = q->next)
		if (br_str_eq(q->key, x->key))
			return q;
	return NULL;
}

static void remember(const struct exchange *x)
{
	struct sim_request *q = br_arena_new(&sim.arena, struct sim_request);

	*q = (struct sim_request){.key = x->key,
		.body = x->answer,
		.etag = x->etag,
		.status = x->status,
		.next = targets[x->system].requests};
	targets[x->system].requests = q;
}

static void post(struct exchange *x)
{
	bool keyed = sim.plan.class[x->system] == CLASS_H1 && x->key.n;
	struct sim_request *before = keyed ? remembered(x) : NULL;

	if (before) {
		sights.key_replays++;
		x->status = before->status;
		x->answer = before->body;
		x->etag = before->etag;
		return;
	}
	write_it(x);
	if (keyed && x->status == 200)
		remember(x);
}

static bool begins(struct br_str s, const char *with)
{
	return s.n >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

static void serve(struct exchange *x)
{
	struct sim_row *r;

	if (x->post) {
		post(x);
	} else if (begins(x->path, "/list")) {
		list(x);
	} else if (begins(x->path, "/find")) {
		find(x);
	} else {
		r = sim_target_find(x->system, br_str_z(x->path.p + strlen("/r/")));
		if (r)
			show(x, r);
		else
			say(x, 404);
	}
}

void sim_http_begin(void)
{
	memset(flying, 0, sizeof(flying));
}

bool sim_http_still(int system)
{
	return flying[system] == 0;
}

/* ---- what a connector has seen ---- */

/* Before a write the last that was heard of the record counts; it counts for one write only, whose
 * answer is the next. */
static void look_back(struct exchange *x)
{
	struct wanted want;
	const struct sim_row *r;
	int row;

	x->row = -1;
	x->looked = SIM_BLIND;
	if (!x->post)
		return;
	read_body(x, &want);
	r = want.id.n ? sim_target_find(x->system, want.id) : NULL;
	if (!r)
		return;
	row = (int)(r - targets[x->system].rows);
	if (!has_etag(x->system))
		x->looked = x->h->looked[row];
	x->h->looked[row] = SIM_BLIND;
}

static void heard(const struct exchange *x)
{
	for (int i = 0; i < x->nshown; i++)
		people.typed[x->shown[i]].read = true;
	/* an older answer may come later */
	if (x->row >= 0 && x->h->looked[x->row] < x->typed)
		x->h->looked[x->row] = x->typed;
}

void sim_http_told(const struct sim_proc *p, struct br_str message)
{
	static const char lid[] = "\"lid\":\"";
	const char *at;

	if (!p->http || !memmem(message.p, message.n, "\"t\":\"RCPT\"", 10) ||
		memmem(message.p, message.n, "\"PROGRESS\"", 10))
		return;
	at = memmem(message.p, message.n, lid, sizeof(lid) - 1);
	if (!at)
		return;
	at += sizeof(lid) - 1;
	for (int i = 0; i < targets[p->system].nrows; i++) {
		const char *one = targets[p->system].rows[i].lid;

		if (strncmp(at, one, strlen(one)) == 0 && at[strlen(one)] == '"')
			p->http->looked[i] = SIM_BLIND;
	}
}

/* ---- a call and its answer ---- */

static void carry_out(void *arg)
{
	struct exchange *x = arg;

	flying[x->system]--;
	switch (x->fate) {
	case FATE_GOOD:
	case FATE_UNHEARD:
		serve(x);
		break;
	case FATE_BUSY:
		say(x, 429);
		break;
	case FATE_PAGE:
		if (x->page_after)
			serve(x);
		x->status = 502;
		x->answer = BR_STR("<html>");
		x->etag = BR_STR_NONE;
		break;
	default:
		break;
	}
	if (x->post || !begins(x->path, "/list"))
		TRACE("%s: %.*s %.*s if %.*s key %.*s: %d %.*s", sim.systems[x->system].name.p,
			BR_STR_ARG(x->path), BR_STR_ARG(x->body), BR_STR_ARG(x->if_match),
			BR_STR_ARG(x->key), x->status, BR_STR_ARG(x->etag));
}

static void come_back(void *arg)
{
	struct exchange *x = arg;
	struct br_http_headers headers = {x->etag};
	struct br_http_answer a = {.outcome = BR_HTTP_ANSWER,
		.status = x->status,
		.body = x->answer,
		.headers = &headers};
	struct br_err err;

	static const char *const fates[] = {"answers", "cannot be reached", "got nothing",
		"is not heard", "is busy", "shows a page"};

	x->h->running--;
	if (x->h->freed)
		return;
	if (x->fate != FATE_GOOD)
		TRACE("%s %s: %.*s", sim.systems[x->system].name.p, fates[x->fate],
			BR_STR_ARG(x->path));
	if (x->fate == FATE_NOT_SENT || x->fate == FATE_NOT_DONE || x->fate == FATE_UNHEARD) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_HTTP_UNREACHABLE, "url", "sim", "why", "simulated", NULL);
		a = (struct br_http_answer){
			.outcome = x->fate == FATE_NOT_SENT ? BR_HTTP_NOT_SENT : BR_HTTP_UNKNOWN,
			.headers = NULL,
			.err = &err};
	}
	if (x->fate == FATE_GOOD)
		heard(x);
	x->fn(x->arg, &a);
}

static void choose_fate(struct exchange *x)
{
	const struct sim_faults *f = &sim.plan.faults;

	if (sim_fault(f->call_lost))
		x->fate = sim_chance(30) ? FATE_NOT_SENT : FATE_NOT_DONE;
	else if (sim_fault(f->reply_lost))
		x->fate = FATE_UNHEARD;
	else if (sim_fault(f->refuse))
		x->fate = sim_chance(50) ? FATE_BUSY : FATE_PAGE;
	x->page_after = x->fate == FATE_PAGE && sim_chance(50);
}

static struct br_str header(const struct br_http_request *req, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; req->headers && req->headers[i]; i++)
		if (strncmp(req->headers[i], name, n) == 0)
			return br_arena_copy(&sim.arena, br_str_z(req->headers[i] + n));
	return BR_STR_NONE;
}

int br_http_send(struct br_http *h, const struct br_http_request *req, br_http_fn *fn, void *arg,
	struct br_err *err)
{
	struct exchange *x = br_arena_new(&sim.arena, struct exchange);
	int64_t limit = req->timeout_ms * SIM_MS, there = sim_latency(SERVER),
		back = sim_latency(SERVER);

	(void)err;
	*x = (struct exchange){.h = h,
		.fn = fn,
		.arg = arg,
		.system = h->proc->system,
		.path = br_arena_copy(&sim.arena, br_str_z(req->url + strlen("http://sim"))),
		.body = br_arena_copy(&sim.arena, req->body),
		.if_match = header(req, "If-Match: "),
		.key = header(req, "Idempotency-Key: "),
		.post = strcmp(req->method, "POST") == 0};
	h->running++;
	flying[x->system]++;
	look_back(x);
	choose_fate(x);
	/* what is done is done within the time-out; the answer may come too late */
	if (there >= limit)
		there = limit - 1;
	if (x->fate == FATE_NOT_DONE || x->fate == FATE_UNHEARD)
		back = sim_chance(50) ? limit - there : back;
	if (there + back > limit) {
		back = limit - there;
		if (x->fate == FATE_GOOD)
			x->fate = FATE_UNHEARD;
	}
	sim_after(there, NULL, carry_out, x);
	sim_after(there + back, h->proc, come_back, x);
	return 0;
}

struct br_http *br_http_new(struct br_loop *l, unsigned max_connections,
	const struct br_http_tls *tls, struct br_err *err)
{
	struct br_http *h = br_arena_new(&sim.arena, struct br_http);

	(void)max_connections;
	(void)tls;
	(void)err;
	h->proc = l->proc;
	h->proc->http = h;
	for (int i = 0; i < SIM_RECORDS; i++)
		h->looked[i] = SIM_BLIND;
	return h;
}

void br_http_free(struct br_http *h)
{
	if (h)
		h->freed = true;
}

struct br_str br_http_header(const struct br_http_answer *answer, const char *name)
{
	return answer->headers && strcmp(name, "ETag") == 0 ? answer->headers->etag : BR_STR_NONE;
}

size_t br_http_running(const struct br_http *h)
{
	return h->running;
}
