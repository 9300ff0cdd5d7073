/*
 * portal_time.h - times as the portal writes them: Beijing time, which has no summer time.
 */
#ifndef PORTAL_TIME_H
#define PORTAL_TIME_H

#include <stdint.h>

int64_t time_now_ms(void);		   /* wall clock, since 1970 UTC */
int64_t time_mono_ms(void);		   /* never set back */
void time_stamp(int64_t ms, char out[15]); /* 20180702090500 */
void time_iso(int64_t ms, char out[32]);   /* 2018-07-02T09:05:00.123+08:00 */

#endif
