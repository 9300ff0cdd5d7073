#include "hub_step.h"

#include "hub_gone.h"
#include "hub_rebase.h"

#include "br_rule.h"
#include "br_text.h"
#include "br_utf8.h"

struct hub_out *hub_out_add(struct hub_world *w, enum hub_out_kind kind, struct hub_system *s)
{
	struct hub_out *o = br_arena_new(w->arena, struct hub_out);

	if (!o) {
		w->failed = true;
		return NULL;
	}
	o->kind = kind;
	o->sys = s;
	w->begins += kind == OUT_BEGIN;
	*w->outs_end = o;
	w->outs_end = &o->next;
	return o;
}

static struct br_str json_of(struct hub_world *w, const struct cell *c)
{
	struct br_jw j;

	br_buf_reset(&w->scratch);
	br_jw_init(&j, &w->scratch);
	if (!c || cell_is_null(c))
		br_jw_null(&j);
	else
		br_jw_str(&j, c->value);
	w->failed |= br_jw_failed(&j);
	return br_arena_copy(w->arena, br_buf_str(&w->scratch));
}

struct hub_conflict *hub_add_conflict(struct hub_world *w, struct hub_link *l,
	enum hub_conflict_kind kind, const struct cell *place, const struct cell *win,
	const struct cell *lose)
{
	struct hub_conflict *c = br_arena_new(w->arena, struct hub_conflict);

	if (!c) {
		w->failed = true;
		return NULL;
	}
	c->kase = l->kase;
	c->sys = l->sys;
	c->kind = kind;
	c->place = case_place(w->schema, place, w->arena);
	c->win = json_of(w, win);
	c->lose = json_of(w, lose);
	c->at_ms = w->now_ms;
	c->source = w->source;
	c->offset = w->offset;
	*w->conflicts_end = c;
	w->conflicts_end = &c->next;
	l->sys->count.conflicts++;
	l->sys->dirty = true;
	return c;
}

static struct br_str sentence(
	struct hub_world *w, const struct br_err *err, enum br_lang lang, bool next)
{
	char text[1024];

	if (next)
		br_err_next_step(err, lang, text, sizeof(text));
	else
		br_err_sentence(err, lang, text, sizeof(text));
	return br_arena_copy(w->arena, br_str_z(text));
}

static void unpark(struct hub_world *w, struct hub_system *s, struct hub_case *k, struct br_str rec,
	struct br_str lid, const char *how, uint64_t seen)
{
	struct hub_unpark *u;

	/* nearly always nothing is parked, and then the ledger need not be asked */
	if (s->open_parked == 0)
		return;
	for (struct hub_parked *p = w->parked; p; p = p->next)
		if (!p->how && p->sys == s && br_str_eq(p->rec, rec) &&
			((k && p->kase == k) || ((!k || !p->kase) && br_str_eq(p->lid, lid))))
			p->how = how;
	u = br_arena_new(w->arena, struct hub_unpark);
	if (!u) {
		w->failed = true;
		return;
	}
	*u = (struct hub_unpark){s, k, rec, lid, how, seen, NULL};
	*w->unparked_end = u;
	w->unparked_end = &u->next;
}

struct hub_parked *hub_add_parked(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, enum hub_parked_kind kind, struct br_str raw,
	const struct br_err *err)
{
	return hub_park_read(w, s, k, rec, lid, kind, raw, 0, err);
}

struct hub_parked *hub_park_read(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, enum hub_parked_kind kind, struct br_str raw,
	uint64_t seen, const struct br_err *err)
{
	struct hub_parked *p = br_arena_new(w->arena, struct hub_parked);
	const char *place = br_err_detail(err, "field");

	if (!p) {
		w->failed = true;
		return NULL;
	}
	/* The newest trouble of a record is the one to look at. A message nobody could read may
	 * have been about anything. */
	if (kind != PARKED_MESSAGE)
		unpark(w, s, k, rec, lid, "superseded", seen);
	if (!place)
		place = br_err_detail(err, "column");
	p->sys = s;
	p->kase = k;
	p->rec = rec;
	p->lid = lid;
	p->kind = kind;
	p->raw = raw;
	p->seen = seen;
	p->code = br_str_z(br_err_tag((int)br_err_code(err)));
	p->place = br_arena_copy(w->arena, br_str_z(place ? place : ""));
	p->text_en = sentence(w, err, BR_LANG_EN, false);
	p->text_zh = sentence(w, err, BR_LANG_ZH, false);
	p->next_en = sentence(w, err, BR_LANG_EN, true);
	p->next_zh = sentence(w, err, BR_LANG_ZH, true);
	p->at_ms = w->now_ms;
	p->source = w->source;
	p->offset = w->offset;
	*w->parked_end = p;
	w->parked_end = &p->next;
	s->open_parked++;
	return p;
}

void hub_add_unpark(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, const char *how)
{
	unpark(w, s, k, rec, lid, how, 0);
}

bool hub_is_newer(const struct hub_system *s, const struct msg *m)
{
	if (m->type == MSG_HELLO)
		return true;
	if (BR_WITHOUT(EPOCH_FENCE) && m->epoch < s->epoch)
		return true;
	if (BR_WITHOUT(SEQUENCE) && m->epoch == s->epoch)
		return true;
	return !s->gap && m->epoch == s->epoch && m->seq == s->last_seq + 1;
}

static void copy_z(char *to, size_t room, struct br_str s)
{
	size_t n = s.n < room - 1 ? s.n : room - 1;

	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

/*
 * A connector starts (A1): a new epoch, whatever was on its way from the old one is dropped from
 * here on, and the new one gets the outstanding commands before it may read anything. FENCE is
 * last.
 */
static void hello(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	bool first = !s->nonce[0]; /* nobody was there before: no lease to wait for */
	struct hub_out *o;

	if (br_str_eq(br_str_z(s->nonce), m->nonce))
		return;
	if (m->restores == (int64_t)s->restores + 1)
		hub_rebase_system(s);
	s->epoch = (s->epoch > m->target_epoch ? s->epoch : m->target_epoch) + 1;
	copy_z(s->nonce, sizeof(s->nonce), m->nonce);
	/* another identity than the one that is known counts when the connector has looked closer
	 */
	if (!s->inc[0])
		copy_z(s->inc, sizeof(s->inc), m->inc);
	s->last_seq = 0;
	s->count.held = s->count.stopped = 0;
	s->gap = false;
	s->transactional = msg_has_cap(m, BR_STR("inbox"));
	s->dirty = true;
	o = hub_out_add(w, OUT_BEGIN, s);
	if (o)
		o->nonce = br_arena_copy(w->arena, m->nonce);
	/* the ledger expands this into BEGIN's command list: see hub_publish.c */
	o = hub_out_add(w, OUT_FENCE, s);
	if (o) {
		o->nonce = br_arena_copy(w->arena, m->nonce);
		o->attempted = !s->transactional && !s->bye && !first;
		o->sweep = s->restores && !s->cursor.n ? SWEEP_FULL : SWEEP_WINDOW;
	}
	s->bye = false;
}

static void intent(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	struct hub_id cid;
	struct hub_case *k;
	struct hub_link *l;

	if (!hub_ulid_read(m->did.cid, &cid))
		return;
	k = hub_world_case(w, &cid);
	l = k ? hub_case_link(k, s, m->did.rec) : NULL;
	if (l && l->inflight.on && l->n == m->did.n &&
		l->inflight.incarnation == m->did.incarnation && !l->inflight.attempted) {
		l->inflight.attempted = true;
		l->dirty = true;
	}
}

static void set_cursor(struct hub_world *w, struct hub_system *s, struct br_str cursor)
{
	char *copy = malloc(cursor.n + 1);

	if (!copy) {
		w->failed = true;
		return;
	}
	memcpy(copy, cursor.p, cursor.n);
	copy[cursor.n] = '\0';
	free((char *)s->cursor.p);
	s->cursor = (struct br_str){copy, cursor.n};
}

static void fold(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	s->last_contact_ms = w->now_ms;
	s->dirty = true;
	if (m->type == MSG_HELLO) {
		hello(w, s, m);
		return;
	}
	if (!hub_is_newer(s, m)) {
		s->count.old++;
		if (s->gap || m->epoch < s->epoch ||
			(m->epoch == s->epoch && m->seq <= s->last_seq))
			return;
		/* a hole, or an epoch nobody was given: nothing counts until the next HELLO */
		s->gap = true;
		s->count.gaps++;
		struct hub_out *o = hub_out_add(w, OUT_RESTART, s);

		if (o)
			o->reason = m->epoch == s->epoch ? "gap" : "unknown epoch";
		return;
	}
	if (m->epoch == s->epoch) {
		s->last_seq = m->seq;
		if (s->transactional)
			s->taken = s->epoch;
	}
	if (m->beat > s->beat)
		s->beat = m->beat;
	switch (m->type) {
	case MSG_OBS:
		hub_observe(w, s, m);
		break;
	case MSG_RCPT:
		hub_receipt(w, s, m);
		break;
	case MSG_INTENT:
		intent(w, s, m);
		break;
	case MSG_CURSOR:
		set_cursor(w, s, m->cursor);
		break;
	case MSG_SWEEP:
		if (m->done)
			s->sweep_done_ms = w->now_ms;
		break;
	case MSG_BYE:
		s->bye = true;
		break;
	case MSG_HELD:
		s->count.held = m->held;
		s->count.stopped = m->stopped;
		break;
	default:
		break;
	}
}

void hub_step(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	fold(w, s, m);
	hub_world_check(w);
}

#define KEY_SHOWN 200 /* bytes */

struct br_str hub_as_text(struct hub_world *w, struct br_str bytes)
{
	struct br_str text = br_arena_copy(
		w->arena, (struct br_str){bytes.p, bytes.n < KEY_SHOWN ? bytes.n : KEY_SHOWN});
	char *p = (char *)(uintptr_t)text.p;
	size_t i = 0;

	while (i < text.n) {
		unsigned len = br_utf8_len((const unsigned char *)p + i, text.n - i);

		if (len == 0 || p[i] == '\0') {
			p[i] = '?';
			len = 1;
		}
		i += len;
	}
	return text;
}

/* What cannot be told from a message is kept by its bytes. */
static void park_bytes(struct hub_world *w, struct hub_system *s, struct br_str key,
	struct br_str bytes, const char *text)
{
	struct br_err why;

	br_err_clear(&why);
	br_err_set(&why, BR_E_HUB_MESSAGE, "system", s->code.p, "why", text, NULL);
	hub_add_parked(w, s, NULL, BR_STR(""), hub_as_text(w, key), PARKED_MESSAGE, bytes, &why);
	s->count.read++;
	s->count.parked_in++;
	hub_world_check(w);
}

void hub_step_bad(struct hub_world *w, struct hub_system *s, struct br_str key, struct br_str bytes,
	const struct br_err *err)
{
	char text[512];

	park_bytes(w, s, key, bytes, br_err_sentence(err, BR_LANG_EN, text, sizeof(text)));
}

static struct hub_link *link_of(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	struct hub_case *k;
	struct hub_id cid;

	if (m->type == MSG_OBS)
		return hub_world_link(w, s, m->rec, m->lid);
	if (!hub_ulid_read(m->did.cid, &cid))
		return NULL;
	k = hub_world_case(w, &cid);
	return k ? hub_case_link(k, s, m->did.rec) : NULL;
}

/* The answer came, and cannot be kept. */
static void lose_answer(struct hub_link *l)
{
	struct hub_system *s = l->sys;

	if (l->inflight.pending)
		s->count.pending--;
	else
		s->outstanding--;
	s->count.unknown++;
	l->inflight.on = false;
	l->due = false;
}

void hub_step_poison(struct hub_world *w, struct hub_system *s, const struct msg *m,
	struct br_str key, struct br_str bytes, const char *why)
{
	struct hub_link *l;
	struct br_err err;

	if (!s)
		return;
	if (!m || m->type == MSG_HELLO || !hub_is_newer(s, m)) {
		park_bytes(w, s, key, bytes, why);
		return;
	}
	s->last_contact_ms = w->now_ms;
	s->last_seq = m->seq;
	s->dirty = true;
	l = m->type == MSG_OBS || m->type == MSG_RCPT ? link_of(w, s, m) : NULL;
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_LEDGER_REFUSED, "system", s->code.p, "why", why, NULL);
	if (m->type == MSG_OBS) {
		s->count.read++;
		s->count.parked_in++;
	}
	if (l && m->type == MSG_RCPT && l->inflight.on && l->n == m->did.n &&
		l->inflight.incarnation == m->did.incarnation)
		lose_answer(l);
	hub_add_parked(w, s, l ? l->kase : NULL, m->type == MSG_OBS ? m->rec : m->did.rec,
		hub_as_text(w, m->lid.n ? m->lid : key), PARKED_IN, bytes, &err);
	if (l && l->state != LINK_MATCHED) {
		l->state = LINK_PARKED;
		l->dirty = true;
	}
	hub_world_check(w);
}

void hub_step_poison_link(struct hub_world *w, struct hub_link *l, const char *why)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_LEDGER_REFUSED, "system", l->sys->code.p, "why", why, NULL);
	hub_park_out(w, l, PARKED_OUT, &err);
}

void hub_step_poison_owed(
	struct hub_world *w, struct hub_system *s, struct hub_case *k, const char *why)
{
	const struct mapping *map = map_route(s->maps, &k->doc);
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_LEDGER_REFUSED, "system", s->code.p, "why", why, NULL);
	hub_add_parked(w, s, k, map ? map_record(map) : BR_STR(""), BR_STR(""), PARKED_OUT,
		BR_STR_NONE, &err);
	s->count.unwritable++;
	s->dirty = true;
	hub_world_check(w);
}

void hub_step_resume(struct hub_world *w, struct hub_link *l, bool retry)
{
	if (retry && l->state == LINK_GONE) {
		hub_link_back(w, l);
	} else if (retry && (l->state == LINK_REJECTED || l->state == LINK_PARKED)) {
		/* a command that is out is answered first: there is never a second one */
		l->state = !l->inflight.on	 ? LINK_IDLE
			   : l->inflight.pending ? LINK_PENDING
						 : LINK_INFLIGHT;
		l->dirty = true;
	}
	if (!l->rec.n && !l->sys->left_out)
		hub_dispatch_returned(w, l);
	else
		hub_dispatch_link(w, l);
	hub_world_check(w);
}

void hub_step_system_state(struct hub_world *w, struct hub_system *s, enum hub_sys_state state)
{
	/* whoever says "live" once more wants everything looked at once more */
	if (state == SYS_LIVE) {
		s->owes = s->dirty = true;
		s->owed = (struct hub_id){{0}};
	}
	if (s->state == state)
		return;
	s->state = state;
	s->dirty = true;
	/* its own links may go, and cases that only it has seen may be made elsewhere */
	for (size_t i = 0; state == SYS_LIVE && i < w->nsystems; i++)
		w->systems[i].backlog = true;
	hub_out_add(w, state == SYS_PAUSED ? OUT_PAUSE : OUT_RESUME, s);
	hub_world_check(w);
}

void hub_read_again(struct hub_world *w, struct hub_system *s, struct br_str rec, struct br_str lid)
{
	struct hub_out *out = hub_out_add(w, OUT_REFETCH, s);

	if (!out || !(out->lids = br_arena_array(w->arena, struct br_str, 1)))
		return;
	out->rec = rec;
	out->lids[0] = lid;
	out->nlids = 1;
}

void hub_step_rebase(struct hub_world *w, struct hub_system *s)
{
	struct hub_out *o = hub_out_add(w, OUT_RESTART, s);

	hub_rebase_system(s);
	/* What its connector has said meanwhile is of before or after: it is all read again. No
	 * connector has this epoch, so the next bridge takes nothing of that session either, and
	 * its PING ends it, should this RESTART not be heard. */
	s->gap = true;
	s->epoch++;
	s->last_seq = 0;
	if (o)
		o->reason = "the system was restored";
}

void hub_step_owed(struct hub_world *w, struct hub_system *s, struct hub_case *const *cases,
	size_t n, const struct hub_id *to, bool end)
{
	for (size_t i = 0; i < n && !BR_WITHOUT(OWED); i++)
		hub_dispatch_owed(w, s, cases[i]);
	s->owed = *to;
	s->owes = !end;
	s->dirty = true;
}

static void refetch(struct hub_world *w, struct hub_out **o, struct hub_system *s,
	const struct msg *m, size_t room, struct br_str lid)
{
	if (!*o) {
		*o = hub_out_add(w, OUT_REFETCH, s);
		if (!*o)
			return;
		(*o)->rec = m->rec;
		(*o)->lids = br_arena_array(w->arena, struct br_str, room);
		if (!(*o)->lids) {
			w->failed = true;
			return;
		}
	}
	if ((*o)->lids)
		(*o)->lids[(*o)->nlids++] = lid;
}

uint64_t hub_seen_as(const struct mapping *map, uint64_t hash)
{
	uint64_t seen = br_mix(map ? map_hash(map) : 0, hash);

	return seen ? seen : 1;
}

static int digest_cmp(const void *a, const void *b)
{
	return br_str_cmp(((const struct msg_digest *)a)->lid, ((const struct msg_digest *)b)->lid);
}

void hub_step_digest(struct hub_world *w, struct hub_system *s, const struct msg *m,
	const struct hub_known *known, size_t n)
{
	const struct mapping *map = map_find(s->maps, m->rec);
	struct hub_out *o = NULL;
	size_t i = 0, j = 0, room = m->ndigests + n;

	/* the source's own collation orders its keys; bytes order them here */
	qsort(m->digests, m->ndigests, sizeof(*m->digests), digest_cmp);
	while (i < m->ndigests || j < n) {
		int c = i == m->ndigests ? 1
			: j == n	 ? -1
					 : br_str_cmp(m->digests[i].lid, known[j].lid);

		if (c < 0) {
			refetch(w, &o, s, m, room, m->digests[i++].lid);
		} else if (c > 0) {
			if (!known[j].parked)
				refetch(w, &o, s, m, room, known[j].lid);
			j++;
		} else {
			/* 0: the source only says that it is there */
			if (known[j].parked ? hub_seen_as(map, m->digests[i].hash) != known[j].hash
					    : known[j].unsure ||
						      (m->digests[i].hash &&
							      m->digests[i].hash != known[j].hash))
				refetch(w, &o, s, m, room, known[j].lid);
			i++;
			j++;
		}
	}
	hub_world_check(w);
}
