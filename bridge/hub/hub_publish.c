#include "hub_publish.h"

#include "hub_decide.h"
#include "hub_step.h"
#include "ledger.h"

#include "br_crash.h"
#include "br_rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* In one REFETCH. A byte of an id may be six in JSON. */
#define REFETCH_IDS   1000
#define REFETCH_BYTES 80000

struct hub_publisher {
	struct bus *bus;
	const struct cfg_site *site;
	int cases, audit, parked;
	int *deliver;  /* per system: topic */
	int64_t *pseq; /* per system: last number in this hub epoch */
	struct br_buf value;
	struct br_str source; /* ce_source */
	struct br_str dataschema;
	/* where a full queue made us stop */
	struct hub_out *out;
	size_t lid; /* of a REFETCH */
	struct hub_case *kase;
	struct hub_history *history;
	struct hub_parked *item;
	struct hub_decision *decision;
	struct hub_link *link;
	int stage;
	/* the second that was put into words last */
	time_t second;
	char second_text[32];
	size_t second_n;
};

static int topic(struct hub_publisher *p, const char *name, const char *more, struct br_err *err)
{
	char full[256];

	snprintf(full, sizeof(full), "%.*s.%s%s", BR_STR_ARG(p->site->topic_prefix), name, more);
	return bus_topic(p->bus, full, err);
}

struct hub_publisher *hub_publisher_new(
	struct bus *bus, const struct cfg_site *site, const struct hub_world *w, struct br_err *err)
{
	struct hub_publisher *p = calloc(1, sizeof(*p));
	char text[256];

	if (!p) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	p->bus = bus;
	p->site = site;
	br_buf_init(&p->value, 16 << 20);
	p->deliver = calloc(w->nsystems, sizeof(*p->deliver));
	p->pseq = calloc(w->nsystems, sizeof(*p->pseq));
	snprintf(text, sizeof(text), "/casebridge/%.*s", BR_STR_ARG(site->name));
	p->source = br_str_z(strdup(text));
	p->dataschema = w->schema->id;
	p->cases = topic(p, "cases", "", err);
	p->audit = topic(p, "audit", "", err);
	p->parked = topic(p, "parked", "", err);
	if (!p->deliver || !p->pseq || p->cases < 0 || p->audit < 0 || p->parked < 0) {
		hub_publisher_free(p);
		return NULL;
	}
	for (size_t i = 0; i < w->nsystems; i++) {
		if (w->systems[i].left_out)
			continue;
		p->deliver[i] = topic(p, "deliver.", w->systems[i].code.p, err);
		if (p->deliver[i] < 0) {
			hub_publisher_free(p);
			return NULL;
		}
	}
	return p;
}

void hub_publisher_free(struct hub_publisher *p)
{
	if (!p)
		return;
	br_buf_release(&p->value);
	free((char *)p->source.p);
	free(p->deliver);
	free(p->pseq);
	free(p);
}

/* True: it is in the queue. False: the queue is full or the bus is broken (fatal). */
static bool sent(int rc, const struct br_err *err, bool *fatal)
{
	if (rc == 0)
		return true;
	if (br_err_code(err) != BR_E_BUS_QUEUE_FULL)
		*fatal = true;
	return false;
}

static bool send_message(struct hub_publisher *p, struct hub_world *w, struct hub_system *s,
	struct msg *m, const struct shape *shape, struct br_str key, struct br_err *err,
	bool *fatal)
{
	size_t i = (size_t)(s - w->systems);
	uint64_t ticket;

	m->sys = s->code;
	m->epoch = w->incarnation;
	m->seq = p->pseq[i] + 1;
	br_buf_reset(&p->value);
	msg_write(m, shape, &p->value);
	br_err_clear(err);
	if (!sent(bus_send(p->bus, p->deliver[i], 0, key, br_buf_str(&p->value), NULL, 0, &ticket,
			  err),
		    err, fatal))
		return false;
	p->pseq[i]++;
	return true;
}

static bool send_command(struct hub_publisher *p, struct hub_world *w, struct hub_link *l,
	bool inherited, struct br_err *err, bool *fatal)
{
	const struct hub_inflight *f = &l->inflight;
	struct msg m = {.type = MSG_CMD,
		.ts = w->now_ms,
		.rec = l->rec,
		.lid = l->lid,
		.op = f->op,
		.ver = f->ver};
	struct br_jw j;

	m.did = (struct msg_did){f->incarnation, {l->kase->ulid, HUB_ULID_TEXT}, l->rec, l->n};
	m.attempted = f->attempted || inherited;
	m.has_image = true;
	m.image = f->set;
	m.image_json = f->set_json;
	m.base = f->own_base ? f->base : l->shadow;
	if (f->op == OP_CREATE) {
		br_buf_reset(&w->scratch);
		br_jw_init(&j, &w->scratch);
		map_natural_key(l->map, &f->set, &j);
		m.nk = br_buf_str(&w->scratch);
	}
	return send_message(p, w, l->sys, &m, map_shape(l->map), m.did.cid, err, fatal);
}

static bool begins(const struct hub_world *w, const struct hub_system *s)
{
	for (const struct hub_out *o = w->begins ? w->outs : NULL; o; o = o->next)
		if (o->kind == OUT_BEGIN && o->sys == s)
			return true;
	return false;
}

/* How many of the ids from here on go into one message: one at least. */
static size_t ids_of_one(const struct hub_out *o, size_t from)
{
	size_t n = 0, bytes = 0;

	while (from + n < o->nlids && n < REFETCH_IDS) {
		bytes += o->lids[from + n].n;
		if (n && bytes > REFETCH_BYTES)
			break;
		n++;
	}
	return n;
}

/* A range may lack any number of records. */
static bool send_refetch(struct hub_publisher *p, struct hub_world *w, const struct hub_out *o,
	struct br_err *err, bool *fatal)
{
	while (p->lid < o->nlids) {
		struct msg m = {.type = MSG_REFETCH,
			.ts = w->now_ms,
			.rec = o->rec,
			.lids = o->lids + p->lid,
			.nlids = ids_of_one(o, p->lid)};

		BR_CRASH_POINT("publish.refetch");
		if (!send_message(p, w, o->sys, &m, NULL, BR_STR_NONE, err, fatal))
			return false;
		p->lid += m.nlids;
	}
	p->lid = 0;
	return true;
}

static bool send_out(struct hub_publisher *p, struct hub_world *w, struct hub_out *o,
	struct br_err *err, bool *fatal)
{
	struct msg m = {.ts = w->now_ms};

	if (o->sys->left_out)
		return true; /* its connector hears all of it in the next handshake */
	switch (o->kind) {
	case OUT_CMD:
		/* a starting connector gets its outstanding commands between BEGIN and FENCE */
		BR_CRASH_POINT("publish.command");
		return begins(w, o->sys) || !o->link->inflight.on ||
		       send_command(p, w, o->link, false, err, fatal);
	case OUT_RESTART:
		m.type = MSG_RESTART;
		m.text = br_str_z(o->reason);
		break;
	case OUT_REFETCH:
		return send_refetch(p, w, o, err, fatal);
	case OUT_PAUSE:
		BR_CRASH_POINT("publish.pause");
		m.type = MSG_PAUSE;
		break;
	case OUT_RESUME:
		BR_CRASH_POINT("publish.resume");
		m.type = MSG_RESUME;
		break;
	case OUT_BEGIN:
	case OUT_FENCE:
		return true; /* hub_publish_begin */
	}
	return send_message(p, w, o->sys, &m, NULL, BR_STR_NONE, err, fatal);
}

/* "2026-11-29T08:30:00.125Z". Most of a batch falls into one second, which is put into words once.
 */
static struct br_str time_text(struct hub_publisher *p, int64_t ms, char *buf, size_t size)
{
	time_t s = (time_t)(ms / 1000);
	unsigned left = (unsigned)(ms % 1000);
	struct tm tm;

	if (!p->second_n || s != p->second) {
		gmtime_r(&s, &tm);
		p->second = s;
		p->second_n =
			strftime(p->second_text, sizeof(p->second_text), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	if (p->second_n + 5 > size)
		return BR_STR_NONE;
	memcpy(buf, p->second_text, p->second_n);
	buf[p->second_n] = '.';
	for (size_t i = 3; i > 0; i--, left /= 10)
		buf[p->second_n + i] = (char)('0' + left % 10);
	buf[p->second_n + 4] = 'Z';
	return (struct br_str){buf, p->second_n + 5};
}

static void write_links(const struct hub_case *k, struct br_jw *j)
{
	br_jw_name(j, "links");
	br_jw_array(j);
	for (const struct hub_link *l = k->links; l; l = l->next) {
		if (!l->lid.n)
			continue;
		br_jw_object(j);
		br_jw_kstr(j, "system", l->sys->code);
		br_jw_kstr(j, "record", l->rec);
		br_jw_kstr(j, "local_id", l->lid);
		br_jw_end_object(j);
	}
	br_jw_end_array(j);
}

struct event {
	int to; /* topic */
	struct br_str id, subject;
	const char *type;
	int64_t at_ms;
};

/* CloudEvents 1.0, Kafka protocol binding, binary mode. */
static bool send_event(
	struct hub_publisher *p, const struct event *e, struct br_err *err, bool *fatal)
{
	char when[40];
	struct bus_header headers[] = {
		{"ce_specversion", BR_STR("1.0")},
		{"ce_id", e->id},
		{"ce_source", p->source},
		{"ce_type", br_str_z(e->type)},
		{"ce_subject", e->subject},
		{"ce_time", time_text(p, e->at_ms, when, sizeof(when))},
		{"ce_dataschema", p->dataschema},
		{"content-type", BR_STR("application/json")},
	};
	/* nothing is no value, and not an empty one: the compacted topic drops the key */
	struct br_str value = p->value.n ? br_buf_str(&p->value) : BR_STR_NONE;
	uint64_t ticket;

	br_err_clear(err);
	return sent(bus_send(p->bus, e->to, -1, e->subject, value, headers, BR_LEN(headers),
			    &ticket, err),
		err, fatal);
}

static bool send_version(struct hub_publisher *p, int to, const struct hub_case *k, int32_t ver,
	const char *type, int64_t at_ms, struct br_err *err, bool *fatal)
{
	char id[HUB_ULID_TEXT + 16], number[16], *at = number + sizeof(number);
	size_t digits;

	for (uint32_t left = (uint32_t)ver; at == number + sizeof(number) || left; left /= 10)
		*--at = (char)('0' + left % 10);
	digits = (size_t)(number + sizeof(number) - at);
	memcpy(id, k->ulid, HUB_ULID_TEXT);
	id[HUB_ULID_TEXT] = ':';
	memcpy(id + HUB_ULID_TEXT + 1, at, digits);
	struct event e = {.to = to,
		.id = {id, HUB_ULID_TEXT + 1 + digits},
		.subject = {k->ulid, HUB_ULID_TEXT},
		.type = type,
		.at_ms = at_ms};

	return send_event(p, &e, err, fatal);
}

static bool send_case(struct hub_publisher *p, struct hub_world *w, const struct hub_case *k,
	struct br_err *err, bool *fatal)
{
	char when[40];
	struct br_jw j;

	BR_CRASH_POINT("publish.case");
	br_buf_reset(&p->value);
	br_jw_init(&j, &p->value);
	br_jw_object(&j);
	br_jw_kstr(&j, "case_id", ((struct br_str){k->ulid, HUB_ULID_TEXT}));
	br_jw_kint(&j, "version", k->ver);
	br_jw_kstr(&j, "updated_at", time_text(p, k->updated_ms, when, sizeof(when)));
	if (k->json.n)
		br_jw_members(&j, k->json);
	else
		case_write(w->schema, &k->doc, &j);
	write_links(k, &j);
	br_jw_end_object(&j);
	return send_version(
		p, p->cases, k, k->ver, "cn.casebridge.case.changed.v1", k->updated_ms, err, fatal);
}

static bool send_history(
	struct hub_publisher *p, const struct hub_history *h, struct br_err *err, bool *fatal)
{
	char when[40];
	struct br_jw j;

	BR_CRASH_POINT("publish.history");
	br_buf_reset(&p->value);
	br_jw_init(&j, &p->value);
	br_jw_object(&j);
	br_jw_kstr(&j, "case_id", ((struct br_str){h->kase->ulid, HUB_ULID_TEXT}));
	br_jw_kint(&j, "version", h->ver);
	br_jw_kstr(&j, "system", h->sys ? h->sys->code : BR_STR(""));
	br_jw_kstr(&j, "at", time_text(p, h->at_ms, when, sizeof(when)));
	if (h->by.n) {
		br_jw_kstr(&j, "by", h->by);
		br_jw_kstr(&j, "why", h->why);
		br_jw_kstr(&j, "order", h->order);
	}
	br_jw_kraw(&j, "changes", h->delta);
	br_jw_end_object(&j);
	return send_version(p, p->audit, h->kase, h->ver, "cn.casebridge.case.history.v1", h->at_ms,
		err, fatal);
}

static struct br_str merged_ulid(const struct hub_decision *d, char text[HUB_ULID_TEXT + 1])
{
	hub_ulid_text(&d->merged, text);
	return (struct br_str){text, HUB_ULID_TEXT};
}

static void write_decision(
	struct hub_publisher *p, const struct hub_decision *d, struct br_str ulid, struct br_jw *j)
{
	char when[40], text[HUB_ULID_TEXT + 1];

	br_jw_object(j);
	br_jw_kstr(j, "order", d->order);
	br_jw_kstr(j, "decision", br_str_z(d->kind));
	br_jw_kstr(j, "outcome", br_str_z(hub_outcome_word(d->outcome)));
	br_jw_kstr(j, "by", d->by);
	br_jw_kstr(j, "why", d->why);
	br_jw_kstr(j, "at", time_text(p, d->at_ms, when, sizeof(when)));
	if (d->parked)
		br_jw_kint(j, "parked", d->parked);
	if (d->conflict)
		br_jw_kint(j, "conflict", d->conflict);
	if (d->match)
		br_jw_kint(j, "match", d->match);
	if (d->sys)
		br_jw_kstr(j, "system", d->sys->code);
	if (d->has_case)
		br_jw_kstr(j, "case_id", ulid);
	if (d->place.n)
		br_jw_kstr(j, "field", d->place);
	if (d->ver)
		br_jw_kint(j, "version", d->ver);
	if (d->has_merged)
		br_jw_kstr(j, "merged_case_id", merged_ulid(d, text));
	br_jw_end_object(j);
}

/* A case that is another one now is taken out of the compacted topic: a record without a value. */
static bool send_tombstone(
	struct hub_publisher *p, const struct hub_decision *d, struct br_err *err, bool *fatal)
{
	char text[HUB_ULID_TEXT + 1];
	struct event e = {.to = p->cases,
		.id = d->order,
		.subject = merged_ulid(d, text),
		.type = "cn.casebridge.case.merged.v1",
		.at_ms = d->at_ms};

	br_buf_reset(&p->value);
	return send_event(p, &e, err, fatal);
}

static bool ends_a_case(const struct hub_decision *d)
{
	return d->has_merged && d->outcome == OUTCOME_done && *d->kind != 's';
}

static bool send_decision(
	struct hub_publisher *p, const struct hub_decision *d, struct br_err *err, bool *fatal)
{
	char text[HUB_ULID_TEXT + 1];
	struct br_str ulid = {text, HUB_ULID_TEXT};
	struct event e = {.to = p->audit,
		.id = d->order,
		.subject = d->has_case ? ulid : d->order,
		.type = "cn.casebridge.decision.v1",
		.at_ms = d->at_ms};
	struct br_jw j;

	BR_CRASH_POINT("publish.decision");
	if (ends_a_case(d) && !send_tombstone(p, d, err, fatal))
		return false;
	hub_ulid_text(&d->cid, text);
	br_buf_reset(&p->value);
	br_jw_init(&j, &p->value);
	write_decision(p, d, ulid, &j);
	return send_event(p, &e, err, fatal);
}

/* Header names as Kafka Connect's DeadLetterQueueReporter writes them, so that the usual tools show
 * them. */
static bool send_parked(
	struct hub_publisher *p, const struct hub_parked *i, struct br_err *err, bool *fatal)
{
	struct bus_header headers[] = {
		{"__connect.errors.connector.name", i->sys->code},
		{"__connect.errors.exception.class.name", i->code},
		{"__connect.errors.exception.message", i->text_en},
		{"casebridge-kind", br_str_z(ledger_parked_kind(i->kind))},
		{"casebridge-record", i->rec},
		{"casebridge-field", i->place},
		{"casebridge-message-zh", i->text_zh},
	};
	struct br_str key =
		i->lid.n || !i->kase ? i->lid : (struct br_str){i->kase->ulid, HUB_ULID_TEXT};
	uint64_t ticket;

	BR_CRASH_POINT("publish.parked");
	br_err_clear(err);
	return sent(
		bus_send(p->bus, p->parked, 0, key, i->raw, headers, BR_LEN(headers), &ticket, err),
		err, fatal);
}

bool hub_publish(struct hub_publisher *p, struct hub_world *w, struct br_err *err, bool *fatal)
{
	if (p->stage == 0) {
		p->out = w->outs;
		p->kase = w->cases;
		p->history = w->history;
		p->item = w->parked;
		p->decision = w->decisions;
		p->stage = 1;
	}
	for (; p->out; p->out = p->out->next)
		if (!send_out(p, w, p->out, err, fatal))
			return false;
	for (; p->kase; p->kase = p->kase->hh.next)
		if (p->kase->publish && !send_case(p, w, p->kase, err, fatal))
			return false;
	for (; p->history; p->history = p->history->next)
		if (!send_history(p, p->history, err, fatal))
			return false;
	for (; p->item; p->item = p->item->next)
		if (!send_parked(p, p->item, err, fatal))
			return false;
	for (; p->decision; p->decision = p->decision->next)
		if (!send_decision(p, p->decision, err, fatal))
			return false;
	p->stage = 0;
	return true;
}

static bool send_begin(struct hub_publisher *p, struct hub_world *w, struct hub_system *s,
	const struct hub_out *fence, struct br_err *err, bool *fatal)
{
	struct msg m = {.type = MSG_BEGIN,
		.nonce = fence->nonce,
		.assigned = s->epoch,
		.incarnation = w->incarnation,
		.spec = map_set_spec(s->maps)};

	BR_CRASH_POINT("publish.begin");
	return send_message(p, w, s, &m, NULL, BR_STR_NONE, err, fatal);
}

static bool send_fence(struct hub_publisher *p, struct hub_world *w, struct hub_system *s,
	const struct hub_out *fence, struct br_err *err, bool *fatal)
{
	struct msg m = {.type = MSG_FENCE,
		.nonce = fence->nonce,
		.cursor = s->cursor,
		.sweep_mode = fence->sweep,
		.inc = br_str_z(s->inc),
		.target_epoch = s->taken,
		.beat = s->beat,
		.restores = s->restores,
		.attempted = fence->attempted};

	BR_CRASH_POINT("publish.fence");
	return send_message(p, w, s, &m, NULL, BR_STR_NONE, err, fatal);
}

bool hub_publish_begin(struct hub_publisher *p, struct hub_world *w, struct hub_system *s,
	const struct hub_out *fence, struct br_err *err, bool *fatal)
{
	struct msg order = {.type = s->state == SYS_PAUSED ? MSG_PAUSE : MSG_RESUME};

	if (p->stage == 0) {
		if (fence && !send_begin(p, w, s, fence, err, fatal))
			return false;
		if (fence && BR_WITHOUT(FENCE_LAST) && !send_fence(p, w, s, fence, err, fatal))
			return false;
		BR_CRASH_POINT("publish.outstanding");
		p->kase = w->cases;
		p->stage = 1;
	}
	for (; p->kase; p->kase = p->kase->hh.next)
		for (struct hub_link *l = p->kase->links; l; l = l->next)
			if (l->sys == s && l->inflight.on &&
				!send_command(p, w, l,
					fence && fence->attempted && !BR_WITHOUT(INHERITED), err,
					fatal))
				return false;
	if (fence) {
		if (!BR_WITHOUT(FENCE_LAST) && !send_fence(p, w, s, fence, err, fatal))
			return false;
		/* a connector that starts knows nothing of an earlier order, and one that goes on
		 * may have missed the last with the bridge that was to send it */
		if (!send_message(p, w, s, &order, NULL, BR_STR_NONE, err, fatal))
			return false;
	}
	BR_CRASH_POINT("publish.fenced");
	p->stage = 0;
	return true;
}

void hub_publish_pings(struct hub_publisher *p, struct hub_world *w, int64_t wall_ms)
{
	struct br_err err;
	bool fatal = false;

	for (size_t i = 0; i < w->nsystems; i++) {
		struct msg m = {.type = MSG_PING,
			.ts = wall_ms,
			.assigned = w->systems[i].epoch,
			.counted = w->systems[i].last_seq};

		/* a lost PING only makes a connector cautious */
		if (w->systems[i].nonce[0] && !w->systems[i].left_out)
			send_message(p, w, &w->systems[i], &m, NULL, BR_STR_NONE, &err, &fatal);
	}
}
