/*
 * bridge.pml - the bridge's side of delivery, the people who type, and what must hold.
 *
 * Included by sql.pml and http.pml, which say what the target is and how a connector writes to it.
 * test_model.py runs both, with every MUTANT, and names the property that each must violate.
 *
 * Modelled, as it stands in the sources
 *   hub_step.c      HELLO gives the next epoch; what is not newer by (epoch, seq) is dropped
 *   hub_merge.c     local values against the shadow; ours, suspect, same, accepted, refused, conflict
 *   hub_dispatch.c  need by versions (fver > held), one command a link, set only what differs
 *   hub_receipt.c   APPLIED (held as written, not the larger), STALE, EXISTS, in doubt or not
 *   hub_publish.c   after the commit: commands, or BEGIN, what is outstanding, FENCE
 *   hub_bridge_pipeline.c  batches of several messages
 *   hub_bridge.c, hub_bridge_hello.c   a restart loses what was not yet published and says BEGIN,
 *                   outstanding, FENCE again with the stored nonce
 *   conn_deliver.c  nothing before our own BEGIN; another's later BEGIN replaces us
 *   conn_work.c     settling, the memory of answers, INTENT, the lease; conn_turn.c one phase at a
 *                   time; conn_tell.c nothing is told that was told last
 *   pg_open.c, pg_batch.c, pg_decide.c   fence, inbox, compare-and-set, look-up before create
 *   http_write.c, http_job.c             look, compare, call with ETag, look again; doubt
 *
 * One case with one field; one record in the target with one column, and a target that rewrites
 * what programs write (not what people type) in a way nobody declared. Two connectors follow each
 * other; the first may die or stand still anywhere and go on much later (a zombie), the last always
 * starts over. The bridge may crash between commit and publishing, or in the middle of it.
 *
 * Values. A value is a text of two bits, the only thing the protocol can compare, and behind it
 * what only the model sees: who made it (a serial number for each thing that was typed, so that a
 * text typed again is a new value) and whether it is a program's write.
 *
 * Left out
 *   - Kafka loses and reorders nothing within a topic. Duplicates on the way to the bridge are in
 *     (DUPLICATES); those on the way to a connector are not: delivery numbers make them harmless.
 *     So seq need not be counted: a duplicate is what seq would tell to be one.
 *   - the other system is its edits, merged as soon as the bridge takes them; credit, pausing,
 *     parts, deletes, refusals, several records, a ledger or target restored from backup
 *   - two bridges at once (the positions in the ledger let only one commit)
 *   - the limit of three re-assertions: fewer edits than that are made here
 *   - cursor and sweep: a poll may look at any time
 *
 * Properties, each an assertion that ends in its own name
 *   no_leak          what is accepted into the case was typed by somebody, not rewritten by a target
 *   no_flip          what was merged once is not accepted later: no old value comes back by itself
 *   no_unread        a write of ours lands on nothing the bridge does not know
 *   no_double        a create makes one record, and our record is never taken for a new case
 *   no_second        at most one command is outstanding
 *   no_divergence    when all is quiet everything was delivered, and target and case agree but for
 *                    the target's way of writing, or the difference is kept for a person to see
 */

#ifndef USER_EDITS
#define USER_EDITS 2
#endif
#ifndef OTHER_EDITS
#define OTHER_EDITS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef DUPLICATES
#define DUPLICATES 1
#endif
#ifndef BATCH
#define BATCH 2 /* messages of one commit */
#endif

/*
 * Whose value stands when both changed the field: what reached the log first (either side may write
 * it), the target's (a status that moved on), or never the target's (the other side owns it).
 */
#define FIRST_STANDS   0
#define TARGET_WINS    1
#define TARGET_REFUSED 2
#ifndef RULE
#define RULE FIRST_STANDS
#endif

/* A byte: serial, "written by a program", text. The second bit of a text is what the target adds. */
#define NOTHING		255
#define NO_TEXT		4
#define TEXT(v)		((v) & 3)
#define IS_OURS(v)	((v) & 4)
#define SERIAL(v)	((v) >> 3)
#define TYPED(serial, t) (((serial) << 3) | (t))
#define AS_WRITTEN(v)	((v) | 6)

mtype = { HELLO, OBS, RCPT, INTENT, BYE };	/* in: to the bridge */
mtype = { EDIT };				/* from the other system */
mtype = { BEGIN, CMD, FENCE, PING };		/* deliver: to a connector */
mtype = { APPLIED, STALE, EXISTS };

#define LAST_CONNECTOR 1

/* kind, epoch, nonce or delivery number, status, value, in doubt */
chan in = [12] of { mtype, byte, byte, mtype, byte, bit };
/* kind, epoch or delivery number, nonce, value, base (NOTHING: a create), attempted. What stands in
 * the topic before a connector's own BEGIN is never put here: it would be ignored. */
chan deliver[2] = [10] of { mtype, byte, byte, byte, byte, bit };
byte hears[2];	 /* 0 nobody reads, 1 waits for its BEGIN, 2 reads everything */
byte says[2];	 /* the nonce of its HELLO */
byte nonces;
byte last = LAST_CONNECTOR;

/* the target's record, and the case's link to it: known from both sides, or not yet made there */
#ifdef CREATE
byte row = NOTHING, rows = 0;
#define FIRST_SHADOW NOTHING
#define FIRST_HELD   0
#else
byte row = 0, rows = 1;
#define FIRST_SHADOW 0
#define FIRST_HELD   1
#endif
byte stamp; /* its ETag; stands still where nobody asks for one */

/* only the model sees these */
byte serials;		 /* given out */
byte taken = 1;		/* serials of what was typed into the target and merged */
byte user_edits = USER_EDITS, other_edits = OTHER_EDITS, crashes, duplicates = DUPLICATES;

/* Names of the properties, 0. With ONLY=no_leak the others are not looked at. */
#ifdef ONLY
byte no_leak = 1, no_flip = 1, no_unread = 1, no_double = 1, no_second = 1, no_divergence = 1;
#else
byte no_leak, no_flip, no_unread, no_double, no_second, no_divergence;
#endif

#define BIT(v) (1 << SERIAL(v))

/* ---- the ledger ---- */

byte canon;		/* the case's value */
byte ver = 1;		/* of the case, and of its only field (fver) */
byte held = FIRST_HELD;	/* 0: must be told again */
byte shadow = FIRST_SHADOW; /* NOTHING: no record known */
bit bound = FIRST_HELD;	/* the record's number is known */
byte n;			/* last delivery number */
bit flying;		/* n is outstanding: */
byte fly_value, fly_base, fly_ver;
bit fly_attempted;
byte epoch, nonce;
bit bye;
byte review = NOTHING;	/* kept for a person: shown, not spread */

/* of the batch being folded, not in the ledger */
bit told, begun, attempted;

inline accept(v)
{
	assert(!IS_OURS(v) || no_leak);
	assert(!(taken & BIT(v)) || no_flip);
	canon = v;
	ver++;
	held = ver
}

inline dispatch()
{
	if
#ifdef NO_STOP_AND_WAIT
	:: flying && fly_ver >= ver
#else
	:: flying
#endif
	:: else ->
		if
		:: held >= ver
		:: held < ver && bound && shadow != NOTHING && TEXT(canon) == TEXT(shadow) ->
			held = ver
		:: else ->
#ifndef TWO_MAY_FLY
			assert(!flying || no_second);
#endif
			n++;
			flying = 1;
			fly_value = canon;
			fly_ver = ver;
			fly_base = (bound -> shadow : NOTHING);
			fly_attempted = 0;
			told = 1
		fi
	fi
}

/* hub_merge(): the column as shown, against the shadow. */
inline merge(v, doubt)
{
	if
	:: shadow != NOTHING && TEXT(v) == TEXT(shadow)
	:: else ->
		if
		:: flying && TEXT(v) == TEXT(fly_value) ->
			held = fly_ver
#ifndef NO_DOUBT
		:: flying && doubt && TEXT(v) != TEXT(fly_value) ->
			review = v;
			held = fly_ver
#endif
		:: else ->
			if
			:: TEXT(v) == TEXT(canon) -> held = ver
			:: TEXT(v) != TEXT(canon) && RULE != TARGET_REFUSED &&
				(ver <= held || RULE == TARGET_WINS) ->
				accept(v)
			:: else -> held = 0 /* refused, or lost: kept as a conflict, told again */
			fi
		fi
	fi;
	taken = (IS_OURS(v) -> taken : taken | BIT(v));
	shadow = v
}

inline observe(v)
{
	if
	:: bound ->
		merge(v, 0);
		dispatch()
	:: else -> /* parked; with no other key it would be somebody's new case */
		assert(!IS_OURS(v) || no_double)
	fi
}

inline receive(status, v, doubt)
{
	if
	:: status == APPLIED ->
		if
		:: doubt && TEXT(v) != TEXT(fly_value) -> review = v
		:: else
		fi;
		bound = 1;
#ifdef HELD_NEVER_FALLS
		held = (held > fly_ver -> held : fly_ver);
#else
		held = fly_ver;
#endif
		flying = 0;
		shadow = v;
		merge(v, 0)
	:: status == STALE ->
		merge(v, doubt);
		flying = 0
	:: status == EXISTS ->
		flying = 0;
		bound = 1;
		shadow = NOTHING;
		held = 0;
		merge(v, 0)
	fi;
	dispatch()
}

inline greet(x)
{
	if
	:: nonce == x
	:: else ->
		attempted = (nonce != 0 && !bye);
		epoch++;
		nonce = x;
		bye = 0;
		begun = 1
	fi
}

#ifdef NO_EPOCH_FILTER
#define IS_OLD(e) 0
#else
#define IS_OLD(e) ((e) != epoch)
#endif
#ifdef NO_SEQ_FILTER
#define IS_REPEATED(again) 0
#else
#define IS_REPEATED(again) (again)
#endif

inline change(v)
{
	if
	:: TEXT(v) == TEXT(canon)
	:: else ->
		canon = v;
		ver++;
		dispatch()
	fi
}

/* One message, in k, e, x, s, v, d; again: it was folded before. */
inline fold()
{
	d_step {
	if
	:: k == EDIT -> change(v)
	:: k == HELLO -> greet(x)
	:: k != EDIT && k != HELLO && (IS_OLD(e) || IS_REPEATED(again))
	:: else ->
		if
		:: k == OBS -> observe(v)
		:: k == RCPT && flying && x == n -> receive(s, v, d)
		:: k == INTENT && flying && x == n -> fly_attempted = 1
		:: k == BYE -> bye = 1
		:: else
		fi
	fi
	}
}

/* ---- publishing ---- */

/* Whoever is replaced will read no further than that. */
inline tell(kind, x, y, v, base, f)
{
	d_step {
	to = 0;
	do
	:: to > LAST_CONNECTOR -> break
	:: else ->
		if
		:: hears[to] == 1 && kind == BEGIN && y == says[to] -> hears[to] = 2
		:: else
		fi;
		if
		:: hears[to] == 2 ->
			assert(nfull(deliver[to]));
			deliver[to]!kind, x, y, v, base, f;
			hears[to] = (kind == BEGIN && y != says[to] -> 0 : 2)
		:: else
		fi;
		to++
	od;
	to = 0
	}
}

#ifdef INHERITED_IS_UNTRIED
#define INHERITED(f) fly_attempted
#else
#define INHERITED(f) (fly_attempted || (f))
#endif
#define ALL 3

/*
 * What a batch has to say: the command it decided on, or BEGIN, what is outstanding, FENCE. A crash
 * lets out the first `out` of it; the restart then says where all stand, whoever has the nonce.
 */
inline publish()
{
	out = ALL;
	if
	:: crashes && begun -> crashes--; out = 0
	:: crashes && begun -> crashes--; out = 1
	:: crashes && begun && flying -> crashes--; out = 2
	:: crashes && told && !begun -> crashes--; out = 0
	:: true
	fi;
	d_step {
	do
	:: true ->
		if
		:: begun && out > 0 -> tell(BEGIN, epoch, nonce, 0, 0, 0)
		:: else
		fi;
#ifdef FENCE_FIRST
		if
		:: begun && out == ALL -> tell(FENCE, epoch, nonce, 0, 0, attempted)
		:: else
		fi;
#endif
		if
		:: flying && (begun && out > 1 || !begun && told && out > 0) ->
			tell(CMD, n, 0, fly_value, fly_base, INHERITED(attempted))
		:: else
		fi;
#ifndef FENCE_FIRST
		if
		:: begun && out == ALL -> tell(FENCE, epoch, nonce, 0, 0, attempted)
		:: else
		fi;
#endif
		if
		:: out < ALL -> restart()
		:: else -> break
		fi
	od;
	begun = 0;
	told = 0;
	attempted = 0;
	out = 0
	}
}

/* From the ledger alone. */
inline restart()
{
	begun = (nonce != 0);
	attempted = (nonce != 0);
	told = 0;
	out = ALL
}

/* A step is a batch: taken, folded, committed, published. */
active proctype bridge()
{
	byte to, folded, out;
	mtype k, s;
	byte e, x, v;
	bit d, again;
	/* a message that comes once more, later */
	mtype again_k, again_s;
	byte again_e, again_x, again_v;
	bit again_d, has_again;

#ifdef CREATE
	atomic {
		dispatch();
		told = 0
	}
#endif
end:	do
	:: atomic {
		(nempty(in) || has_again || other_edits);
more:		folded++;
		if
		:: nempty(in) ->
			in?k, e, x, s, v, d;
			if
			:: duplicates ->
				duplicates--;
				has_again = 1;
				again_k = k; again_e = e; again_x = x;
				again_s = s; again_v = v; again_d = d
			:: true
			fi
		:: has_again ->
			has_again = 0;
			again = 1;
			k = again_k; e = again_e; x = again_x;
			s = again_s; v = again_v; d = again_d;
			again_k = 0; again_e = 0; again_x = 0; again_s = 0; again_v = 0; again_d = 0
		:: other_edits ->
			other_edits--;
			serials++;
			k = EDIT;
			if
			:: v = TYPED(serials, 0)
			:: v = TYPED(serials, 1)
			fi
		fi;
		fold();
		k = 0; e = 0; x = 0; s = 0; v = 0; d = 0; again = 0;
		if
		:: folded < BATCH && (nempty(in) || has_again || other_edits) -> goto more
		:: true
		fi;
		folded = 0;
		publish()
	   }
	:: atomic { crashes -> crashes--; restart(); publish() }
	od
}

/* ---- what connectors share ---- */

/* What somebody reads who has been replaced changes nothing. */
#ifdef NO_EPOCH_FILTER
#define IS_READING(e) 1
#else
#define IS_READING(e) ((e) == epoch)
#endif

/* What the bridge will certainly drop for its epoch is not even sent: fewer states, the same runs. */
inline say(kind, e, x, status, v, doubt)
{
	if
#ifndef NO_EPOCH_FILTER
	:: kind != HELLO && e < epoch
#endif
	:: else ->
		assert(nfull(in));
		in!kind, e, x, status, v, doubt
	fi
}

inline drain(c)
{
	do
	:: nempty(c) -> c?_, _, _, _, _, _
	:: empty(c) -> break
	od
}

inline changed()
{
#ifdef HAS_STAMPS
	stamp++
#else
	skip
#endif
}

/* Our write of v over what stands there, computed from base. */
inline write_over(v, base)
{
	assert(IS_OURS(row) || (taken & BIT(row)) || TEXT(row) == TEXT(base) || no_unread);
	row = AS_WRITTEN(v);
	changed()
}

inline insert(v)
{
	assert(!rows || no_double);
	rows++;
	row = AS_WRITTEN(v);
	changed()
}

/* Two HELLOs in one commit: only the last is answered. */
#define IS_PASSED_OVER (hears[me] == 1 && nonce != says[me] && \
	!(in??[HELLO, 0, eval(says[me]), 0, 0, 0]))

/* ---- people, and the end ---- */

/* Also what the target itself would write; and in CREATE a record of their own. */
inline someone_types()
{
	user_edits--;
	serials++;
	if
	:: t = TYPED(serials, 0)
	:: t = TYPED(serials, 1)
	:: t = TYPED(serials, 2)
	fi;
	rows = 1;
	row = t;
	changed();
	t = 0
}

#define IS_AGREED (TEXT(row) == TEXT(canon) || TEXT(row) == TEXT(AS_WRITTEN(canon)) || \
	TEXT(row) == TEXT(review) && review != NOTHING)

init
{
	byte t;

	atomic {
#ifdef ONLY
		ONLY = 0;
#endif
		if
		:: crashes = CRASHES
		:: CRASHES -> crashes = 0
		fi;
		if
		:: last = 0
		:: last = LAST_CONNECTOR
		fi;
		run connector(0)
	}
	do
	:: atomic { last == LAST_CONNECTOR -> run connector(last); break }
	:: last == 0 -> break
	:: atomic { user_edits -> someone_types() }
	od;
	do
	:: atomic { user_edits -> someone_types() }
	:: timeout -> break
	od;
	assert(!flying && held >= ver && IS_AGREED || no_divergence)
}
