/*
 * portal_options.h - the command line.
 */
#ifndef PORTAL_OPTIONS_H
#define PORTAL_OPTIONS_H

#include <stdint.h>

#include "portal_hash.h"

struct options {
	char host[64]; /* IPv4 address to listen on */
	uint16_t port; /* 0 = a free one */
	const char *db;
	const char *app_key;
	char secret[512]; /* contents of the secret file, white space at the end removed */
	enum hash_kind sign;
	const char *port_file;	  /* NULL = none */
	char *tls_cert, *tls_key; /* PEM, malloc'ed; NULL = plain HTTP */
};

void options_free(struct options *o);
/* Returns 0, 1 when --help was printed, or -1 after saying on stderr what is wrong. */
int options_parse(struct options *o, int argc, char **argv);

#endif
