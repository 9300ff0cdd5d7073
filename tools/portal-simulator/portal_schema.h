/*
 * portal_schema.h - all SQL of the program.
 */
#ifndef PORTAL_SCHEMA_H
#define PORTAL_SCHEMA_H

extern const char schema_settings[];   /* for every connection */
extern const char schema_tables[];     /* tables and the items on offer; may be run again */
extern const char *const schema_sql[]; /* by enum query */

#endif
