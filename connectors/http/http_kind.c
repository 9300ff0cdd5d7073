#include "http_kind.h"

#include "http_lint.h"
#include "http_state.h"

#include <stdlib.h>

#define CONFIG_ARENA (16u << 20)
#define READ_ARENA   (256u << 20)

static int http_open(void *state, struct conn *c, const void *options, struct br_err *err)
{
	struct http_state *s = state;
	struct cfg_report report;

	s->conn = c;
	s->options = options;
	if (!s->opened) {
		br_arena_init(&s->config, CONFIG_ARENA);
		br_arena_init(&s->read_arena, READ_ARENA);
		s->opened = true;
	}
	http_client_free(s->client);
	s->client = NULL;
	br_arena_reset(&s->config);
	report = (struct cfg_report){.arena = &s->config};
	if (http_site_compile(options, conn_site(c), &s->config, &report, &s->site) < 0) {
		const struct cfg_problem *p = cfg_first_problem(&report, NULL);

		if (!p)
			return br_err_set(err, BR_E_NOMEM, NULL);
		*err = p->err;
		return -(int)br_err_code(err);
	}
	s->client = http_client_new(conn_loop(c), &s->site, err);
	if (!s->client)
		return -(int)br_err_code(err);
	/* a portal tells nothing of who wrote last or of a restore */
	conn_opened(c, BR_STR_NONE, 0, 0);
	return 0;
}

/* A create carries no condition, but its key. */
static bool is_guarded(const struct http_record *h)
{
	bool all = h->idempotency.n && h->etag;

	for (const struct http_call *c = h->update; c; c = c->next)
		all = all && c->etag;
	return all;
}

static unsigned http_promises(const void *state)
{
	const struct http_state *s = state;
	unsigned p = CONN_LOOKUP;

	if (s->nrecords)
		p |= CONN_GUARDED;
	for (size_t i = 0; i < s->nrecords; i++) {
		if (s->records[i].idempotency.n)
			p |= CONN_IDEMPOTENCY;
		if (s->records[i].etag)
			p |= CONN_CAS;
		if (!is_guarded(&s->records[i]))
			p &= ~(unsigned)CONN_GUARDED;
	}
	return p;
}

/* The cursors FENCE brought back: {"record":"cursor"} */
static void read_cursors(struct http_state *s, struct conn_record *records)
{
	struct br_str json = conn_cursor(s->conn);
	struct http_node *tree;
	struct br_err ignored;

	br_err_clear(&ignored);
	tree = json.n ? http_tree_read(json, &s->config, &ignored) : NULL;
	for (size_t i = 0; i < s->nrecords; i++) {
		struct br_str text = http_tree_text(http_tree_at(tree, records[i].name));

		free((char *)s->cursor[i].p);
		s->cursor[i] =
			text.n ? (struct br_str){strndup(text.p, text.n), text.n} : BR_STR_NONE;
	}
}

static int http_begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err)
{
	struct http_state *s = state;
	struct conn_record *records;

	(void)epoch; /* a foreign server checks no fencing token; the lease stands in for it
			(runtime) */
	(void)nonce;
	s->nrecords = conn_records(s->conn, &records);
	if (s->nrecords > BR_LEN(s->cursor))
		return br_err_set(err, BR_E_HTTP_CONFIG, "what", "records", "found", "too many",
			"expected", "at most 16", NULL);
	s->records = br_arena_array(&s->config, struct http_record, s->nrecords + 1);
	if (!s->records)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < s->nrecords; i++) {
		int rc = http_record_compile(&records[i], &s->config, &s->records[i], err);

		if (rc < 0)
			return rc;
		records[i].kind = &s->records[i];
	}
	read_cursors(s, records);
	conn_begun(s->conn);
	return 0;
}

static void http_close(void *state)
{
	struct http_state *s = state;

	http_jobs_drop(s);
	http_reads_drop(s);
	http_sweep_drop(s);
	http_client_free(s->client);
	s->client = NULL;
	s->nrecords = 0;
	for (size_t i = 0; i < BR_LEN(s->cursor); i++) {
		free((char *)s->cursor[i].p);
		s->cursor[i] = BR_STR_NONE;
	}
	if (s->opened) {
		br_arena_release(&s->config);
		br_arena_release(&s->read_arena);
		s->opened = false;
	}
}

const struct conn_kind http_kind = {
	.name = "http",
	.options = http_option_table,
	.options_size = sizeof(struct http_options),
	.state_size = sizeof(struct http_state),
	.lint = http_lint,
	.open = http_open,
	.promises = http_promises,
	.begin = http_begin,
	.apply = http_apply,
	.poll = http_poll,
	.refetch = http_refetch,
	.sweep = http_sweep,
	.close = http_close,
};
