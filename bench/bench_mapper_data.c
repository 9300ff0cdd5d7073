#include "bench_mapper.h"
#include "message.h"

#include <stdio.h>
#include <stdlib.h>

static void die(const char *what)
{
	fprintf(stderr, "bench-mapper: %s\n", what);
	exit(1);
}

static void report(const struct cfg_report *r)
{
	char text[2048];

	for (const struct cfg_problem *p = r->first; p; p = p->next)
		fprintf(stderr, "%s\n", br_err_text(&p->err, BR_LANG_EN, text, sizeof(text)));
}

/* 18 digits that pass the check (GB 11643). */
static struct br_str citizen_id(struct br_arena *a, unsigned i)
{
	static const unsigned weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	char digits[32];
	unsigned sum = 0;

	snprintf(
		digits, sizeof(digits), "3415031950%02u%02u%03u", i % 12 + 1, i % 28 + 1, i % 1000);
	for (size_t k = 0; k < BR_LEN(weight); k++)
		sum += (unsigned)(digits[k] - '0') * weight[k];
	return br_arena_printf(a, "%s%c", digits, "10X98765432"[sum % 11]);
}

struct maker {
	struct bench *b;
	struct image_builder build;
};

static void set(struct maker *m, const char *column, struct br_str value)
{
	int f = shape_find(m->b->shape, 0, br_str_z(column));

	if (f < 0)
		die("the example mapping has lost a column");
	if (value.p)
		image_set(&m->build, 0, BR_STR_NONE, (uint16_t)f, value);
	else
		image_set_null(&m->build, 0, BR_STR_NONE, (uint16_t)f);
}

static void set_step(struct maker *m, const char *key, const char *column, const char *value)
{
	int part = shape_find_part(m->b->shape, BR_STR("steps")), f;

	f = part < 0 ? -1 : shape_find(m->b->shape, (unsigned)part, br_str_z(column));
	if (f < 0)
		die("the example mapping has lost a column of its steps");
	image_set(&m->build, (uint8_t)part, br_str_z(key), (uint16_t)f, br_str_z(value));
}

static void make_local(struct bench *b, unsigned i, struct image *out)
{
	static const char *const names[] = {"张秀英", "王德福", "欧阳建国", "李桂兰"};
	struct maker m = {.b = b};
	struct br_arena *a = &b->keep;

	image_build(&m.build, a, 32);
	set(&m, "sbh", br_arena_printf(a, "YDZ20180702%03u", i));
	set(&m, "xm", br_str_z(names[i % BR_LEN(names)]));
	set(&m, "xb", i % 2 ? BR_STR("男") : BR_STR("女"));
	set(&m, "sfzh", citizen_id(a, i));
	set(&m, "csrq", br_arena_printf(a, "1950.%u.%u", i % 12 + 1, i % 28 + 1));
	set(&m, "hkdz", br_arena_printf(a, "安徽省六安市裕安区鼓楼街道解放中路%u号", i));
	set(&m, "lxdh", br_arena_printf(a, "139%08u", i));
	set(&m, "sqrq", br_arena_printf(a, "2018-07-%02u 08:%02u:00", i % 28 + 1, i % 60));
	set(&m, "slrq", br_arena_printf(a, "2018-07-%02u 09:%02u:00", i % 28 + 1, i % 60));
	set(&m, "zt", BR_STR("1"));
	set(&m, "thyy", BR_STR_NONE);
	set(&m, "lzrq", BR_STR_NONE);
	set(&m, "zzbh", BR_STR_NONE);
	for (unsigned k = 0; k < 2; k++) {
		const char *key = k ? "2" : "1";

		set_step(&m, key, "hjmc", k ? "审核" : "受理");
		set_step(&m, key, "clr", "陈明");
		set_step(&m, key, "clyj", "材料齐全，符合法定形式，同意");
		set_step(&m, key, "jg", "1");
		set_step(&m, key, "kssj", "2018-07-02 09:05:00");
		set_step(&m, key, "jssj", "2018-07-02 15:30:00");
	}
	if (image_build_end(&m.build, out))
		die("a row cannot be made");
}

struct msg bench_observation(const struct bench *b, const struct bench_row *row)
{
	return (struct msg){.type = MSG_OBS,
		.sys = BR_STR("civil-affairs"),
		.epoch = 7,
		.seq = 12345,
		.ts = 1530500000000,
		.rec = map_record(b->map),
		.lid = image_root(&row->local, (unsigned)shape_find(b->shape, 0, BR_STR("sbh")))
			       ->value,
		.present = true,
		.has_image = true,
		.image = row->local};
}

const struct shape *bench_shape(void *bench, struct br_str sys, struct br_str rec)
{
	const struct bench *b = bench;

	(void)sys;
	return br_str_eq(rec, map_record(b->map)) ? b->shape : NULL;
}

static struct br_str keep_out(struct bench *b)
{
	struct br_str s;

	if (br_buf_failed(&b->out))
		die("a row cannot be written");
	s = br_arena_copy(&b->keep, br_buf_str(&b->out));
	br_buf_reset(&b->out);
	return s;
}

static void make_row(struct bench *b, unsigned i)
{
	struct bench_row *row = &b->rows[i];
	struct map_context none = {0};
	struct map_issue issue;
	struct msg m;
	struct br_jw w;

	make_local(b, i, &row->local);
	if (map_get(b->map, &row->local, &none, &b->keep, &row->kase, &issue))
		die("a row cannot be mapped");
	br_jw_init(&w, &b->out);
	image_write(&row->local, b->shape, &w);
	row->flat = keep_out(b);
	br_jw_init(&w, &b->out);
	br_jw_object(&w);
	case_write(b->schema, &row->kase, &w);
	br_jw_end_object(&w);
	row->doc = keep_out(b);
	m = bench_observation(b, row);
	msg_write(&m, b->shape, &b->out);
	row->msg = keep_out(b);
	b->local_cells += row->local.n;
	b->case_cells += row->kase.n;
	b->flat_bytes += row->flat.n;
	b->doc_bytes += row->doc.n;
}

void bench_load(struct bench *b)
{
	static struct cfg_site site;
	static struct cfg_system system;
	struct cfg_report problems = {0};
	struct cfg_node *node;
	struct map_set *set;

	br_arena_init(&b->keep, 256 << 20);
	br_arena_init(&b->batch, 64 << 20);
	br_buf_init(&b->out, 16 << 20);
	problems.arena = &b->keep;
	site.folder = SOURCE_DIR "/config/yuan";
	site.timezone = BR_STR("Asia/Shanghai");
	setenv("YDZ_DSN", "host=127.0.0.1", 0);
	if (case_schema_load(SOURCE_DIR "/schemas", &b->keep, &problems, &b->schema) ||
		cfg_read_file(SOURCE_DIR "/config/yuan/systems/civil-affairs.yaml",
			"civil-affairs.yaml", &b->keep, &problems, &node)) {
		report(&problems);
		die("the schema or the example system cannot be read");
	}
	system = (struct cfg_system){.name = BR_STR("civil-affairs"),
		.connector = BR_STR("postgres"),
		.connection = cfg_get(node, "connection"),
		.records = cfg_get(node, "records"),
		.node = node};
	if (map_compile(&site, &system, b->schema, &b->keep, &problems, &set)) {
		report(&problems);
		die("the example mapping does not compile");
	}
	b->map = map_at(set, 0);
	b->shape = map_shape(b->map);
	for (unsigned i = 0; i < ROWS; i++)
		make_row(b, i);
}
