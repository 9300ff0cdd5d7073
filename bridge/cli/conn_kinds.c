/*
 * conn_kinds.c - all connector kinds, by hand: a new kind is one line here.
 */
#include "http_kind.h"
#include "pg_kind.h"

const struct conn_kind *const conn_kinds[] = {&pg_kind, &http_kind, NULL};
