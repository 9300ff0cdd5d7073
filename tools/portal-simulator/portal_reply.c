#include "portal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_GET_ARGUMENT_KIND, name);
}

int reply_refuse(struct reply *rp, int code, const char *field, const char *msg)
{
	json_decref(rp->data);
	rp->data = NULL;
	rp->code = code;
	rp->etag[0] = '\0';
	if (field) {
		rp->data = json_pack("{s:s}", "field", field);
		snprintf(rp->msg, sizeof(rp->msg), "%s：%s", field, msg);
	} else {
		snprintf(rp->msg, sizeof(rp->msg), "%s", msg);
	}
	return code;
}

int reply_ok(struct reply *rp, json_t *data)
{
	json_decref(rp->data);
	rp->data = data;
	rp->code = CODE_OK;
	snprintf(rp->msg, sizeof(rp->msg), "成功");
	return CODE_OK;
}

void reply_clear(struct reply *rp)
{
	json_decref(rp->data);
	free(rp->text);
	*rp = (struct reply){.code = 0};
}

char *reply_render(const struct reply *rp)
{
	json_t *o = json_object();
	char *text;

	json_object_set_new(o, "code", json_integer(rp->code));
	json_object_set_new(o, "msg", json_string(rp->msg));
	if (rp->data)
		json_object_set(o, "data", rp->data);
	else
		json_object_set_new(o, "data", json_null());
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

void portal_wait(struct portal *p, int64_t ms)
{
	struct timespec until;
	unsigned wakes;

	if (ms <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&p->wait_lock);
	wakes = p->wakes;
	while (!p->stopping && p->wakes == wakes)
		if (pthread_cond_timedwait(&p->wait_end, &p->wait_lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&p->wait_lock);
}

void portal_wake(struct portal *p, bool stop)
{
	pthread_mutex_lock(&p->wait_lock);
	p->wakes++;
	p->stopping = p->stopping || stop;
	pthread_cond_broadcast(&p->wait_end);
	pthread_mutex_unlock(&p->wait_lock);
}
