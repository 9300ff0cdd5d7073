/*
 * One turn: poll, fds, timers. Fds come before timers so that an answer and its time-out arriving
 * in the same turn count as an answer.
 *
 * poll(2) and not epoll: tens of fds, and libpq may close its socket and open another under the
 * same number, which an epoll set silently forgets. For the same reason a forgotten watch is only
 * marked during a turn: its place is not given to a new watch before the turn is over, so that
 * events of the old socket never reach the new owner of its number.
 *
 * poll(2) counts its time-out by a clock that stands still while the machine is suspended. So a
 * timerfd of the clock that goes on wakes us too, where the wait is a long one: a short one ends
 * at most that much later.
 */
#include "br_loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LONG_US 500000 /* waits from here on need the timerfd */

struct watch {
	br_fd_fn *fn;
	void *arg;
};

struct br_loop {
	/* dense, side by side; pfd.fd < 0 = forgotten during this turn */
	struct pollfd *pfds;
	struct watch *watches;
	size_t nwatches, room;
	bool forgotten;	 /* some pfd.fd < 0 */
	unsigned *place; /* by fd: index in pfds + 1, 0 = not watched */
	size_t nplaces;
	struct br_timer **heap; /* least at first; slot = index + 1 */
	size_t ntimers, heap_room;
	int64_t now; /* of this turn */
	bool in_turn, stopped;
	int status;
	int sigfd, wakefd;
	int64_t wake_at; /* what wakefd is set to; 0 = nothing */
	bool signalled;	 /* a TERM or INT was seen */
	br_signal_fn *on_signal;
	void *signal_arg;
};

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t br_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t br_clock_us(void)
{
	return clock_us(CLOCK_BOOTTIME);
}

int64_t br_loop_now(const struct br_loop *l)
{
	return l->in_turn ? l->now : br_clock_us();
}

/* ---- signals ---- */

static void one_signal(struct br_loop *l, int signo)
{
	bool ends = signo == SIGTERM || signo == SIGINT;

	if (ends && l->signalled)
		_exit(128 + signo);
	if (ends)
		l->signalled = true;
	if (l->on_signal)
		l->on_signal(l->signal_arg, signo);
	else if (ends)
		br_loop_stop(l, 0);
}

static void signals_ready(void *arg, int fd, short revents)
{
	struct br_loop *l = arg;
	struct signalfd_siginfo si;

	(void)revents;
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		one_signal(l, (int)si.ssi_signo);
}

static int open_signals(struct br_loop *l, struct br_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* curl is told to leave signals alone, so a write to a closed TLS connection would kill us
	 */
	signal(SIGPIPE, SIG_IGN);
	l->sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->sigfd < 0)
		return br_err_set(
			err, BR_E_SYSTEM, "call", "signalfd", "why", strerror(errno), NULL);
	if (br_loop_watch(l, l->sigfd, POLLIN, signals_ready, l))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return 0;
}

static void woken(void *arg, int fd, short revents)
{
	struct br_loop *l = arg;
	uint64_t times;

	(void)revents;
	while (read(fd, &times, sizeof(times)) > 0)
		;
	l->wake_at = 0;
}

static int open_wake(struct br_loop *l, struct br_err *err)
{
	l->wakefd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->wakefd < 0)
		return br_err_set(
			err, BR_E_SYSTEM, "call", "timerfd_create", "why", strerror(errno), NULL);
	if (br_loop_watch(l, l->wakefd, POLLIN, woken, l))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return 0;
}

void br_loop_on_signal(struct br_loop *l, br_signal_fn *fn, void *arg)
{
	l->on_signal = fn;
	l->signal_arg = arg;
}

struct br_loop *br_loop_new(struct br_err *err)
{
	struct br_loop *l = calloc(1, sizeof(*l));

	if (!l) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	l->sigfd = l->wakefd = -1;
	if (open_signals(l, err) || open_wake(l, err)) {
		br_loop_free(l);
		return NULL;
	}
	return l;
}

void br_loop_free(struct br_loop *l)
{
	if (!l)
		return;
	/* timers are other people's memory: leave them saying "not set" */
	for (size_t i = 0; i < l->ntimers; i++)
		l->heap[i]->slot = 0;
	if (l->sigfd >= 0)
		close(l->sigfd);
	if (l->wakefd >= 0)
		close(l->wakefd);
	free(l->pfds);
	free(l->watches);
	free(l->place);
	free(l->heap);
	free(l);
}

/* ---- watches ---- */

static int room_for_fd(struct br_loop *l, int fd)
{
	size_t n = l->nplaces ? l->nplaces : 64;
	unsigned *p;

	if ((size_t)fd < l->nplaces)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	p = realloc(l->place, n * sizeof(*p));
	if (!p)
		return -BR_E_NOMEM;
	memset(p + l->nplaces, 0, (n - l->nplaces) * sizeof(*p));
	l->place = p;
	l->nplaces = n;
	return 0;
}

static int room_for_watch(struct br_loop *l)
{
	size_t n = l->room ? l->room * 2 : 16;
	struct pollfd *pfds;
	struct watch *watches;

	if (l->nwatches < l->room)
		return 0;
	pfds = realloc(l->pfds, n * sizeof(*pfds));
	if (!pfds)
		return -BR_E_NOMEM;
	l->pfds = pfds;
	watches = realloc(l->watches, n * sizeof(*watches));
	if (!watches)
		return -BR_E_NOMEM;
	l->watches = watches;
	l->room = n;
	return 0;
}

static void forget(struct br_loop *l, int fd)
{
	unsigned place = (size_t)fd < l->nplaces ? l->place[fd] : 0;

	if (!place)
		return;
	l->place[fd] = 0;
	l->pfds[place - 1].fd = -1;
	l->forgotten = true;
}

int br_loop_watch(struct br_loop *l, int fd, short events, br_fd_fn *fn, void *arg)
{
	assert(fd >= 0);
	if (!events) {
		forget(l, fd);
		return 0;
	}
	if (room_for_fd(l, fd))
		return -BR_E_NOMEM;
	if (!l->place[fd]) {
		if (room_for_watch(l))
			return -BR_E_NOMEM;
		l->pfds[l->nwatches] = (struct pollfd){.fd = fd};
		l->place[fd] = (unsigned)++l->nwatches;
	}
	l->pfds[l->place[fd] - 1].events = events;
	l->watches[l->place[fd] - 1] = (struct watch){fn, arg};
	return 0;
}

static void close_gaps(struct br_loop *l)
{
	size_t n = 0;

	if (!l->forgotten)
		return;
	for (size_t i = 0; i < l->nwatches; i++) {
		if (l->pfds[i].fd < 0)
			continue;
		l->pfds[n] = l->pfds[i];
		l->watches[n] = l->watches[i];
		n++;
		l->place[l->pfds[n - 1].fd] = (unsigned)n;
	}
	l->nwatches = n;
	l->forgotten = false;
}

/* Watches added by a callback have revents 0 and wait for the next turn. */
static void run_fds(struct br_loop *l)
{
	for (size_t i = 0; i < l->nwatches; i++) {
		struct pollfd *p = &l->pfds[i];
		short revents = p->revents & (short)(p->events | POLLERR | POLLHUP | POLLNVAL);

		if (p->fd >= 0 && revents)
			l->watches[i].fn(l->watches[i].arg, p->fd, revents);
	}
}

/* ---- timers ---- */

static void put(struct br_loop *l, size_t i, struct br_timer *t)
{
	l->heap[i] = t;
	t->slot = (unsigned)i + 1;
}

static void sift_up(struct br_loop *l, size_t i, struct br_timer *t)
{
	while (i > 0 && t->at < l->heap[(i - 1) / 2]->at) {
		put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(l, i, t);
}

static void sift_down(struct br_loop *l, size_t i, struct br_timer *t)
{
	for (size_t child; (child = 2 * i + 1) < l->ntimers; i = child) {
		if (child + 1 < l->ntimers && l->heap[child + 1]->at < l->heap[child]->at)
			child++;
		if (t->at <= l->heap[child]->at)
			break;
		put(l, i, l->heap[child]);
	}
	put(l, i, t);
}

static void place_timer(struct br_loop *l, size_t i, struct br_timer *t)
{
	if (i > 0 && t->at < l->heap[(i - 1) / 2]->at)
		sift_up(l, i, t);
	else
		sift_down(l, i, t);
}

static void take_out(struct br_loop *l, struct br_timer *t)
{
	size_t i = t->slot - 1;
	struct br_timer *last = l->heap[--l->ntimers];

	t->slot = 0;
	if (last != t)
		place_timer(l, i, last);
}

static void room_for_timer(struct br_loop *l)
{
	size_t n = l->heap_room ? l->heap_room * 2 : 64;
	struct br_timer **heap;

	if (l->ntimers < l->heap_room)
		return;
	heap = realloc(l->heap, n * sizeof(struct br_timer *));
	if (!heap) {
		/* A lost timer is a lost time-out: nobody would notice. Dying is noticed, and safe.
		 */
		fputs("br_loop: out of memory for timers\n", stderr);
		abort();
	}
	l->heap = heap;
	l->heap_room = n;
}

void br_timer_set(struct br_loop *l, struct br_timer *t, int64_t us)
{
	size_t i;

	if (us < 0) {
		if (t->slot)
			take_out(l, t);
		return;
	}
	/*
	 * By the real clock, not the turn's: never earlier than asked (curl would then wait for
	 * ever). But strictly later than this turn, since a callback that sets its own timer to 0
	 * must let others run.
	 */
	t->at = br_clock_us() + us;
	if (l->in_turn && t->at <= l->now)
		t->at = l->now + 1;
	if (t->slot) {
		place_timer(l, t->slot - 1, t);
		return;
	}
	room_for_timer(l);
	i = l->ntimers++;
	sift_up(l, i, t);
}

static void run_timers(struct br_loop *l)
{
	while (l->ntimers && l->heap[0]->at <= l->now) {
		struct br_timer *t = l->heap[0];

		take_out(l, t);
		t->fn(t->arg);
	}
}

/* ---- turns ---- */

static int64_t patience(const struct br_loop *l, int64_t max_us)
{
	int64_t us;

	if (!l->ntimers)
		return max_us;
	us = l->heap[0]->at - br_clock_us();
	if (us < 0)
		us = 0;
	return max_us >= 0 && max_us < us ? max_us : us;
}

/* One that is left set from before wakes us once for nothing. */
static void set_wake(struct br_loop *l, int64_t us)
{
	int64_t at = l->ntimers ? l->heap[0]->at : 0;
	struct itimerspec when = {
		.it_value = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000}};

	if (us < LONG_US || at == 0 || at == l->wake_at)
		return;
	if (timerfd_settime(l->wakefd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		l->wake_at = at;
}

void br_loop_turn(struct br_loop *l, int64_t max_us)
{
	int64_t us = patience(l, max_us);
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};
	int n;

	assert(!l->in_turn);
	set_wake(l, us);
	close_gaps(l);
	n = ppoll(l->pfds, l->nwatches, us < 0 ? NULL : &ts, NULL);
	l->now = br_clock_us();
	l->in_turn = true;
	if (n > 0)
		run_fds(l);
	run_timers(l);
	l->in_turn = false;
}

int br_loop_run(struct br_loop *l)
{
	while (!l->stopped)
		br_loop_turn(l, -1);
	l->stopped = false;
	return l->status;
}

void br_loop_stop(struct br_loop *l, int status)
{
	l->stopped = true;
	l->status = status;
}
