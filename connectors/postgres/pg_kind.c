#include "pg_kind.h"
#include "pg_private.h"

static unsigned promises(const void *state)
{
	const struct pg *p = state;

	return CONN_CAS | CONN_LOOKUP | CONN_WHOLE | CONN_SWEEP |
	       (p->shared_inbox ? CONN_INBOX : 0);
}

const struct conn_kind pg_kind = {
	.name = "postgres",
	.options = pg_options,
	.options_size = sizeof(struct pg_options),
	.state_size = sizeof(struct pg),
	.lint = pg_lint,
	.open = pg_open,
	.promises = promises,
	.begin = pg_begin,
	.apply = pg_apply,
	.poll = pg_poll,
	.refetch = pg_refetch,
	.sweep = pg_sweep,
	.close = pg_close,
};
