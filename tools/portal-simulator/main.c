/* portal-simulator: starts, listens until SIGTERM or SIGINT, and ends in order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "portal_control.h"
#include "portal_server.h"

static int open_portal(struct portal *p, const struct options *o)
{
	pthread_condattr_t attr;
	char why[300];

	p->options = o;
	pthread_mutex_init(&p->wait_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wait_end, &attr);
	pthread_condattr_destroy(&attr);
	auth_init(&p->auth);
	settings_init(&p->settings);
	faults_init(&p->faults);
	stats_init(&p->stats);
	if (db_open(&p->writer, o->db, true, why, sizeof(why)) ||
		db_open(&p->reader, o->db, false, why, sizeof(why))) {
		fprintf(stderr, "portal-simulator: %s: %s\n", o->db, why);
		return -1;
	}
	control_restore(p);
	return 0;
}

static void close_portal(struct portal *p)
{
	db_close(&p->reader);
	db_close(&p->writer);
	stats_free(&p->stats);
	faults_clear(&p->faults);
	auth_free(&p->auth);
}

/* Whole or not at all: a reader never sees half a number. */
static int write_port(const char *file, uint16_t port)
{
	char *part;
	FILE *f;
	int rc = -1;

	if (asprintf(&part, "%s.part", file) < 0)
		return -1;
	f = fopen(part, "we");
	if (f && fprintf(f, "%u\n", (unsigned)port) > 0 && fclose(f) == 0)
		rc = rename(part, file);
	if (rc)
		fprintf(stderr, "portal-simulator: cannot write %s: %s\n", file, strerror(errno));
	free(part);
	return rc;
}

static int serve(struct portal *p, const sigset_t *ends)
{
	struct MHD_Daemon *daemon = server_start(p);
	uint16_t port;
	int got, rc = 0;

	if (!daemon)
		return -1;
	port = server_port(daemon);
	if (p->options->port_file)
		rc = write_port(p->options->port_file, port);
	if (!rc) {
		printf("portal-simulator ready %s://%s:%u/\n",
			p->options->tls_cert ? "https" : "http", p->options->host, (unsigned)port);
		fflush(stdout);
		sigwait(ends, &got);
	}
	server_stop(p, daemon);
	return rc;
}

int main(int argc, char **argv)
{
	static struct portal portal;
	struct options options;
	sigset_t ends;
	int rc = options_parse(&options, argc, argv);

	if (rc) {
		options_free(&options);
		return rc > 0 ? 0 : 2;
	}
	/* Before any thread is there, so that all of them leave these signals to sigwait(). */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	rc = open_portal(&portal, &options) || serve(&portal, &ends) ? 1 : 0;
	close_portal(&portal);
	options_free(&options);
	return rc;
}
