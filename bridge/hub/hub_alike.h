/*
 * hub_alike.h - are two cases of different systems one? What speaks for it and against it, weighed
 * (protocol A11). Pure; it proposes, a person decides (hub_match.h).
 *
 * A case is reduced to facts: item, person, dates, numbers, in one way of writing. Cases are
 * compared when they share a key (block): a strong key that their mapping declares (match:), or one
 * of hub_alike_keys(). Each fact that both have is the same, nearly so (one slip of the keyboard),
 * or other, and adds to the weight or takes from it; the weights are log2 likelihood ratios after
 * Fellegi and Sunter, rounded, and fixed: thresholds that can be turned are turned until it binds.
 *
 * Certain is only what has a number in common or the person and the day, and nothing that speaks
 * against it. A renewal by the same person has neither its day nor its number in common with the
 * old case: it is none, or at most likely.
 */
#ifndef HUB_ALIKE_H
#define HUB_ALIKE_H

#include "case_schema.h"

enum alike_fact {
	ALIKE_ITEM,
	ALIKE_CERT,
	ALIKE_NAME,
	ALIKE_APPLIED,
	ALIKE_RECEIVED,
	ALIKE_ACCEPTED,
	ALIKE_MOBILE,
	ALIKE_BIRTH,
	ALIKE_RESULT_NO,
	ALIKE_ACCEPT_NO,
	ALIKE_PORTAL_NO,
	ALIKE_DEPT_NO,
	ALIKE_FACTS
};

struct alike_facts {
	struct br_str v[ALIKE_FACTS]; /* n 0: not known */
};

enum alike_degree { ALIKE_UNKNOWN, ALIKE_SAME, ALIKE_NEAR, ALIKE_OTHER };
enum alike_verdict { ALIKE_NONE, ALIKE_LIKELY, ALIKE_CERTAIN };
#define ALIKE_MARGIN 8 /* by which a certain pair must outweigh any other of either case */
#define ALIKE_KEYS   8

struct alike {
	enum alike_verdict verdict;
	int weight;
	enum alike_degree at[ALIKE_FACTS]; /* of the dates, the first that both have counts */
	bool far;			   /* more than a month apart, perhaps by a slip */
};

/* Name of the case's field. */
const char *hub_alike_field(enum alike_fact f);
/* Texts in the arena, without control characters. -BR_E_NOMEM. */
int hub_alike_facts(const struct case_schema *s, const struct image *doc, struct br_arena *a,
	struct alike_facts *out);
/* A key of a block: texts that differ get the same one about once in 2^64. */
uint64_t hub_alike_key(char kind, struct br_str a, struct br_str b);
/* The blocks of a case besides its strong keys; at most ALIKE_KEYS. */
size_t hub_alike_keys(const struct alike_facts *f, uint64_t keys[ALIKE_KEYS]);
/* strong: they share a strong key that nobody else on either side has. */
void hub_alike(
	const struct alike_facts *a, const struct alike_facts *b, bool strong, struct alike *out);
/* "applicant.cert_no=,applied_at!": = the same, ~ nearly, ! other; strong as "#". At most size with
 * the terminating zero. */
char *hub_alike_why(const struct alike *x, bool strong, char *buf, size_t size);

#endif
