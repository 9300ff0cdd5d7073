#include "http_state.h"

#include "br_log.h"

#include <inttypes.h>
#include <stdlib.h>

#define CHUNK	  1000
#define NEVER_MS  (24 * 3600 * 1000LL)
#define TROUBLES  8
#define MAX_TEXTS (256u << 20)

static const struct conn_record *record_of(struct http_state *s)
{
	struct conn_record *records;

	conn_records(s->conn, &records);
	return &records[s->sweep.record];
}

static struct http_record *compiled(struct http_state *s)
{
	return &s->records[s->sweep.record];
}

/* ---- what was collected ---- */

static void forget(struct http_sweep *w)
{
	br_buf_release(&w->texts);
	br_buf_init(&w->texts, MAX_TEXTS);
	free(w->found);
	free(w->slots);
	free(w->cursor);
	w->found = NULL;
	w->slots = NULL;
	w->cursor = NULL;
	w->n = w->room = w->told = 0;
	w->page = 0;
	w->telling = false;
}

void http_sweep_drop(struct http_state *s)
{
	forget(&s->sweep);
	br_buf_release(&s->sweep.texts);
	s->sweep = (struct http_sweep){.n = 0};
}

static struct br_str text_at(const struct http_sweep *w, const struct http_swept *x)
{
	return (struct br_str){w->texts.p + x->at, x->n};
}

static struct br_str text_of(const struct http_sweep *w, size_t i)
{
	return text_at(w, &w->found[i]);
}

/* Where this number stands in the table, or would. */
static size_t *slot_of(const struct http_sweep *w, struct br_str lid)
{
	size_t mask = w->room * 2 - 1, i = br_hash(lid.p, lid.n) & mask;

	while (w->slots[i] && !br_str_eq(text_of(w, w->slots[i] - 1), lid))
		i = (i + 1) & mask;
	return &w->slots[i];
}

static bool grow(struct http_sweep *w)
{
	size_t room = w->room ? w->room * 2 : 1024;
	struct http_swept *found = realloc(w->found, room * sizeof(*found));
	size_t *slots = calloc(room * 2, sizeof(*slots));

	if (found)
		w->found = found;
	if (!found || !slots) {
		free(slots);
		return false;
	}
	free(w->slots);
	w->slots = slots;
	w->room = room;
	for (size_t i = 0; i < w->n; i++)
		*slot_of(w, text_of(w, i)) = i + 1;
	return true;
}

/* Once each; of a record that moved to a later page the later copy counts. */
static bool add(struct http_sweep *w, struct br_str lid, uint64_t hash)
{
	size_t *slot;

	if (w->n == w->room && !grow(w))
		return false;
	slot = slot_of(w, lid);
	if (*slot) {
		w->found[*slot - 1].hash = hash;
		return true;
	}
	w->found[w->n++] = (struct http_swept){w->texts.n, lid.n, hash};
	*slot = w->n;
	br_buf_adds(&w->texts, lid);
	return !br_buf_failed(&w->texts);
}

static int by_bytes(const void *a, const void *b, void *arg)
{
	return br_str_cmp(text_at(arg, a), text_at(arg, b));
}

/* ---- telling ---- */

static void next_record(struct http_state *s)
{
	int64_t pause = compiled(s)->sweep_every_ms;

	forget(&s->sweep);
	do
		s->sweep.record = (s->sweep.record + 1) % s->nrecords;
	while (s->sweep.record && !compiled(s)->has_sweep);
	conn_swept(s->conn, s->sweep.record == 0, pause);
}

/* The range begins right behind the last number of the chunk before. */
static struct br_str behind(const struct http_sweep *w, struct br_arena *a)
{
	return w->told ? br_arena_printf(a, "%.*s\x01", BR_STR_ARG(text_of(w, w->told - 1)))
		       : BR_STR("");
}

static void tell_chunk(struct http_state *s)
{
	struct http_sweep *w = &s->sweep;
	size_t n = w->n - w->told < CHUNK ? w->n - w->told : CHUNK;
	struct msg_digest *d = br_arena_array(conn_arena(s->conn), struct msg_digest, n + 1);
	bool last = w->told + n == w->n;
	struct br_err err;

	if (!d) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		conn_failed(s->conn, &err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		d[i] = (struct msg_digest){text_of(w, w->told + i), w->found[w->told + i].hash};
	conn_digest(s->conn, record_of(s), behind(w, conn_arena(s->conn)),
		last ? BR_STR("") : d[n - 1].lid, d, n);
	w->told += n;
	if (last)
		next_record(s);
	else
		conn_swept(s->conn, false, 0);
}

/* ---- walking ---- */

static void give_up(struct http_state *s, const struct http_reply *reply)
{
	struct br_err err;

	br_err_clear(&err);
	http_reply_error(s, compiled(s)->sweep_path, reply, &err);
	br_warn("the walk over all records is given up and begun anew later", L_ERR(&err));
	forget(&s->sweep);
	s->sweep.troubles = 0;
	conn_sweep_later(s->conn, compiled(s)->sweep_every_ms);
}

/* "Later" leaves the walk where it is. */
static void put_off(struct http_state *s, const struct http_reply *reply)
{
	int64_t wait = compiled(s)->sweep_every_ms;

	if (reply->what != HTTP_RETRY || ++s->sweep.troubles > TROUBLES)
		give_up(s, reply);
	else
		conn_sweep_later(
			s->conn, reply->retry_after_ms > wait ? reply->retry_after_ms : wait);
}

/* 1 collected, 0 no number in it, -1 no memory */
static int collect(struct http_state *s, const struct http_node *object)
{
	const struct http_record *h = compiled(s);
	struct br_str lid = http_tree_text(http_tree_at(object, h->key));
	uint64_t hash = 0;
	struct image img;

	if (!lid.n)
		return 0;
	if (h->sweep_whole) {
		if (http_tree_image(object, h->shape, h->parts, h->nparts, &s->read_arena, &img) <
			0)
			return -1;
		hash = image_hash(&img);
	}
	return add(&s->sweep, lid, hash) ? 1 : -1;
}

/* Is this the last page? Where the system does not say so, a page that is not full is. */
static bool is_last(struct http_state *s, const struct http_reply *reply, size_t n)
{
	const struct http_record *h = compiled(s);
	struct br_str next = http_tree_text(http_tree_at(reply->body, h->sweep_next));
	struct http_sweep *w = &s->sweep;

	if (h->sweep_more.n && !br_str_eq(http_tree_text(http_tree_at(reply->body, h->sweep_more)),
				       BR_STR("true")))
		return true;
	if (h->sweep_next.n && (!next.n || (w->cursor && br_str_eq(next, br_str_z(w->cursor)))))
		return true;
	free(w->cursor);
	w->cursor = next.n ? strndup(next.p, next.n) : NULL;
	return n == 0 || (!h->sweep_more.n && !h->sweep_next.n && (int64_t)n < h->sweep_limit);
}

/* Nothing new: this page or the one before was the last. */
static bool repeats(struct http_state *s, size_t before)
{
	struct http_record *h = compiled(s);

	if (s->sweep.n > before)
		return false;
	if (!h->repeats)
		br_warn("a page of the list of all records brings only numbers of earlier ones; "
			"it is taken for the end",
			L_STR("record", record_of(s)->name), L_INT("page", s->sweep.page));
	h->repeats = true;
	return true;
}

static void on_page(void *arg, const struct http_reply *reply)
{
	struct http_state *s = arg;
	struct http_sweep *w = &s->sweep;
	const struct http_record *h = compiled(s);
	const struct http_node *items = http_tree_at(reply->body, h->sweep_items);
	size_t n = 0, before = w->n;

	if (reply->what != HTTP_OK || !items || items->type != BR_JT_ARRAY) {
		put_off(s, reply);
		return;
	}
	for (const struct http_node *e = items->child; e; e = e->next, n++) {
		/* a number that cannot be read would make its record look missing */
		if (collect(s, http_tree_at(e, h->sweep_object)) <= 0) {
			give_up(s, reply);
			return;
		}
	}
	w->troubles = 0;
	w->page++;
	if (!is_last(s, reply, n) && !repeats(s, before)) {
		conn_swept(s->conn, false, h->sweep_every_ms);
		return;
	}
	if (w->n)
		qsort_r(w->found, w->n, sizeof(*w->found), by_bytes, w);
	w->telling = true;
	tell_chunk(s);
}

static void ask_page(struct http_state *s)
{
	struct http_sweep *w = &s->sweep;
	const struct http_record *h = compiled(s);
	struct http_vars v = {.o = s->options, .cursor = br_str_z(w->cursor ? w->cursor : "")};
	struct br_err err;

	br_arena_reset(&s->read_arena);
	v.limit = br_arena_printf(&s->read_arena, "%" PRId64, h->sweep_limit);
	v.page = br_arena_printf(&s->read_arena, "%" PRId64, w->page + 1);
	br_err_clear(&err);
	if (http_client_send(s->client, "GET", http_fill(h->sweep_path, &v, true, &s->read_arena),
		    BR_STR_NONE, NULL, 0, &s->read_arena, on_page, s, &err) < 0)
		conn_failed(s->conn, &err);
}

/* Where a record declares no walk, its feed tells every change and the bridge asks for what it
 * misses (REFETCH). */
void http_sweep(void *state)
{
	struct http_state *s = state;
	size_t i = s->sweep.record;

	while (i < s->nrecords && !s->records[i].has_sweep)
		i++;
	if (i == s->nrecords) {
		int64_t every = s->nrecords ? s->records[s->nrecords - 1].sweep_every_ms : NEVER_MS;

		s->sweep.record = 0;
		conn_swept(s->conn, true, every);
		return;
	}
	if (i != s->sweep.record || !s->sweep.texts.max)
		forget(&s->sweep);
	s->sweep.record = i;
	if (s->sweep.telling)
		tell_chunk(s);
	else
		ask_page(s);
}
