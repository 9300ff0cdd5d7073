#include "br_pg_conn.h"

#include "br_text.h"

#include <stdlib.h>

#define WHY_ROOM 400

/* In force where conninfo and the PG* environment say nothing. */
static const struct def {
	const char *key, *value;
} defs[] = {
	{"fallback_application_name", "casebridge"},
	{"client_encoding", "UTF8"},
	{"connect_timeout", "10"},
	/* a peer that vanished without a word is noticed within about a minute */
	{"keepalives_idle", "30"},
	{"keepalives_interval", "10"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "30000"},
};

static PQconninfoOption *option(PQconninfoOption *list, const char *key)
{
	for (; list->keyword; list++)
		if (!strcmp(list->keyword, key))
			return list;
	return NULL;
}

static int count(const PQconninfoOption *list)
{
	int n = 0;

	while (list[n].keyword)
		n++;
	return n;
}

/* The parser's words may quote the password, so they are not shown. */
static int bad_conninfo(char *parser_says, struct br_err *err)
{
	PQfreemem(parser_says);
	return br_err_set(
		err, BR_E_PG_UNAVAILABLE, "why", "the connection string is malformed", NULL);
}

static void fill(struct br_pg_opts *o)
{
	size_t n = 0;

	for (PQconninfoOption *p = o->parsed; p->keyword; p++) {
		const char *value = p->val;

		for (size_t i = 0; !value && i < BR_LEN(defs); i++)
			if (!strcmp(defs[i].key, p->keyword) && !(p->envvar && getenv(p->envvar)))
				value = defs[i].value;
		if (!value)
			continue;
		o->keys[n] = p->keyword;
		o->values[n++] = value;
	}
}

int br_pg_opts_init(struct br_pg_opts *o, const char *conninfo, struct br_err *err)
{
	char *says = NULL;
	PQconninfoOption *patience;
	size_t n;

	*o = (struct br_pg_opts){0};
	o->parsed = PQconninfoParse(conninfo, &says);
	if (!o->parsed)
		return bad_conninfo(says, err);
	n = (size_t)count(o->parsed) + 1;
	o->keys = calloc(n, sizeof(*o->keys));
	o->values = calloc(n, sizeof(*o->values));
	if (!o->keys || !o->values) {
		br_pg_opts_release(o);
		return br_err_set(err, BR_E_NOMEM, NULL);
	}
	fill(o);
	patience = option(o->parsed, "connect_timeout");
	o->connect_us = patience && patience->val ? strtoll(patience->val, NULL, 10) * 1000000 : 0;
	if (o->connect_us <= 0)
		o->connect_us = 10 * 1000000;
	return 0;
}

static void reverse(char *from, char *to)
{
	for (; from < to; from++) {
		char c = *from;

		*from = *--to;
		*to = c;
	}
}

/* "a,b,c" to "b,c,a" */
static void first_to_the_end(char *list)
{
	char *comma = list ? strchr(list, ',') : NULL, *end;

	if (!comma)
		return;
	end = list + strlen(list);
	reverse(list, comma);
	reverse(comma + 1, end);
	reverse(list, end);
}

static int hosts(const struct br_pg_opts *o)
{
	static const char *const lists[] = {"host", "hostaddr"};
	int most = 1;

	for (size_t i = 0; i < BR_LEN(lists); i++) {
		const PQconninfoOption *p = option(o->parsed, lists[i]);
		int n = 1;

		for (const char *c = p ? p->val : NULL; c && (c = strchr(c, ',')); c++)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

bool br_pg_opts_next_host(struct br_pg_opts *o)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};

	for (size_t i = 0; i < BR_LEN(lists); i++) {
		PQconninfoOption *p = option(o->parsed, lists[i]);

		if (p)
			first_to_the_end(p->val); /* o->values points to it */
	}
	return ++o->silent < hosts(o);
}

void br_pg_opts_release(struct br_pg_opts *o)
{
	free(o->keys);
	free(o->values);
	PQconninfoFree(o->parsed);
	*o = (struct br_pg_opts){0};
}

static void drop_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

void br_pg_quiet(PGconn *conn)
{
	PQsetNoticeReceiver(conn, drop_notice, NULL);
	/* no DETAIL, HINT or CONTEXT in PQerrorMessage() either */
	PQsetErrorVerbosity(conn, PQERRORS_TERSE);
}

/* ---- parameters ---- */

static int more_args(struct br_pg_args *a, int n)
{
	int room = n < 32 ? 32 : n;
	void *values = realloc(a->values, (size_t)room * sizeof(*a->values));
	void *lengths = realloc(a->lengths, (size_t)room * sizeof(*a->lengths));
	void *formats = realloc(a->formats, (size_t)room * sizeof(*a->formats));

	a->values = values ? values : a->values;
	a->lengths = lengths ? lengths : a->lengths;
	a->formats = formats ? formats : a->formats;
	if (!values || !lengths || !formats)
		return -BR_E_NOMEM;
	a->room = room;
	return 0;
}

int br_pg_args_fill(struct br_pg_args *a, int n, const struct br_pg_param *params)
{
	if (n > a->room && more_args(a, n))
		return -BR_E_NOMEM;
	for (int i = 0; i < n; i++) {
		a->values[i] = params[i].p;
		a->lengths[i] = params[i].n;
		a->formats[i] = params[i].binary;
	}
	return 0;
}

void br_pg_args_release(struct br_pg_args *a)
{
	free(a->values);
	free(a->lengths);
	free(a->formats);
	*a = (struct br_pg_args){0};
}

/* ---- errors ---- */

static void add(char *out, size_t *n, const char *p, size_t len)
{
	struct br_str part = br_utf8_cut((struct br_str){p, len}, WHY_ROOM - 1 - *n);

	memcpy(out + *n, part.p, part.n);
	*n += part.n;
	out[*n] = '\0';
}

static void join_lines(char *out, const char *text)
{
	size_t n = 0;

	out[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len && n)
			add(out, &n, "; ", 2);
		add(out, &n, text, len);
		text += len + (text[len] == '\n');
	}
}

/*
 * What libpq has to say about a connection. One line per address tried, when it could not be made;
 * else the last line, since those before may be left from a statement's error and quote data. Lines
 * behind a tab, or of a missing certificate's, are general advice.
 */
static void connection_words(char *out, const char *text)
{
	static const char tried[] = "connection to ";
	size_t n = 0;

	out[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len && *text != '\t' && strncmp(text, "Either provide", 14) != 0) {
			bool more = n && !strncmp(text, tried, strlen(tried));

			n = more ? n : 0;
			if (more)
				add(out, &n, "; ", 2);
			add(out, &n, text, len);
		}
		text += len + (text[len] == '\n');
	}
}

/* The messages of class 22 quote the value that did not fit: 'invalid input syntax for type date:
 * "1950.3.7"'. */
static void hide_quoted(char *out, const char *text)
{
	static const struct {
		const char *open, *close;
	} quotes[] = {{"\"", "\""}, {"“", "”"}, {"'", "'"}, {"«", "»"}};
	size_t n = 0;

	out[0] = '\0';
	while (*text) {
		const char *end = NULL;
		size_t q = 0;

		while (q < BR_LEN(quotes) &&
			strncmp(text, quotes[q].open, strlen(quotes[q].open)) != 0)
			q++;
		if (q == BR_LEN(quotes)) {
			size_t plain = strcspn(text + 1, "\"'\xe2\xc2") + 1;

			add(out, &n, text, plain);
			text += plain;
			continue;
		}
		/* a value may hold quotes itself: up to the last one */
		for (const char *p = text + 1; (p = strstr(p, quotes[q].close)); p++)
			end = p + strlen(quotes[q].close);
		add(out, &n, "\"…\"", strlen("\"…\""));
		text = end ? end : text + strlen(text);
	}
}

/* What libpq says of certificates while it connects. A broken connection that was good is none of
 * it. */
static enum br_err_code connection_code(const char *why)
{
	static const struct {
		const char *words, *more; /* both of them; more may be NULL */
		enum br_err_code code;
	} sayings[] = {
		{"certificate verify failed", NULL, BR_E_PG_TLS_CERT},
		{"does not match host name", NULL, BR_E_PG_TLS_NAME},
		{"could not get server's host name", NULL, BR_E_PG_TLS_NAME},
		{"root certificate", "file", BR_E_PG_TLS_FILE},
		{"could not read certificate file", NULL, BR_E_PG_TLS_FILE},
		{"could not open certificate file", NULL, BR_E_PG_TLS_FILE},
		{"private key file", NULL, BR_E_PG_TLS_FILE},
		{"certificate present, but not private key", NULL, BR_E_PG_TLS_FILE},
		{"server does not support SSL", NULL, BR_E_PG_TLS_OFF},
		{"requires a valid client certificate", NULL, BR_E_PG_TLS_CLIENT},
		{"SSL error", " alert ", BR_E_PG_TLS_CLIENT},
	};

	for (size_t i = 0; i < BR_LEN(sayings); i++)
		if (strstr(why, sayings[i].words) &&
			(!sayings[i].more || strstr(why, sayings[i].more)))
			return sayings[i].code;
	return BR_E_PG_UNAVAILABLE;
}

static int unavailable(
	const PGconn *conn, const PGresult *res, const char *state, struct br_err *err)
{
	const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	char why[WHY_ROOM];

	if (text)
		join_lines(why, text);
	else
		connection_words(why, res && *PQresultErrorMessage(res) ? PQresultErrorMessage(res)
									: PQerrorMessage(conn));
	return br_err_set(err, connection_code(why), "why", *why ? why : "the connection was lost",
		state ? "sqlstate" : NULL, state, NULL);
}

static int refused(const PGresult *res, const char *state, struct br_err *err)
{
	static const struct {
		int field;
		const char *key;
	} places[] = {
		{PG_DIAG_TABLE_NAME, "table"},
		{PG_DIAG_COLUMN_NAME, "column"},
		{PG_DIAG_CONSTRAINT_NAME, "constraint"},
	};
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	/* those present move to the front: the first key that is NULL ends the list */
	const char *k[BR_LEN(places)] = {NULL}, *v[BR_LEN(places)] = {NULL};
	char why[WHY_ROOM];
	size_t n = 0;

	if (!text)
		text = "";
	if (!strncmp(state, "22", 2))
		hide_quoted(why, text);
	else
		join_lines(why, text);
	for (size_t i = 0; i < BR_LEN(places); i++) {
		v[n] = PQresultErrorField(res, places[i].field);
		if (v[n])
			k[n++] = places[i].key;
	}
	return br_err_set(err, BR_E_PG_SQL, "sqlstate", state, "why", why, k[0], v[0], k[1], v[1],
		k[2], v[2], NULL);
}

/* The server is going away, starting or full: not the statement's fault. */
static bool is_about_the_server(const char *state)
{
	return !strncmp(state, "08", 2) || !strncmp(state, "57P0", 4) || !strcmp(state, "53300");
}

int br_pg_err(const PGconn *conn, const PGresult *res, struct br_err *err)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

	if (!state || is_about_the_server(state) || (conn && PQstatus(conn) == CONNECTION_BAD))
		return unavailable(conn, res, state, err);
	return refused(res, state, err);
}

/* ---- for command line verbs ---- */

int br_pg_open_sync(const char *conninfo, PGconn **out, struct br_err *err)
{
	struct br_pg_opts o;
	PGconn *conn;
	int rc = br_pg_opts_init(&o, conninfo, err);

	if (rc)
		return rc;
	conn = PQconnectdbParams(o.keys, o.values, 0);
	br_pg_opts_release(&o);
	if (PQstatus(conn) != CONNECTION_OK) {
		rc = br_pg_err(conn, NULL, err);
		PQfinish(conn);
		return rc;
	}
	br_pg_quiet(conn);
	*out = conn;
	return 0;
}

static bool is_good(const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY;
}

int br_pg_exec_sync(PGconn *conn, const char *sql, int nparams, const struct br_pg_param *params,
	PGresult **out, struct br_err *err)
{
	struct br_pg_args a = {0};
	PGresult *res = NULL;
	int rc = 0;

	if (nparams && br_pg_args_fill(&a, nparams, params))
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	else if (nparams)
		res = PQexecParams(conn, sql, nparams, NULL, a.values, a.lengths, a.formats, 0);
	else
		res = PQexec(conn, sql);
	br_pg_args_release(&a);
	if (!rc && !is_good(res))
		rc = br_pg_err(conn, res, err);
	if (!rc && out) {
		*out = res;
		return 0;
	}
	PQclear(res);
	return rc;
}
