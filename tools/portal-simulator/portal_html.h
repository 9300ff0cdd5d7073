/*
 * portal_html.h - the frame of the pages, and text that is safe in it.
 */
#ifndef PORTAL_HTML_H
#define PORTAL_HTML_H

#include <stdio.h>

#include "portal.h"
#include "portal_fields.h"

/* Opens a page in rp->text: everything until html_end() goes into it. NULL without memory. */
FILE *html_begin(struct reply *rp, const char *title);
void html_end(FILE *f, struct reply *rp);

void html_text(FILE *f, const char *s);		/* escaped; NULL is nothing */
void html_time(FILE *f, const char *stamp);	/* 20180702090500 as people write it */
void html_masked(FILE *f, const char *cert_no); /* the middle hidden */
/* One form line. value may be NULL. extra: further attributes, written as they are. */
void html_input(FILE *f, const char *name, const char *label, const char *value, const char *extra);
/* blank: text of a first choice without a value, NULL = there is none. */
void html_select(FILE *f, const char *name, const char *label, const struct code *codes,
	const char *value, const char *blank);
void html_note(FILE *f, const char *kind, const char *text); /* "good", "bad"; NULL text: nothing */

#endif
