/*
 * sql.pml - delivery to a database with our two tables in it (class S1), as connectors/postgres
 * does it: fence, inbox, compare-and-set and write are one transaction, of which the answer may be
 * lost with the connector. What is modelled, and what must hold, is said in bridge.pml.
 *
 * -DCREATE: the target has no record at first; somebody may enter it there by hand at any time.
 */
#include "bridge.pml"

byte fence_epoch;	/* bridge_meta.epoch */
byte inbox_n;		/* bridge_inbox: the last delivery, and what it left */
byte inbox_post;

/* One transaction: the fence, the inbox, the row as it stands, the write. */
inline apply()
{
	if
#ifndef NO_FENCE
	:: fence_epoch != ep -> goto gone
#endif
#ifndef NO_INBOX
	:: inbox_n >= out ->
		status = APPLIED;
		seen = inbox_post
#endif
	:: else ->
		if
#ifndef NO_LOOK_UP
		:: base == NOTHING && rows ->
			status = EXISTS;
			seen = row
#endif
#ifndef NO_COMPARE
		:: base != NOTHING && TEXT(row) != TEXT(base) ->
			status = STALE;
			seen = row
#endif
		:: else ->
			if
			:: base == NOTHING -> insert(value)
			:: else -> write_over(value, base)
			fi;
			inbox_n = out;
			inbox_post = row;
			status = APPLIED;
			seen = row
		fi
	fi
}

inline hear()
{
	deliver[me]?k, x, y, v, b, f;
	if
#ifdef EPOCH_OVERLOOKED
	:: k == BEGIN && y != says[me] && x > ep -> goto gone
#else
	:: k == BEGIN && ep && x > ep -> goto gone
#endif
	:: k == BEGIN && y == says[me] && !ep -> ep = x
	:: k == FENCE && y == says[me] -> fenced = 1
	:: k == CMD && x == done -> say(RCPT, ep, done, done_status, done_seen, 0)
	:: k == CMD && x != done && x != out && x > done ->
		assert(!out || no_second);
		out = x;
		value = v;
		base = b
	:: else
	fi;
	k = 0; x = 0; y = 0; v = 0; b = 0
}

proctype connector(bit me)
{
	byte ep;			/* given with BEGIN; 0 before */
	byte out, value, base;		/* the command to carry out */
	byte done, done_seen;		/* the last answer: given again when asked again */
	mtype status, done_status;
	byte cache;			/* told last */
	bit fenced, ready, settling;
	byte seen;
	mtype k;
	byte x, y, v, b;
	bit f;

start:	atomic {
		ep = 0; out = 0; value = 0; base = 0; done = 0; done_seen = 0; done_status = 0;
		fenced = 0; ready = 0; settling = 0; seen = 0; status = 0;
		k = 0; x = 0; y = 0; v = 0; b = 0;
		cache = NO_TEXT;
		drain(deliver[me]);
		nonces++;
		says[me] = nonces;
		hears[me] = 1;
		say(HELLO, 0, nonces, 0, 0, 0)
	}
end:	do
#ifdef NO_STOP_AND_WAIT
	:: atomic { nempty(deliver[me]) && !(fenced && out) -> hear() }
#else
	:: atomic { nempty(deliver[me]) -> hear() }
#endif
	:: atomic { ep && fenced && !ready ->	/* takes the target, settles, and only then reads */
		if
#ifndef NO_FENCE
		:: fence_epoch >= ep -> goto gone
#endif
		:: else ->
			fence_epoch = ep;
			ready = 1;
			settling = (out != 0)
		fi
	   }
	:: atomic { ready && out -> apply() };
		if
		:: atomic { true ->
			say(RCPT, ep, out, status, seen, 0);
			done = out; done_status = status; done_seen = seen;
#ifndef NO_CACHE_OF_ANSWERS
			cache = TEXT(seen);
#endif
			out = 0; value = 0; base = 0; seen = 0; status = 0; settling = 0
		   }
		:: me != last -> goto dead
		fi
	/* put off (a lock, a write guard): settled once its inbox row was looked for in vain */
#ifdef PUT_OFF_UNREAD
	:: atomic { ready && out && settling -> settling = 0 }
#else
	:: atomic { ready && out && settling && inbox_n < out -> settling = 0 }
#endif
	:: atomic { ready && !settling && IS_READING(ep) && rows && TEXT(row) != cache -> seen = row };
		if
		:: atomic { true ->
			say(OBS, ep, 0, 0, seen, 0);
			cache = TEXT(seen);
			seen = 0
		   }
		:: me != last -> goto dead
		fi
#ifndef WAITS_FOR_EVER
	:: atomic { IS_PASSED_OVER -> goto gone }
#endif
	:: me != last -> goto dead
	od;
gone:	if
	:: me == last -> goto start
	:: else
	fi;
dead:	atomic {
		hears[me] = 0;
		says[me] = 0;
		drain(deliver[me])
	}
}
