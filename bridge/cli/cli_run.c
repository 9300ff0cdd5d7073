/*
 * cli_run.c - starts and supervises the processes of a site: the bridge, one connector per system,
 * and, where the site has a schedule for it, reconciliation.
 *
 * A system whose file cannot be used is left out, and the log says so; the others run. One dead
 * system never stops another. A process that ends is started again after a back-off that
 * grows while it keeps failing; one that says its configuration is wrong (78) stays down until the
 * site is started anew, and the others go on.
 */
#include "cli.h"

#include "br_log.h"
#include "br_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_US 100000
#define BACKOFF_MAX_US	 10000000
#define STEADY_US	 10000000 /* up this long: the next failure is a new story */
#define STOP_US		 15000000

struct child {
	struct run *run;
	char name[64]; /* bridge, connector:NAME, reconcile */
	const char *verb;
	const char *system; /* of a connector, else NULL */
	pid_t pid;	    /* 0 = not running */
	int pidfd;
	int64_t since, backoff;
	struct br_timer again;
};

struct run {
	struct cli *cli;
	struct br_loop *loop;
	struct child *children;
	size_t n;
	bool stopping;
	struct br_timer deadline;
};

static void start(struct child *k);

static size_t running(const struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->children[i].pid != 0;
	return n;
}

static void ended(void *arg, int fd, short revents)
{
	struct child *k = arg;
	struct run *r = k->run;
	int status = 0;

	(void)revents;
	if (waitpid(k->pid, &status, WNOHANG) != k->pid)
		return;
	br_loop_watch(r->loop, fd, 0, NULL, NULL);
	close(fd);
	k->pid = 0;
	if (r->stopping) {
		if (running(r) == 0)
			br_loop_stop(r->loop, CLI_OK);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == CLI_CONFIG) {
		br_error("a process ended: its configuration is wrong; it stays down",
			L_Z("process", k->name));
		return;
	}
	if (br_loop_now(r->loop) - k->since > STEADY_US)
		k->backoff = BACKOFF_FIRST_US;
	br_warn("a process ended; it is started again", L_Z("process", k->name),
		L_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		L_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		L_INT("wait_ms", k->backoff / 1000));
	br_timer_set(r->loop, &k->again, k->backoff);
	k->backoff = k->backoff * 2 < BACKOFF_MAX_US ? k->backoff * 2 : BACKOFF_MAX_US;
}

static void exec_child(const struct child *k, pid_t parent)
{
	const struct cli *c = k->run->cli;
	const char *argv[10];
	sigset_t none;
	int n = 0;

	/* a supervisor that is killed takes its processes along */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CLI_AGAIN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	argv[n++] = "casebridge";
	argv[n++] = k->verb;
	if (k->system)
		argv[n++] = k->system;
	if (strcmp(k->verb, "reconcile") == 0)
		argv[n++] = "--schedule";
	argv[n++] = "--site";
	argv[n++] = c->folder;
	argv[n++] = "--lang";
	argv[n++] = c->lang == BR_LANG_ZH ? "zh" : "en";
	if (c->verbose)
		argv[n++] = "--verbose";
	argv[n] = NULL;
	execv("/proc/self/exe", (char *const *)argv);
	_exit(CLI_AGAIN);
}

static void start(struct child *k)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		exec_child(k, parent);
	k->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (k->pidfd < 0) {
		br_warn("a process cannot be started", L_Z("process", k->name),
			L_Z("why", strerror(errno)));
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		br_timer_set(k->run->loop, &k->again, k->backoff);
		return;
	}
	k->pid = pid;
	k->since = br_loop_now(k->run->loop);
	br_loop_watch(k->run->loop, k->pidfd, POLLIN, ended, k);
	br_info("started", L_Z("process", k->name), L_INT("pid", pid));
}

static void start_again(void *arg)
{
	struct child *k = arg;

	if (!k->run->stopping)
		start(k);
}

static void kill_rest(void *arg)
{
	struct run *r = arg;

	for (size_t i = 0; i < r->n; i++)
		if (r->children[i].pid)
			kill(r->children[i].pid, SIGKILL);
}

static void on_signal(void *arg, int signo)
{
	struct run *r = arg;

	if (signo == SIGHUP || r->stopping)
		return;
	r->stopping = true;
	for (size_t i = 0; i < r->n; i++) {
		br_timer_set(r->loop, &r->children[i].again, -1);
		if (r->children[i].pid)
			kill(r->children[i].pid, SIGTERM);
	}
	if (running(r) == 0)
		br_loop_stop(r->loop, CLI_OK);
	else
		br_timer_set(r->loop, &r->deadline, STOP_US);
}

static void add_child(struct run *r, const char *verb, const char *system)
{
	struct child *k = &r->children[r->n++];

	k->run = r;
	k->verb = verb;
	k->system = system;
	k->backoff = BACKOFF_FIRST_US;
	k->again = (struct br_timer){.fn = start_again, .arg = k};
	snprintf(k->name, sizeof(k->name), "%s%s%s", verb, system ? ":" : "", system ? system : "");
}

int cli_run(struct cli *c)
{
	struct run r = {.cli = c};
	struct br_err err;
	int status = cli_load_for_log(c, NULL);

	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	r.loop = br_loop_new(&err);
	r.children = calloc(c->site->nsystems + 2, sizeof(*r.children));
	if (!r.loop || !r.children) {
		if (r.loop)
			br_err_set(&err, BR_E_NOMEM, NULL);
		br_loop_free(r.loop);
		free(r.children);
		return cli_fail(c, &err);
	}
	r.deadline = (struct br_timer){.fn = kill_rest, .arg = &r};
	br_loop_on_signal(r.loop, on_signal, &r);
	add_child(&r, "bridge", NULL);
	for (const struct cfg_system *s = c->site->systems; s; s = s->next)
		if (!br_str_eq(s->connector, BR_STR("manual")))
			add_child(&r, "connector", s->name.p);
	if (c->site->reconcile.on)
		add_child(&r, "reconcile", NULL);
	for (size_t i = 0; i < r.n; i++)
		start(&r.children[i]);
	status = br_loop_run(r.loop);
	free(r.children);
	br_loop_free(r.loop);
	return status;
}
