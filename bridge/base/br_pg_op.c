#include "br_pg_op.h"

#include <stdlib.h>

void br_pg_put(struct br_pg_queue *q, struct br_pg_op *op)
{
	op->next = NULL;
	if (q->tail)
		q->tail->next = op;
	else
		q->head = op;
	q->tail = op;
}

struct br_pg_op *br_pg_pop(struct br_pg_queue *q)
{
	struct br_pg_op *op = q->head;

	if (!op)
		return NULL;
	q->head = op->next;
	if (!q->head)
		q->tail = NULL;
	op->next = NULL;
	return op;
}

void br_pg_join(struct br_pg_queue *q, struct br_pg_queue *more)
{
	if (!more->head)
		return;
	if (q->tail)
		q->tail->next = more->head;
	else
		q->head = more->head;
	q->tail = more->tail;
	*more = (struct br_pg_queue){NULL, NULL};
}

struct br_pg_op *br_pg_op_get(
	struct br_pg_queue *spare, enum br_pg_op_kind kind, br_pg_result_fn *fn, void *arg)
{
	struct br_pg_op *op = br_pg_pop(spare);

	if (!op)
		op = malloc(sizeof(*op));
	if (op)
		*op = (struct br_pg_op){.kind = kind, .fn = fn, .arg = arg, .name = -1};
	return op;
}

void br_pg_op_put_back(struct br_pg_queue *spare, struct br_pg_op *op)
{
	free(op->later);
	op->later = NULL;
	br_pg_put(spare, op);
}

void br_pg_queue_release(struct br_pg_queue *q)
{
	for (struct br_pg_op *op; (op = br_pg_pop(q));) {
		free(op->later);
		free(op);
	}
}

static size_t param_size(const struct br_pg_param *p)
{
	if (!p->p)
		return 0;
	return p->binary ? (size_t)p->n : strlen(p->p) + 1;
}

static const void *append(char **at, const void *p, size_t n)
{
	void *to = *at;

	if (!p)
		return NULL;
	if (n)
		memcpy(to, p, n);
	*at += n;
	return to;
}

struct br_pg_later *br_pg_later_stmt(const struct br_pg_later *s)
{
	size_t n = s->nparams > 0 ? (size_t)s->nparams : 0, bytes = 0;
	struct br_pg_later *l;
	struct br_pg_param *params;
	char *at;

	for (size_t i = 0; i < n; i++)
		bytes += param_size(&s->params[i]);
	bytes += (s->sql ? strlen(s->sql) + 1 : 0) + s->data.n;
	l = malloc(sizeof(*l) + n * (sizeof(*params) + sizeof(Oid)) + bytes);
	if (!l)
		return NULL;
	*l = *s;
	/* the parts with pointers first, to stay aligned */
	params = (struct br_pg_param *)(l + 1);
	at = (char *)(params + n);
	l->types = append(&at, s->types, n * sizeof(Oid));
	for (size_t i = 0; i < n; i++) {
		params[i] = s->params[i];
		params[i].p = append(&at, s->params[i].p, param_size(&s->params[i]));
	}
	l->params = params;
	l->sql = append(&at, s->sql, s->sql ? strlen(s->sql) + 1 : 0);
	l->data.p = append(&at, s->data.p, s->data.n);
	return l;
}
