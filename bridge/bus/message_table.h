/*
 * message_table.h - what every message consists of; private to message*.c.
 *
 * One table, and writer and reader both walk it, so they cannot differ. The order of the rows is
 * the order on the wire: the header first, and rec and did before the images, whose shape they
 * name. It stands in the header so that both loops over it are compiled with what it says.
 */
#ifndef MESSAGE_TABLE_H
#define MESSAGE_TABLE_H

#include "message.h"

enum kind { STR, INT, BOOL, HEX, RAW, BASE64, WORD, DID, IMAGE, LIDS, DIGESTS };

struct member {
	struct br_str name, quoted;
	enum kind kind;
	size_t offset;
	uint32_t optional; /* types that may have it: written when it says something */
	uint32_t required; /* types that must have it: always written */
	const char *const *words;
};

static const char *const type_words[] = {"HELLO", "OBS", "INTENT", "RCPT", "CURSOR", "DIGEST",
	"SWEEP", "ALIVE", "BYE", "BEGIN", "CMD", "FENCE", "PING", "REFETCH", "PAUSE", "RESUME",
	"RESTART", "HELD", NULL};
static const char *const status_words[] = {"APPLIED", "STALE", "EXISTS", "AMBIGUOUS", "GONE",
	"REJECTED", "PARKED", "PENDING", "PROGRESS", NULL};
static const char *const op_words[] = {"create", "update", NULL};
static const char *const reason_words[] = {"poll", "sweep", "refetch", "push", NULL};
static const char *const sweep_words[] = {"none", "window", "full", NULL};

#define ALL	((1u << MSG_TYPES) - 1)
#define T(type) (1u << MSG_##type)
#define ROW(member, field, as, may, must, table)                                                   \
	{                                                                                          \
		BR_STR(member), BR_JSON_QUOTED(member), as, offsetof(struct msg, field), may,      \
			must, table                                                                \
	}

static const struct member members[] = {
	ROW("t", type, WORD, 0, ALL, type_words),
	ROW("sys", sys, STR, 0, ALL, NULL),
	ROW("epoch", epoch, INT, 0, ALL, NULL),
	ROW("seq", seq, INT, 0, ALL, NULL),
	ROW("rec", rec, STR, T(RCPT) | T(CMD), T(OBS) | T(DIGEST) | T(REFETCH), NULL),
	ROW("ts", ts, INT, ALL & ~T(PING), T(PING), NULL),
	ROW("did", did, DID, 0, T(INTENT) | T(RCPT) | T(CMD), NULL),
	ROW("lid", lid, STR, T(RCPT) | T(CMD), T(OBS), NULL),
	ROW("present", present, BOOL, 0, T(OBS), NULL),
	ROW("reason", reason, WORD, 0, T(OBS), reason_words),
	ROW("status", status, WORD, 0, T(RCPT), status_words),
	ROW("op", op, WORD, 0, T(CMD), op_words),
	ROW("ver", ver, INT, T(CMD), 0, NULL),
	ROW("attempt", attempt, INT, T(INTENT), 0, NULL),
	ROW("attempted", attempted, BOOL, T(CMD) | T(FENCE), 0, NULL),
	ROW("atomic", atomic, BOOL, T(RCPT), 0, NULL),
	ROW("doubt", doubt, BOOL, T(RCPT), 0, NULL),
	ROW("beyond", beyond, BOOL, T(RCPT), 0, NULL),
	ROW("src_ts", src_ts, INT, T(OBS), 0, NULL),
	ROW("by", by, STR, T(OBS), 0, NULL),
	ROW("nk", nk, RAW, T(CMD), 0, NULL),
	ROW("base", base, IMAGE, 0, T(CMD), NULL),
	ROW("image", image, IMAGE, T(OBS) | T(RCPT), T(CMD), NULL),
	ROW("whole", whole, BOOL, T(OBS) | T(RCPT), 0, NULL),
	ROW("raw", raw, BASE64, T(OBS), 0, NULL),
	ROW("code", code, STR, T(OBS) | T(RCPT), 0, NULL),
	ROW("text", text, STR, T(OBS) | T(RCPT) | T(RESTART), 0, NULL),
	ROW("ref", ref, STR, T(RCPT), 0, NULL),
	ROW("lo", lo, STR, T(DIGEST), 0, NULL),
	ROW("hi", hi, STR, T(DIGEST), 0, NULL),
	ROW("digests", digests, DIGESTS, 0, T(DIGEST), NULL),
	ROW("lids", lids, LIDS, 0, T(REFETCH), NULL),
	ROW("sweep", sweep, STR, T(SWEEP), 0, NULL),
	ROW("done", done, BOOL, 0, T(SWEEP), NULL),
	ROW("held", held, INT, T(HELD), 0, NULL),
	ROW("stopped", stopped, BOOL, T(HELD), 0, NULL),
	ROW("nonce", nonce, STR, 0, T(HELLO) | T(BEGIN) | T(FENCE), NULL),
	ROW("inc", inc, STR, T(HELLO) | T(FENCE), 0, NULL),
	ROW("caps", caps, STR, T(HELLO), 0, NULL),
	ROW("target_epoch", target_epoch, INT, T(HELLO) | T(FENCE), 0, NULL),
	ROW("beat", beat, INT, T(HELLO) | T(CURSOR) | T(RCPT) | T(FENCE), 0, NULL),
	ROW("restores", restores, INT, T(HELLO) | T(FENCE), 0, NULL),
	ROW("map_hash", map_hash, HEX, T(HELLO) | T(BEGIN), 0, NULL),
	ROW("assigned", assigned, INT, T(PING), T(BEGIN), NULL),
	ROW("counted", counted, INT, T(PING), 0, NULL),
	ROW("incarnation", incarnation, INT, T(BEGIN), 0, NULL),
	ROW("spec", spec, RAW, 0, T(BEGIN), NULL),
	ROW("sweep_mode", sweep_mode, WORD, T(FENCE), 0, sweep_words),
	ROW("cursor", cursor, RAW, T(FENCE), T(CURSOR), NULL),
};

#define FORMAT_VERSION 1

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#endif
