/*
 * http_job.h - one command on its way: what is known of the record, and what is to be done next.
 * Shared by http_write.c (steps) and http_job.c (retries, answers).
 */
#ifndef HTTP_JOB_H
#define HTTP_JOB_H

#include "http_plan.h"
#include "http_state.h"

enum http_step {
	STEP_LOOK,   /* read the record by its number */
	STEP_LOOKUP, /* look for it by its natural key */
	STEP_CALL,   /* the call of the current unit */
	STEP_FINAL,  /* all calls are made: read what came out */
};

/* What job.now is worth. */
enum http_known {
	KNOWN_NOTHING,
	KNOWN_ABSENT, /* there is no such record yet */
	KNOWN_GET,    /* as read */
	KNOWN_WRITE,  /* as the answer to our own call told */
};

struct http_job {
	struct http_state *s;
	struct conn_command *cmd;
	struct http_work work;
	struct br_arena arena;
	enum http_step step;
	struct http_unit unit;	  /* being sent, or next */
	struct br_str lid, etag;  /* etag: of `now` */
	struct br_str write_etag; /* as the last of our calls told */
	struct image now, mine;	  /* mine: what our calls left (http_plan_left) */
	enum http_known known;
	bool have_mine;
	bool keyed;  /* every call carries a key that the server remembers */
	bool asking; /* inherited, and the key has not yet been asked what became of it */
	bool probe;  /* ... with a condition nothing fulfils: only a remembered answer can come back
		      */
	bool claimed; /* the record is ours even where it differs: an attempt of ours may have made
			 it */
	bool unsure;  /* nobody knows whether the current unit was done */
	bool moved;   /* some call of ours took effect */
	bool resume;  /* units that the record shows as sent are not sent again */
	bool doubt;   /* an outcome was found out by comparing */
	bool duplicate; /* the server says that the record is there already */
	bool allowed;	/* by the write guard */
	bool told;	/* the number was reported */
	bool looked;	/* nothing was found once, and may only not have been visible yet */
	unsigned tries, failures;
	int64_t wait_ms;
	char code[64], text[300]; /* of the last answer that was no success */
	struct br_timer again;
	struct http_job *next;
};

/* http_job.c */
struct http_job *http_job_new(struct http_state *s, struct conn_command *cmd);
int64_t http_job_time_left_ms(const struct http_job *j);
/* The same step again in a while. After some tries, or when the lease does not last so long, the
 * command is handed back if nothing of it can have been done since it was given to us; else, at the
 * end of the lease, everything starts over with a handshake, which settles it first. */
void http_job_again(struct http_job *j, const struct http_reply *reply);
void http_job_wait(struct http_job *j, int64_t ms, const struct http_reply *reply);
/* Hands the command back: it is known that nothing of it is there, but for the record that an
 * earlier call of a create made. */
void http_job_later(struct http_job *j, int64_t ms);
/* The record, or the search for it, could not be read. The same step again in a while; but where
 * only that can tell what became of the command, and errors are all that comes for some five
 * minutes, the server's other records are asked for (http_job_ask_neighbours). */
void http_job_unread(struct http_job *j, const struct http_reply *reply);
/* Hands it back in doubt, for longer each time. */
void http_job_hand_back(struct http_job *j);
/* What only its record can tell could be read, so the time until it is parked begins anew. */
void http_job_could_read(struct http_job *j);
/* The current unit failed in an unclear way and the record shows that it was not done. Gives up in
 * the end: one record must not stop the others. */
void http_job_failed_again(struct http_job *j);
void http_job_note(struct http_job *j, const struct http_reply *reply);
void http_job_fail(struct http_job *j, const struct br_err *err);
/* Tells the number, or (with_post) how far the record has come; the command goes on. */
void http_job_progress(struct http_job *j, bool with_post);
/* Ends the job. post NULL = none. */
void http_job_answer(struct http_job *j, enum msg_status status, const struct image *post,
	struct br_str code, struct br_str text, bool atomic);

/* http_write.c */
void http_job_run(void *job);
/* Is it this record alone that the server fails at? Parks it, or hands it back. */
void http_job_ask_neighbours(struct http_job *j);

#endif
