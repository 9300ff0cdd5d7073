/*
 * sim_sql.h - shared by the files of the kind for SQL systems.
 */
#ifndef SIM_SQL_H
#define SIM_SQL_H

#include "sim_kind.h"
#include "sim_target.h"

enum sql_call { CALL_OPEN, CALL_BEGIN, CALL_APPLY, CALL_POLL, CALL_REFETCH, CALL_SWEEP };

struct sql_session {
	struct sim_proc *proc;
	struct conn *conn;
	int system;
	bool inbox, over;
	int64_t epoch, cursor;
	int generation;
	char nonce[64];
	int64_t every_ms;
};
struct sql {
	struct sql_session *s;
};

struct sql_seen {
	char lid[12];
	bool there;
	sim_value v[NF];
};

/* A command as it went over the wire: the process that sent it may be gone. */
struct sql_wish {
	char cid[HUB_ULID_TEXT + 1];
	int64_t incarnation, n, deadline_us;
	enum msg_op op;
	char lid[12];
	bool attempted;
	sim_value base[NF], set[NF];
};

struct sql_outcome {
	bool later;
	bool known; /* put off, and the inbox says that nothing was written */
	enum msg_status status;
	bool doubt, has_post;
	char lid[12];
	sim_value post[NF];
};

/* One call on its way. */
struct sql_job {
	struct sql_session *s;
	enum sql_call call;
	bool lost, fenced; /* never carried out; refused by the fence */
	bool reply_lost, went_back;
	struct conn_command **cmds; /* only while the session lives */
	struct sql_wish *wishes;
	struct sql_outcome *outcomes;
	struct sql_seen *seen;
	size_t n;
	int64_t rv;
	char inc[64];
	int64_t epoch, beat;
	int64_t known_epoch, known_beat; /* of what the bridge knows; inc too */
	const struct conn_record *record;
};

/* Carries out the commands of a job in one transaction of the system, and answers them later. */
void sql_transaction(struct sql_job *j);
void sql_answer(struct sql_job *j);
/* The command as it goes over the wire. */
void sql_wish(const struct sql_session *s, struct sql_job *j, size_t i, struct conn_command *c);

#endif
