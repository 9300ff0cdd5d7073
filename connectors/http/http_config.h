/*
 * http_config.h - what the YAML says of a portal: connection options, and per record the calls that
 * read and write it.
 *
 * Texts with {NAME} are templates, filled in for each call; what can stand in the braces is listed
 * at http_fill() (http_call.h).
 */
#ifndef HTTP_CONFIG_H
#define HTTP_CONFIG_H

#include "br_http.h"
#include "conn_kind.h"
#include "http_tree.h"

/* What an answer means and what to do. */
enum http_class {
	HTTP_OK,
	HTTP_RETRY,	/* try the same call again after a while */
	HTTP_AUTH,	/* get a new token, then again */
	HTTP_STALE,	/* precondition failed */
	HTTP_MISSING,	/* no such record */
	HTTP_DUPLICATE, /* a create: it is there already */
	HTTP_CORRECT,	/* a person must correct the data */
	HTTP_WAIT,	/* a person must wait for something */
	HTTP_STOP,	/* nothing more can be done */
	HTTP_PENDING,	/* accepted, the answer comes later */
	HTTP_UNKNOWN, /* only in the table: nobody knows whether it was done; in a reply it is RETRY
			 with `unsure` */
};

struct http_rule {
	int64_t status_lo, status_hi; /* 0..0 = any */
	struct br_str code;	      /* value of the code member; empty = any */
	int text_like;		      /* 1: the body must be no JSON (an HTML page); 0 = any */
	enum http_class what;
	struct http_rule *next;
};

struct http_options { /* connection: */
	struct br_str base_url, ca_file, client_cert, client_key, client_key_password;
	bool verify;
	int64_t timeout_ms, connections, max_body;
	const struct cfg_node *headers; /* name: template, sent with every call */
	const struct cfg_node *auth;	/* token call */
	const struct cfg_node *sign;	/* signature of every call */
	const struct cfg_node *answers; /* code, text, rules */
	struct br_str app_key, secret;
};
extern const struct cfg_option http_option_table[];

struct http_pair {
	struct br_str name, value; /* value is a template */
};

enum http_hmac { HTTP_NO_SIGN, HTTP_HMAC_SHA256, HTTP_HMAC_SM3 };

struct http_signing {
	enum http_hmac algorithm;
	struct br_str text; /* template of what is signed */
};

#define HTTP_PAIRS 24 /* headers, and members of a body, at most; lint refuses more */

struct http_auth {
	bool on;
	struct br_str path, token, expires; /* members of the answer */
	struct http_signing sign;
	struct http_pair body[HTTP_PAIRS];
	size_t nbody;
};

struct http_answers {
	struct br_str code, text; /* members */
	struct http_rule *rules;
	bool ok_by_code; /* success is told by the code: an answer whose code is not in the table is
			    none */
};

struct http_call {
	struct br_str name, method, path;
	struct http_pair body[HTTP_PAIRS];
	size_t nbody;
	bool all; /* body also has every column to set */
	uint16_t
		*columns; /* of the root: sent when set; also what makes an update need this call */
	size_t ncolumns;
	struct br_str wrap; /* body is put into this member */
	int part;	    /* > 0: once for each changed element of the part */
	struct br_str lid; /* member of the answer (a refusal as duplicate too) that is the record's
			      number */
	struct br_str ref; /* member of a `pending` answer that names the business there */
	struct br_str object; /* member of the answer that is the record as it is now; "-" = none */
	bool etag;	      /* send If-Match */
	struct http_call *next;
};

struct http_record {	   /* conn_record.kind */
	struct br_str key; /* column that is the record's number */
	struct http_part parts[SHAPE_MAX_PARTS];
	size_t nparts;
	struct br_str list_path, list_items, list_next, list_more, list_object;
	int64_t list_limit, every_ms, sweep_every_ms;
	bool has_list;
	int64_t due_us; /* the list is read again then; monotonic */
	struct br_str sweep_path, sweep_items, sweep_next, sweep_more, sweep_object;
	int64_t sweep_limit;
	bool has_sweep, sweep_whole; /* whole: its items are records, not only numbers */
	bool repeats;		     /* its list has no end of its own; people were told */
	struct br_str get_path, get_object;
	struct br_str lookup_path, lookup_items;
	struct br_str updated_by;  /* member that tells who wrote last */
	struct br_str idempotency; /* header name; empty = the server has none */
	bool etag;
	bool unique; /* the server refuses a second record of the same natural key, so a create may
			be sent again */
	int64_t visibility_ms; /* how long a new record may stay out of look-ups */
	struct http_call *create, *update;
	const struct shape *shape;
};

struct http_site { /* everything of connection:, compiled */
	const struct http_options *o;
	struct br_http_tls tls;
	struct http_pair headers[HTTP_PAIRS];
	size_t nheaders;
	struct http_auth auth;
	struct http_signing sign;
	struct http_answers answers;
};

/* From option nodes; problems to the report with their places. References are replaced, in
 * templates so that what they bring in is text; it lives as long as the tree and report->arena.
 * site: the folders of certificates and secrets. */
int http_site_compile(const struct http_options *o, const struct cfg_site *site, struct br_arena *a,
	struct cfg_report *report, struct http_site *out);
/* The path of a file that connection: names; NULL when it names none, or there is no memory. */
const char *http_file(struct br_str name, const char *folder, struct br_arena *a);
/* From the JSON of BEGIN. */
int http_record_compile(const struct conn_record *r, struct br_arena *a, struct http_record *out,
	struct br_err *err);

#endif
