/*
 * sim_time.c - events in the order of virtual time, and br_loop.h on top of them.
 */
#include "sim.h"

#include <stdlib.h>

struct event {
	struct sim_proc *proc;
	struct br_timer *timer; /* of a loop; else fn */
	sim_fn *fn;
	void *arg;
	uint32_t place; /* in the heap */
};

/* When it happens, and of which it is. */
struct moment {
	int64_t at;
	uint64_t order;
	uint32_t event;
};

static struct event *events; /* a pool; kept from run to run */
static struct moment *heap;
static uint32_t *unused;
static uint32_t nevents, room, nheap, nunused;

/* ---- chance: splitmix64 ---- */

uint64_t sim_rnd(void)
{
	uint64_t z = sim.rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int sim_below(int n)
{
	return (int)(sim_rnd() % (uint64_t)n);
}

int64_t sim_between(int64_t lo, int64_t hi)
{
	return lo + (int64_t)(sim_rnd() % (uint64_t)(hi - lo + 1));
}

bool sim_chance(int percent)
{
	return sim_below(100) < percent;
}

bool sim_fault(int of_10000)
{
	return of_10000 && !sim.quiet && sim_below(10000) < of_10000;
}

int64_t sim_latency(int64_t typical)
{
	uint64_t r = sim_rnd();
	int64_t us = 1 + (int64_t)((r >> 8) % (uint64_t)typical);

	/* one in sixteen takes ten times as long, one in 256 a hundred times */
	if (!sim.quiet && (r & 15) == 0)
		us *= (r & 240) == 0 ? 100 : 10;
	return us;
}

/* ---- the heap ---- */

static bool before(const struct moment *a, const struct moment *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(uint32_t i, struct moment m)
{
	heap[i] = m;
	events[m.event].place = i;
}

static void rise(uint32_t i, struct moment m)
{
	while (i > 0 && before(&m, &heap[(i - 1) / 2])) {
		put(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(i, m);
}

static void sink(uint32_t i, struct moment m)
{
	for (uint32_t child; (child = 2 * i + 1) < nheap; i = child) {
		if (child + 1 < nheap && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &m))
			break;
		put(i, heap[child]);
	}
	put(i, m);
}

/* m belongs at i or above or below it. */
static void settle(uint32_t i, struct moment m)
{
	if (i > 0 && before(&m, &heap[(i - 1) / 2]))
		rise(i, m);
	else
		sink(i, m);
}

static void grow(void)
{
	room = room ? room * 2 : 1024;
	events = realloc(events, room * sizeof(*events));
	heap = realloc(heap, room * sizeof(*heap));
	unused = realloc(unused, room * sizeof(*unused));
	if (!events || !heap || !unused)
		abort();
}

static uint32_t add(int64_t at, struct sim_proc *proc)
{
	uint32_t e;

	if (nunused == 0 && nevents == room)
		grow();
	e = nunused ? unused[--nunused] : nevents++;
	events[e] = (struct event){.proc = proc};
	rise(nheap++, (struct moment){at, ++sim.order, e});
	return e;
}

static void take_out(uint32_t e)
{
	uint32_t i = events[e].place;
	struct moment last = heap[--nheap];

	if (last.event != e)
		settle(i, last);
	unused[nunused++] = e;
}

void sim_time_begin(void)
{
	nevents = nheap = nunused = 0;
}

void sim_time_end(void)
{
	free(events);
	free(heap);
	free(unused);
	events = NULL;
	heap = NULL;
	unused = NULL;
	room = 0;
	sim_time_begin();
}

void sim_after(int64_t us, struct sim_proc *proc, sim_fn *fn, void *arg)
{
	uint32_t e = add(sim.now + us, proc);

	events[e].fn = fn;
	events[e].arg = arg;
}

/* ---- running ---- */

/* What a paused process would have done it does later, in the same order. */
static void put_off(uint32_t e, int64_t at)
{
	struct moment m = heap[events[e].place];

	m.at = at;
	sink(events[e].place, m);
}

static void happen(uint32_t e)
{
	struct event ev = events[e];
	int64_t at = heap[ev.place].at;

	take_out(e);
	if (ev.timer)
		ev.timer->slot = 0;
	sim.current = ev.proc;
	sim.steps++;
	sim.digest = (sim.digest ^ (uint64_t)at) * UINT64_C(0x100000001b3) + sim.rng;
	if (ev.timer)
		ev.timer->fn(ev.timer->arg);
	else
		ev.fn(ev.arg);
	sim.current = NULL;
	if (ev.proc)
		sim_proc_reap(ev.proc);
}

bool sim_run_until(int64_t at)
{
	while (nheap && heap[0].at <= at && !sim.wrong[0]) {
		uint32_t e = heap[0].event;
		struct sim_proc *p = events[e].proc;

		sim.now = heap[0].at;
		if (p && p->dead) {
			if (events[e].timer)
				events[e].timer->slot = 0;
			take_out(e);
		} else if (p && p->paused_until > sim.now) {
			put_off(e, p->paused_until);
		} else if (!p || !sim_proc_fault(p)) {
			happen(e);
		}
	}
	if (nheap && !sim.wrong[0])
		sim.now = at;
	return nheap > 0;
}

/* ---- br_loop.h ---- */

struct br_loop *br_loop_new(struct br_err *err)
{
	(void)err;
	abort(); /* the loops of processes are made with them */
}

void br_loop_free(struct br_loop *l)
{
	(void)l;
}

void br_loop_on_signal(struct br_loop *l, br_signal_fn *fn, void *arg)
{
	l->on_signal = fn;
	l->on_signal_arg = arg;
}

int br_loop_watch(struct br_loop *l, int fd, short events_wanted, br_fd_fn *fn, void *arg)
{
	(void)l;
	(void)fd;
	(void)events_wanted;
	(void)fn;
	(void)arg;
	abort(); /* nothing in the simulation has a file descriptor */
}

void br_timer_set(struct br_loop *l, struct br_timer *t, int64_t us)
{
	if (us < 0) {
		if (t->slot)
			take_out(t->slot - 1);
		t->slot = 0;
		return;
	}
	/* never earlier than asked, and a little late as loops are */
	t->at = sim.now + us + 1 + (int64_t)(sim_rnd() & 127);
	if (t->slot) {
		settle(events[t->slot - 1].place, (struct moment){t->at, ++sim.order, t->slot - 1});
		return;
	}
	t->slot = add(t->at, l->proc) + 1;
	events[t->slot - 1].timer = t;
}

int br_loop_run(struct br_loop *l)
{
	(void)l;
	abort();
}

void br_loop_stop(struct br_loop *l, int status)
{
	l->stopped = true;
	l->status = status;
}

void br_loop_turn(struct br_loop *l, int64_t max_us)
{
	(void)l;
	(void)max_us;
	abort();
}

int64_t br_loop_now(const struct br_loop *l)
{
	(void)l;
	return sim.now;
}

int64_t br_wall_us(void)
{
	return SIM_EPOCH_US + sim.now + (sim.current ? sim.current->skew : 0);
}
