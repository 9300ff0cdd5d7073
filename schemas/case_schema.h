/*
 * case_schema.h - the canonical case (办件): schemas/case.yaml and schemas/codes/ loaded and
 * numbered.
 *
 * One definition for everybody: the shape the bridge merges, the JSON published, the JSON Schema
 * for consumers, labels for people. Immutable after loading; may be shared by threads.
 */
#ifndef CASE_SCHEMA_H
#define CASE_SCHEMA_H

#include "cfg_site.h"
#include "image.h"

enum case_owner { CASE_OWNER_EITHER, CASE_OWNER_PORTAL, CASE_OWNER_DEPARTMENT, CASE_OWNER_BRIDGE };
enum case_policy {
	CASE_POLICY_OWNER,   /* the owner's value wins */
	CASE_POLICY_LATTICE, /* status order: legal moves only (code table column "after") */
	CASE_POLICY_NEWEST,  /* what reaches the bridge first; the other value is a conflict */
	CASE_POLICY_MANUAL,  /* keep, ask a person */
};
enum case_pii {
	CASE_PII_NONE,
	CASE_PII_NAME,
	CASE_PII_ID,
	CASE_PII_PHONE,
	CASE_PII_ADDRESS,
	CASE_PII_OTHER
};

struct code_row {
	struct br_str code;  /* our letter code */
	struct br_str label; /* 中文 */
	struct br_str label_en;
	struct br_str
		after; /* status only: codes that may follow, separated by blanks; "" = terminal */
	bool terminal;
};
struct code_table {
	struct br_str name;
	struct code_row *rows;
	size_t n;
};
const struct code_row *code_find(const struct code_table *t, struct br_str code);
/* May `to` directly follow `from`? Equal codes may. Only for tables with "after". */
bool code_may_follow(const struct code_table *t, struct br_str from, struct br_str to);

struct case_field {
	struct br_str name;  /* full dotted path: "applicant.name", "steps.opinion" */
	struct br_str label; /* 中文 */
	struct br_str label_en;
	enum shape_type type;
	const struct code_table *codes; /* CODE only */
	enum case_owner owner;
	enum case_policy policy;
	enum case_pii pii;
	enum {
		CASE_CHECK_NONE,
		CASE_CHECK_CITIZEN_ID,
		CASE_CHECK_CREDIT_CODE,
		CASE_CHECK_ORG_CODE,
		CASE_CHECK_IMPL_CODE,
		CASE_CHECK_MOBILE,
		CASE_CHECK_POSTCODE,
		CASE_CHECK_DIVISION,
		CASE_CHECK_NAME,
		CASE_CHECK_CERT_NO
	} check;
	uint32_t max_chars; /* 0 = no limit */
	uint16_t number;    /* in the shape */
	bool always;	    /* required in every published case */
};

/* The root ([0], name "") or a list: an array of objects by "key", or (map) one object whose
 * members are the keys. */
struct case_part {
	struct br_str name;
	struct br_str label; /* 中文 */
	struct br_str label_en;
	bool map; /* has one field; published as {key: value} */
};

struct case_tree; /* of a part: which field stands where in JSON */

struct case_schema {
	const struct shape *shape; /* shape_field.about is the struct case_field */
	struct case_part *parts;   /* shape->nparts */
	struct code_table *tables;
	size_t ntables;
	struct br_str version;
	struct br_str id; /* $id URL of the published JSON Schema */
	/* numbers of the fields the hub itself needs */
	uint16_t f_status, f_portal_case_no, f_dept_case_no, f_cert_no, f_impl_code, f_applied_at,
		f_accepted_at;
	/* private */
	struct case_tree **trees; /* by part */
};

/*
 * Reads folder/case.yaml and the code tables it names from folder/codes/. All problems go to the
 * report with their places ("case.yaml:12:3", "codes/status.csv:4:1"). 0, or the code of the first
 * problem. *out and everything in it lie in the arena.
 */
int case_schema_load(const char *folder, struct br_arena *a, struct cfg_report *report,
	struct case_schema **out);
const struct case_field *case_field(const struct case_schema *s, unsigned number);
const struct code_table *case_codes(const struct case_schema *s, struct br_str name);
/* Full name of a place for people and logs: "applicant.name", "steps/2/opinion". In the arena. */
struct br_str case_place(const struct case_schema *s, const struct cell *c, struct br_arena *a);
/* The other way round: a cell without a value, whose key borrows from name. False: the case has no
 * such place. */
bool case_find_place(const struct case_schema *s, struct br_str name, struct cell *out);

/*
 * Nested JSON of the case: members in the order of the schema, lists sorted by element key with the
 * member "key", absent left out, null written, INT and BOOL unquoted, `map` lists as one object by
 * key. Writes the members only (the caller opened the object and may add its own). A value that is
 * no INT or BOOL in such a field marks the writer failed: values are checked before they become a
 * case.
 */
void case_write(const struct case_schema *s, const struct image *img, struct br_jw *w);
/*
 * Reads what case_write wrote, inside an object, to its end: unknown members are skipped when
 * ignore_unknown, else an error. Values may point into r->in or the arena. Refused: a value of
 * another JSON type, a number that is not a whole number of 64 bits as we write it, an element
 * without "key", two elements of one key. Codes, dates and lengths are not checked here
 * (case_check_value).
 */
int case_read(const struct case_schema *s, struct br_jr *r, bool ignore_unknown, struct br_arena *a,
	struct image *out);
/* JSON Schema 2020-12 of the published case (with the envelope members case_id, version, links
 * ...). */
int case_json_schema(const struct case_schema *s, struct br_buf *out, struct br_err *err);
/* Checks one value against type, codes, check and length: 0 or -BR_E_SCHEMA_* with details field,
 * found (masked), expected. Null passes. */
int case_check_value(const struct case_schema *s, const struct cell *c, struct br_err *err);
/*
 * Checks over the whole case: time order (application, acceptance, steps, completion, delivery),
 * outcome against status and reason, number against kind of document, sex and birth against the
 * citizen id. What is absent or null is not judged. Reports the first; a quality rule for people,
 * not a condition of the data path.
 */
int case_check_whole(const struct case_schema *s, const struct image *img, struct br_err *err);
/* Reference page in Markdown, Chinese and English: every field, list and code table. */
int case_reference(const struct case_schema *s, struct br_buf *out, struct br_err *err);

#endif
