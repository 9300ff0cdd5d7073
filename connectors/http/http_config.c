#include "http_config.h"

#include "br_text.h"
#include "cfg_value.h"

#define OPT(field) offsetof(struct http_options, field)
const struct cfg_option http_option_table[] = {
	{"base_url", CFG_T_TEXT, OPT(base_url), NULL, 0, 0, true, false, NULL,
		"address of the system, without a path at the end", "系统地址，末尾不带路径"},
	{"ca_file", CFG_T_TEXT, OPT(ca_file), NULL, 0, 0, false, false, NULL,
		"certificates of the CAs to trust, PEM; a path of its own, or in the site's "
		"folder; "
		"left out: those of this machine",
		"受信任的 CA "
		"证书文件（PEM）；可为绝对路径，或相对于站点文件夹；不填则用本机信任的证书"},
	{"verify", CFG_T_BOOL, OPT(verify), "true", 0, 0, false, false, NULL,
		"false: anybody may be the system; for try-outs only",
		"false 表示不校验对方证书，仅限试验"},
	{"client_cert", CFG_T_TEXT, OPT(client_cert), NULL, 0, 0, false, false, NULL,
		"our certificate for this system, PEM", "我方客户端证书文件（PEM）"},
	{"client_key", CFG_T_TEXT, OPT(client_key), NULL, 0, 0, false, false, NULL,
		"its key, PEM; left out: in client_cert",
		"其私钥文件（PEM）；不填则在 client_cert 中"},
	{"client_key_password", CFG_T_TEXT, OPT(client_key_password), NULL, 0, 0, false, true, NULL,
		"password of the key", "私钥口令"},
	{"timeout", CFG_T_DURATION, OPT(timeout_ms), "10s", 10, 300000, false, false, NULL,
		"longest time of one call", "单次调用的最长时间"},
	{"connections", CFG_T_INT, OPT(connections), "8", 1, 128, false, false, NULL,
		"connections at the same time", "同时连接数"},
	{"max_body", CFG_T_SIZE, OPT(max_body), "16M", 1024, 1 << 30, false, false, NULL,
		"largest answer accepted", "可接受的最大应答"},
	{"headers", CFG_T_MAP, OPT(headers), NULL, 0, 0, false, false, NULL,
		"headers of every call (templates)", "每次调用的请求头（模板）"},
	{"auth", CFG_T_MAP, OPT(auth), NULL, 0, 0, false, false, NULL,
		"the call that gives a token", "获取令牌的调用"},
	{"sign", CFG_T_MAP, OPT(sign), NULL, 0, 0, false, false, NULL, "signature of every call",
		"每次调用的签名方式"},
	{"answers", CFG_T_MAP, OPT(answers), NULL, 0, 0, false, false, NULL,
		"how success and errors are told", "如何判断成功与各类错误"},
	{"app_key", CFG_T_TEXT, OPT(app_key), NULL, 0, 0, false, false, NULL,
		"our name at the system", "接入标识 appKey"},
	{"secret", CFG_T_TEXT, OPT(secret), NULL, 0, 0, false, true, NULL, "key of the signature",
		"签名密钥"},
	{NULL, CFG_T_TEXT, 0, NULL, 0, 0, false, false, NULL, NULL, NULL},
};

/* Being compiled: what is needed to replace references. */
struct compiling {
	const char *secrets_dir;
	struct cfg_report *report;
};

static struct br_str text_of(
	const struct compiling *x, const struct cfg_node *map, const char *key, const char *dflt)
{
	const struct cfg_node *n = cfg_get(map, key);
	struct br_str text = br_str_z(dflt);

	if (n && n->kind == CFG_SCALAR)
		cfg_expand(n->text, n, x->secrets_dir, &text, x->report);
	return text;
}

static struct br_str template_of(const struct compiling *x, const struct cfg_node *n)
{
	struct br_str text = BR_STR("");

	if (n && n->kind == CFG_SCALAR)
		cfg_expand_template(n->text, n, x->secrets_dir, &text, x->report);
	return text;
}

static void pairs_of(const struct compiling *x, const struct cfg_node *map, struct http_pair *out,
	size_t room, size_t *n)
{
	for (const struct cfg_node *c = cfg_first(map); c && *n < room; c = c->next)
		if (c->kind == CFG_SCALAR)
			out[(*n)++] = (struct http_pair){c->key, template_of(x, c)};
}

static void signing_of(
	const struct compiling *x, const struct cfg_node *map, struct http_signing *out)
{
	struct br_str algorithm = text_of(x, map, "algorithm", "");

	out->text = template_of(x, cfg_get(map, "text"));
	if (br_str_eq(algorithm, BR_STR("hmac-sha256")))
		out->algorithm = HTTP_HMAC_SHA256;
	else if (br_str_eq(algorithm, BR_STR("hmac-sm3")))
		out->algorithm = HTTP_HMAC_SM3;
	else if (algorithm.n)
		cfg_problem(x->report, cfg_get(map, "algorithm"), BR_E_HTTP_CONFIG, "what",
			"algorithm", "found", cfg_get(map, "algorithm")->text.p, "expected",
			"hmac-sha256 | hmac-sm3", NULL);
}

static const char *const class_words[] = {"ok", "retry", "auth", "stale", "missing", "duplicate",
	"correct", "wait", "stop", "pending", "unknown", NULL};

static void rule_of(const struct compiling *x, const struct cfg_node *node, struct http_rule *rule)
{
	struct br_str status = text_of(x, node, "status", ""), is = text_of(x, node, "is", "");
	int what = -1;

	for (int i = 0; class_words[i]; i++)
		if (br_str_eq(is, br_str_z(class_words[i])))
			what = i;
	if (what < 0) {
		cfg_problem(x->report, node, BR_E_HTTP_CONFIG, "what", "is", "found",
			is.n ? cfg_get(node, "is")->text.p : "-", "expected",
			"ok | retry | auth | stale | missing | duplicate | correct | wait | stop | "
			"pending | unknown",
			NULL);
		return;
	}
	rule->what = (enum http_class)what;
	rule->code = text_of(x, node, "code", "");
	rule->text_like = br_str_eq(text_of(x, node, "body", ""), BR_STR("not json"));
	/* 503, or 5xx */
	if (status.n == 3 && status.p[1] == 'x') {
		rule->status_lo = (status.p[0] - '0') * 100;
		rule->status_hi = rule->status_lo + 99;
	} else if (status.n) {
		br_json_int64(status, &rule->status_lo);
		rule->status_hi = rule->status_lo;
	}
}

static int answers_of(const struct compiling *x, const struct cfg_node *map, struct br_arena *a,
	struct http_answers *out)
{
	struct http_rule **end = &out->rules;

	out->code = text_of(x, map, "code", "code");
	out->text = text_of(x, map, "text", "msg");
	for (const struct cfg_node *n = cfg_first(cfg_get(map, "rules")); n; n = n->next) {
		*end = br_arena_new(a, struct http_rule);
		if (!*end)
			return -BR_E_NOMEM;
		rule_of(x, n, *end);
		out->ok_by_code |= (*end)->what == HTTP_OK && (*end)->code.n > 0;
		end = &(*end)->next;
	}
	return 0;
}

const char *http_file(struct br_str name, const char *folder, struct br_arena *a)
{
	if (!name.n)
		return NULL;
	return name.p[0] == '/' ? name.p : br_arena_printf(a, "%s/%s", folder, name.p).p;
}

static struct br_http_tls tls_of(
	const struct http_options *o, const char *folder, struct br_arena *a)
{
	return (struct br_http_tls){
		.ca_file = http_file(o->ca_file, folder, a),
		.cert_file = http_file(o->client_cert, folder, a),
		.key_file = http_file(o->client_key, folder, a),
		.key_password = o->client_key_password.n ? o->client_key_password.p : NULL,
		.unchecked = !o->verify,
	};
}

int http_site_compile(const struct http_options *o, const struct cfg_site *site, struct br_arena *a,
	struct cfg_report *report, struct http_site *out)
{
	const struct compiling x = {site->secrets_folder, report};
	size_t problems = report->n;

	*out = (struct http_site){.o = o, .tls = tls_of(o, site->folder, a)};
	pairs_of(&x, o->headers, out->headers, BR_LEN(out->headers), &out->nheaders);
	signing_of(&x, o->sign, &out->sign);
	if (o->auth) {
		out->auth.on = true;
		out->auth.path = text_of(&x, o->auth, "path", "/auth/token");
		out->auth.token = text_of(&x, o->auth, "token", "data.token");
		out->auth.expires = text_of(&x, o->auth, "expires", "");
		signing_of(&x, cfg_get(o->auth, "sign"), &out->auth.sign);
		pairs_of(&x, cfg_get(o->auth, "body"), out->auth.body, BR_LEN(out->auth.body),
			&out->auth.nbody);
	}
	if (answers_of(&x, o->answers, a, &out->answers) < 0)
		return -BR_E_NOMEM;
	return report->n == problems ? 0 : -BR_E_HTTP_CONFIG;
}

/* ---- records, from the JSON of BEGIN: all scalars are strings there ---- */

static struct br_str jtext(const json_t *map, const char *key, const char *dflt)
{
	const json_t *v = json_object_get(map, key);

	if (json_is_string(v))
		return (struct br_str){json_string_value(v), json_string_length(v)};
	return br_str_z(dflt);
}

static bool jflag(const json_t *map, const char *key, bool dflt)
{
	const json_t *v = json_object_get(map, key);

	if (json_is_boolean(v))
		return json_is_true(v);
	return json_is_string(v) ? strcmp(json_string_value(v), "true") == 0 : dflt;
}

/* Lint has read it in the same way before it came here. */
static int64_t jduration(const json_t *map, const char *key, int64_t dflt)
{
	int64_t ms;

	return cfg_number_read(CFG_T_DURATION, jtext(map, key, ""), &ms) ? ms : dflt;
}

static int64_t jint(const json_t *map, const char *key, int64_t dflt)
{
	struct br_str t = jtext(map, key, "");
	int64_t v;

	return t.n && br_json_int64(t, &v) ? v : dflt;
}

static int bad(const struct conn_record *r, const char *what, const char *found,
	const char *expected, struct br_err *err)
{
	(void)r;
	return br_err_set(
		err, BR_E_HTTP_CONFIG, "what", what, "found", found, "expected", expected, NULL);
}

static int columns_of(const struct conn_record *r, const json_t *list, unsigned part,
	struct br_arena *a, struct http_call *call, struct br_err *err)
{
	size_t i;
	json_t *v;

	call->columns = br_arena_array(a, uint16_t, json_array_size(list) + 1);
	if (!call->columns)
		return br_err_set(err, BR_E_NOMEM, NULL);
	json_array_foreach(list, i, v)
	{
		struct br_str name = {json_string_value(v), json_string_length(v)};
		int f = json_is_string(v) ? shape_find(r->shape, part, name) : -1;

		if (f < 0)
			return bad(
				r, "columns", name.p ? name.p : "-", "a column of the record", err);
		call->columns[call->ncolumns++] = (uint16_t)f;
	}
	return 0;
}

static int call_of(const struct conn_record *r, const json_t *json, struct br_arena *a,
	struct http_call *call, struct br_err *err)
{
	const json_t *columns = json_object_get(json, "columns");
	struct br_str part = jtext(json, "part", "");
	const char *key;
	json_t *v;

	call->method = jtext(json, "method", "POST");
	call->path = jtext(json, "path", "");
	call->name = jtext(json, "name", call->path.p);
	call->wrap = jtext(json, "wrap", "");
	call->lid = jtext(json, "lid", "");
	call->ref = jtext(json, "ref", "");
	call->object = jtext(json, "object", "-");
	call->etag = jflag(json, "etag", true);
	if (!call->path.n)
		return bad(r, "path", "-", "a path", err);
	if (part.n) {
		call->part = shape_find_part(r->shape, part);
		if (call->part <= 0)
			return bad(r, "part", part.p, "a part of the record", err);
	}
	json_object_foreach((json_t *)json_object_get(json, "body"), key, v)
	{
		if (call->nbody == BR_LEN(call->body) || !json_is_string(v))
			return bad(r, "body", key, "at most 24 texts", err);
		call->body[call->nbody++] = (struct http_pair){
			br_str_z(key), {json_string_value(v), json_string_length(v)}};
	}
	call->all = json_is_string(columns) && strcmp(json_string_value(columns), "all") == 0;
	return json_is_array(columns) ? columns_of(r, columns, (unsigned)call->part, a, call, err)
				      : 0;
}

static int calls_of(const struct conn_record *r, const json_t *list, struct br_arena *a,
	struct http_call **out, struct br_err *err)
{
	struct http_call **end = out;
	size_t n = json_is_object(list) ? 1 : json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		int rc;

		*end = br_arena_new(a, struct http_call);
		if (!*end)
			return br_err_set(err, BR_E_NOMEM, NULL);
		rc = call_of(
			r, json_is_object(list) ? list : json_array_get(list, i), a, *end, err);
		if (rc < 0)
			return rc;
		end = &(*end)->next;
	}
	return 0;
}

static void parts_of(const struct conn_record *r, struct http_record *out)
{
	const char *name;
	json_t *v;

	json_object_foreach(json_object_get(r->spec, "parts"), name, v)
	{
		int part = shape_find_part(r->shape, br_str_z(name));

		if (part > 0)
			out->parts[out->nparts++] = (struct http_part){
				(uint8_t)part, jtext(v, "path", name), jtext(v, "key", "key")};
	}
}

int http_record_compile(const struct conn_record *r, struct br_arena *a, struct http_record *out,
	struct br_err *err)
{
	const json_t *root = json_object_get(r->spec, "root"),
		     *read = json_object_get(r->spec, "read");
	const json_t *write = json_object_get(r->spec, "write");
	const json_t *sweep = json_object_get(read, "sweep");
	const json_t *list = json_object_get(read, "list"), *get = json_object_get(read, "get"),
		     *lookup = json_object_get(write, "lookup");
	int rc;

	*out = (struct http_record){.shape = r->shape};
	out->key = jtext(root, "key", "");
	if (!out->key.n || shape_find(r->shape, 0, out->key) < 0)
		return bad(r, "root.key", out->key.n ? out->key.p : "-", "a column of the record",
			err);
	parts_of(r, out);
	out->every_ms = jduration(read, "every", 2000);
	out->sweep_every_ms = jduration(read, "sweep_every", 60000);
	out->updated_by = jtext(read, "updated_by", "");
	out->has_list = json_is_object(list);
	out->list_path = jtext(list, "path", "");
	out->list_items = jtext(list, "items", "data");
	out->list_next = jtext(list, "next", "");
	out->list_more = jtext(list, "more", "");
	out->list_object = jtext(list, "object", "");
	out->list_limit = jint(list, "limit", 100);
	out->has_sweep = json_is_object(sweep);
	out->sweep_path = jtext(sweep, "path", "");
	out->sweep_items = jtext(sweep, "items", "data");
	out->sweep_next = jtext(sweep, "next", "");
	out->sweep_more = jtext(sweep, "more", "");
	out->sweep_object = jtext(sweep, "object", "");
	out->sweep_limit = jint(sweep, "limit", 100);
	out->sweep_whole = jflag(sweep, "whole", false);
	out->get_path = jtext(get, "path", "");
	out->get_object = jtext(get, "object", "data");
	out->lookup_path = jtext(lookup, "path", "");
	out->lookup_items = jtext(lookup, "items", "data");
	out->idempotency = jtext(write, "idempotency", "");
	out->etag = jflag(write, "etag", false);
	out->unique = jflag(write, "unique", false);
	out->visibility_ms = jduration(write, "visibility", 0);
	if (!out->get_path.n)
		return bad(r, "read.get.path", "-", "how one record is read", err);
	rc = calls_of(r, json_object_get(write, "create"), a, &out->create, err);
	return rc < 0 ? rc : calls_of(r, json_object_get(write, "update"), a, &out->update, err);
}
