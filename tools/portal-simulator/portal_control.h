/*
 * portal_control.h - /_control: switches, faults, journal, reset; its handlers are in portal_api.h.
 */
#ifndef PORTAL_CONTROL_H
#define PORTAL_CONTROL_H

#include "portal.h"

/* Takes over the switches and the faults without a count from the database. */
void control_restore(struct portal *p);

#endif
