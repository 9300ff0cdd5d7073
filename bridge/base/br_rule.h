/*
 * br_rule.h - rules of the protocol that the simulation can leave out, to see that it notices.
 *
 * In the product BR_WITHOUT() is the constant false and nothing of it remains. The simulation
 * (tests/sim) compiles the same sources with CASEBRIDGE_SIM and switches one rule off at a time: a
 * simulation that passes a broken protocol proves nothing.
 */
#ifndef BR_RULE_H
#define BR_RULE_H

#ifdef CASEBRIDGE_SIM
#define BR_RULES(X)                                                                                \
	X(STOP_AND_WAIT)   /* at most one command per link is out */                               \
	X(COMPARE_AND_SET) /* a write lands only on the base it was computed from */               \
	X(EPOCH_FENCE)	   /* nothing of an older connector counts any more */                     \
	X(SEQUENCE)	   /* (epoch, seq) must rise */                                            \
	X(FENCE_LAST)	   /* the outstanding commands come before FENCE */                        \
	X(INBOX)	   /* a write leaves its number and its outcome beside it */               \
	X(INBOX_FIRST)	   /* what is put off is settled only when its inbox row was read */       \
	X(HELD_AS_WRITTEN) /* held is the version written, not the larger of both */               \
	X(FULL_POST)	   /* an answer's whole image is merged */                                 \
	X(CACHE_FOLLOWS)   /* what was told last follows receipts too */                           \
	X(REBASE)	   /* old content that a backup brought back is nobody's edit */           \
	X(OWED)		   /* who joins is asked about what was there before */                    \
	X(INHERITED)	   /* an inherited command may have been carried out */                    \
	X(LOOK)		   /* where nothing is compared, a record is read before it is written */  \
	X(NEWER)	   /* a batch finds what the one before it has changed */                  \
	X(TOLD_FIRST)	   /* nothing of a batch goes out before it is on the journal */
enum br_rule {
#define X(name) BR_RULE_##name,
	BR_RULES(X)
#undef X
		BR_RULES_N
};
extern unsigned br_rules_left_out; /* bits by number */
#define BR_WITHOUT(rule) (br_rules_left_out >> BR_RULE_##rule & 1)
#else
#define BR_WITHOUT(rule) false
#endif

#endif
