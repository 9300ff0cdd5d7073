/* The shape of a department's record, with every name a database lets one choose. */
#ifndef LOCAL_SHAPE_H
#define LOCAL_SHAPE_H

#include "shape.h"

enum {
	L_XM,
	L_SFZH,
	L_ZT,
	L_SLASH,
	L_BLANK,
	L_QUOTE,
	L_PERCENT,
	L_STEPS_YJ,
	L_STEPS_CLR,
	L_CL_CPH,
	L_CL_SLASH
};

static inline const struct shape *local_shape(struct br_arena *a)
{
	struct shape_builder *b = shape_begin(a);

	shape_add_field(b, BR_STR("xm"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("sfzh"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("zt"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("证/号"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("带 空格"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("q\"uo\\te"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("%"), SHAPE_TEXT, NULL);
	shape_add_part(b, BR_STR("steps"));
	shape_add_field(b, BR_STR("yj"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("clr"), SHAPE_TEXT, NULL);
	shape_add_part(b, BR_STR("c\"l"));
	shape_add_field(b, BR_STR("cph"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("x/\"y"), SHAPE_TEXT, NULL);
	return shape_end(b);
}

#endif
