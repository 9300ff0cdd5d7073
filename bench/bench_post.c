/*
 * bench-post URL SECRET-FILE CONNECTIONS FILE
 *
 * libcurl alone against the simulated portal: for each line of FILE (the department's number, a
 * tab, the members of the basic information as JSON) the two calls of a new case, signed, on so
 * many connections kept alive. From the first call to the last answer; the token is not measured.
 */
#include "bench_clock.h"
#include "bench_file.h"
#include "bench_sign.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define ITEM		"11341503999900222D4002011099000"
#define APP_KEY		"casebridge"
#define CONNECTIONS_MAX 64

struct slot {
	CURL *easy;
	struct curl_slist *headers;
	char body[8192], answer[16384];
	size_t n;
	const struct bench_line *line;
	char projid[64]; /* empty: the number is asked for */
};

static struct {
	const char *url;
	char secret[128], token[256];
	struct bench_file file;
	size_t next, done; /* lines begun, cases made */
	int64_t bytes;
	CURLM *multi;
} run;

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	if (s->n + size * n >= sizeof(s->answer))
		return 0;
	memcpy(s->answer + s->n, p, size * n);
	s->n += size * n;
	s->answer[s->n] = '\0';
	return size * n;
}

/* The text of a member; the simulator writes compact JSON. */
static void member(const struct slot *s, const char *name, char *out, size_t room)
{
	char key[64];
	const char *p, *end;

	snprintf(key, sizeof(key), "\"%s\":\"", name);
	p = strstr(s->answer, key);
	end = p ? strchr(p + strlen(key), '"') : NULL;
	if (!end || (size_t)(end - p) - strlen(key) >= room)
		bench_die(name, s->answer);
	p += strlen(key);
	memcpy(out, p, (size_t)(end - p));
	out[end - p] = '\0';
}

static void add_header(struct slot *s, const char *name, const char *value)
{
	char line[512];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	s->headers = curl_slist_append(s->headers, line);
}

static void prepare(struct slot *s, const char *path)
{
	char url[512];

	snprintf(url, sizeof(url), "%s%s", run.url, path);
	curl_slist_free_all(s->headers);
	s->headers = NULL;
	s->n = 0;
	add_header(s, "Content-Type", "application/json; charset=utf-8");
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(s->body));
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body);
}

static void post(struct slot *s, const char *path)
{
	char timestamp[32], nonce[32], body_hash[SIGN_HEX], text[1024], signature[SIGN_HEX],
		key[128];

	prepare(s, path);
	sign_timestamp(timestamp);
	sign_nonce(nonce);
	sign_hash(s->body, strlen(s->body), body_hash);
	snprintf(text, sizeof(text), "POST\n%s\n%s\n%s\n%s", path, timestamp, nonce, body_hash);
	sign_hmac(run.secret, text, signature);
	snprintf(key, sizeof(key), "raw.%.*s", 64, s->line->p);
	key[strcspn(key, "\t")] = '\0';
	add_header(s, "x-aep-appkey", APP_KEY);
	add_header(s, "x-aep-timestamp", timestamp);
	add_header(s, "x-aep-nonce", nonce);
	add_header(s, "x-aep-signature", signature);
	add_header(s, "token", run.token);
	add_header(s, "Idempotency-Key", key);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	run.bytes += (int64_t)strlen(s->body);
	if (curl_multi_add_handle(run.multi, s->easy))
		bench_die("libcurl", "cannot send");
}

static void ask_number(struct slot *s)
{
	size_t number = strcspn(s->line->p, "\t");

	s->projid[0] = '\0';
	snprintf(s->body, sizeof(s->body), "{\"itemId\":\"" ITEM "\",\"ORGBUSNO\":\"%.*s\"}",
		(int)number, s->line->p);
	post(s, "/web/approval/createReceiveNum");
}

static void send_basic(struct slot *s)
{
	size_t number = strcspn(s->line->p, "\t");

	member(s, "projid", s->projid, sizeof(s->projid));
	snprintf(s->body, sizeof(s->body), "{\"PROJID\":\"%s\",%.*s}", s->projid,
		(int)(s->line->n - number - 1), s->line->p + number + 1);
	post(s, "/case/receiveBasicInfo");
}

static void begin_next(struct slot *s)
{
	if (run.next == run.file.nlines)
		return;
	s->line = &run.file.lines[run.next++];
	ask_number(s);
}

static void answered(struct slot *s)
{
	if (!strstr(s->answer, "\"code\":200"))
		bench_die("the portal refused", s->answer);
	if (!s->projid[0]) {
		send_basic(s);
		return;
	}
	run.done++;
	begin_next(s);
}

static void get_token(struct slot *s)
{
	char timestamp[32], nonce[32], text[256], signature[SIGN_HEX];

	sign_timestamp(timestamp);
	sign_nonce(nonce);
	snprintf(text, sizeof(text), "appKey=" APP_KEY "&nonce=%s&timestamp=%s", nonce, timestamp);
	sign_hmac(run.secret, text, signature);
	snprintf(s->body, sizeof(s->body),
		"{\"appKey\":\"" APP_KEY
		"\",\"timestamp\":\"%s\",\"nonce\":\"%s\",\"sign\":\"%s\"}",
		timestamp, nonce, signature);
	prepare(s, "/auth/token");
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	if (curl_easy_perform(s->easy))
		bench_die(run.url, "does not answer");
	member(s, "token", run.token, sizeof(run.token));
}

static void turn(void)
{
	int left, running;
	CURLMsg *m;

	curl_multi_perform(run.multi, &running);
	while ((m = curl_multi_info_read(run.multi, &left))) {
		struct slot *s;
		CURLcode rc = m->data.result;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		curl_multi_remove_handle(run.multi, s->easy);
		if (rc)
			bench_die("a call failed", curl_easy_strerror(rc));
		answered(s);
	}
	if (run.done < run.file.nlines)
		curl_multi_poll(run.multi, NULL, 0, 1000, NULL);
}

static void read_secret(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f || !fgets(run.secret, sizeof(run.secret), f))
		bench_die(path, "no secret");
	run.secret[strcspn(run.secret, "\r\n")] = '\0';
	fclose(f);
}

int main(int argc, char **argv)
{
	static struct slot slots[CONNECTIONS_MAX];
	struct bench_span begin;
	long connections;

	if (argc != 5)
		bench_die("usage", "bench-post URL SECRET-FILE CONNECTIONS FILE");
	run.url = argv[1];
	read_secret(argv[2]);
	connections = strtol(argv[3], NULL, 10);
	if (connections < 1 || connections > CONNECTIONS_MAX)
		bench_die("CONNECTIONS", "1 to 64");
	bench_file_read(&run.file, argv[4]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	run.multi = curl_multi_init();
	for (long i = 0; i < connections; i++)
		slots[i].easy = curl_easy_init();
	get_token(&slots[0]);
	begin = bench_begin();
	for (long i = 0; i < connections; i++)
		begin_next(&slots[i]);
	while (run.done < run.file.nlines)
		turn();
	bench_tell(begin, (int64_t)run.file.nlines, run.bytes);
	return 0;
}
