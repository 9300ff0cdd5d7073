/* A machine that was suspended: the clock of this process goes on, curl's and poll's stand still.
 */
#include "br_http.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_US 3600000000LL

static struct br_loop *loop;
static int64_t slept_s;

/* In place of libc's, for every library of the process. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (clock == CLOCK_BOOTTIME)
		ts->tv_sec += slept_s;
	return rc;
}

static int open_loop(void **state)
{
	struct br_err err;

	(void)state;
	slept_s = 0;
	loop = br_loop_new(&err);
	return loop ? 0 : -1;
}

static int close_loop(void **state)
{
	(void)state;
	br_loop_free(loop);
	return 0;
}

static void due(void *arg)
{
	*(bool *)arg = true;
}

static void test_time_asleep_counts(void **state)
{
	bool fired = false;
	struct br_timer t = {.fn = due, .arg = &fired};
	int64_t before = br_loop_now(loop);

	(void)state;
	br_timer_set(loop, &t, HOUR_US);
	br_loop_turn(loop, 0);
	assert_false(fired);
	slept_s = 3601;
	assert_true(br_loop_now(loop) - before > HOUR_US);
	br_loop_turn(loop, 0);
	assert_true(fired);
}

/* The kernel's own word for what would wake us: no test can suspend the machine. */
static bool wakes_from_suspension(int64_t us)
{
	bool found = false;

	for (int fd = 3; fd < 64 && !found; fd++) {
		char path[64], line[128];
		long long s, ns;
		bool boot = false;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			boot = boot || !strcmp(line, "clockid: 7\n");
			if (boot && sscanf(line, "it_value: (%lld, %lld)", &s, &ns) == 2)
				found = llabs(s * 1000000 + ns / 1000 - us) < 5000000;
		}
		if (f)
			fclose(f);
	}
	return found;
}

static void test_a_long_wait_ends_on_time(void **state)
{
	bool fired = false, other = false;
	struct br_timer t = {.fn = due, .arg = &fired}, earlier = {.fn = due, .arg = &other};

	(void)state;
	br_timer_set(loop, &t, HOUR_US);
	br_loop_turn(loop, 0);
	assert_false(wakes_from_suspension(HOUR_US)); /* it does not wait */
	br_loop_turn(loop, 600000);
	assert_true(wakes_from_suspension(HOUR_US));
	br_timer_set(loop, &earlier, HOUR_US / 2);
	br_loop_turn(loop, 600000);
	assert_true(wakes_from_suspension(HOUR_US / 2));
	br_timer_set(loop, &earlier, 700000); /* and what the kernel wakes us for is served */
	while (!other)
		br_loop_turn(loop, -1);
	assert_false(fired);
	br_timer_set(loop, &t, -1);
}

static int listen_somewhere(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void answered(void *arg, const struct br_http_answer *answer)
{
	enum br_http_outcome *out = arg;
	char text[300];

	*out = answer->outcome;
	br_err_text(answer->err, BR_LANG_EN, text, sizeof(text));
	assert_non_null(strstr(text, "its time was over"));
	br_loop_stop(loop, 0);
}

static void test_a_late_request_is_not_sent(void **state)
{
	enum br_http_outcome how = BR_HTTP_ANSWER;
	char url[64], bytes[16];
	struct br_err err;
	struct br_http *h = br_http_new(loop, 1, NULL, &err);
	int port, fd = listen_somewhere(&port), got;

	(void)state;
	assert_non_null(h);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	assert_int_equal(
		br_http_send(h,
			&(struct br_http_request){
				.method = "POST", .url = url, .timeout_ms = 10000, .max_body = 100},
			answered, &how, &err),
		0);
	slept_s = 60;
	br_loop_run(loop);
	assert_int_equal(how, BR_HTTP_NOT_SENT);
	got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	br_http_free(h);
	assert_int_equal(recv(got, bytes, sizeof(bytes), 0), 0);
	close(got);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time_asleep_counts, open_loop, close_loop),
		cmocka_unit_test_setup_teardown(
			test_a_long_wait_ends_on_time, open_loop, close_loop),
		cmocka_unit_test_setup_teardown(
			test_a_late_request_is_not_sent, open_loop, close_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
