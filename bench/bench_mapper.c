/*
 * bench-mapper [--quick | --only NAME]
 *
 * Nanoseconds per field of the mapper and of our JSON, beside a floor (copying the same cells) and
 * Jansson. All contestants take turns, round after round, so that a disturbance meets them alike;
 * each figure is the median of its rounds. One JSON line per contestant on stdout.
 * --only runs one contestant alone for some seconds and tells nothing: for a profiler to watch.
 */
#include "bench_mapper.h"
#include "bench_clock.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 31

typedef bool work_fn(struct bench *b, struct bench_row *row);

/* What any mapper must do at least: the cells and their bytes into memory of the batch. */
static bool floor_copy(struct bench *b, struct bench_row *row)
{
	const struct image *in = &row->local;
	struct cell *cells = br_arena_alloc(&b->batch, in->n * sizeof(*cells));

	for (uint32_t i = 0; cells && i < in->n; i++) {
		const struct cell *c = &in->cells[i];
		char *p = br_arena_alloc(&b->batch, c->value.n);

		if (!p)
			return false;
		cells[i] = *c;
		if (c->value.p) {
			memcpy(p, c->value.p, c->value.n);
			cells[i].value.p = p;
		}
	}
	return cells != NULL;
}

static bool get(struct bench *b, struct bench_row *row)
{
	struct map_context none = {0};
	struct map_issue issue;
	struct image out;

	return map_get(b->map, &row->local, &none, &b->batch, &out, &issue) == 0 &&
	       out.n == row->kase.n;
}

static bool put(struct bench *b, struct bench_row *row)
{
	struct map_issue issue;
	struct image out;

	return map_put(b->map, &row->kase, &row->local, &b->batch, &out, &issue) == 0 &&
	       out.n >= row->local.n;
}

static bool put_new(struct bench *b, struct bench_row *row)
{
	struct image none = {NULL, 0}, out;
	struct map_issue issue;

	return map_put(b->map, &row->kase, &none, &b->batch, &out, &issue) == 0 && out.n > 0;
}

static bool write_case(struct bench *b, const struct image *kase)
{
	struct br_jw w;

	br_jw_init(&w, &b->out);
	br_jw_object(&w);
	case_write(b->schema, kase, &w);
	br_jw_end_object(&w);
	return !br_jw_failed(&w);
}

static bool get_and_write(struct bench *b, struct bench_row *row)
{
	struct map_context none = {0};
	struct map_issue issue;
	struct image out;

	return map_get(b->map, &row->local, &none, &b->batch, &out, &issue) == 0 &&
	       write_case(b, &out);
}

static bool doc_write(struct bench *b, struct bench_row *row)
{
	return write_case(b, &row->kase);
}

static bool doc_read(struct bench *b, struct bench_row *row)
{
	struct br_err err;
	struct image out;
	struct br_jr r;

	br_jr_init(&r, row->doc, &b->batch, &err);
	return br_jr_next(&r) == BR_JT_OBJECT &&
	       case_read(b->schema, &r, false, &b->batch, &out) == 0 && out.n == row->kase.n;
}

static bool flat_write(struct bench *b, struct bench_row *row)
{
	struct br_jw w;

	br_jw_init(&w, &b->out);
	image_write(&row->local, b->shape, &w);
	return !br_jw_failed(&w);
}

static bool flat_read(struct bench *b, struct bench_row *row)
{
	struct br_err err;
	struct image out;
	struct br_jr r;

	br_jr_init(&r, row->flat, &b->batch, &err);
	return image_read(&r, b->shape, false, &b->batch, &out) == 0 && out.n == row->local.n;
}

static bool message_write(struct bench *b, struct bench_row *row)
{
	struct msg m = bench_observation(b, row);

	msg_write(&m, b->shape, &b->out);
	return !br_buf_failed(&b->out);
}

static bool message_read(struct bench *b, struct bench_row *row)
{
	struct br_err err;
	struct msg m;

	return msg_read(row->msg, bench_shape, b, &b->batch, &m, &err) == 0 &&
	       m.image.n == row->local.n;
}

static const struct contestant {
	const char *name;
	work_fn *work;
	bool of_case; /* counted by the cells of the case, not of the row */
} contestants[] = {
	{"copy", floor_copy, false},
	{"get", get, false},
	{"put", put, false},
	{"put_new", put_new, false},
	{"row_to_json", get_and_write, false},
	{"jansson_rename", jansson_rename, false},
	{"case_write", doc_write, true},
	{"jansson_case_write", jansson_doc_write, true},
	{"case_read", doc_read, true},
	{"jansson_case_read", jansson_doc_read, true},
	{"image_write", flat_write, false},
	{"jansson_image_write", jansson_flat_write, false},
	{"image_read", flat_read, false},
	{"jansson_image_read", jansson_flat_read, false},
	{"msg_write", message_write, false},
	{"msg_read", message_read, false},
};
#define N BR_LEN(contestants)

static double samples[N][ROUNDS_MAX];

/* Nanoseconds of one pass over all rows. */
static double pass(struct bench *b, const struct contestant *c)
{
	int64_t begin = bench_now(CLOCK_PROCESS_CPUTIME_ID);

	for (size_t i = 0; i < ROWS; i++) {
		if (!c->work(b, &b->rows[i])) {
			fprintf(stderr, "bench-mapper: %s failed on row %zu\n", c->name, i);
			exit(1);
		}
		if (i % 64 == 63)
			br_arena_reset(&b->batch);
		br_buf_reset(&b->out);
	}
	return (double)(bench_now(CLOCK_PROCESS_CPUTIME_ID) - begin);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void tell(const struct bench *b, size_t i, size_t rounds, size_t passes)
{
	double fields =
		(double)(contestants[i].of_case ? b->case_cells : b->local_cells) * (double)passes;

	qsort(samples[i], rounds, sizeof(double), compare);
	printf("{\"name\":\"%s\",\"ns\":%.2f,\"q1\":%.2f,\"q3\":%.2f,\"ns_record\":%.0f}\n",
		contestants[i].name, samples[i][rounds / 2] / fields,
		samples[i][rounds / 4] / fields, samples[i][rounds * 3 / 4] / fields,
		samples[i][rounds / 2] / (double)(passes * ROWS));
}

static void only(struct bench *b, const char *name)
{
	for (size_t i = 0; i < N; i++) {
		if (strcmp(contestants[i].name, name) != 0)
			continue;
		for (int64_t spent = 0; spent < 3000000000;)
			spent += (int64_t)pass(b, &contestants[i]);
	}
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	size_t rounds = quick ? 9 : ROUNDS_MAX, passes = quick ? 4 : 20;
	static struct bench b;

	bench_load(&b);
	br_buf_reserve(&b.out, 1 << 20);
	jansson_prepare(&b);
	if (argc > 2 && strcmp(argv[1], "--only") == 0) {
		only(&b, argv[2]);
		return 0;
	}
	for (size_t i = 0; i < N; i++)
		pass(&b, &contestants[i]); /* caches, and memory that the arena keeps */
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < N; i++)
			for (size_t p = 0; p < passes; p++)
				samples[i][r] += pass(&b, &contestants[i]);
	printf("{\"name\":\"shape\",\"rows\":%d,\"row_cells\":%.1f,\"case_cells\":%.1f,\"row_"
	       "bytes\":%.0f,\"case_bytes\":%.0f}\n",
		ROWS, (double)b.local_cells / ROWS, (double)b.case_cells / ROWS,
		(double)b.flat_bytes / ROWS, (double)b.doc_bytes / ROWS);
	for (size_t i = 0; i < N; i++)
		tell(&b, i, rounds, passes);
	return 0;
}
