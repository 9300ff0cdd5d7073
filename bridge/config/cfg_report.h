/*
 * cfg_report.h - problems of a site for people and programs.
 */
#ifndef CFG_REPORT_H
#define CFG_REPORT_H

#include "cfg_node.h"
#include <stdio.h>

/* Sorted by file and line, one per line, with the number at the end. */
void cfg_report_print(struct cfg_report *report, FILE *to, enum br_lang lang);

#endif
