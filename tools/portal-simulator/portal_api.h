/*
 * portal_api.h - the table of everything that can be called.
 */
#ifndef PORTAL_API_H
#define PORTAL_API_H

#include "portal.h"

/* Does the work of one call. db is open for reading, or in a transaction that is committed when the
 * reply is a success (code 200), else taken back. Returns the code. */
typedef int handler_fn(struct portal *p, struct db *db, struct request *rq, struct reply *rp);

enum {
	ROUTE_WRITE = 1,   /* in a transaction */
	ROUTE_SIGNED = 2,  /* headers and token of the interface */
	ROUTE_PAGE = 4,	   /* for people */
	ROUTE_CONTROL = 8, /* from this machine only; no faults */
	ROUTE_KEYED = 16,  /* Idempotency-Key is honoured */
};
struct route {
	const char *method, *path; /* one * stands for one part of the path */
	handler_fn *fn;
	unsigned flags;
};

/* NULL when there is none; *path_known tells whether another method would have fitted. part
 * receives what stood for the *. */
const struct route *route_find(
	const char *method, const char *path, char *part, size_t size, bool *path_known);

handler_fn api_create_number, api_basic, api_proc, api_special, api_file, api_done, api_update,
	api_ack;
handler_fn api_case, api_pending, api_changes, api_search, api_file_get, api_items, api_ratings,
	api_recon;
handler_fn page_home, page_apply, page_mine, page_mine_save, page_rate, page_clerk, page_clerk_save;
handler_fn control_get, control_put, control_faults, control_faults_put, control_fault_add,
	control_faults_clear, control_fault_remove, control_journal, control_summary, control_stats,
	control_reset, control_tokens_clear, control_item;

#endif
