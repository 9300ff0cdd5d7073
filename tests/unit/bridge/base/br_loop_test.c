#include "br_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct br_loop *loop;
static char said[4096]; /* what callbacks say, in order */

static void say(const char *word)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s%s", n ? " " : "", word);
}

static int open_loop(void **state)
{
	struct br_err err;

	(void)state;
	said[0] = '\0';
	loop = br_loop_new(&err);
	return loop ? 0 : -1;
}

static int close_loop(void **state)
{
	(void)state;
	br_loop_free(loop);
	loop = NULL;
	return 0;
}

/* ---- timers: a table of what is set, and the order it fires in ---- */

struct word_timer {
	struct br_timer t;
	const char *word;
};

static struct word_timer timers[8];

static void word_due(void *arg)
{
	say(((struct word_timer *)arg)->word);
}

struct timer_case {
	const char *name;
	struct {
		const char *word;
		int64_t us[3]; /* set to one after another; -2 ends */
	} set[6];
	const char *want;
};

static const struct timer_case timer_cases[] = {
	{"least first", {{"c", {3000, -2}}, {"a", {1000, -2}}, {"b", {2000, -2}}}, "a b c"},
	{"zero is due at once", {{"b", {500, -2}}, {"a", {0, -2}}}, "a b"},
	{"stopped before it is due", {{"a", {1000, -2}}, {"x", {2000, -1, -2}}, {"b", {3000, -2}}},
		"a b"},
	{"stopping what is not set", {{"x", {-1, -1, -2}}, {"a", {100, -2}}}, "a"},
	{"moved later", {{"b", {100, 3000, -2}}, {"a", {2000, -2}}}, "a b"},
	{"moved earlier", {{"b", {2000, -2}}, {"a", {60000000, 500, -2}}}, "a b"},
	{"stopped and set again", {{"b", {1000, -1, 2500}}, {"a", {1500, -2}}}, "a b"},
	{"the first of many is stopped",
		{{"x", {10, -1, -2}}, {"c", {3000, -2}}, {"b", {2000, -2}}, {"a", {1000, -2}},
			{"d", {4000, -2}}},
		"a b c d"},
};

static void test_timers(void **state)
{
	const struct timer_case *tc = *state;

	memset(timers, 0, sizeof(timers));
	for (size_t i = 0; i < BR_LEN(tc->set) && tc->set[i].word; i++) {
		timers[i] = (struct word_timer){
			.t = {.fn = word_due, .arg = &timers[i]}, .word = tc->set[i].word};
		for (size_t k = 0; k < 3 && tc->set[i].us[k] != -2; k++)
			br_timer_set(loop, &timers[i].t, tc->set[i].us[k]);
	}
	while (strlen(said) < strlen(tc->want))
		br_loop_turn(loop, 5000000);
	br_loop_turn(loop, 0);
	assert_string_equal(said, tc->want);
	for (size_t i = 0; i < BR_LEN(timers); i++)
		assert_false(br_timer_is_set(&timers[i].t));
}

/* Random sets, moves and stops against a plain list. */
#define MANY 500
struct many {
	struct br_timer t;
	int64_t fired;
};
static struct many many[MANY];
static int64_t last_due;

static void many_due(void *arg)
{
	struct many *m = arg;

	assert_true(m->t.at >= last_due);
	assert_true(br_loop_now(loop) >= m->t.at);
	last_due = m->t.at;
	m->fired++;
}

static void test_many_timers(void **state)
{
	unsigned seed = 12345;
	int expected = 0, fired = 0;

	(void)state;
	last_due = 0;
	memset(many, 0, sizeof(many));
	for (size_t i = 0; i < MANY; i++)
		many[i].t = (struct br_timer){.fn = many_due, .arg = &many[i]};
	for (int i = 0; i < 4000; i++) {
		int what = rand_r(&seed) % 4;

		br_timer_set(loop, &many[rand_r(&seed) % MANY].t, what ? rand_r(&seed) % 3000 : -1);
	}
	for (size_t i = 0; i < MANY; i++)
		expected += br_timer_is_set(&many[i].t);
	for (int turns = 0; fired < expected && turns < 100000; turns++) {
		br_loop_turn(loop, 1000000);
		fired = 0;
		for (size_t i = 0; i < MANY; i++)
			fired += (int)many[i].fired;
	}
	assert_int_equal(fired, expected);
	assert_true(expected > MANY / 2);
}

static struct br_timer again;
static int agains;

static void set_again(void *arg)
{
	(void)arg;
	agains++;
	br_timer_set(loop, &again, 0);
}

static void test_own_zero_timer_waits_for_next_turn(void **state)
{
	(void)state;
	agains = 0;
	again = (struct br_timer){.fn = set_again};
	br_timer_set(loop, &again, 0);
	for (int i = 1; i <= 3; i++) {
		br_loop_turn(loop, 1000000);
		assert_int_equal(agains, i);
	}
	br_timer_set(loop, &again, -1);
}

static struct br_timer slow_timer, quick_timer;
static int64_t asked_at, came_at;

static int64_t real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void came(void *arg)
{
	(void)arg;
	came_at = real_now();
}

static void dawdle(void *arg)
{
	int64_t from = real_now();

	(void)arg;
	while (real_now() < from + 3000)
		;
	asked_at = real_now();
	br_timer_set(loop, &quick_timer, 5000);
}

static void test_never_early_after_a_slow_callback(void **state)
{
	(void)state;
	slow_timer = (struct br_timer){.fn = dawdle};
	quick_timer = (struct br_timer){.fn = came};
	came_at = 0;
	br_timer_set(loop, &slow_timer, 0);
	while (!came_at)
		br_loop_turn(loop, 1000000);
	assert_true(came_at - asked_at >= 5000);
}

/* ---- watches ---- */

static int pipes[3][2];

static void open_pipes(void)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(pipe2(pipes[i], O_NONBLOCK | O_CLOEXEC), 0);
}

static void close_pipes(void)
{
	for (int i = 0; i < 3; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static void read_and_say(void *arg, int fd, short revents)
{
	char c;

	assert_true(revents & POLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	say(arg);
}

static void test_readable(void **state)
{
	(void)state;
	open_pipes();
	assert_int_equal(br_loop_watch(loop, pipes[0][0], POLLIN, read_and_say, "a"), 0);
	assert_int_equal(br_loop_watch(loop, pipes[1][0], POLLIN, read_and_say, "b"), 0);
	br_loop_turn(loop, 0);
	assert_string_equal(said, "");
	assert_int_equal(write(pipes[1][1], "xy", 2), 2);
	br_loop_turn(loop, 1000000);
	assert_string_equal(said, "b");
	assert_int_equal(write(pipes[0][1], "x", 1), 1);
	br_loop_turn(loop, 1000000);
	assert_string_equal(said, "b a b");
	br_loop_watch(loop, pipes[0][0], 0, NULL, NULL);
	assert_int_equal(write(pipes[0][1], "x", 1), 1);
	br_loop_turn(loop, 0);
	assert_string_equal(said, "b a b");
	close_pipes();
}

static void hung_up(void *arg, int fd, short revents)
{
	(void)arg;
	if (revents & POLLHUP)
		say("hup");
	br_loop_watch(loop, fd, 0, NULL, NULL);
}

static void test_hang_up_is_told(void **state)
{
	(void)state;
	open_pipes();
	br_loop_watch(loop, pipes[0][0], POLLIN, hung_up, NULL);
	close(pipes[0][1]);
	br_loop_turn(loop, 1000000);
	br_loop_turn(loop, 0);
	assert_string_equal(said, "hup");
	pipes[0][1] = -1;
	close_pipes();
}

/* The first to run forgets the others: they must not run in this turn any more. */
static void forget_others(void *arg, int fd, short revents)
{
	(void)arg;
	(void)revents;
	say("one");
	for (int i = 0; i < 3; i++)
		if (pipes[i][0] != fd)
			br_loop_watch(loop, pipes[i][0], 0, NULL, NULL);
}

static void test_forgotten_in_the_turn(void **state)
{
	(void)state;
	open_pipes();
	for (int i = 0; i < 3; i++) {
		br_loop_watch(loop, pipes[i][0], POLLIN, forget_others, NULL);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
	}
	br_loop_turn(loop, 1000000);
	assert_string_equal(said, "one");
	close_pipes();
}

static void new_owner(void *arg, int fd, short revents)
{
	(void)arg;
	(void)fd;
	(void)revents;
	say("new");
}

/* Another socket comes under the number of one that had news in this turn: the news is not its own.
 */
static void swap_second(void *arg, int fd, short revents)
{
	int number = pipes[1][0];

	(void)arg;
	(void)revents;
	say("first");
	br_loop_watch(loop, fd, 0, NULL, NULL);
	br_loop_watch(loop, number, 0, NULL, NULL);
	assert_int_equal(dup2(pipes[2][0], number), number);
	br_loop_watch(loop, number, POLLIN, new_owner, NULL);
}

static void test_number_used_again_in_the_turn(void **state)
{
	(void)state;
	open_pipes();
	br_loop_watch(loop, pipes[0][0], POLLIN, swap_second, NULL);
	br_loop_watch(loop, pipes[1][0], POLLIN, read_and_say, "old");
	assert_int_equal(write(pipes[0][1], "x", 1), 1);
	assert_int_equal(write(pipes[1][1], "x", 1), 1);
	br_loop_turn(loop, 1000000);
	br_loop_turn(loop, 0);
	assert_string_equal(said, "first");
	assert_int_equal(write(pipes[2][1], "x", 1), 1);
	br_loop_turn(loop, 1000000);
	assert_string_equal(said, "first new");
	close_pipes();
}

static void test_fd_before_timer_of_the_same_turn(void **state)
{
	struct word_timer t = {.t = {.fn = word_due, .arg = &t}, .word = "timer"};

	(void)state;
	open_pipes();
	br_timer_set(loop, &t.t, 0);
	br_loop_watch(loop, pipes[0][0], POLLIN, read_and_say, "fd");
	assert_int_equal(write(pipes[0][1], "x", 1), 1);
	br_loop_turn(loop, 1000000);
	assert_string_equal(said, "fd timer");
	close_pipes();
}

static void test_many_fds(void **state)
{
	int fds[200][2];

	(void)state;
	for (size_t i = 0; i < BR_LEN(fds); i++) {
		assert_int_equal(pipe2(fds[i], O_NONBLOCK | O_CLOEXEC), 0);
		assert_int_equal(br_loop_watch(loop, fds[i][0], POLLIN, read_and_say, "x"), 0);
	}
	for (size_t i = 0; i < BR_LEN(fds); i += 2)
		br_loop_watch(loop, fds[i][0], 0, NULL, NULL);
	for (size_t i = 0; i < BR_LEN(fds); i++)
		assert_int_equal(write(fds[i][1], "x", 1), 1);
	br_loop_turn(loop, 1000000);
	assert_int_equal(strlen(said), 2 * 100 - 1);
	for (size_t i = 0; i < BR_LEN(fds); i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

/* ---- signals; in a child, since they end the process ---- */

static void say_signal(void *arg, int signo)
{
	(void)arg;
	say(signo == SIGTERM ? "term" : signo == SIGINT ? "int" : "hup");
}

enum life { STOPS, HANDLED };

struct signal_case {
	const char *name;
	enum life life;
	int signals[3];
	int want_status; /* of the process */
};

/* A handled child ends with the number of signals its handler saw, plus 100. */
static const struct signal_case signal_cases[] = {
	{"term stops the loop", STOPS, {SIGTERM}, 0},
	{"int stops the loop", STOPS, {SIGINT}, 0},
	{"hup alone does nothing", STOPS, {SIGHUP, SIGTERM}, 0},
	{"term goes to the handler", HANDLED, {SIGTERM}, 101},
	{"hup and term go to the handler", HANDLED, {SIGHUP, SIGTERM}, 102},
	{"hup may come again", HANDLED, {SIGHUP, SIGHUP, SIGHUP}, 103},
	{"the second term ends at once", HANDLED, {SIGTERM, SIGTERM}, 128 + SIGTERM},
	{"int after term ends at once", HANDLED, {SIGTERM, SIGINT}, 128 + SIGINT},
};

static int signals_seen;

static void count_signal(void *arg, int signo)
{
	say_signal(arg, signo);
	signals_seen++;
}

static int child(const struct signal_case *sc)
{
	struct br_loop *l = br_loop_new(NULL);

	if (!l)
		return 99;
	if (sc->life == HANDLED)
		br_loop_on_signal(l, count_signal, NULL);
	for (size_t i = 0; i < BR_LEN(sc->signals) && sc->signals[i]; i++) {
		kill(getpid(), sc->signals[i]);
		if (sc->life == HANDLED)
			br_loop_turn(l, 5000000);
	}
	if (sc->life == HANDLED)
		return 100 + signals_seen;
	return br_loop_run(l);
}

static void test_signals(void **state)
{
	const struct signal_case *sc = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(child(sc));
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), sc->want_status);
}

/* ---- running ---- */

static void stop_seven(void *arg)
{
	(void)arg;
	br_loop_stop(loop, 7);
}

static void test_run_returns_the_status(void **state)
{
	struct br_timer t = {.fn = stop_seven};

	(void)state;
	br_timer_set(loop, &t, 1000);
	assert_int_equal(br_loop_run(loop), 7);
	/* and may be turned and run again, for draining */
	br_timer_set(loop, &t, 0);
	assert_int_equal(br_loop_run(loop), 7);
	br_loop_stop(loop, 3);
	assert_int_equal(br_loop_run(loop), 3);
}

static void test_free_leaves_timers_unset(void **state)
{
	struct word_timer t = {.t = {.fn = word_due, .arg = &t}, .word = "x"};
	struct br_loop *l = br_loop_new(NULL);

	(void)state;
	assert_non_null(l);
	br_timer_set(l, &t.t, 1000);
	assert_true(br_timer_is_set(&t.t));
	br_loop_free(l);
	assert_false(br_timer_is_set(&t.t));
	br_loop_free(NULL);
}

static void test_wall_clock(void **state)
{
	(void)state;
	assert_true(llabs(br_wall_us() / 1000000 - (int64_t)time(NULL)) <= 1);
}

#define ONE(fn)                                                                                    \
	{                                                                                          \
#fn, fn, open_loop, close_loop, NULL                                               \
	}

int main(void)
{
	static const struct CMUnitTest ones[] = {
		ONE(test_many_timers),
		ONE(test_own_zero_timer_waits_for_next_turn),
		ONE(test_never_early_after_a_slow_callback),
		ONE(test_readable),
		ONE(test_hang_up_is_told),
		ONE(test_forgotten_in_the_turn),
		ONE(test_number_used_again_in_the_turn),
		ONE(test_fd_before_timer_of_the_same_turn),
		ONE(test_many_fds),
		ONE(test_run_returns_the_status),
		ONE(test_free_leaves_timers_unset),
		ONE(test_wall_clock),
	};
	struct CMUnitTest tests[BR_LEN(timer_cases) + BR_LEN(signal_cases) + BR_LEN(ones)];
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(timer_cases); i++)
		tests[n++] = (struct CMUnitTest){timer_cases[i].name, test_timers, open_loop,
			close_loop, (void *)(uintptr_t)&timer_cases[i]};
	for (size_t i = 0; i < BR_LEN(signal_cases); i++)
		tests[n++] = (struct CMUnitTest){signal_cases[i].name, test_signals, NULL, NULL,
			(void *)(uintptr_t)&signal_cases[i]};
	for (size_t i = 0; i < BR_LEN(ones); i++)
		tests[n++] = ones[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
