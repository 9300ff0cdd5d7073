/*
 * sim_kind.h - what connectors of the simulation write to: SQL systems with and without an inbox
 * (sim_sql.c, a kind of its own), and HTTP systems (the real http kind over sim_http.c).
 */
#ifndef SIM_KIND_H
#define SIM_KIND_H

#include "conn_kind.h"

const struct conn_kind *sim_kind_of(int system);
extern const struct conn_kind sim_sql_s1, sim_sql_s2;

#endif
