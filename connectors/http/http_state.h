/*
 * http_state.h - what the files of the http kind share.
 */
#ifndef HTTP_STATE_H
#define HTTP_STATE_H

#include "http_call.h"
#include "http_sweep.h"

struct http_state {
	struct conn *conn;
	const struct http_options *options;
	struct http_site site;
	struct br_arena config; /* compiled site and records */
	struct http_client *client;
	struct http_record *records; /* by conn_record index */
	size_t nrecords;
	bool opened;

	/* reading: one record after the other */
	size_t at;		  /* record being polled */
	struct br_str cursor[16]; /* per record, malloc'ed */
	bool more, moved;	  /* of this round */
	bool rewound;		  /* the feed was begun anew in this round */
	unsigned troubles;	  /* rounds in a row that the portal put off */
	struct br_timer list_again;
	size_t left; /* single reads still running */
	struct br_arena read_arena;
	struct single *singles;
	struct http_sweep sweep;

	/* writing */
	struct http_job *jobs; /* running */
};

/* What is read of one record: image and who. Returns false when the object has no number. */
bool http_observe(struct http_state *s, const struct conn_record *r, const struct http_node *object,
	enum msg_reason reason, struct br_arena *a);
void http_poll(void *state);
void http_refetch(
	void *state, const struct conn_record *record, const struct br_str *lids, size_t n);
void http_apply(void *state, struct conn_command *const *cmds, size_t n);
void http_jobs_drop(struct http_state *s);
void http_reads_drop(struct http_state *s);
/* The failure of a read call as an error for conn_failed. */
int http_reply_error(const struct http_state *s, struct br_str path, const struct http_reply *reply,
	struct br_err *err);

#endif
