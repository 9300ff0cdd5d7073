/*
 * mapping.h - one record of one system <-> the canonical case, written once, compiled once, run
 * both ways.
 *
 * A mapping is compiled from the `records:` entry of a system's YAML into a flat program. Each line
 * is a lens: get reads columns into a canonical field, put writes the field into columns, keeping
 * the stored form where it already means the same. Running allocates only in the given arena. A
 * mapping is immutable and may be used by several threads.
 *
 * Laws (checked by `casebridge map check`): GetPut - put(get(L), L) = L; PutGet - get(put(C, L)) =
 * C on the mapped fields, modulo declared loss.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include "case_schema.h"

struct mapping;

enum map_class { MAP_EXACT, MAP_LOSSY_IN, MAP_LOSSY_OUT, MAP_ONE_WAY };

struct map_set; /* a system's mappings, one per record name */

/* Compiles every record of a system. Problems go to the report with their places. */
int map_compile(const struct cfg_site *site, const struct cfg_system *system,
	const struct case_schema *schema, struct br_arena *a, struct cfg_report *report,
	struct map_set **out);
size_t map_count(const struct map_set *set);
const struct mapping *map_at(const struct map_set *set, size_t i);
/* NULL when the set has none of this name, or is NULL. */
const struct mapping *map_find(const struct map_set *set, struct br_str record);
/* Which record of the set a new record for the case would be (`when:` and the `item.impl_code`
 * constant; only records with write.create); NULL when the case is none of this system's. */
const struct mapping *map_route(const struct map_set *set, const struct image *kase);

struct br_str map_record(const struct mapping *m);	/* record name */
const struct shape *map_shape(const struct mapping *m); /* of the local image */
uint64_t map_hash(const struct mapping
		*m); /* of the compiled program; changes when the mapping means something else */
/* The same of one field of the case; 0: it is not mapped. */
uint64_t map_field_hash(const struct mapping *m, unsigned field);

/* Why a record could not be mapped; err has code, details field, column, found (masked), expected.
 */
struct map_issue {
	struct br_err err;
	struct br_str column;
	uint16_t field;
	bool ask; /* a value only a person can give (`ask:`): one question */
};

/* What get needs besides the row: the case as known (or NULL) and the status codes it has had
 * (history-dependent codes). */
struct map_context {
	const struct image *kase;
	const struct br_str *had;
	size_t nhad;
};

/*
 * get: local image -> canonical cells of the fields this mapping reads (absent where the columns
 * are absent). 0, or -code with issue filled. Values are checked with case_check_value.
 */
int map_get(const struct mapping *m, const struct image *local, const struct map_context *ctx,
	struct br_arena *a, struct image *out, struct map_issue *issue);
/*
 * put: the local image L' as it should be when the system holds `kase`, given what it holds
 * (`shadow`, empty for a create). Columns the mapping does not write keep the shadow's cells. 0, or
 * -code with issue filled (a value the target cannot store, an unknown code, ask).
 */
int map_put(const struct mapping *m, const struct image *kase, const struct image *shadow,
	struct br_arena *a, struct image *out, struct map_issue *issue);
/* The cells a create needs beyond the case (technical constants, defaults of on_create; generated
 * keys are the connector's). */
int map_on_create(const struct mapping *m, const struct image *kase, struct br_arena *a,
	struct image *out, struct map_issue *issue);

/* Dependencies. True when canonical field f is read from column c of the same part (get), or
 * written to it (put). */
bool map_reads(const struct mapping *m, unsigned field, unsigned column);
bool map_writes(const struct mapping *m, unsigned field, unsigned column);
/*
 * The same by places, which also know columns of the root that stand for a named element of a list
 * (`ext.card_kind: lx`) and a status derived from a part: does this place of the case depend on
 * this cell of the local image / is it written to it?
 */
bool map_place_reads(const struct mapping *m, const struct cell *place, const struct cell *column);
bool map_place_writes(const struct mapping *m, const struct cell *place, const struct cell *column);
/* All places written to a local cell, one after the other: *at begins at 0. False at the end. */
bool map_written_place(
	const struct mapping *m, const struct cell *column, unsigned *at, struct cell *place);
/* The case part number that local part p corresponds to (0 -> 0), -1 when none; and back. */
int map_case_part(const struct mapping *m, unsigned local_part);
int map_local_part(const struct mapping *m, unsigned case_part);
/* Is local part p one that only grows (mode: append)? May elements of it be taken away there: it is
 * merged, written whole, and not by calls. */
bool map_part_grows(const struct mapping *m, unsigned local_part);
bool map_part_drops(const struct mapping *m, unsigned local_part);
/* Is the field mapped at all / may this system write it to us (in) / do we write it to the system
 * (out)? */
bool map_field_in(const struct mapping *m, unsigned field);
bool map_field_out(const struct mapping *m, unsigned field);
/* What is lost on the way, and who owns the field in this system when its mapping overrides the
 * schema (enum case_owner, else -1). */
enum map_class map_field_class(const struct mapping *m, unsigned field);
int map_field_owner(const struct mapping *m, unsigned field);
/* May we make new records there (write.create)? */
bool map_creates(const struct mapping *m);
/* Columns the target itself rewrites: they refresh the shadow and are never an edit. */
bool map_target_owned(const struct mapping *m, unsigned column);
/* A column of the root whose value the target gives a new record. */
bool map_allotted(const struct mapping *m, unsigned column);
/* N: same value as far as the target can tell (trim, CHAR padding, byte limit, number scale,
 * ''=NULL, declared per column). */
bool map_column_same(const struct mapping *m, const struct cell *a, const struct cell *b);

/* What the connector must know, for BEGIN, as a JSON array of one object for each record: its name,
 * shape, kind-specific root/read/write/parts, normalisers, natural key, refused rows, on_create key
 * generation, and by which codes of which column a record is over (final). Lives with the set. */
struct br_str map_set_spec(const struct map_set *set);
/* Natural key columns and values of a local image for look-up before create; n may be 0. Writes a
 * flat JSON object. */
void map_natural_key(const struct mapping *m, const struct image *local, struct br_jw *w);
/* The number of a pending answer that a record carries (`ref:`), {NULL, 0} when none. */
struct br_str map_ref(const struct mapping *m, const struct image *local);
/* The strong match keys of a case in this mapping (scheme name, value), for the hub's match_key
 * table; at most room. */
size_t map_match_keys(const struct mapping *m, const struct image *kase, struct br_str *scheme,
	struct br_str *value, size_t room);

/* A refusal of the target in words and deeds (`refused:`). */
enum map_deed { MAP_RETRY, MAP_CORRECT, MAP_WAIT, MAP_STOP };
struct map_refusal {
	enum map_deed deed;
	struct br_str say; /* for people */
	int field;	   /* canonical field to correct, -1 unknown */
};
bool map_refusal(const struct mapping *m, struct br_str native_code, struct br_str native_text,
	struct map_refusal *out);

#endif
