/*
 * cfg_report.h - the problems of a site, for people and for programs.
 */
#ifndef CFG_REPORT_H
#define CFG_REPORT_H

#include "cfg_node.h"

#include <stdio.h>

/*
 * All problems sorted by file, line and column, each a line that editors can follow:
 *   systems/a.yaml:3:5: CFG-004 unknown key 'tabel'; did you mean 'table'? → correct the key, or
 * remove the line Warnings say so behind the place. What was found twice (a table that two systems
 * read) is told once. The last line counts. An empty report prints nothing.
 */
void cfg_report_print(const struct cfg_report *report, FILE *to, enum br_lang lang);

/*
 * The same order as one JSON object and a newline:
 *   {"errors":1,"warnings":0,"problems":[{"file":...,"line":3,"column":5,"severity":"error","code":"CFG-004",
 *    "text":{"en":...,"zh":...},"next":{"en":...,"zh":...}}]}
 * file is null where there is no place. Returns 0 or -BR_E_NOMEM.
 */
int cfg_report_json(const struct cfg_report *report, FILE *to, struct br_err *err);

#endif
