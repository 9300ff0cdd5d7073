#include "http_plan.h"

#include <stdlib.h>

#define MAX_KEY	 200
#define MAX_BODY (16u << 20)

static bool has_column(const struct http_call *c, unsigned field)
{
	for (size_t i = 0; i < c->ncolumns; i++)
		if (c->columns[i] == field)
			return true;
	return c->all;
}

bool http_plan_has(const struct http_unit *u, const struct cell *c)
{
	return c->part == u->call->part && has_column(u->call, c->field) &&
	       (c->part == 0 || br_str_eq(c->key, u->element));
}

/* The first element from cell `from` on that the call sends something of. Cells of an element stand
 * together. */
static bool find_element(const struct http_work *w, struct http_unit *u, uint32_t from)
{
	for (uint32_t i = from; i < w->set->n; i++) {
		const struct cell *c = &w->set->cells[i];

		if (c->part != u->call->part || !has_column(u->call, c->field))
			continue;
		u->element = c->key;
		for (u->at = i + 1; u->at < w->set->n && w->set->cells[u->at].part == c->part &&
				    br_str_eq(w->set->cells[u->at].key, c->key);)
			u->at++;
		return true;
	}
	return false;
}

/* A call without columns is always made; one with columns when one of them is set. */
static bool root_needed(const struct http_work *w, const struct http_call *c)
{
	if (c->lid.n && w->numbered)
		return false;
	if (c->ncolumns == 0 && !c->all)
		return true;
	for (uint32_t i = 0; i < w->set->n; i++)
		if (w->set->cells[i].part == 0 && has_column(c, w->set->cells[i].field))
			return true;
	return false;
}

static struct http_unit from_call(const struct http_work *w, const struct http_call *c)
{
	for (; c; c = c->next) {
		struct http_unit u = {.call = c};

		if (c->part > 0 ? find_element(w, &u, 0) : root_needed(w, c))
			return u;
	}
	return (struct http_unit){.call = NULL};
}

struct http_unit http_plan_first(const struct http_work *w)
{
	return from_call(w, w->op == OP_CREATE ? w->record->create : w->record->update);
}

struct http_unit http_plan_next(const struct http_work *w, struct http_unit u)
{
	if (u.call->part > 0 && find_element(w, &u, u.at))
		return u;
	return from_call(w, u.call->next);
}

/* {NAME} in a template sends that column too: a create tells the item that way. */
static bool in_body(const struct http_unit *u, const struct shape *shape, const struct cell *c)
{
	struct br_str name = shape->fields[c->field].name;

	for (size_t i = 0; i < u->call->nbody; i++) {
		struct br_str t = u->call->body[i].value;

		if (t.n == name.n + 2 && t.p[0] == '{' && memcmp(t.p + 1, name.p, name.n) == 0)
			return c->part == u->call->part || c->part == 0;
	}
	return false;
}

bool http_plan_covers(const struct http_work *w)
{
	for (uint32_t i = 0; i < w->set->n; i++) {
		const struct cell *c = &w->set->cells[i];
		struct http_unit u = http_plan_first(w);

		while (u.call && !http_plan_has(&u, c) && !in_body(&u, w->record->shape, c))
			u = http_plan_next(w, u);
		if (!u.call)
			return false;
	}
	return true;
}

/* ---- comparing ---- */

static bool nothing(const struct cell *c)
{
	return !c || cell_is_null(c);
}

static bool same(const struct cell *a, const struct cell *b)
{
	return (nothing(a) && nothing(b)) || cell_same(a, b);
}

static const struct cell *cell_in(const struct image *img, const struct cell *at)
{
	return image_get(img, at->part, at->key, at->field);
}

enum http_mark http_plan_mark(
	const struct http_work *w, const struct http_unit *u, const struct image *now)
{
	bool open = false, any = false;

	for (uint32_t i = 0; i < w->set->n; i++) {
		const struct cell *c = &w->set->cells[i], *there;

		if (!http_plan_has(u, c))
			continue;
		any = true;
		there = cell_in(now, c);
		if (same(there, c))
			continue;
		if (!same(there, cell_in(w->base, c)))
			return HTTP_OTHER;
		open = true;
	}
	return open || !any ? HTTP_OPEN : HTTP_DONE;
}

bool http_plan_rest_same(
	const struct http_work *w, const struct image *before, const struct image *now)
{
	for (uint32_t i = 0; i < before->n; i++) {
		const struct cell *c = &before->cells[i];

		if (!cell_in(w->set, c) && !same(cell_in(now, c), c))
			return false;
	}
	return true;
}

static bool still_to_come(const struct http_work *w, struct http_unit u, const struct cell *c)
{
	for (; u.call; u = http_plan_next(w, u))
		if (http_plan_has(&u, c))
			return true;
	return false;
}

bool http_plan_done_same(const struct http_work *w, struct http_unit u, const struct image *mine,
	const struct image *now)
{
	for (uint32_t i = 0; i < w->set->n; i++) {
		const struct cell *c = &w->set->cells[i];

		if (!same(cell_in(now, c), cell_in(mine, c)) && !still_to_come(w, u, c))
			return false;
	}
	return true;
}

int http_plan_done(const struct http_work *w, struct http_unit u, const struct image *mine,
	struct br_arena *a, struct image *out)
{
	struct image done = {br_arena_array(a, struct cell, mine->n + 1), 0};

	if (!done.cells)
		return -BR_E_NOMEM;
	for (uint32_t i = 0; i < mine->n; i++)
		if (!cell_in(w->set, &mine->cells[i]) || !still_to_come(w, u, &mine->cells[i]))
			done.cells[done.n++] = mine->cells[i];
	*out = done;
	return 0;
}

int http_plan_left(const struct http_work *w, struct http_unit u, const struct image *mine,
	const struct image *now, struct br_arena *a, struct image *out)
{
	struct image earlier = {br_arena_array(a, struct cell, mine->n + 1), 0};
	struct http_unit next = http_plan_next(w, u);

	if (!earlier.cells)
		return -BR_E_NOMEM;
	for (uint32_t i = 0; i < mine->n; i++) {
		const struct cell *c = &mine->cells[i], *sent = cell_in(w->set, c);

		/* one that shows what was sent is ours, whenever it came to be there */
		if (sent && !same(cell_in(now, c), sent) && !http_plan_has(&u, c) &&
			!still_to_come(w, next, c))
			earlier.cells[earlier.n++] = *c;
	}
	return image_merge(now, &earlier, a, out);
}

bool http_plan_untouched(const struct http_work *w, const struct image *now)
{
	if (!http_plan_rest_same(w, w->base, now))
		return false;
	for (uint32_t i = 0; i < w->set->n; i++) {
		const struct cell *c = &w->set->cells[i];

		if (!same(cell_in(now, c), cell_in(w->base, c)))
			return false;
	}
	return true;
}

/* ---- what is sent ---- */

static int member_cmp(const void *a, const void *b)
{
	return br_str_cmp(
		((const struct http_member *)a)->path, ((const struct http_member *)b)->path);
}

static size_t collect(const struct http_work *w, const struct http_unit *u,
	const struct http_vars *v, struct http_member *members, struct br_arena *a)
{
	const struct http_call *c = u->call;
	size_t n = 0;

	for (size_t i = 0; i < c->nbody; i++)
		members[n++] = (struct http_member){
			c->body[i].name, http_fill(c->body[i].value, v, false, a)};
	for (uint32_t i = 0; i < w->set->n; i++) {
		const struct cell *cell = &w->set->cells[i];
		struct br_str name = w->record->shape->fields[cell->field].name;
		bool listed = false;

		if (!http_plan_has(u, cell))
			continue;
		for (size_t k = 0; k < c->nbody; k++)
			listed |= br_str_eq(c->body[k].name, name);
		if (!listed)
			members[n++] = (struct http_member){name, cell->value};
	}
	return n;
}

struct br_str http_plan_body(const struct http_work *w, const struct http_unit *u,
	const struct http_vars *v, struct br_arena *a)
{
	struct http_member *members =
		br_arena_array(a, struct http_member, u->call->nbody + w->set->n + 1);
	struct br_str out;
	struct br_buf b;
	struct br_jw jw;
	size_t n;

	if (!members)
		return BR_STR_NONE;
	n = collect(w, u, v, members, a);
	qsort(members, n, sizeof(*members), member_cmp);
	br_buf_init(&b, MAX_BODY);
	br_jw_init(&jw, &b);
	if (u->call->wrap.n) {
		br_jw_object(&jw);
		br_jw_key(&jw, u->call->wrap);
	}
	http_write_object(members, n, &jw);
	if (u->call->wrap.n)
		br_jw_end_object(&jw);
	out = br_jw_failed(&jw) ? BR_STR_NONE : br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

struct br_str http_plan_key(const struct http_unit *u, struct br_str did, struct br_arena *a)
{
	struct http_vars v = {.lid = u->call->name, .key = u->element};
	struct http_options none = {.timeout_ms = 0};
	struct br_str key;

	v.o = &none;
	/* percent-encoded: an element's key is anybody's text, and a header takes no line break */
	key = http_fill(u->call->part > 0 ? BR_STR("/{lid}/{key}") : BR_STR("/{lid}"), &v, true, a);
	key = br_arena_printf(a, "%.*s%.*s", BR_STR_ARG(did), BR_STR_ARG(key));
	return key.n > MAX_KEY ? http_hash(HTTP_HMAC_SHA256, key, a) : key;
}
