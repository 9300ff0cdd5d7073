/*
 * http_kind.h - connector kind `http`: JSON over REST.
 *
 * Everything a portal does in its own way is said in the system's YAML: paths, members, how success
 * and errors are told (status and body), what to do about each, signing, which calls make up a
 * create or an update. See docs/connectors/http.md for the keys.
 */
#ifndef HTTP_KIND_H
#define HTTP_KIND_H

#include "conn_kind.h"

extern const struct conn_kind http_kind;

#endif
