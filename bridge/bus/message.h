/*
 * message.h - what connectors and the bridge say to each other, as structs and as JSON.
 *
 * Topics: <prefix>.in.<system> (connector -> bridge) and <prefix>.deliver.<system> (bridge ->
 * connector), one partition each. The envelope travels inside the value:
 * {"v":1,"t":"OBS","sys":"portal","epoch":3,"seq":17,...}. Towards the bridge (epoch, seq) rises
 * strictly per system; towards a connector (hub_epoch, pseq) does, in the same two members. A
 * receiver drops what is not newer than the last pair it took. Times are milliseconds since 1970
 * UTC. All local values are strings or null.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "image.h"

enum msg_type {
	MSG_HELLO,  /* in: nonce, inc, target_epoch, beat, caps, map_hash; epoch 0 */
	MSG_OBS,    /* in: rec, lid, present, image (L), src_ts, by, reason, raw */
	MSG_INTENT, /* in: did, attempt - written and acked before a call that is no transaction */
	MSG_RCPT,   /* in: did, status, lid, image (post), beyond, atomic, doubt, code, text, ref */
	MSG_CURSOR, /* in: cursor - produced after every observation it covers */
	MSG_DIGEST, /* in: rec, lo, hi, digests */
	MSG_SWEEP,  /* in: sweep (id), done */
	MSG_ALIVE,  /* in: nothing but its seq, which comes back in a PING */
	MSG_BYE,    /* in: clean stop; the successor need not wait for the lease */
	MSG_BEGIN,  /* deliver: nonce, assigned (epoch), incarnation, spec */
	MSG_CMD,    /* deliver: did, op, rec, lid, nk, base, image (set), ver, attempted */
	MSG_FENCE,  /* deliver: nonce, cursor, sweep_mode, attempted (the predecessor did not say
		       BYE: wait for its lease) */
	MSG_PING,   /* deliver: ts, assigned (epoch of the connector that counts), counted */
	MSG_REFETCH, /* deliver: rec, lids */
	MSG_PAUSE,   /* deliver */
	MSG_RESUME,  /* deliver */
	MSG_RESTART, /* deliver: text (reason) */
	MSG_HELD,    /* in: held (commands the write guard holds back now), stopped */
	MSG_TYPES
};

enum msg_status { /* of a receipt */
	RCPT_APPLIED,
	RCPT_STALE,
	RCPT_EXISTS,
	RCPT_AMBIGUOUS,
	RCPT_GONE,
	RCPT_REJECTED,
	RCPT_PARKED,
	RCPT_PENDING,
	RCPT_PROGRESS,
};
enum msg_op { OP_CREATE, OP_UPDATE };
enum msg_reason { OBS_POLL, OBS_SWEEP, OBS_REFETCH, OBS_PUSH };
enum msg_sweep { SWEEP_NONE, SWEEP_WINDOW, SWEEP_FULL };

/* Identity of a delivery: (ledger incarnation, case, record, n); the system is the topic's. Text
 * form, also the Idempotency-Key:
 * "<incarnation>.<case ULID>.<record>.<n>" */
struct msg_did {
	int64_t incarnation;
	struct br_str cid; /* 26 characters */
	struct br_str rec;
	int64_t n;
};

struct msg_digest {
	struct br_str lid;
	uint64_t hash; /* image_hash of L as read; 0: not read, only that it is there */
};

struct msg {
	enum msg_type type;
	struct br_str sys;
	int64_t epoch, seq; /* deliver: hub_epoch, pseq */
	int64_t ts;
	/* HELLO, BEGIN, FENCE */
	struct br_str nonce, inc, caps;
	int64_t target_epoch, beat, restores, assigned, incarnation;
	int64_t counted; /* PING: highest seq of the assigned epoch that the bridge has taken */
	uint64_t map_hash;
	struct br_str spec;   /* raw JSON array of record specs (map_set_spec) */
	struct br_str cursor; /* raw JSON, the connector's own */
	enum msg_sweep sweep_mode;
	/* OBS, RCPT, CMD, DIGEST, REFETCH */
	struct br_str rec, lid;
	struct msg_did did;
	bool present;
	bool has_image;
	struct image image;	  /* OBS: L; RCPT: post; CMD: set (see IMAGE_ELEMENT) */
	struct br_str image_json; /* writing: the image as JSON, where that is at hand */
	bool whole;		  /* OBS, RCPT: the image shows every element of every part */
	struct image base;	  /* CMD */
	int64_t src_ts;
	struct br_str by; /* who changed it, when the source says */
	enum msg_reason reason;
	struct br_str raw; /* OBS: original bytes where L could not be made (base64 on the wire,
			      decoded here) */
	struct br_str code, text,
		ref; /* RCPT; OBS with raw: code and text of the reason; RESTART: text */
	enum msg_status status;
	bool atomic, doubt, attempted;
	bool beyond; /* RCPT: image has only what the record holds beyond the command's base and set
		      */
	int64_t attempt;
	enum msg_op op;
	struct br_str nk; /* raw JSON object of natural key columns, "" when none */
	int64_t ver;
	struct br_str lo, hi, sweep;
	struct msg_digest *digests;
	size_t ndigests;
	struct br_str *lids;
	size_t nlids;
	bool done;
	int64_t held;
	bool stopped; /* ... and no more are let through before somebody has looked */
};

/* Finds the shape of a record while decoding; NULL = unknown record (then an error, except OBS with
 * raw). */
typedef const struct shape *msg_shape_fn(void *arg, struct br_str sys, struct br_str rec);

/* Appends the JSON of m. shape: of the images in it, NULL when it has none. */
void msg_write(const struct msg *m, const struct shape *shape, struct br_buf *out);
/* Reads one message; everything points into value or the arena. 0, -BR_E_BUS_BAD_MESSAGE (place and
 * reason inside), ... Unknown members are ignored (newer peers may add some), an unknown "v" is
 * refused. */
int msg_read(struct br_str value, msg_shape_fn *shapes, void *arg, struct br_arena *a,
	struct msg *out, struct br_err *err);

/* caps of HELLO are words with one blank between them: "inbox" (writes are transactions with an
 * inbox row), else any of "cas idempotency lookup". */
bool msg_has_cap(const struct msg *m, struct br_str word);

const char *msg_type_name(enum msg_type t);
const char *msg_status_name(enum msg_status s);
struct br_str msg_did_text(const struct msg_did *d, struct br_arena *a);
bool msg_did_read(struct br_str text, struct msg_did *out);
static inline bool msg_did_same(const struct msg_did *a, const struct msg_did *b)
{
	return a->incarnation == b->incarnation && a->n == b->n && br_str_eq(a->cid, b->cid) &&
	       br_str_eq(a->rec, b->rec);
}

#endif
