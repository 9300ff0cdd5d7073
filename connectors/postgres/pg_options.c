#include "pg_options.h"
#include "br_buf.h"
#include "cfg_part.h"
#include <stdio.h>

#define OPT(table, field) offsetof(struct table, field)

const struct cfg_option pg_options[] = {
	{"dsn", CFG_T_TEXT, OPT(pg_options, dsn), NULL, 0, 0, true, false, NULL,
		"connection string of libpq: host=... port=... dbname=... user=..., or "
		"postgresql://...",
		"libpq 连接串：host=… port=… dbname=… user=…，或 postgresql://…"},
	{"password", CFG_T_TEXT, OPT(pg_options, password), NULL, 0, 0, false, true, NULL,
		"password, from a file or the environment", "口令，取自文件或环境变量"},
	{"timezone", CFG_T_TEXT, OPT(pg_options, timezone), "Asia/Shanghai", 0, 0, false, false,
		NULL, "zone in which the system writes times without a zone",
		"系统中不带时区的时间所属的时区"},
	{"encoding", CFG_T_TEXT, OPT(pg_options, encoding), NULL, 0, 0, false, false, NULL,
		"encoding of the database; when given it is checked at the start",
		"数据库编码；填写后启动时会核对"},
	{"listen", CFG_T_TEXT, OPT(pg_options, listen), NULL, 0, 0, false, false, NULL,
		"channel on which the database notifies of changes (NOTIFY)",
		"数据库变更通知的频道（NOTIFY）"},
	{"schema", CFG_T_TEXT, OPT(pg_options, schema), "bridge", 0, 0, false, false, NULL,
		"schema for our two small tables", "存放本程序两张小表的模式"},
	{"inbox", CFG_T_BOOL, OPT(pg_options, inbox), "true", 0, 0, false, false, NULL,
		"false: no table of ours may be added; writes are then settled by comparing",
		"false：不允许增加本程序的表，写入结果改由比对确认"},
	{"synchronous_standby", CFG_T_BOOL, OPT(pg_options, synchronous_standby), "false", 0, 0,
		false, false, NULL,
		"true: a standby that takes over has all that was acknowledged, so that this is no "
		"restored backup",
		"true：备库接管时包含全部已确认的数据，接管不视为备份恢复"},
	{"statement_timeout", CFG_T_DURATION, OPT(pg_options, statement_timeout), "30s", 100,
		3600000, false, false, NULL, "longest time of one statement", "单条语句的最长时间"},
	{"lock_timeout", CFG_T_DURATION, OPT(pg_options, lock_timeout), "3s", 10, 3600000, false,
		false, NULL, "longest wait for a lock", "等待锁的最长时间"},
	{"batch", CFG_T_INT, OPT(pg_options, batch), "1000", 1, 5000, false, false, NULL,
		"records written in one transaction at most", "单个事务最多写入的记录数"},
	{0},
};

const struct cfg_option pg_root_table[] = {
	{"table", CFG_T_TEXT, OPT(pg_root_options, table), NULL, 0, 0, true, false, NULL,
		"table of the record, with its schema if it is not on the search path",
		"记录所在的表，必要时带模式名"},
	{"key", CFG_T_TEXT, OPT(pg_root_options, key), NULL, 0, 0, true, false, NULL,
		"column that identifies a record", "标识记录的列"},
	{0},
};

const struct cfg_option pg_read_table[] = {
	{"every", CFG_T_DURATION, OPT(pg_read_options, every), "2s", 5, 86400000, false, false,
		NULL, "time between two polls", "两次轮询的间隔"},
	{"cursor", CFG_T_TEXT, OPT(pg_read_options, cursor), NULL, 0, 0, false, false, NULL,
		"xid8 column that a trigger sets at every insert and update",
		"由触发器在每次插入和更新时设置的 xid8 列"},
	{"changed", CFG_T_TEXT, OPT(pg_read_options, changed), NULL, 0, 0, false, false, NULL,
		"column with the time of the last change", "最后修改时间列"},
	{"by", CFG_T_TEXT, OPT(pg_read_options, by), NULL, 0, 0, false, false, NULL,
		"column that says who changed the record", "修改人列"},
	{"listen", CFG_T_TEXT, OPT(pg_read_options, listen), NULL, 0, 0, false, false, NULL,
		"channel on which the database notifies of changes (NOTIFY)",
		"数据库变更通知的频道（NOTIFY）"},
	{"overlap", CFG_T_DURATION, OPT(pg_read_options, overlap), "10m", 0, 604800000, false,
		false, NULL,
		"how far back changed: is read again; longer than the longest transaction",
		"按修改时间回看的长度，应长于最长事务"},
	{"overlap_every", CFG_T_DURATION, OPT(pg_read_options, overlap_every), "30s", 5, 86400000,
		false, false, NULL, "how often the overlap is read again", "回看的间隔"},
	{"sweep", CFG_T_TEXT, OPT(pg_read_options, sweep), "always", 0, 0, false, false, NULL,
		"when all keys are walked: always, off, or hours such as 22:00-06:00",
		"全量核对时段：always、off 或 22:00-06:00"},
	{"sweep_every", CFG_T_DURATION, OPT(pg_read_options, sweep_every), "5s", 5, 86400000, false,
		false, NULL, "time between two chunks of the walk", "全量核对两批之间的间隔"},
	{"page", CFG_T_INT, OPT(pg_read_options, page), "2000", 1, 20000, false, false, NULL,
		"rows read at once", "一次读取的行数"},
	{"sweep_page", CFG_T_INT, OPT(pg_read_options, sweep_page), "1000", 1, 20000, false, false,
		NULL, "keys in one chunk of the walk", "全量核对一批的键数"},
	{0},
};

const struct cfg_option pg_write_table[] = {
	{"create", CFG_T_BOOL, OPT(pg_write_options, create), "false", 0, 0, false, false, NULL,
		"new records may be created", "允许新建记录"},
	{"update", CFG_T_NODE, OPT(pg_write_options, update), NULL, 0, 0, false, false, NULL,
		"columns and parts that may be changed", "允许修改的列和子表"},
	{"order", CFG_T_LIST, OPT(pg_write_options, order), NULL, 0, 0, false, false, NULL,
		"parts in the order in which they are written", "子表的写入顺序"},
	{"inbox", CFG_T_BOOL, OPT(pg_write_options, inbox), "true", 0, 0, false, false, NULL,
		"false: writes of this record leave no row in our inbox table",
		"false：该记录的写入不在收件表中留痕"},
	{"guard", CFG_T_RATE, OPT(pg_write_options, guard), NULL, 0, 0, false, false, NULL,
		"writes an hour at most; more wait", "每小时最多写入次数，超出的等待"},
	{"stop_after_refusals", CFG_T_INT, OPT(pg_write_options, stop_after_refusals), "0", 0,
		1000000, false, false, NULL,
		"after so many refusals in a row writing stops until the connector is started "
		"again, or the system paused and made live (0 = never)",
		"连续被拒绝达到该次数后停止写入，直至重启连接器或将系统暂停再上线（0 = 不限）"},
	{0},
};

const struct cfg_option pg_part_table[] = {
	{"table", CFG_T_TEXT, OPT(pg_part_options, table), NULL, 0, 0, true, false, NULL,
		"table of the part", "子表"},
	{"parent", CFG_T_TEXT, OPT(pg_part_options, parent), NULL, 0, 0, true, false, NULL,
		"column that holds the key of the root", "保存主记录键值的列"},
	{"cursor", CFG_T_TEXT, OPT(pg_part_options, cursor), NULL, 0, 0, false, false, NULL,
		"xid8 column that a trigger sets, when the root is not touched with the part",
		"由触发器设置的 xid8 列（子表变更不更新主表时使用）"},
	{"changed", CFG_T_TEXT, OPT(pg_part_options, changed), NULL, 0, 0, false, false, NULL,
		"column with the time of the last change, when the root is not touched with the "
		"part",
		"最后修改时间列（子表变更不更新主表时使用）"},
	{0},
};

/* ---- JSON of BEGIN as a tree ---- */

static struct cfg_node *scalar(const json_t *json, struct br_arena *a)
{
	struct cfg_node *n = br_arena_new(a, struct cfg_node);

	if (!n)
		return NULL;
	n->kind = CFG_SCALAR;
	n->file = "BEGIN";
	if (json_is_string(json))
		n->text = br_arena_copy(
			a, (struct br_str){json_string_value(json), json_string_length(json)});
	else if (json_is_boolean(json))
		n->text = json_is_true(json) ? BR_STR("true") : BR_STR("false");
	else if (json_is_integer(json))
		n->text = br_arena_printf(a, "%lld", (long long)json_integer_value(json));
	else
		n->kind = CFG_NULL;
	return n;
}

static void adopt(struct cfg_node *parent, struct cfg_node ***tail, struct cfg_node *child)
{
	**tail = child;
	*tail = &child->next;
	parent->n++;
}

struct cfg_node *pg_json_node(const json_t *json, struct br_arena *a)
{
	struct cfg_node *n, *child, **tail;
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(json) && !json_is_array(json))
		return scalar(json, a);
	n = br_arena_new(a, struct cfg_node);
	if (!n)
		return NULL;
	n->file = "BEGIN";
	n->kind = json_is_object(json) ? CFG_MAP : CFG_LIST;
	tail = &n->child;
	json_object_foreach((json_t *)json, key, value)
	{
		if (!(child = pg_json_node(value, a)))
			return NULL;
		child->key = br_arena_copy(a, br_str_z(key));
		adopt(n, &tail, child);
	}
	json_array_foreach(json, i, value)
	{
		if (!(child = pg_json_node(value, a)))
			return NULL;
		adopt(n, &tail, child);
	}
	return n;
}

/* ---- small readers ---- */

static bool clock_time(const char *p, int *minutes)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9' || p[2] != ':' || p[3] < '0' ||
		p[3] > '5' || p[4] < '0' || p[4] > '9')
		return false;
	*minutes = ((p[0] - '0') * 10 + p[1] - '0') * 60 + (p[3] - '0') * 10 + p[4] - '0';
	return *minutes <= 24 * 60;
}

bool pg_window_read(struct br_str text, struct pg_window *out)
{
	if (text.n == 0 || br_str_eq(text, BR_STR("always"))) {
		*out = (struct pg_window){0, 0};
		return true;
	}
	return text.n == 11 && text.p[5] == '-' && clock_time(text.p, &out->from) &&
	       clock_time(text.p + 6, &out->to);
}

/* A value of a keyword connection string: quoted, quotes and backslashes escaped. */
static void add_quoted(struct br_buf *b, struct br_str value)
{
	br_buf_addc(b, '\'');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\'' || value.p[i] == '\\')
			br_buf_addc(b, '\\');
		br_buf_addc(b, value.p[i]);
	}
	br_buf_addc(b, '\'');
}

static void add_percent(struct br_buf *b, struct br_str value)
{
	for (size_t i = 0; i < value.n; i++)
		br_buf_printf(b, "%%%02X", (unsigned char)value.p[i]);
}

static bool is_uri(struct br_str dsn)
{
	return (dsn.n > 13 && memcmp(dsn.p, "postgresql://", 13) == 0) ||
	       (dsn.n > 11 && memcmp(dsn.p, "postgres://", 11) == 0);
}

struct br_str pg_conninfo(const struct pg_options *o, struct br_arena *a)
{
	struct br_str out;
	struct br_buf b;

	br_buf_init(&b, 64 << 10);
	br_buf_adds(&b, o->dsn);
	if (o->password.n && is_uri(o->dsn)) {
		br_buf_addc(&b, memchr(o->dsn.p, '?', o->dsn.n) ? '&' : '?');
		br_buf_adds(&b, BR_STR("password="));
		add_percent(&b, o->password);
	} else if (o->password.n) {
		br_buf_adds(&b, BR_STR(" password="));
		add_quoted(&b, o->password);
	}
	out = br_buf_failed(&b) ? BR_STR_NONE : br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

/* ---- lint ---- */

/* PostgreSQL cuts longer names silently, and two names may then be one. */
static void identifier(const struct cfg_node *map, const char *key, struct cfg_report *report)
{
	const struct cfg_node *n = cfg_get(map, key);
	size_t part = 0;

	if (!n || n->kind != CFG_SCALAR)
		return;
	for (size_t i = 0; i < n->text.n; i++) {
		part = n->text.p[i] == '.' ? 0 : part + 1;
		if (part > 63)
			break;
	}
	if (part == 0 || part > 63)
		cfg_problem(
			report, n, BR_E_PG_IDENTIFIER, "found", n->text.p ? n->text.p : "", NULL);
}

static void identifiers(
	const struct cfg_node *map, const char *const *keys, struct cfg_report *report)
{
	for (; *keys; keys++)
		identifier(map, *keys, report);
}

/* Where nothing tells what changed, the status must tell what is over. Which codes that are is
 * known when the tables have been read; here, whether there can be any. */
static void lint_changes(
	const struct cfg_node *record, const struct pg_read_options *o, struct cfg_report *report)
{
	const struct cfg_node *status = cfg_get(cfg_get(record, "case"), "status"),
			      *column = cfg_get(status, "column");

	if (o->cursor.n || o->changed.n ||
		(column && column->kind == CFG_SCALAR && cfg_get(status, "codes")))
		return;
	cfg_warning(report, status ? status : record, BR_E_PG_SWEEP_ONLY, "record",
		record->key.p ? record->key.p : "", NULL);
}

static void lint_read(const struct cfg_node *record, const char *secrets, struct cfg_report *report)
{
	static const char *const names[] = {"cursor", "changed", "by", NULL};
	const struct cfg_node *read = cfg_get(record, "read");
	struct pg_read_options o = {0};
	struct pg_window w;

	if (cfg_read_options(pg_read_table, read, record, secrets, &o, report))
		return;
	identifiers(read, names, report);
	if (o.sweep.n && !br_str_eq(o.sweep, BR_STR("off")) && !pg_window_read(o.sweep, &w))
		cfg_problem(
			report, cfg_get(read, "sweep"), BR_E_PG_WINDOW, "found", o.sweep.p, NULL);
	lint_changes(record, &o, report);
	if (o.overlap < 1000 && o.changed.n)
		cfg_problem(report, cfg_get(read, "overlap"), BR_E_PG_OVERLAP, NULL);
}

/* A part that is named twice would be written twice, and another never. */
static void lint_doubles(const struct cfg_node *order, struct cfg_report *report)
{
	for (const struct cfg_node *n = cfg_first(order); n; n = n->next) {
		const struct cfg_node *first = cfg_first(order);

		while (!br_str_eq(first->text, n->text))
			first = first->next;
		if (first != n)
			cfg_problem(report, n, BR_E_CFG_DUPLICATE_KEY, "key",
				n->text.p ? n->text.p : "", "first",
				cfg_place(report->arena, first), NULL);
	}
}

static void lint_write(
	const struct cfg_node *record, const char *secrets, struct cfg_report *report)
{
	const struct cfg_node *write = cfg_get(record, "write"), *parts = cfg_get(record, "parts");
	struct pg_write_options o = {0};

	if (!write || cfg_read_options(pg_write_table, write, record, secrets, &o, report))
		return;
	for (size_t i = 0; i < o.order.n; i++) {
		/* the root is always the first, and may be said to be */
		if (!(i == 0 && br_str_eq(o.order.item[i], BR_STR("root"))) &&
			!cfg_get(parts, o.order.item[i].p))
			cfg_problem(report, cfg_get(write, "order"), BR_E_PG_NO_PART, "part",
				o.order.item[i].p, NULL);
	}
	lint_doubles(cfg_get(write, "order"), report);
}

static void lint_part(const struct cfg_node *part, const char *secrets, struct cfg_report *report)
{
	static const char *const names[] = {"table", "parent", "key", "cursor", "changed", NULL};
	struct pg_part_options o = {0};
	const struct cfg_node *own = cfg_part_of_kind(part, report->arena);

	if (own && !cfg_read_options(pg_part_table, own, part, secrets, &o, report))
		identifiers(part, names, report);
}

static void lint_record(
	const struct cfg_node *record, const char *secrets, struct cfg_report *report)
{
	static const char *const names[] = {"table", "key", NULL};
	struct pg_root_options root = {0};

	if (!cfg_read_options(
		    pg_root_table, cfg_get(record, "root"), record, secrets, &root, report))
		identifiers(cfg_get(record, "root"), names, report);
	lint_read(record, secrets, report);
	lint_write(record, secrets, report);
	for (const struct cfg_node *p = cfg_first(cfg_get(record, "parts")); p; p = p->next)
		lint_part(p, secrets, report);
}

int pg_lint(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	struct cfg_report *report)
{
	const struct pg_options *o = options;
	size_t before = report->n;

	if (o->schema.n == 0 || o->schema.n > 63 || memchr(o->schema.p, '.', o->schema.n))
		cfg_problem(report, cfg_get(system->connection, "schema"), BR_E_PG_IDENTIFIER,
			"found", o->schema.p ? o->schema.p : "", NULL);
	for (const struct cfg_node *r = cfg_first(system->records); r; r = r->next)
		lint_record(r, site->secrets_folder, report);
	return report->n > before ? (report->last ? -(int)br_err_code(&report->last->err)
						  : -BR_E_PG_IDENTIFIER)
				  : 0;
}
