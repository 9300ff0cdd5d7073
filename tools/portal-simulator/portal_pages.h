/*
 * portal_pages.h - pages drawn by the GET handlers and, with a message, by the POST handlers.
 */
#ifndef PORTAL_PAGES_H
#define PORTAL_PAGES_H

#include "portal_case.h"
#include "portal_form.h"

#define ELDER_CARD "11341503999900222D4002011099000" /* 老年人优待证办理 */

/* form NULL: an empty form; bad NULL: no message. Both set code 200 and the text. */
int draw_home(struct reply *rp, const struct form *form, const char *bad);
int draw_lookup(struct reply *rp, const char *projid, const char *bad);
int draw_mine(struct reply *rp, const struct kase *c, const char *good, const char *bad);
int draw_clerk(
	struct db *db, struct reply *rp, const char *projid, const char *good, const char *bad);

/* The case with this number and password; false with code 4040. */
bool find_mine(
	struct db *db, const char *projid, const char *pwd, struct kase *c, struct reply *rp);

#endif
