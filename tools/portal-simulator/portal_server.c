#include "portal_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_call.h"

#define BODY_MOST (10u << 20)

/* What has come of a request so far. */
struct upload {
	char *target;
	char *body;
	size_t size;
	bool begun, too_large;
};

/* Sent in pieces, by answer_piece(). */
struct slow_body {
	struct portal *portal;
	char *text;
	size_t size, stop_at; /* stop_at < size: the connection ends there */
	int64_t pause_ms;
	size_t piece;
};

/* The first thing of a request: its target as it came, which is what was signed. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct upload *up = calloc(1, sizeof(*up));

	(void)arg;
	(void)connection;
	if (up)
		up->target = strdup(target);
	return up;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct upload *up = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (!up)
		return;
	free(up->target);
	free(up->body);
	free(up);
	*state = NULL;
}

static bool take_body(struct upload *up, const char *data, size_t size)
{
	char *grown;

	if (up->too_large || up->size + size > BODY_MOST) {
		up->too_large = true;
		return true;
	}
	grown = realloc(up->body, up->size + size + 1);
	if (!grown)
		return false;
	up->body = grown;
	memcpy(grown + up->size, data, size);
	up->size += size;
	grown[up->size] = '\0';
	return true;
}

static bool from_loopback(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in *in;

	if (!info || !info->client_addr || info->client_addr->sa_family != AF_INET)
		return false;
	in = (const void *)info->client_addr;
	return ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

static ssize_t answer_piece(void *arg, uint64_t at, char *buffer, size_t room)
{
	struct slow_body *b = arg;
	size_t n = b->stop_at - (size_t)at;

	if (n == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (at > 0)
		portal_wait(b->portal, b->pause_ms);
	if (n > b->piece)
		n = b->piece;
	if (n > room)
		n = room;
	memcpy(buffer, b->text + at, n);
	return (ssize_t)n;
}

static void slow_body_free(void *arg)
{
	struct slow_body *b = arg;

	free(b->text);
	free(b);
}

/* Takes text. */
static struct MHD_Response *make_response(
	struct portal *p, const struct fault_plan *plan, char *text, size_t size)
{
	struct slow_body *b;

	if (plan->ends != FAULT_TRUNCATED && plan->ends != FAULT_TRICKLE)
		return MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct slow_body){.portal = p,
		.text = text,
		.size = size,
		.stop_at = size,
		.pause_ms = plan->ms,
		.piece = (size_t)plan->bytes};
	if (plan->ends == FAULT_TRUNCATED) {
		b->stop_at = size / 2;
		b->piece = size;
		b->pause_ms = 0;
	}
	return MHD_create_response_from_callback(size, 4096, answer_piece, b, slow_body_free);
}

static void add_headers(struct MHD_Response *response, const struct reply *rp, const char *type)
{
	char number[16];

	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (rp->etag[0])
		MHD_add_response_header(response, "ETag", rp->etag);
	if (rp->replay)
		MHD_add_response_header(response, "Idempotent-Replay", "true");
	if (rp->location[0])
		MHD_add_response_header(response, "Location", rp->location);
	if (rp->retry_after) {
		snprintf(number, sizeof(number), "%d", rp->retry_after);
		MHD_add_response_header(response, "Retry-After", number);
	}
}

static enum MHD_Result send_reply(struct portal *p, struct request *rq, struct reply *rp)
{
	const char *type = rp->text ? rp->type : "application/json; charset=utf-8";
	char *text = rp->text ? rp->text : reply_render(rp);
	size_t size = rp->text ? rp->text_size : text ? strlen(text) : 0;
	struct MHD_Response *response;
	enum MHD_Result sent;

	rp->text = NULL;
	if (!text)
		return MHD_NO;
	response = make_response(p, &rq->plan, text, size);
	if (!response)
		return MHD_NO;
	add_headers(response, rp, type);
	sent = MHD_queue_response(rq->connection, call_status(rp), response);
	MHD_destroy_response(response);
	return sent;
}

static enum MHD_Result answer(struct portal *p, struct MHD_Connection *connection, const char *path,
	const char *method, const struct upload *up)
{
	struct request rq = {.connection = connection,
		.method = method,
		.path = path,
		.target = up->target,
		.body = up->body ? up->body : "",
		.body_size = up->size,
		.loopback = from_loopback(connection)};
	struct reply rp = {.code = 0};
	const char *accept = request_header(&rq, "Accept");
	enum MHD_Result sent = MHD_NO;
	bool wanted = true;

	rq.wants_json = accept && strstr(accept, "application/json");
	if (up->too_large)
		reply_refuse(&rp, CODE_TOO_LARGE, NULL, "请求体过大");
	else
		wanted = call_run(p, &rq, &rp);
	/* Refusing to answer makes the library close the connection: that is the lost answer. */
	if (wanted)
		sent = send_reply(p, &rq, &rp);
	reply_clear(&rp);
	return sent;
}

static enum MHD_Result on_call(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct upload *up = *state;

	(void)version;
	if (!up || !up->target)
		return MHD_NO;
	if (!up->begun) {
		up->begun = true;
		return MHD_YES;
	}
	if (*size) {
		bool taken = take_body(up, data, *size);

		*size = 0;
		return taken ? MHD_YES : MHD_NO;
	}
	return answer(arg, connection, path, method, up);
}

struct MHD_Daemon *server_start(struct portal *p)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(p->options->port)};
	const struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, p->options->tls_cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, p->options->tls_key},
		{MHD_OPTION_END, 0, NULL},
	};
	const struct MHD_OptionItem *more = p->options->tls_cert ? tls : &tls[2];
	struct MHD_Daemon *daemon;

	inet_pton(AF_INET, p->options->host, &address.sin_addr);
	daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					  MHD_USE_POLL | (p->options->tls_cert ? MHD_USE_TLS : 0),
		p->options->port, NULL, NULL, on_call, p, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, 512u,
		MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(64 << 10), MHD_OPTION_THREAD_STACK_SIZE, (size_t)(1 << 20),
		MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	if (!daemon)
		fprintf(stderr, "portal-simulator: cannot listen on %s:%u\n", p->options->host,
			(unsigned)p->options->port);
	return daemon;
}

uint16_t server_port(struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void server_stop(struct portal *p, struct MHD_Daemon *daemon)
{
	portal_wake(p, true);
	MHD_stop_daemon(daemon);
}
