#include "portal_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 32768 /* of a field's value at a time */

const char *form_text(const struct form *form, const char *name)
{
	const char *text = json_string_value(json_object_get(form->fields, name));

	return text ? text : "";
}

static enum MHD_Result add_to_file(
	struct form *form, const char *name, const char *type, const char *data, size_t size)
{
	char *grown = realloc(form->file, form->file_size + size + 1);

	if (!grown)
		return MHD_NO;
	form->file = grown;
	memcpy(grown + form->file_size, data, size);
	form->file_size += size;
	snprintf(form->file_name, sizeof(form->file_name), "%s", name);
	snprintf(form->file_type, sizeof(form->file_type), "%s",
		type ? type : "application/octet-stream");
	return MHD_YES;
}

/* Ends the field whose pieces were being gathered. */
static enum MHD_Result end_field(struct form *form)
{
	json_t *value;

	if (!form->key)
		return MHD_YES;
	value = json_string(form->value);
	if (value)
		json_object_set_new(form->fields, form->key, value);
	free(form->key);
	free(form->value);
	form->key = form->value = NULL;
	return value ? MHD_YES : MHD_NO; /* not UTF-8 */
}

/* A long value comes in pieces (off > 0 continues), and a piece may end inside a character: the
 * bytes are joined before they are looked at. */
static enum MHD_Result add_field(void *arg, enum MHD_ValueKind kind, const char *key,
	const char *file_name, const char *type, const char *encoding, const char *data,
	uint64_t off, size_t size)
{
	struct form *form = arg;
	char *joined;

	(void)kind;
	(void)encoding;
	if (file_name && *file_name)
		return add_to_file(form, file_name, type, data, size);
	if (off == 0) {
		if (end_field(form) != MHD_YES)
			return MHD_NO;
		form->key = strdup(key);
	}
	if (asprintf(&joined, "%s%.*s", form->value ? form->value : "", (int)size,
		    data ? data : "") < 0)
		return MHD_NO;
	free(form->value);
	form->value = joined;
	return MHD_YES;
}

int form_read(struct form *form, const struct request *rq)
{
	struct MHD_PostProcessor *pp;
	enum MHD_Result fine;

	*form = (struct form){.fields = json_object()};
	pp = MHD_create_post_processor(rq->connection, PIECE, add_field, form);
	if (!pp)
		return -1;
	fine = MHD_post_process(pp, rq->body, rq->body_size);
	if (MHD_destroy_post_processor(pp) != MHD_YES)
		fine = MHD_NO;
	if (end_field(form) != MHD_YES)
		fine = MHD_NO;
	/* An invalid file name would spoil the case; it is refused like any other bad text. */
	if (form->file_name[0]) {
		json_t *name = json_string(form->file_name), *type = json_string(form->file_type);

		if (!name || !type)
			fine = MHD_NO;
		json_decref(name);
		json_decref(type);
	}
	return fine == MHD_YES ? 0 : -1;
}

void form_free(struct form *form)
{
	json_decref(form->fields);
	free(form->file);
	free(form->key);
	free(form->value);
	*form = (struct form){.fields = NULL};
}
