/*
 * br_http_tls.h - certificates of br_http: what is given to curl, and what its failures mean.
 *
 * Private to bridge/base.
 */
#ifndef BR_HTTP_TLS_H
#define BR_HTTP_TLS_H

#include "br_http.h"

#include <curl/curl.h>

/* Gives a handle its certificates; tls may be NULL. */
CURLcode br_http_tls_set(CURL *easy, const struct br_http_tls *tls);
/* The code of a failed call whose trouble is a certificate or TLS itself, else BR_E_OK. why: curl's
 * words. */
enum br_err_code br_http_tls_code(CURL *easy, CURLcode rc, const char *why);

#endif
