/*
 * br_loop.h - one thread, one loop: fds and monotonic timers over poll(2), signals through a
 * signalfd.
 *
 * Its clock goes on while the machine is suspended (CLOCK_BOOTTIME): a lease, a time-out or a hold
 * that ran out meanwhile has run out, and timers that fell due meanwhile fire at once.
 *
 * Nothing blocks and nothing sleeps. A watch may be changed or removed from inside any callback.
 * Signals TERM, INT and HUP are blocked by br_loop_new(), which therefore runs before any library
 * starts a thread; SIGPIPE is ignored from then on. Who forks another program resets both in the
 * child.
 *
 * In one turn fds are served before timers, each fd at most once.
 */
#ifndef BR_LOOP_H
#define BR_LOOP_H

#include "br_err.h"
#include <poll.h>

struct br_loop;
struct br_timer;
typedef void br_fd_fn(void *arg, int fd, short revents);
typedef void br_timer_fn(void *arg);
typedef void br_signal_fn(void *arg, int signo);

/* Caller's memory; zero it, set fn and arg, then br_timer_set(). */
struct br_timer {
	br_timer_fn *fn;
	void *arg;
	int64_t at;    /* private: due, monotonic microseconds */
	unsigned slot; /* private: place in the heap + 1, 0 = not set */
};

struct br_loop *br_loop_new(struct br_err *err);
void br_loop_free(struct br_loop *l);
/* TERM, INT, HUP arrive here, inside the loop. Without a handler TERM and INT call br_loop_stop().
 * A second TERM or INT ends the process at once with status 128 + signo. */
void br_loop_on_signal(struct br_loop *l, br_signal_fn *fn, void *arg);
/* events 0 forgets the fd. 0 or -BR_E_NOMEM. */
int br_loop_watch(struct br_loop *l, int fd, short events, br_fd_fn *fn, void *arg);
/* Due in us microseconds (0 = next turn), < 0 stops it. A timer fires once; setting it again moves
 * it. Without memory the process aborts: a lost time-out would go unnoticed. */
void br_timer_set(struct br_loop *l, struct br_timer *t, int64_t us);
static inline bool br_timer_is_set(const struct br_timer *t)
{
	return t->slot != 0;
}
/* Runs until br_loop_stop(); returns its status. */
int br_loop_run(struct br_loop *l);
void br_loop_stop(struct br_loop *l, int status);
/* One turn, waiting at most max_us (-1 = until something happens); for tests and for draining at
 * shutdown. */
void br_loop_turn(struct br_loop *l, int64_t max_us);
/* Monotonic microseconds since the machine started, suspended ones among them; read once per turn
 * (outside of a turn: now). */
int64_t br_loop_now(const struct br_loop *l);
/* The same clock, read afresh: for a last look right before something that must not be late. */
int64_t br_clock_us(void);
/* Wall clock, microseconds since 1970 UTC. */
int64_t br_wall_us(void);

#endif
