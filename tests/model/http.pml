/*
 * http.pml - delivery to a system behind HTTP with ETags and without idempotency keys (class H2),
 * as connectors/http does it: INTENT, look, compare, call with If-Match, look again; nobody there
 * knows of epochs, so a successor waits for the lease of the one before. What is modelled, and what
 * must hold, is said in bridge.pml.
 *
 * Time. A lease runs from when its connector said the newest thing that the bridge has counted (HELLO
 * by BEGIN, ALIVE by PING), which is before its successor's HELLO counts. The wait of the successor,
 * begun when it reads its FENCE, so outlasts every such lease, also one that the predecessor finds
 * renewed only later: then it ends within the wait. Before that FENCE is read a lease may be renewed
 * at any time, which is more than PINGs allow. LEASE_FROM_READING lets it run from when the bridge's
 * word is read, however long that lay there.
 * A call reaches the server, or is lost, before its lease is over, also after its sender's death,
 * and a call that was given up has come through by then or never will (LATE_CALL: may still).
 *
 * What a write left is read afterwards (the answer brings no record): exact when the ETag is still
 * that of the write.
 */
#ifndef TROUBLES
#define TROUBLES 1 /* calls or answers that are lost */
#endif
#define HAS_STAMPS
#include "bridge.pml"

mtype = { LOOK, CALL, WAIT, FINAL };	/* steps of a job */
#define IDLE 0
mtype = { DONE, CHANGED };
#define NO_REPLY 0

/* lease: 0 over, 1 a successor waits for it, 2 running. The wait: 0 not begun, 1 on, 2 over. */
byte lease[2], waits[2];
byte ep[2];	/* given with BEGIN; 0 before */
byte newest;	/* epoch of which a FENCE was read */
/* a call on its way, and the answer */
bit calls[2];
byte call_value[2], call_base[2], call_stamp[2], reply_stamp[2];
mtype reply[2];
byte troubles = TROUBLES;

active proctype server()
{
	byte i;

end:	do
	:: atomic { calls[0] || calls[1] ->
		if
		:: calls[0] -> i = 0
		:: calls[1] -> i = 1
		fi;
		calls[i] = 0;
		if
#ifndef NO_ETAG
		:: stamp != call_stamp[i] -> reply[i] = CHANGED
#endif
		:: else ->
			write_over(call_value[i], call_base[i]);
			reply[i] = DONE;
			reply_stamp[i] = stamp
		:: troubles -> troubles-- /* lost on the way there */
		fi;
		call_value[i] = 0; call_base[i] = 0; call_stamp[i] = 0;
		i = 0
	   }
	od
}

inline forget_reply()
{
	reply[me] = 0;
	reply_stamp[me] = 0
}

inline end_job()
{
	step = IDLE;
	unsure = 0;
	doubt = 0;
	now = 0;
	at = 0;
	wrote = 0;
	forget_reply()
}

inline answer(status, v, d)
{
	say(RCPT, ep[me], out, status, v, d);
	done = out; done_status = status; done_seen = v; done_doubt = d;
	cache = TEXT(v);
	out = 0; value = 0; base = 0; attempted_before = 0; settling = 0;
	end_job()
}

/* found() and compare() of http_write.c. */
inline compare()
{
	if
	:: !unsure && !attempted_before && TEXT(now) == TEXT(base) -> step = CALL
	:: !unsure && !attempted_before && TEXT(now) != TEXT(base) -> answer(STALE, now, 0)
	:: else ->
		if
		:: TEXT(now) == TEXT(value) -> answer(APPLIED, now, 1)
		:: TEXT(now) != TEXT(value) && TEXT(now) != TEXT(base) -> answer(STALE, now, 1)
		:: TEXT(now) == TEXT(base) && unsure ->
			/* put off: nothing of it is there, whoever tried */
			attempted_before = 0;
			settling = 0;
			end_job()
		:: else ->
			doubt = 1;
			step = CALL
		fi
	fi
}

#define OTHER_ONE (1 - me)
#define IS_OLDER  (ep[OTHER_ONE] > ep[me])
#ifdef NO_LEASE_WAIT
#define MAY_WRITE 1
#else
#define MAY_WRITE (waits[me] == 2)
#endif
#ifdef LEASE_FROM_READING
#define RENEWED 2
#else
#define RENEWED (newest <= ep[me] -> 2 : (waits[OTHER_ONE] == 1 -> 1 : 0))
#endif

inline hear()
{
	deliver[me]?k, x, y, v, b, f;
	if
	:: k == BEGIN && ep[me] && x > ep[me] -> goto gone
	:: k == BEGIN && y == says[me] && !ep[me] ->
		ep[me] = x;
		lease[me] = RENEWED
	:: k == FENCE && y == says[me] && !fenced ->
		fenced = 1;
		settling = (out != 0);
		newest = (newest > x -> newest : x);
#ifndef NO_LEASE_WAIT
		if
		:: f ->
			waits[me] = 1;
			lease[OTHER_ONE] = (lease[OTHER_ONE] && !IS_OLDER -> 1 : lease[OTHER_ONE])
		:: else -> waits[me] = 2
		fi
#endif
	:: k == CMD && x == done -> say(RCPT, ep[me], done, done_status, done_seen, done_doubt)
	:: k == CMD && x != out && x > done ->
		assert(!out || no_second);
		out = x;
		value = v;
		base = b;
		attempted_before = f
	:: else
	fi;
	k = 0; x = 0; y = 0; v = 0; b = 0; f = 0
}

proctype connector(bit me)
{
	byte out, value, base;
	bit attempted_before;
	byte done, done_seen;
	mtype done_status;
	bit done_doubt;
	byte cache;
	bit fenced, settling;
	mtype step;
	bit unsure, doubt;
	byte now, at, wrote;	/* as read, its ETag, the ETag of our write */
	byte seen;
	mtype k;
	byte x, y, v, b;
	bit f;

start:	atomic {
		ep[me] = 0; out = 0; value = 0; base = 0; attempted_before = 0;
		done = 0; done_seen = 0; done_status = 0; done_doubt = 0;
		fenced = 0; settling = 0; seen = 0; lease[me] = 0; waits[me] = 0;
		k = 0; x = 0; y = 0; v = 0; b = 0; f = 0;
		end_job();
		cache = NO_TEXT;
		drain(deliver[me]);
		nonces++;
		says[me] = nonces;
		hears[me] = 1;
		say(HELLO, 0, nonces, 0, 0, 0)
	}
end:	do
	:: atomic { nempty(deliver[me]) -> hear() }
	:: atomic { waits[me] == 1 && !calls[me] &&
			(IS_OLDER || lease[OTHER_ONE] != 1 && !calls[OTHER_ONE]) ->
		waits[me] = 2
	   }
	:: atomic { lease[me] && me != last && !calls[me] -> lease[me] = 0 }
	:: atomic { ep[me] && lease[me] < RENEWED -> lease[me] = RENEWED }
	:: atomic { fenced && step == IDLE && out && MAY_WRITE && lease[me] ->
		say(INTENT, ep[me], out, 0, 0, 0);
		step = LOOK
	   }
	:: atomic { step == LOOK -> now = row; at = stamp; compare() }
	:: atomic { step == CALL && lease[me] && !calls[me] ->
		forget_reply();
		calls[me] = 1;
		call_value[me] = value; call_base[me] = base; call_stamp[me] = at;
		step = WAIT
	   }
	:: atomic { step == WAIT && reply[me] == DONE ->
		wrote = reply_stamp[me];
		forget_reply();
		step = FINAL
	   }
	:: atomic { step == WAIT && reply[me] == CHANGED -> forget_reply(); step = LOOK }
	:: atomic { step == WAIT && !calls[me] && (reply[me] == NO_REPLY || troubles) ->
		troubles = (reply[me] == NO_REPLY -> troubles : troubles - 1);
		forget_reply();
		unsure = 1;
		step = LOOK
	   }
#ifdef LATE_CALL
	:: atomic { step == WAIT && calls[me] && troubles -> troubles--; unsure = 1; step = LOOK }
#endif
	:: atomic { step == FINAL ->
		now = row;
		at = stamp;
		answer(APPLIED, now, (doubt || at != wrote))
	   }
	:: atomic { fenced && !settling && step == IDLE && IS_READING(ep[me]) && TEXT(row) != cache ->
		seen = row
	   };
		if
		:: atomic { true -> say(OBS, ep[me], 0, 0, seen, 0); cache = TEXT(seen); seen = 0 }
		:: me != last -> goto dead
		fi
	/* told to stop: says goodbye unless something is in doubt */
	:: atomic { fenced && me != last && step == IDLE && !(out && attempted_before) ->
		say(BYE, ep[me], 0, 0, 0, 0);
		goto dead
	   }
	:: atomic { IS_PASSED_OVER -> goto gone }
	:: me != last -> goto dead
	od;
gone:	if
	:: me == last -> goto start
	:: else
	fi;
dead:	atomic {
		hears[me] = 0;
		says[me] = 0;
		forget_reply();
		drain(deliver[me]);
		calls[me] == 0;
		lease[me] = 0;
		ep[me] = 0
	}
}
