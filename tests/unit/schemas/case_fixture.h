/* The real case, and cases written as flat or nested JSON. */
#ifndef CASE_FIXTURE_H
#define CASE_FIXTURE_H

#include "case_schema.h"
#include "random_image.h"

static struct br_arena schema_arena, arena;
static struct case_schema *schema;

static inline void load_schema(void)
{
	struct cfg_report report = {0};

	br_arena_init(&schema_arena, 64 << 20);
	br_arena_init(&arena, 256 << 20);
	report.arena = &schema_arena;
	if (case_schema_load(SOURCE_DIR "/schemas", &schema_arena, &report, &schema)) {
		fprintf(stderr, "schemas/ cannot be loaded\n");
		exit(1);
	}
}

static inline void release_schema(void)
{
	br_arena_release(&arena);
	br_arena_release(&schema_arena);
}

/* {"applicant.name": "x", "steps/1/opinion": null}: every field, typed or not, as text. */
static inline void flat_case(const char *json, struct image *out)
{
	struct br_err err;
	struct br_jr r;
	char text[512];

	br_err_clear(&err);
	br_jr_init(&r, br_str_z(json), &arena, &err);
	if (image_read(&r, schema->shape, false, &arena, out))
		fail_msg("%s: %s", json, br_err_text(&err, BR_LANG_EN, text, sizeof(text)));
}

/* The whole published object, braces included. */
static inline struct br_str nested_text(const struct image *img, struct br_buf *buf)
{
	struct br_jw w;

	br_buf_reset(buf);
	br_jw_init(&w, buf);
	br_jw_object(&w);
	case_write(schema, img, &w);
	br_jw_end_object(&w);
	assert_false(br_jw_failed(&w));
	return br_buf_str(buf);
}

static inline int nested_case(
	struct br_str json, bool ignore_unknown, struct image *out, struct br_err *err)
{
	enum br_json_token t;
	struct br_jr r;
	int rc;

	br_err_clear(err);
	br_jr_init(&r, json, &arena, err);
	t = br_jr_next(&r);
	if (t != BR_JT_OBJECT)
		return t == BR_JT_ERROR ? -(int)br_err_code(err) : -BR_E_SCHEMA_MEMBER;
	rc = case_read(schema, &r, ignore_unknown, &arena, out);
	if (rc == 0 && br_jr_next(&r) != BR_JT_END)
		return -BR_E_JSON_SYNTAX;
	return rc;
}

#endif
