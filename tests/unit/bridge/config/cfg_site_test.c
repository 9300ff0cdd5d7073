/* A site: its folder read as a whole, and every problem of it in one report. */
#include "cfg_fixture.h"

#include "cfg_site.h"

#define SITE                                                                                       \
	"name: yuan\ntitle: 裕安区\nledger: { dsn: \"host=db dbname=casebridge\" }\n"           \
	"kafka: { bootstrap.servers: \"k1:9092,k2:9092\" }\nschemas: schemas\n"
#define SYSTEM(name, more)                                                                         \
	"system: " name "\nconnector: postgres\nconnection: { dsn: x }\nrecords: { r: {} }\n" more

static void put_site(const char *site)
{
	put("schemas/case.yaml", "x: 1\n");
	put("site.yaml", site);
	put("systems/alpha.yaml", SYSTEM("alpha", ""));
}

static struct cfg_site *read_site(int *rc)
{
	struct cfg_site *site = (struct cfg_site *)-1;

	*rc = cfg_site_read(folder, &arena, &report, &site);
	assert_int_equal(*rc == 0, report.n == 0);
	return site;
}

static struct cfg_site *good_site(void)
{
	struct cfg_site *site;
	int rc;

	site = read_site(&rc);
	assert_string_equal(told("site.yaml"), "");
	assert_int_equal(rc, 0);
	return site;
}

static void test_reconcile(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{"{}", "CFG-096"},
		{"{ at: \"02:30\", every: 6h }", "CFG-096"},
		{"{ at: \"24:00\" }", "CFG-096"},
		{"{ at: noon }", "CFG-096"},
		{"{ every: 6h, systems: [alpha, nobody] }", "CFG-097"},
	};
	char text[1000], folder_of[300];
	struct cfg_site *site;
	int rc;

	(void)state;
	put_site(SITE "reconcile: { at: \"02:30\", repair: safe, systems: [alpha] }\n");
	site = good_site();
	assert_true(site->reconcile.on);
	assert_int_equal(site->reconcile.at_minute, 150);
	assert_true(site->reconcile.repair);
	assert_int_equal(site->reconcile.systems.n, 1);
	snprintf(folder_of, sizeof(folder_of), "%s/reports/reconcile", folder);
	assert_string_equal(site->reconcile.folder, folder_of);
	put_site(SITE "reconcile: { every: 6h, folder: /var/lists }\n");
	site = good_site();
	assert_int_equal(site->reconcile.at_minute, -1);
	assert_int_equal(site->reconcile.every_ms, 6 * 3600 * 1000);
	assert_false(site->reconcile.repair);
	assert_string_equal(site->reconcile.folder, "/var/lists");
	for (size_t i = 0; i < BR_LEN(bad); i++) {
		br_arena_reset(&arena);
		report = (struct cfg_report){.arena = &arena};
		snprintf(text, sizeof(text), "%sreconcile: %s\n", SITE, bad[i].text);
		put_site(text);
		read_site(&rc);
		assert_non_null(strstr(told("site.yaml"), bad[i].want));
	}
}

static void test_whole(void **state)
{
	struct cfg_site *site;
	struct cfg_system *s;

	(void)state;
	put_site(SITE);
	put("systems/portal.yaml",
		SYSTEM("portal", "title: 省政务服务网\nrole: portal\ncredit: 5\nlease: "
				 "1m\nstart_live: true\n"
				 "items: [11341503999900222D4002011099000, '007']\ntests: [a]\n"));
	put("systems/.hidden.yaml", "[");
	put("systems/portal.yaml~", "[");
	put("systems/README.md", "[");
	site = good_site();
	assert_string_equal(site->folder, folder);
	assert_string_equal(site->name.p, "yuan");
	assert_string_equal(site->title.p, "裕安区");
	assert_string_equal(site->topic_prefix.p, "casebridge");
	assert_string_equal(site->timezone.p, "Asia/Shanghai");
	assert_string_equal(site->ledger_dsn.p, "host=db dbname=casebridge");
	assert_string_equal(site->kafka_bootstrap.p, "k1:9092,k2:9092");
	assert_int_equal(site->kafka->n, 0);
	assert_string_equal(site->schemas_folder, path_of("schemas"));
	assert_string_equal(site->secrets_folder, path_of("secrets"));
	assert_int_equal(site->nsystems, 2);
	s = site->systems;
	assert_string_equal(s->name.p, "alpha");
	assert_string_equal(s->title.p, "alpha");
	assert_string_equal(s->role.p, "department");
	assert_string_equal(s->connector.p, "postgres");
	assert_false(s->start_live);
	assert_int_equal(s->credit, 2000);
	assert_int_equal(s->lease_ms, 20000);
	assert_int_equal(s->items.n, 0);
	assert_string_equal(cfg_get(s->connection, "dsn")->text.p, "x");
	assert_null(s->tests);
	s = s->next;
	assert_string_equal(s->title.p, "省政务服务网");
	assert_string_equal(s->role.p, "portal");
	assert_int_equal(s->credit, 5);
	assert_int_equal(s->lease_ms, 60000);
	assert_true(s->start_live);
	assert_string_equal(s->items.item[1].p, "007");
	assert_int_equal(s->tests->n, 1);
	assert_string_equal(cfg_get(s->node, "title")->file, "systems/portal.yaml");
	assert_null(s->next);
	assert_ptr_equal(cfg_site_system(site, BR_STR("portal")), s);
	assert_null(cfg_site_system(site, BR_STR("porta")));
}

static const struct site_case {
	const char *name, *site, *want;
	const char *in_en; /* part of the first message */
} site_cases[] = {
	{"site: nothing in it", "", "1:1 CFG-007, 1:1 CFG-007, 1:1 CFG-007", NULL},
	{"site: no address of Kafka", "name: a\nledger: {dsn: x}\nkafka: {}\nschemas: schemas",
		"3:8 CFG-007", "'bootstrap.servers'"},
	{"site: address of Kafka not set",
		"name: a\nledger: {dsn: x}\nschemas: schemas\nkafka:\n  bootstrap.servers: "
		"${env:CFG_TEST_UNSET}",
		"5:22 CFG-022", NULL},
	{"site: no ledger", "name: a\nkafka: {bootstrap.servers: x}\nschemas: schemas",
		"1:1 CFG-007", "'ledger'"},
	{"site: no dsn", "name: a\nledger: {}\nkafka: {bootstrap.servers: x}\nschemas: schemas",
		"2:9 CFG-007", "'dsn'"},
	{"site: ledger is a text",
		"name: a\nledger: x\nkafka: {bootstrap.servers: x}\nschemas: schemas",
		"2:9 CFG-018", NULL},
	{"site: unknown key", SITE "topicprefix: x", "6:1 CFG-004", "did you mean 'topic_prefix'?"},
	{"site: bad name",
		"name: Yuan An\nledger: {dsn: x}\nkafka: {bootstrap.servers: x}\nschemas: schemas",
		"1:7 CFG-061", "'Yuan An' cannot be a name"},
	{"site: bad prefix", SITE "topic_prefix: case/bridge", "6:15 CFG-063", NULL},
	{"site: prefix begins with a digit", SITE "topic_prefix: 1a", "6:15 CFG-063", NULL},
	{"site: prefix is empty", SITE "topic_prefix: ''", "6:15 CFG-063", NULL},
	{"site: no such zone", SITE "timezone: Asia/Hefei", "6:11 CFG-064",
		"'Asia/Hefei' is not known"},
	{"site: zone as a path", SITE "timezone: ../passwd", "6:11 CFG-064", NULL},
	{"site: zone as an offset", SITE "timezone: +08:00", "", NULL},
	{"site: zone as a bad offset", SITE "timezone: +8", "6:11 CFG-064", NULL},
	{"site: schema not there",
		"name: a\nledger: {dsn: x}\nkafka: {bootstrap.servers: x}\nschemas: ../none",
		"4:10 CFG-067", "/../none holds no case.yaml"},
	{"site: password of the ledger in clear",
		"name: a\nledger: {dsn: 'host=x password=p'}\nkafka: {bootstrap.servers: "
		"x}\nschemas: schemas",
		"2:15 CFG-026w", NULL},
	{"site: password of the ledger in a URL",
		"name: a\nledger: {dsn: 'postgresql://u:p@h/d'}\nkafka: {bootstrap.servers: "
		"x}\nschemas: schemas",
		"2:15 CFG-026w", NULL},
	{"site: port in a URL is no password",
		"name: a\nledger: {dsn: 'postgresql://h:5432/d'}\nkafka: {bootstrap.servers: "
		"x}\nschemas: schemas",
		"", NULL},
	{"site: user in a URL is no password",
		"name: a\nledger: {dsn: 'postgresql://u@h:5432/d'}\nkafka: {bootstrap.servers: "
		"x}\nschemas: schemas",
		"", NULL},
	{"site: password brought in",
		"name: a\nledger: {dsn: 'password=${env:CFG_TEST_SET}'}\nkafka: "
		"{bootstrap.servers: x}\nschemas: schemas",
		"", NULL},
	{"site: broken", "name: a\nledger: [\n", "3:1 CFG-038", NULL},
};

static void test_site(void **state)
{
	const struct site_case *c = *state;
	int rc;

	put_site(c->site);
	setenv("CASEBRIDGE_SCHEMAS", path_of("schemas"), 1);
	assert_non_null(read_site(&rc));
	assert_string_equal(told("site.yaml"), c->want);
	if (c->in_en && !strstr(message(BR_LANG_EN), c->in_en))
		fail_msg("not in the message: %s\n%s", c->in_en, message(BR_LANG_EN));
}

static const struct kafka_case {
	const char *name, *line, *want;
	const char *in_en;
} kafka_cases[] = {
	{"kafka: any setting of librdkafka", "security.protocol: sasl_ssl", "", NULL},
	{"kafka: a setting of topics", "message.timeout.ms: 60000", "", NULL},
	{"kafka: a secret brought in", "sasl.password: ${env:CFG_TEST_SET}", "", NULL},
	{"kafka: a secret in clear", "sasl.password: hunter2", "4:18 CFG-026w", NULL},
	{"kafka: acks", "acks: 1", "4:3 CFG-080", "could be lost or doubled"},
	{"kafka: acks, the old name", "request.required.acks: 1", "4:3 CFG-080", NULL},
	{"kafka: idempotence", "enable.idempotence: false", "4:3 CFG-080", NULL},
	{"kafka: even with our value", "enable.idempotence: true", "4:3 CFG-080", NULL},
	{"kafka: offset reset", "auto.offset.reset: earliest", "4:3 CFG-080", NULL},
	{"kafka: group", "group.id: x", "4:3 CFG-081", "stands in the ledger"},
	{"kafka: commit", "enable.auto.commit: true", "4:3 CFG-081", NULL},
	{"kafka: transaction", "transactional.id: x", "4:3 CFG-082", NULL},
	{"kafka: isolation", "isolation.level: read_uncommitted", "4:3 CFG-082", NULL},
	{"kafka: client", "client.id: x", "4:3 CFG-083", NULL},
	{"kafka: code to be loaded", "plugin.library.paths: evil", "4:3 CFG-083", NULL},
	{"kafka: a callback", "stats_cb: x", "4:3 CFG-083", NULL},
	{"kafka: another word for the address", "metadata.broker.list: x", "4:3 CFG-084",
		"bootstrap.servers: HOST:PORT"},
	{"kafka: unknown, near", "linger.mss: 5", "4:3 CFG-086", "did you mean 'linger.ms'?"},
	{"kafka: unknown, near to one that is refused", "enable.idempotense: true", "4:3 CFG-085",
		NULL},
	{"kafka: unknown, far", "colour: blue", "4:3 CFG-085", NULL},
	{"kafka: bad value", "linger.ms: soon", "4:14 CFG-087", "cannot be 'soon': Invalid value"},
	{"kafka: out of range", "linger.ms: 100000000", "4:14 CFG-087", NULL},
	{"kafka: bad value brought in", "linger.ms: ${env:CFG_TEST_SET}", "4:14 CFG-087",
		"cannot be '${env:CFG_TEST_SET}': -"},
	{"kafka: a list", "ssl.ca.location: [a]", "4:20 CFG-009", NULL},
	{"kafka: no value", "ssl.ca.location:", "4:19 CFG-008", NULL},
};

static void test_kafka(void **state)
{
	const struct kafka_case *c = *state;
	struct cfg_site *site;
	int rc;

	put_site(br_arena_printf(&arena,
		"name: a\nschemas: schemas\nkafka:\n  %s\n  bootstrap.servers: h:1\nledger: {dsn: "
		"x}\n",
		c->line)
			 .p);
	site = read_site(&rc);
	assert_string_equal(told("site.yaml"), c->want);
	assert_string_equal(site->kafka_bootstrap.p, "h:1");
	if (c->in_en && !strstr(message(BR_LANG_EN), c->in_en))
		fail_msg("not in the message: %s\n%s", c->in_en, message(BR_LANG_EN));
	for (const struct cfg_problem *p = report.first; p; p = p->next) {
		assert_null(memmem(p->err.details, p->err.used, "hunter2", 7));
		assert_null(memmem(p->err.details, p->err.used, "from the env", 12));
	}
}

static void test_kafka_passed_on(void **state)
{
	struct cfg_site *site;

	(void)state;
	put_site("name: a\nschemas: schemas\nledger: {dsn: x}\nkafka:\n  sasl.username: u\n  "
		 "bootstrap.servers: h:${env:CFG_TEST_PORT}\n"
		 "  sasl.password: '${file:kafka}'\n");
	put_bytes("secrets/kafka", "s3cret\n", 7, 0600);
	site = good_site();
	assert_string_equal(site->kafka_bootstrap.p, "h:5433");
	assert_int_equal(site->kafka->n, 2);
	assert_null(cfg_get(site->kafka, "bootstrap.servers"));
	assert_string_equal(cfg_get(site->kafka, "sasl.username")->text.p, "u");
	assert_string_equal(cfg_get(site->kafka, "sasl.password")->text.p, "s3cret");
}

static const struct system_case {
	const char *name, *file, *text, *want;
} system_cases[] = {
	{"system: name is not the file's", "beta.yaml", SYSTEM("alfa", ""),
		"systems/beta.yaml:1:9 CFG-062"},
	{"system: bad name", "beta.yaml", SYSTEM("Beta", ""), "systems/beta.yaml:1:9 CFG-061"},
	{"system: name too long", "a23456789012345678901234567890123.yaml",
		SYSTEM("a23456789012345678901234567890123", ""),
		"systems/a23456789012345678901234567890123.yaml:1:9 CFG-061"},
	{"system: no name", "beta.yaml", "connector: http\nconnection: {}\nrecords: {}\n",
		"systems/beta.yaml:1:1 CFG-007"},
	{"system: nothing", "beta.yaml", "",
		"systems/beta.yaml:1:1 CFG-007, systems/beta.yaml:1:1 CFG-007, "
		"systems/beta.yaml:1:1 CFG-007, "
		"systems/beta.yaml:1:1 CFG-007"},
	{"system: a list", "beta.yaml", "- a\n", "systems/beta.yaml:1:1 CFG-020"},
	{"system: broken", "beta.yaml", "system: beta\nrecords: {\n",
		"systems/beta.yaml:3:1 CFG-038"},
	{"system: unknown role", "beta.yaml", SYSTEM("beta", "role: portals\n"),
		"systems/beta.yaml:5:7 CFG-016"},
	{"system: no credit", "beta.yaml", SYSTEM("beta", "credit: 0\n"),
		"systems/beta.yaml:5:9 CFG-019"},
	{"system: lease without unit", "beta.yaml", SYSTEM("beta", "lease: 20\n"),
		"systems/beta.yaml:5:8 CFG-012"},
	{"system: bad kind", "beta.yaml",
		"system: beta\nconnector: Post Gres\nconnection: {}\nrecords: {}\n",
		"systems/beta.yaml:2:12 CFG-061"},
	{"system: records is a list", "beta.yaml",
		"system: beta\nconnector: http\nconnection: {}\nrecords: []\n",
		"systems/beta.yaml:4:10 CFG-018"},
	{"system: unknown key", "beta.yaml", SYSTEM("beta", "record: {}\n"),
		"systems/beta.yaml:5:1 CFG-004"},
	{"system: ends in .yml", "beta.yml", SYSTEM("beta", ""), "systems/beta.yml:0:0 CFG-066"},
	{"system: ends in nothing", "beta", SYSTEM("beta", ""), "systems/beta:0:0 CFG-066"},
	{"system: no such pack", "beta.yaml", SYSTEM("beta", "extends: packs/none\n"),
		"systems/beta.yaml:5:10 CFG-069"},
	{"system: a pack from elsewhere", "beta.yaml",
		SYSTEM("beta", "extends: ../../etc/passwd\n"), "systems/beta.yaml:5:10 CFG-069"},
};

static void test_system(void **state)
{
	const struct system_case *c = *state;
	struct cfg_site *site;
	int rc;

	put_site(SITE);
	put(br_arena_printf(&arena, "systems/%s", c->file).p, c->text);
	site = read_site(&rc);
	assert_string_equal(told("site.yaml"), c->want);
	assert_non_null(cfg_site_system(site, BR_STR("alpha")));
}

/* Files that cannot be used, and what is known of their systems all the same. */
static const struct out_case {
	const char *name, *file, *text;
	const char *want; /* name, role ("?": not known), 'n' when the name is a system's */
} out_cases[] = {
	{"out: broken", "beta.yaml", "system: beta\nrecords: {\n", "beta department n"},
	{"out: broken, of the portal", "beta.yaml", "system: beta\nrole: portal\nrecords: {\n",
		"beta portal n"},
	{"out: broken, role in quotes", "beta.yaml", "role:  \"portal\"\nrecords: {\n",
		"beta portal n"},
	{"out: broken, no role of ours", "beta.yaml", "role: portals\nrecords: {\n", "beta ? n"},
	{"out: broken, the role may be the pack's", "beta.yaml", "extends: packs/x\nrecords: {\n",
		"beta ? n"},
	{"out: broken, a role within", "beta.yaml", "records: {\n  role: portal\n",
		"beta department n"},
	{"out: no UTF-8", "beta.yaml", "title: \xd5\xc5\nrole: portal\n", "beta portal n"},
	{"out: empty", "beta.yaml", "", "beta department n"},
	{"out: no name, a list", "beta.yaml", "- a\n", "beta department n"},
	{"out: no name in it", "beta.yaml", "role: portal\nconnector: http\n", "beta portal n"},
	{"out: not read", "beta.yml", "role: portal\n", "beta portal n"},
	{"out: a file of no name", "Über.yaml", "x: [\n", "systems/Über.yaml department -"},
	{"out: beside a good one", "alpha.yml", "x: [\n", "systems/alpha.yml department -"},
	{"out: before a good one", "alpha", "x: [\n", "systems/alpha department -"},
};

static void test_out(void **state)
{
	const struct out_case *c = *state;
	struct cfg_site *site;
	struct cfg_system *s;
	int rc;

	put_site(SITE);
	put(br_arena_printf(&arena, "systems/%s", c->file).p, c->text);
	site = read_site(&rc);
	assert_int_not_equal(rc, 0);
	assert_int_equal(site->nsystems, 1);
	assert_string_equal(site->systems->name.p, "alpha");
	assert_null(site->systems->problem);
	assert_false(site->broken);
	assert_int_equal(site->nleft_out, 1);
	s = site->left_out;
	assert_ptr_equal(s->problem, report.first);
	assert_string_equal(br_arena_printf(&arena, "%s %s %c", s->name.p,
				    s->role_known ? s->role.p : "?", s->named ? 'n' : '-')
				    .p,
		c->want);
	assert_ptr_equal(cfg_site_left_out(site, s->name), s);
}

/* One whose file tells what it is, but not rightly, is still among the systems, for further checks.
 */
static void test_leave_out(void **state)
{
	struct cfg_site *site;
	struct cfg_system *s;
	int rc;

	(void)state;
	put_site(SITE);
	put("systems/beta.yaml", SYSTEM("beta", "role: portal\ncredit: 0\n"));
	put("systems/copy.yaml", SYSTEM("alpha", ""));
	put("systems/pack.yaml", SYSTEM("pack", "extends: packs/none\n"));
	put("systems/role.yaml", SYSTEM("role", "role: portals\n"));
	site = read_site(&rc);
	assert_int_equal(site->nsystems, 5);
	assert_int_equal(site->nleft_out, 0);
	for (struct cfg_system *next, *at = site->systems; at; at = next) {
		next = at->next;
		if (at->problem)
			cfg_site_leave_out(site, at, NULL);
	}
	assert_int_equal(site->nsystems, 1);
	assert_int_equal(site->nleft_out, 4);
	s = cfg_site_left_out(site, BR_STR("beta"));
	assert_true(s->role_known && br_str_eq(s->role, BR_STR("portal")) && s->named);
	assert_int_equal(br_err_code(&s->problem->err), BR_E_CFG_RANGE);
	assert_false(cfg_site_left_out(site, BR_STR("pack"))->role_known);
	assert_false(cfg_site_left_out(site, BR_STR("role"))->role_known);
	assert_null(cfg_site_left_out(site, BR_STR("alpha")));
	assert_false(cfg_site_left_out(site, BR_STR("systems/copy.yaml"))->named);
	assert_null(cfg_site_system(site, BR_STR("beta")));
}

static void test_all_at_once(void **state)
{
	struct cfg_site *site;
	int rc;

	(void)state;
	put_site("name: 1\nschemas: none\nkafka: {acks: 1}\nfoo: x\n");
	put("systems/beta.yaml", "system: beta\n  x: y\n");
	put("systems/gamma.yaml", SYSTEM("gamma", "credit: many\nlease: 1\n"));
	put("systems/delta.yaml", SYSTEM("delta", ""));
	site = read_site(&rc);
	/* the first one found */
	assert_int_equal(rc, -BR_E_CFG_UNKNOWN_KEY);
	assert_string_equal(told("site.yaml"),
		"1:1 CFG-007, 1:7 CFG-061, 2:10 CFG-067, 3:8 CFG-007, 3:9 CFG-080, 4:1 CFG-005, "
		"systems/beta.yaml:2:4 CFG-035, systems/gamma.yaml:5:9 CFG-011, "
		"systems/gamma.yaml:6:8 CFG-012");
	/* what could be read is there for further checks */
	assert_int_equal(site->nsystems, 3);
	assert_null(cfg_site_system(site, BR_STR("beta")));
	assert_null(site->schemas_folder);
}

static void test_no_site(void **state)
{
	struct cfg_site *site;
	int rc;

	(void)state;
	site = read_site(&rc);
	assert_null(site);
	assert_int_equal(rc, -BR_E_CFG_NO_SITE);
	assert_string_equal(told("site.yaml"), "-:0:0 CFG-060");
}

static void test_no_systems(void **state)
{
	int rc;

	(void)state;
	put("schemas/case.yaml", "x: 1\n");
	put("site.yaml", SITE);
	read_site(&rc);
	assert_string_equal(told("systems"), "0:0 CFG-065");
}

static const struct dsn_case {
	const char *name, *dsn, *password, *want;
} dsn_cases[] = {
	{"dsn: no password", "host=x", NULL, "host=x"},
	{"dsn: password", "host=x dbname=y", "s3cret", "host=x dbname=y password='s3cret'"},
	{"dsn: password with quotes", "host=x", "a'b\\c d", "host=x password='a\\'b\\\\c d'"},
	{"dsn: password in a URL", "postgresql://u@h/d", "a b&c/é",
		"postgresql://u@h/d?password=a%20b%26c%2F%C3%A9"},
	{"dsn: password in a URL with options", "postgres://u@h/d?sslmode=require", "p",
		"postgres://u@h/d?sslmode=require&password=p"},
};

static void test_dsn(void **state)
{
	const struct dsn_case *c = *state;

	put_site(br_arena_printf(&arena,
		"name: a\nschemas: schemas\nkafka: {bootstrap.servers: x}\nledger:\n  dsn: %s\n%s",
		c->dsn, c->password ? "  password: ${file:ledger.password}\n" : "")
			 .p);
	if (c->password)
		put_bytes("secrets/ledger.password", c->password, strlen(c->password), 0600);
	assert_string_equal(good_site()->ledger_dsn.p, c->want);
}

static void test_schemas_of_environment(void **state)
{
	(void)state;
	put_site("name: a\nledger: {dsn: x}\nkafka: {bootstrap.servers: x}\n");
	put("elsewhere/case.yaml", "x: 1\n");
	setenv("CASEBRIDGE_SCHEMAS", path_of("elsewhere"), 1);
	assert_string_equal(good_site()->schemas_folder, path_of("elsewhere"));
	/* a wrong name is told, not passed over */
	setenv("CASEBRIDGE_SCHEMAS", path_of("nowhere"), 1);
	assert_int_equal(cfg_site_read(folder, &arena, &report, &(struct cfg_site *){NULL}),
		-BR_E_CFG_SCHEMAS);
}

static void test_schemas_of_source_tree(void **state)
{
	char *root = folder + strlen(folder);
	struct cfg_site *site;

	(void)state;
	put("schemas/case.yaml", "x: 1\n");
	put("config/yuan/site.yaml", "name: a\nledger: {dsn: x}\nkafka: {bootstrap.servers: x}\n");
	put("config/yuan/systems/alpha.yaml", SYSTEM("alpha", ""));
	memcpy(root, "/config/yuan", sizeof("/config/yuan"));
	site = good_site();
	assert_string_equal(site->schemas_folder, path_of("../../schemas"));
	*root = '\0';
}

static void test_secrets_of_environment(void **state)
{
	(void)state;
	put_site("name: a\nschemas: schemas\nkafka: {bootstrap.servers: x}\nledger: {dsn: "
		 "'${file:dsn}'}\n");
	put_bytes("elsewhere/dsn", "host=e\n", 7, 0600);
	setenv("CASEBRIDGE_SECRETS", path_of("elsewhere"), 1);
	assert_string_equal(good_site()->ledger_dsn.p, "host=e");
}

/* ---- packs ---- */

#define PACK                                                                                       \
	"connector: postgres\ncredit: 7\nconnection: { timezone: UTC, schema: bridge }\n"          \
	"records:\n  r:\n    case: { status: zt, note: bz, tel: dh }\n    parts: { p: { key: k } " \
	"}\n"                                                                                      \
	"  s: {}\n"

static void test_pack(void **state)
{
	const struct cfg_node *records;
	struct cfg_system *s;

	(void)state;
	put_site(SITE);
	put("packs/vendor.yaml", PACK);
	put("systems/beta.yaml",
		"system: beta\nextends: packs/vendor\nconnection: { dsn: x, schema: own }\n"
		"records:\n  r:\n    case: { status: state, name: xm, tel: null, fax: ~ }\n"
		"    parts: null\n  t: {}\n");
	s = cfg_site_system(good_site(), BR_STR("beta"));
	assert_int_equal(s->credit, 7);
	assert_string_equal(cfg_get(s->connection, "timezone")->text.p, "UTC");
	assert_string_equal(cfg_get(s->connection, "schema")->text.p, "own");
	assert_string_equal(cfg_get(s->connection, "dsn")->text.p, "x");
	records = cfg_get(cfg_get(s->records, "r"), "case");
	assert_int_equal(records->n, 4);
	assert_null(cfg_get(records, "tel"));
	assert_non_null(cfg_get(records, "fax")); /* nothing to take away: lint tells it */
	assert_null(cfg_get(cfg_get(s->records, "r"), "parts"));
	assert_string_equal(cfg_get(records, "status")->text.p, "state");
	assert_string_equal(cfg_get(records, "note")->file, "packs/vendor.yaml");
	assert_string_equal(cfg_get(records, "status")->file, "systems/beta.yaml");
	assert_int_equal(s->records->n, 3);
}

static void test_pack_beside_site(void **state)
{
	char *root = folder + strlen(folder);

	(void)state;
	put("yuan/schemas/case.yaml", "x: 1\n");
	put("yuan/site.yaml", SITE);
	put("packs/vendor.yaml", PACK);
	put("yuan/systems/beta.yaml", "system: beta\nextends: packs/vendor\n");
	memcpy(root, "/yuan", sizeof("/yuan"));
	assert_int_equal(good_site()->systems->credit, 7);
	*root = '\0';
}

static void test_bad_packs(void **state)
{
	int rc;

	(void)state;
	put_site(SITE);
	put("packs/other.yaml", "extends: packs/vendor\n");
	put("packs/broken.yaml", "a: [\n");
	put("packs/list.yaml", "- a\n");
	put("packs/keys.yaml", PACK "lease: 1\n");
	put("systems/a.yaml", SYSTEM("a", "extends: packs/other\n"));
	put("systems/b.yaml", SYSTEM("b", "extends: packs/broken\n"));
	put("systems/c.yaml", SYSTEM("c", "extends: packs/list\n"));
	put("systems/d.yaml", SYSTEM("d", "extends: packs/keys\n"));
	read_site(&rc);
	assert_string_equal(told("x"),
		"packs/broken.yaml:2:1 CFG-038, packs/keys.yaml:9:8 CFG-012, "
		"packs/list.yaml:1:1 CFG-020, packs/other.yaml:1:1 CFG-070");
}

/* The example site itself. */
static void test_example(void **state)
{
	struct cfg_site *site;
	int rc;

	(void)state;
	setenv("CASEBRIDGE_SCHEMAS", SOURCE_DIR "/schemas", 1);
	rc = cfg_site_read(SOURCE_DIR "/config/yuan", &arena, &report, &site);
	assert_non_null(site);
	for (const struct cfg_problem *p = report.first; p; p = p->next)
		/* only addresses and secrets, which stand in the environment */
		if (br_err_code(&p->err) != BR_E_CFG_ENV_MISSING &&
			br_err_code(&p->err) != BR_E_CFG_SECRET_MISSING)
			fail_msg("%d %s", rc, message(BR_LANG_EN));
	assert_string_equal(site->name.p, "yuan");
	assert_non_null(cfg_site_system(site, BR_STR("civil-affairs")));
	assert_string_equal(cfg_site_system(site, BR_STR("portal"))->role.p, "portal");
}

static void test_small_arena(void **state)
{
	size_t enough = 0;

	(void)state;
	put_site(SITE);
	for (size_t max = 0; !enough && max < 100000; max += 64) {
		struct br_arena small, reports;
		struct cfg_report own = {.arena = &reports};
		struct cfg_site *site;

		br_arena_init(&small, max);
		br_arena_init(&reports, 1 << 20);
		if (cfg_site_read(folder, &small, &own, &site) == 0)
			enough = max;
		else
			assert_true(own.n > 0);
		br_arena_release(&small);
		br_arena_release(&reports);
	}
	assert_true(enough > 1000);
}

int main(void)
{
	static struct CMUnitTest tests[BR_LEN(site_cases) + BR_LEN(kafka_cases) +
				       BR_LEN(system_cases) + BR_LEN(out_cases) +
				       BR_LEN(dsn_cases) + 16];
	size_t n = 0;

	ONE_TEST(test_whole, tests, n);
	ONE_TEST(test_reconcile, tests, n);
	TABLE_TESTS(site_cases, test_site, tests, n);
	TABLE_TESTS(kafka_cases, test_kafka, tests, n);
	ONE_TEST(test_kafka_passed_on, tests, n);
	TABLE_TESTS(system_cases, test_system, tests, n);
	TABLE_TESTS(out_cases, test_out, tests, n);
	ONE_TEST(test_leave_out, tests, n);
	ONE_TEST(test_all_at_once, tests, n);
	ONE_TEST(test_no_site, tests, n);
	ONE_TEST(test_no_systems, tests, n);
	TABLE_TESTS(dsn_cases, test_dsn, tests, n);
	ONE_TEST(test_schemas_of_environment, tests, n);
	ONE_TEST(test_schemas_of_source_tree, tests, n);
	ONE_TEST(test_secrets_of_environment, tests, n);
	ONE_TEST(test_pack, tests, n);
	ONE_TEST(test_pack_beside_site, tests, n);
	ONE_TEST(test_bad_packs, tests, n);
	ONE_TEST(test_example, tests, n);
	ONE_TEST(test_small_arena, tests, n);
	return _cmocka_run_group_tests("cfg_site", tests, n, NULL, NULL);
}
