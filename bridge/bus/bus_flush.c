/*
 * bus_flush.c - what a turn of the loop has sent goes out when the turn is over.
 *
 * linger.ms is the one knob librdkafka has, and it costs either time or work: short, and the
 * messages of one batch leave in many small requests; long, and a single change waits for company
 * that never comes. The loop knows when a batch ends. So linger is long, and at the end of the turn
 * the producer is told to wait no longer. rd_kafka_flush() says so only for as long as it runs, so
 * a thread of its own runs it, a moment each time.
 */
#include "bus_internal.h"

#include <pthread.h>
#include <stdlib.h>

#define FLUSH_MS 5 /* as linger.ms: for librdkafka's threads to notice, also on a busy machine */

struct bus_flusher {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	rd_kafka_t *producer;
	bool wanted, ending;
};

static void *flush_when_asked(void *arg)
{
	struct bus_flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->ending) {
		if (!f->wanted) {
			pthread_cond_wait(&f->asked, &f->lock);
			continue;
		}
		f->wanted = false;
		pthread_mutex_unlock(&f->lock);
		rd_kafka_flush(f->producer, FLUSH_MS);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct bus_flusher *bus_flusher_new(rd_kafka_t *producer)
{
	struct bus_flusher *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->producer = producer;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->asked, NULL);
	if (pthread_create(&f->thread, NULL, flush_when_asked, f) == 0)
		return f;
	pthread_cond_destroy(&f->asked);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}

static void ask(struct bus_flusher *f, bool *what)
{
	pthread_mutex_lock(&f->lock);
	*what = true;
	pthread_cond_signal(&f->asked);
	pthread_mutex_unlock(&f->lock);
}

void bus_flusher_ask(struct bus_flusher *f)
{
	if (f)
		ask(f, &f->wanted);
}

void bus_flusher_free(struct bus_flusher *f)
{
	if (!f)
		return;
	ask(f, &f->ending);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->asked);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
