/*
 * portal_form.h - the fields of a posted form, urlencoded or multipart, with at most one file.
 */
#ifndef PORTAL_FORM_H
#define PORTAL_FORM_H

#include "portal.h"

struct form {
	json_t *fields; /* name -> text */
	char *file;	/* owned */
	size_t file_size;
	char file_name[200]; /* "" = no file */
	char file_type[100];
	char *key, *value; /* the field being read */
};

/* 0, or -1 when the body is no form. Free in both cases. */
int form_read(struct form *form, const struct request *rq);
void form_free(struct form *form);
const char *form_text(const struct form *form, const char *name); /* "" when missing */

#endif
