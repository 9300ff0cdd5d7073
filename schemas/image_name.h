/*
 * image_name.h - names of places in flat JSON: "column", "part/<key>/column"; of elements:
 * "part/<key>".
 *
 * Private to schemas. In a key '%' and '/' are written %25 and %2F and nothing else
 * is, so each place has one name.
 */
#ifndef IMAGE_NAME_H
#define IMAGE_NAME_H

#include "image.h"

enum image_name { IMAGE_NAME_FOUND, IMAGE_NAME_UNKNOWN, IMAGE_NAME_BAD, IMAGE_NAME_NOMEM };

struct image_place {
	struct br_str key;
	uint16_t field;
	uint8_t part;
};

/* Writes the name as the key of the next member. */
void image_name_write(
	const struct shape *s, unsigned part, struct br_str key, unsigned field, struct br_jw *w);
/* expect: the field the name is likely to be, since writers keep the order. The key borrows from
 * name or lies in the arena. */
enum image_name image_name_read(const struct shape *s, struct br_str name, unsigned expect,
	struct br_arena *a, struct image_place *out);
/* The same for a whole element; read: its field is IMAGE_ELEMENT. */
void image_element_write(const struct shape *s, unsigned part, struct br_str key, struct br_jw *w);
enum image_name image_element_read(
	const struct shape *s, struct br_str name, struct br_arena *a, struct image_place *out);

/* The code of the reader's error, after BR_JT_ERROR. */
static inline int image_json_error(struct br_jr *r)
{
	return br_jr_skip(r, BR_JT_ERROR, NULL);
}

#endif
