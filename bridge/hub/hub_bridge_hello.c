/*
 * hub_bridge_hello.c - answering a HELLO: BEGIN, outstanding commands, FENCE.
 *
 * The starting connectors of a batch are answered one after the other behind all else that the
 * batch gives out; after a start of the bridge every connector is told again where it stands.
 */
#include "hub_bridge_internal.h"
#include "hub_publish.h"

#include "br_crash.h"

static const struct hub_out *fence_of(const struct bridge *b, const struct hub_system *s)
{
	return hub_world_fence(&b->first->batch.world, s);
}

void bridge_send_begin(struct bridge *b)
{
	struct hub_system *s = &b->systems[b->begin_at];
	struct hub_out again = {
		.kind = OUT_FENCE, .sys = s, .nonce = br_str_z(s->nonce), .sweep = SWEEP_NONE};
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	again.attempted = !s->transactional;
	if (!hub_publish_begin(b->publisher, &b->side, s, b->reannounce ? &again : fence_of(b, s),
		    &err, &fatal)) {
		b->blocked = !fatal;
		if (fatal)
			bridge_start_over(b, &err);
		return;
	}
	b->begin_at++;
	if (bridge_begin_next(b))
		bridge_go_on(b);
}

static void on_inflight(void *arg, const struct br_err *err)
{
	if (!bridge_is_answer(arg, err))
		return;
	BR_CRASH_POINT("bridge.answering_hello");
	bridge_send_begin(arg);
}

static void side_world(struct bridge *b)
{
	b->side.incarnation = b->first->batch.world.incarnation;
	hub_world_begin(&b->side, &b->side_arena);
}

bool bridge_begin_next(struct bridge *b)
{
	while (b->begin_at < b->nsystems) {
		struct hub_system *s = &b->systems[b->begin_at];

		if (!s->left_out &&
			(b->reannounce ? s->nonce[0] != '\0' : fence_of(b, s) != NULL)) {
			side_world(b);
			b->phase = PHASE_BEGINNING;
			ledger_load_inflight(b->ledger, &b->side, s, on_inflight, b);
			return false;
		}
		b->begin_at++;
	}
	bridge_batch_done(b);
	return true;
}
