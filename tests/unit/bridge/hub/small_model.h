/*
 * small_model.h - the merge and what follows from it, once more and as short as can be, written
 * from the protocol's words (A4 merge, A5 dispatch, A8 receipts) and not from hub_*.c: one case,
 * two systems with one record each, two fields. hub_small_test.c holds the bridge against it.
 *
 * Field X is either side's, field Y the department's. What is compared with what:
 *   - a system's columns with what it was known to hold (shadow): only what changed there counts;
 *   - versions with versions: a system lacks a field when the case's is newer than what it holds.
 */
#ifndef SMALL_MODEL_H
#define SMALL_MODEL_H

#include <stdbool.h>
#include <string.h>

enum { DEPT, PORTAL, SYSTEMS };
enum { X, Y, FIELDS };
/* A value, or none: absent (nobody said anything), null (empty). */
enum { ABSENT, NONE, ONE, TWO };

enum small_state { IDLE, BUSY, REFUSED, PARKED, GONE };
enum small_kind { LOST, OWNER, FIRST, SUSPECT, REWRITTEN };

struct small_link {
	bool there, numbered; /* numbered: bound to a record */
	enum small_state state;
	int shadow[FIELDS], held[FIELDS], tries[FIELDS];
	int n;
	struct {
		bool on, create, doubt;
		int set[FIELDS]; /* ABSENT: not set */
		bool covers[FIELDS];
		int ver;
	} out;
};

struct small {
	bool there;
	int ver, doc[FIELDS], fver[FIELDS];
	struct small_link link[SYSTEMS];
	/* of the last input */
	struct {
		int system, field;
		enum small_kind kind;
	} conflict[8];
	int nconflicts, nparked;
};

/* Rules to leave out, so that it is seen that each is held to. */
enum small_rule {
	ALL_RULES,
	NO_SHADOW,    /* every column counts, changed or not */
	NO_OURS,      /* our own write, read before its receipt, is an edit */
	NO_OWNER,     /* everybody may write everything */
	NO_VERSIONS,  /* what comes last wins, whatever it knew */
	NO_REASSERT,  /* who lost is not told */
	NO_LIMIT,     /* an owner's value is written over a rewriting system for ever */
	NO_STOP_WAIT, /* a second command goes out behind the first */
	MAX_HELD,     /* a receipt raises what is held, and never lowers it */
	NO_FULL_POST, /* what a receipt shows besides our own columns is not looked at */
	NO_NUMBER,    /* a receipt counts whatever command it answers */
	SMALL_RULES
};
static enum small_rule small_without;

static bool small_lacks(const struct small *s, int sys, int f)
{
	const struct small_link *l = &s->link[sys];

	/* of what nobody said anything a system lacks nothing, unless it holds a value that may
	 * not stand */
	return s->doc[f] == ABSENT ? l->held[f] < 0 : s->fver[f] > l->held[f];
}

static void small_send(struct small *s, int sys)
{
	struct small_link *l = &s->link[sys];
	bool create = !l->numbered, any = false, something = create;
	int set[FIELDS] = {ABSENT, ABSENT};

	if (l->out.on && !(small_without == NO_STOP_WAIT && l->state == BUSY))
		return;
	if (l->state != IDLE && !(small_without == NO_STOP_WAIT && l->state == BUSY))
		return;
	for (int f = 0; f < FIELDS; f++) {
		int want = s->doc[f];

		if (want <= NONE) /* a new record is empty by itself */
			want = create ? ABSENT : NONE;
		any |= small_lacks(s, sys, f);
		if (!create && (!small_lacks(s, sys, f) || want == l->shadow[f] ||
				       (want == NONE && l->shadow[f] == ABSENT)))
			continue;
		set[f] = want;
		something |= want != ABSENT;
	}
	if (!any)
		return;
	if (!something) { /* it cannot be told, or need not */
		for (int f = 0; f < FIELDS; f++)
			if (small_lacks(s, sys, f))
				l->held[f] = s->ver;
		return;
	}
	l->n++;
	l->state = BUSY;
	l->out.on = true;
	l->out.create = create;
	l->out.doubt = false;
	l->out.ver = s->ver;
	for (int f = 0; f < FIELDS; f++) {
		l->out.set[f] = set[f];
		l->out.covers[f] = create || small_lacks(s, sys, f);
	}
}

static void small_send_all(struct small *s)
{
	for (int i = 0; i < SYSTEMS; i++) {
		struct small_link *l = &s->link[i];

		l->there = true;
		if (l->state == REFUSED)
			l->state = IDLE; /* the case has changed: tried again */
		small_send(s, i);
	}
}

static void small_conflict(struct small *s, int sys, int f, enum small_kind kind)
{
	s->conflict[s->nconflicts].system = sys;
	s->conflict[s->nconflicts].field = f;
	s->conflict[s->nconflicts++].kind = kind;
}

static void small_reassert(struct small *s, int sys, int f, enum small_kind kind)
{
	struct small_link *l = &s->link[sys];

	if (small_without == NO_REASSERT) {
		small_conflict(s, sys, f, kind);
		l->held[f] = s->ver;
	} else if (l->tries[f] == 3 && small_without != NO_LIMIT) {
		small_conflict(s, sys, f, REWRITTEN);
		l->held[f] = s->ver;
	} else {
		l->tries[f]++;
		small_conflict(s, sys, f, kind);
		l->held[f] = -1;
	}
}

/* Y is the department's, while it takes part; X is anybody's. */
static bool small_may_write(const struct small *s, int sys, int f)
{
	const struct small_link *owner = &s->link[DEPT];

	return small_without == NO_OWNER || f == X || sys == DEPT ||
	       !(owner->numbered || owner->out.on);
}

static bool small_same(int a, int b)
{
	return a == b || (a <= NONE && b <= NONE);
}

/* One column that changed in the system. True: it became the case's. */
static bool small_place(struct small *s, int sys, int f, int v, bool first)
{
	struct small_link *l = &s->link[sys];

	if (v == s->doc[f] || (v == NONE && s->doc[f] == ABSENT)) {
		l->held[f] = s->ver;
		return false;
	}
	if (!small_may_write(s, sys, f)) {
		small_reassert(s, sys, f, OWNER);
		return false;
	}
	if (s->fver[f] > l->held[f] && s->doc[f] != ABSENT && small_without != NO_VERSIONS) {
		/* both sides changed it: its owner wins; what is anybody's keeps the first */
		bool wins = f == Y && sys == DEPT;

		if (!wins) {
			small_reassert(s, sys, f, first ? FIRST : LOST);
			return false;
		}
		small_conflict(s, sys, f, first ? FIRST : LOST);
	}
	s->doc[f] = v;
	s->fver[f] = l->held[f] = s->ver + 1;
	for (int i = 0; i < SYSTEMS; i++)
		s->link[i].tries[f] = 0;
	return true;
}

static void small_merge(struct small *s, int sys, const int v[FIELDS], const int base[FIELDS])
{
	struct small_link *l = &s->link[sys];
	bool accepted = false;

	for (int f = 0; f < FIELDS; f++) {
		if (v[f] == base[f] && small_without != NO_SHADOW)
			continue;
		if (v[f] == NONE && base[f] == ABSENT)
			continue; /* nobody emptied it */
		if (l->out.on && l->out.set[f] != ABSENT && small_without != NO_OURS &&
			(small_same(l->out.set[f], v[f]) || l->out.doubt)) {
			l->held[f] = l->out.ver;
			continue;
		}
		/* a column that was never seen there before */
		accepted |= small_place(s, sys, f, v[f], base[f] == ABSENT);
	}
	memcpy(l->shadow, v, sizeof(l->shadow));
	s->ver += accepted;
	if (accepted)
		small_send_all(s);
	else
		small_send(s, sys);
}

/* ---- inputs ---- */

static void small_observe(struct small *s, int sys, const int v[FIELDS])
{
	struct small_link *l = &s->link[sys];

	if (!s->there) {
		s->there = l->there = l->numbered = true;
		s->ver = 1;
		for (int f = 0; f < FIELDS; f++) {
			s->doc[f] = v[f] == NONE ? ABSENT : v[f];
			s->fver[f] = l->held[f] = 1;
			l->shadow[f] = v[f];
		}
		small_send_all(s);
		return;
	}
	if (l->state == PARKED || l->state == GONE)
		l->state = l->out.on ? BUSY : IDLE;
	small_merge(s, sys, v, l->shadow);
}

static void small_applied(struct small *s, int sys, const int v[FIELDS])
{
	struct small_link *l = &s->link[sys];
	int base[FIELDS];

	for (int f = 0; f < FIELDS; f++) {
		bool up = small_without == MAX_HELD && l->held[f] > l->out.ver;

		base[f] = l->out.set[f] == ABSENT ? l->shadow[f] : v[f];
		if (l->out.covers[f] && !up)
			l->held[f] = l->out.ver;
	}
	l->numbered = true;
	l->out.on = false;
	l->state = IDLE;
	small_merge(s, sys, small_without == NO_FULL_POST ? base : v, base);
}

static void small_stale(struct small *s, int sys, const int v[FIELDS], bool doubt)
{
	struct small_link *l = &s->link[sys];
	int was[FIELDS];

	memcpy(was, l->shadow, sizeof(was));
	/* what stands there as before was not written; anything else may be ours, or not */
	for (int f = 0; doubt && f < FIELDS; f++)
		if (l->out.set[f] != ABSENT && v[f] != was[f] && !small_same(v[f], l->out.set[f]))
			small_conflict(s, sys, f, SUSPECT);
	l->state = IDLE;
	l->out.doubt = doubt;
	small_merge(s, sys, v, was); /* while the command still tells what is ours */
	l->out.on = false;
	small_send(s, sys);
}

static void small_exists(struct small *s, int sys, const int v[FIELDS])
{
	static const int nothing[FIELDS] = {ABSENT, ABSENT};
	struct small_link *l = &s->link[sys];

	l->out.on = false;
	l->state = IDLE;
	l->numbered = true;
	for (int f = 0; f < FIELDS; f++)
		l->held[f] = 0;
	small_merge(s, sys, v, nothing);
}

static void small_closed(struct small *s, int sys, enum small_state state)
{
	s->link[sys].out.on = false;
	s->link[sys].state = state;
	s->nparked++;
}

static void small_retry(struct small *s, int sys)
{
	struct small_link *l = &s->link[sys];

	if (l->state == REFUSED || l->state == PARKED)
		l->state = l->out.on ? BUSY : IDLE;
	small_send(s, sys);
}

#endif
