#include "portal_options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"portal-simulator - a provincial government service portal to test and show against\n"
	"\n"
	"  portal-simulator --listen ADDRESS:PORT --db FILE --app-key KEY --app-secret-file FILE\n"
	"\n"
	"  --listen ADDRESS:PORT    IPv4 address and port; port 0 takes a free one\n"
	"  --db FILE                SQLite database, made when missing\n"
	"  --app-key KEY            the one application that may call the interface\n"
	"  --app-secret-file FILE   its secret (white space at the end is not part of it)\n"
	"  --sign METHOD            hmac-sm3 (default) or hmac-sha256\n"
	"  --tls-cert FILE          HTTPS with this certificate (PEM, with the chain behind it)\n"
	"  --tls-key FILE           its key (PEM)\n"
	"  --port-file FILE         writes the port number there once it listens\n"
	"  --help                   this text\n"
	"\n"
	"Pages for people are at / and /clerk, switches for tests at /_control; README.md has the\n"
	"whole interface. SIGTERM ends it.\n";

static const struct option names[] = {
	{"listen", required_argument, NULL, 'l'},
	{"db", required_argument, NULL, 'd'},
	{"app-key", required_argument, NULL, 'k'},
	{"app-secret-file", required_argument, NULL, 's'},
	{"sign", required_argument, NULL, 'm'},
	{"tls-cert", required_argument, NULL, 'c'},
	{"tls-key", required_argument, NULL, 'y'},
	{"port-file", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int parse_listen(struct options *o, const char *text)
{
	struct in_addr address;
	const char *colon = strrchr(text, ':');
	char *end;
	long port;

	if (!colon || (size_t)(colon - text) >= sizeof(o->host))
		return -1;
	memcpy(o->host, text, (size_t)(colon - text));
	o->host[colon - text] = '\0';
	if (inet_pton(AF_INET, o->host, &address) != 1)
		return -1;
	port = strtol(colon + 1, &end, 10);
	if (!isdigit((unsigned char)colon[1]) || *end || port > 65535)
		return -1;
	o->port = (uint16_t)port;
	return 0;
}

static int read_secret(struct options *o, const char *file)
{
	FILE *f = fopen(file, "re");
	size_t n;

	if (!f) {
		fprintf(stderr, "portal-simulator: cannot read %s: %s\n", file, strerror(errno));
		return -1;
	}
	n = fread(o->secret, 1, sizeof(o->secret) - 1, f);
	fclose(f);
	while (n && isspace((unsigned char)o->secret[n - 1]))
		n--;
	o->secret[n] = '\0';
	if (n)
		return 0;
	fprintf(stderr, "portal-simulator: %s holds no secret\n", file);
	return -1;
}

#define PEM_MAX (64 << 10)

static int read_pem(char **out, const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = f ? malloc(PEM_MAX) : NULL;
	size_t n = text ? fread(text, 1, PEM_MAX - 1, f) : 0;

	if (!n)
		fprintf(stderr, "portal-simulator: cannot read %s: %s\n", file,
			f && text ? "it is empty" : strerror(errno));
	if (f)
		fclose(f);
	if (!n) {
		free(text);
		return -1;
	}
	text[n] = '\0';
	free(*out);
	*out = text;
	return 0;
}

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "portal-simulator: %s %s; see --help\n", what, value);
	return -1;
}

static int take(struct options *o, int name, const char *value)
{
	switch (name) {
	case 'l':
		return parse_listen(o, value) ? wrong("--listen wants ADDRESS:PORT, not", value)
					      : 0;
	case 'd':
		o->db = value;
		return 0;
	case 'k':
		o->app_key = value;
		return 0;
	case 's':
		return read_secret(o, value);
	case 'm':
		if (!strcmp(value, "hmac-sm3"))
			o->sign = HASH_SM3;
		else if (!strcmp(value, "hmac-sha256"))
			o->sign = HASH_SHA256;
		else
			return wrong("--sign wants hmac-sm3 or hmac-sha256, not", value);
		return 0;
	case 'c':
		return read_pem(&o->tls_cert, value);
	case 'y':
		return read_pem(&o->tls_key, value);
	case 'p':
		o->port_file = value;
		return 0;
	case 'h':
		fputs(help, stdout);
		return 1;
	default: /* getopt has said what is wrong */
		return -1;
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int name, rc;

	*o = (struct options){.sign = HASH_SM3};
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		rc = take(o, name, optarg);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return wrong("does not know", argv[optind]);
	if (!o->host[0])
		return wrong("--listen", "is missing");
	if (!o->db)
		return wrong("--db", "is missing");
	if (!o->app_key || !*o->app_key)
		return wrong("--app-key", "is missing");
	if (!o->secret[0])
		return wrong("--app-secret-file", "is missing");
	if (!o->tls_cert != !o->tls_key)
		return wrong(o->tls_cert ? "--tls-key" : "--tls-cert", "is missing");
	return 0;
}

void options_free(struct options *o)
{
	free(o->tls_cert);
	free(o->tls_key);
	o->tls_cert = o->tls_key = NULL;
}
