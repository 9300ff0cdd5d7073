#include "portal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "portal_time.h"

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
	*rp = (struct reply){ .code = 0 };
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
	const int64_t until = time_mono_ms() + ms;
	const struct timespec deadline = { .tv_sec = until / 1000,
		.tv_nsec = until % 1000 * 1000000 };

	if (ms <= 0)
		return;
	pthread_mutex_lock(&p->stop_lock);
	while (!p->stopping)
		if (pthread_cond_timedwait(&p->stop_wake, &p->stop_lock, &deadline) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&p->stop_lock);
}
