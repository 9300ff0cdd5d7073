/*
 * cli_reconcile.c - does a system hold what the ledger says (对账)? Reads both sides and writes
 * neither; what may be mended goes to the bridge as orders.
 */
#include "cli_reconcile.h"

#include "br_loop.h"
#include "ledger_query.h"
#include "map_zone.h"

#include <poll.h>
#include <stdlib.h>

#define KEEP_BYTES  (1u << 30)
#define PAGE_BYTES  (256u << 20)
#define SETTLE_S    3
#define TOLERANCE_S 60
#define LIMIT	    10000

/* ---- options ---- */

/* A day or a month that there is. */
static bool is_day(const char *s)
{
	static const char form[] = "dddd-dd-dd";
	size_t n = strlen(s);

	if (n != 7 && n != 10)
		return false;
	for (size_t i = 0; i < n; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return map_date_valid((int)strtol(s, NULL, 10), (int)strtol(s + 5, NULL, 10),
		n == 10 ? (int)strtol(s + 8, NULL, 10) : 1);
}

static int number(struct cli *c, const char *option, int64_t missing, int64_t *out)
{
	const char *s = cli_option(c, option);

	*out = missing;
	if (!s)
		return CLI_OK;
	if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 9)
		return cli_wrong(
			c, BR_E_CLI_BAD_VALUE, "option", option, "found", s, "expected", "N", NULL);
	*out = strtoll(s, NULL, 10);
	return CLI_OK;
}

/* "R3,R4" */
static int read_also(struct cli *c, bool *also)
{
	const char *s = cli_option(c, "--also");

	while (s && *s) {
		size_t n = strcspn(s, ",");
		enum hub_diff_class class = hub_diff_by_tag((struct br_str){s, n});

		if (!class)
			return cli_wrong(c, BR_E_CLI_BAD_VALUE, "option", "--also", "found", s,
				"expected", "R1,...,R10", NULL);
		also[class] = true;
		s += n + (s[n] == ',');
	}
	return CLI_OK;
}

static int read_options(struct reconcile *r)
{
	struct cli *c = r->c;
	bool all = cli_flag(c, "--all");
	int status;

	r->repair = cli_flag(c, "--repair");
	r->personal = cli_flag(c, "--personal");
	r->keep_result = cli_flag(c, "--keep");
	r->day = cli_option(c, "--day");
	if (r->day && all)
		return cli_wrong(c, BR_E_CLI_BOTH, "option", "--day", "other", "--all", NULL);
	if (r->day && !is_day(r->day))
		return cli_wrong(c, BR_E_CLI_BAD_VALUE, "option", "--day", "found", r->day,
			"expected", "YYYY-MM-DD | YYYY-MM", NULL);
	status = cli_decider(c, false, &r->by);
	if (status == CLI_OK)
		status = number(c, "--settle", SETTLE_S, &r->settle_ms);
	r->settle_ms *= 1000;
	if (status == CLI_OK)
		status = number(c, "--tolerance", TOLERANCE_S, &r->tolerance_s);
	if (status == CLI_OK)
		status = number(c, "--limit", LIMIT, &r->limit);
	return status == CLI_OK ? read_also(c, r->also) : status;
}

/* ---- the two sides ---- */

static const struct conn_kind *kind_of(const struct cfg_system *s)
{
	for (size_t i = 0; conn_kinds[i]; i++)
		if (br_str_eq(s->connector, br_str_z(conn_kinds[i]->name)))
			return conn_kinds[i];
	return NULL;
}

/* The counters are stored with what they count, so one statement sees them together. */
static int read_system(struct reconcile *r)
{
	static const char sql[] =
		"select s.id::text, s.state, n.* from casebridge.systems s, lateral (select "
		"coalesce(s.counters->>'read', '0'), coalesce(s.counters->>'accepted', '0'), "
		"coalesce(s.counters->>'echo', '0'), coalesce(s.counters->>'refused', '0'), "
		"coalesce(s.counters->>'parked_in', '0'), coalesce(s.counters->>'sent', '0'), "
		"(select coalesce(sum(e.value::int8), 0)::text from json_each_text(s.counters) e "
		"where e.key in ('applied', 'stale', 'exists', 'gone', 'rejected', 'unknown', "
		"'pending')), (select count(*)::text from casebridge.links l where l.sys = s.id "
		"and l.inflight is not null and coalesce(l.inflight::json->>'pending', 'false') <> "
		"'true')) n where s.code = $1";
	struct reconcile_sums *s = &r->sums;
	int64_t *const to[] = {&s->read, &s->accepted, &s->echo, &s->refused, &s->parked, &s->sent,
		&s->answered, &s->in_flight};
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(r->c, sql, 1, &r->system->name.p, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_CLI_NEVER_MET, "system", r->system->name.p, NULL);
		return cli_fail(r->c, &err);
	}
	r->sys = t.cells[0];
	r->live = strcmp(t.cells[1], "live") == 0;
	for (size_t i = 0; i < BR_LEN(to); i++)
		*to[i] = strtoll(t.cells[2 + i], NULL, 10);
	return CLI_OK;
}

static const struct map_set *maps_of(struct cli *c, const struct cfg_system *system)
{
	size_t i = 0;

	for (const struct cfg_system *s = c->site->systems; s != system; s = s->next)
		i++;
	return c->maps[i];
}

static int open_sides(struct reconcile *r, struct conn_look_events *events, struct br_err *err)
{
	const struct conn_kind *kind = kind_of(r->system);

	if (!kind)
		return br_err_set(err, BR_E_CLI_NO_KIND, "kind", r->system->connector.p, NULL);
	*events = reconcile_events;
	events->arg = r;
	r->ledger = ledger_look_new(r->c->site->ledger_dsn.p, r->sys, r->c->schema, err);
	if (r->ledger)
		r->look = conn_look_new(
			r->c->site, r->system, kind, map_set_spec(r->maps), events, err);
	return r->look ? 0 : -(int)br_err_code(err);
}

static int look(struct reconcile *r)
{
	struct conn_look_events events;
	struct br_err err;
	int rc;

	br_err_clear(&err);
	rc = open_sides(r, &events, &err);
	if (rc == 0)
		rc = reconcile_walk(r, &err);
	/* what the bridge is about to read or write must not count */
	if (rc == 0 && r->nsuspects)
		poll(NULL, 0, (int)r->settle_ms);
	if (rc == 0)
		rc = reconcile_judge(r, &err);
	conn_look_free(r->look);
	ledger_look_free(r->ledger);
	return rc == 0 ? CLI_OK : cli_fail(r->c, &err);
}

/* ---- orders ---- */

/* One for each record, though it may stand on several lines. */
static struct cli_orders *orders_of(struct reconcile *r, size_t *n)
{
	struct cli_orders *orders = cli_orders_new(r->c, &r->by);
	const char *last = NULL;

	*n = 0;
	for (const struct reconcile_row *row = r->rows; orders && row; row = row->next) {
		const char *id = row->lid ? row->lid : row->cid;

		if (row->repair == REPAIR_PERSON || (last && strcmp(last, id) == 0))
			continue;
		cli_orders_add(orders, &(struct cli_order){.type = "RETRY",
					       .system = r->system->name.p,
					       .record = row->record,
					       .lid = row->lid,
					       .cid = row->cid});
		last = id;
		++*n;
	}
	return orders;
}

static int send_orders(struct reconcile *r)
{
	size_t n;
	struct cli_orders *orders = orders_of(r, &n);

	if (!orders)
		return CLI_FAILED;
	if (n == 0)
		return CLI_OK;
	cli_note(r->c, cli_say(r->c, "%zu orders for the bridge", "向总线下达 %zu 条指令"), n);
	return cli_orders_send(r->c, orders);
}

/* ---- the verb ---- */

static void release(struct reconcile *r)
{
	free(r->suspects);
	free(r->seen);
	free(r->lost);
	br_arena_release(&r->keep);
	br_arena_release(&r->page);
}

static const char *now(struct cli *c)
{
	const char *cells[] = {
		br_arena_printf(&c->arena, "%lld", (long long)(br_wall_us() / 1000000)).p};
	const char *names[] = {"at"};
	struct ledger_table t = {1, 1, names, cells};

	cli_local_times(c, &t, "at");
	return cells[0] ? cells[0] : "";
}

static int reconcile(struct reconcile *r)
{
	const char *begun =
		br_arena_printf(&r->c->arena, "%lld", (long long)(br_wall_us() / 1000000)).p;
	const char *at = now(r->c); /* loads the zone, too */
	int status = read_system(r);

	if (status == CLI_OK)
		status = look(r);
	if (status != CLI_OK)
		return status;
	reconcile_print(r, at);
	if (r->keep_result)
		status = reconcile_keep(r, begun);
	if (status == CLI_OK && r->repair)
		status = send_orders(r);
	if (status != CLI_OK)
		return status;
	return r->count.different || !reconcile_adds_up(&r->sums) ? CLI_FAILED : CLI_OK;
}

int cli_reconcile(struct cli *c)
{
	struct reconcile r = {.c = c};
	struct cfg_system *system = NULL;
	int status;

	if (cli_flag(c, "--schedule"))
		return c->argc == 0 ? cli_reconcile_schedule(c) : CLI_USAGE;
	status = read_options(&r);

	if (status == CLI_OK && c->argc != 1)
		status = CLI_USAGE;
	if (status == CLI_OK)
		status = cli_load(c);
	if (status == CLI_OK)
		status = cli_system_named(c, c->argv[0], &system);
	if (status != CLI_OK)
		return status;
	br_arena_init(&r.keep, KEEP_BYTES);
	br_arena_init(&r.page, PAGE_BYTES);
	r.system = system;
	r.maps = maps_of(c, system);
	r.role = br_str_eq(system->role, BR_STR("portal")) ? CASE_OWNER_PORTAL
							   : CASE_OWNER_DEPARTMENT;
	r.rows_end = &r.rows;
	status = reconcile(&r);
	/* an exit code of work that failed says it all; how the verb is used does not help */
	c->told = true;
	release(&r);
	return status;
}
