/*
 * cli_reconcile_schedule.c - has systems compared with the ledger when the site says so.
 *
 * A process that mostly sleeps. What was done when stands in the ledger, so it does not matter who
 * is started anew or how often: a run that was missed is caught up with once, and one that could
 * not be done (the system is down) is tried again after a while. Each run is the verb itself in a
 * process of its own, whose list goes to a file.
 */
#include "cli.h"

#include "br_log.h"
#include "br_loop.h"
#include "ledger_query.h"
#include "map_zone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAY	    86400
#define AGAIN_S	    300 /* after a run that could not be done */
#define NAP_S	    30	/* the clock may be set, and the machine suspended */
#define ROUND_BYTES (16u << 20)

struct schedule {
	struct cli *c;
	const struct cfg_reconcile *when;
	const struct map_zone *zone;
	int64_t since; /* when this process came up */
};

static int64_t now_s(void)
{
	return br_wall_us() / 1000000;
}

/* The newest moment of the day's time that has passed. */
static int64_t last_moment(const struct schedule *s, int64_t now)
{
	int64_t local = now + map_zone_at(s->zone, now);
	int64_t at = local - local % DAY + s->when->at_minute * 60;

	if (at > local)
		at -= DAY;
	return at - map_zone_of_local(s->zone, at);
}

/* last 0: never. */
static bool is_due(const struct schedule *s, int64_t last, int64_t now)
{
	if (s->when->at_minute < 0)
		return now - last >= s->when->every_ms / 1000;
	return (last ? last : s->since) < last_moment(s, now);
}

static bool takes_part(const struct schedule *s, struct br_str name)
{
	const struct cfg_list *l = &s->when->systems;

	for (size_t i = 0; i < l->n; i++)
		if (br_str_eq(l->item[i], name))
			return true;
	return l->n == 0;
}

/* ---- one run ---- */

static void be_reconcile(const struct schedule *s, const char *system, const char *path)
{
	const char *argv[12];
	int n = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(CLI_AGAIN);
	argv[n++] = "casebridge";
	argv[n++] = "reconcile";
	argv[n++] = system;
	argv[n++] = "--keep";
	argv[n++] = "--output";
	argv[n++] = "csv";
	if (s->when->repair)
		argv[n++] = "--repair";
	argv[n++] = "--by=schedule";
	argv[n++] = "--site";
	argv[n++] = s->c->folder;
	argv[n] = NULL;
	execv("/proc/self/exe", (char *const *)argv);
	_exit(CLI_AGAIN);
}

/* The folder, with those above it. */
static bool make_folder(const char *folder)
{
	char path[4096];
	size_t n = strlen(folder);

	if (n >= sizeof(path))
		return false;
	memcpy(path, folder, n + 1);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0750);
		*p = '/';
	}
	return mkdir(path, 0750) == 0 || errno == EEXIST;
}

static const char *path_of(const struct schedule *s, const char *system, int64_t now)
{
	int64_t local = now + map_zone_at(s->zone, now);
	int y, m, d;

	map_civil(local / DAY, &y, &m, &d);
	return br_arena_printf(&s->c->arena, "%s/%s-%04d-%02d-%02dT%02d%02d%02d.csv",
		s->when->folder, system, y, m, d, (int)(local % DAY / 3600),
		(int)(local % 3600 / 60), (int)(local % 60))
		.p;
}

static void cannot_write(const char *path, const char *why)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_REPORT_FILE, "path", path, "why", why, NULL);
	br_warn("a reconciliation cannot be written down", L_ERR(&err));
}

static int64_t different(const struct schedule *s, const char *system)
{
	struct ledger_table t;

	return cli_query(s->c,
		       "select r.different::text from casebridge.reconciliations r join "
		       "casebridge.systems s on s.id = r.sys where s.code = $1 order by r.begun "
		       "desc "
		       "limit 1",
		       1, &system, &t) == CLI_OK &&
			       t.rows
		       ? strtoll(t.cells[0], NULL, 10)
		       : 0;
}

static void tell(const struct schedule *s, const char *system, const char *path)
{
	int64_t n = different(s, system);
	char count[24];
	struct br_err err;

	if (n == 0) {
		br_info("reconciled: nothing differs", L_Z("system", system), L_Z("list", path));
		return;
	}
	snprintf(count, sizeof(count), "%" PRId64, n);
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_DIFFERS, "system", system, "count", count, "path", path, NULL);
	br_warn("reconciled", L_ERR(&err));
}

/* True when it was done, whatever it found. */
static bool run(const struct schedule *s, const char *system)
{
	const char *path = path_of(s, system, now_s());
	const char *part = path ? br_arena_printf(&s->c->arena, "%s.part", path).p : NULL;
	int status = 0;
	pid_t pid;

	if (!part || !make_folder(s->when->folder)) {
		cannot_write(s->when->folder, strerror(errno));
		return false;
	}
	br_info("reconciling", L_Z("system", system));
	pid = fork();
	if (pid == 0)
		be_reconcile(s, system, part);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		WEXITSTATUS(status) > CLI_FAILED) {
		unlink(part);
		br_warn("a reconciliation failed and is tried again", L_Z("system", system),
			L_INT("status", pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1));
		return false;
	}
	if (rename(part, path) != 0)
		cannot_write(path, strerror(errno));
	tell(s, system, path);
	return true;
}

/* ---- when ---- */

/* Of each system the bridge has met: when the last kept run began, 0 = never. */
static int last_runs(const struct schedule *s, struct ledger_table *t)
{
	return cli_query(s->c,
		"select s.code, coalesce(floor(extract(epoch from max(r.begun))), 0)::int8::text "
		"from casebridge.systems s left join casebridge.reconciliations r on r.sys = s.id "
		"group by 1 order by 1",
		0, NULL, t);
}

static bool run_what_is_due(const struct schedule *s, const struct ledger_table *t)
{
	bool all = true;

	for (size_t i = 0; i < t->rows; i++) {
		const char *const *row = &t->cells[i * t->cols];
		struct br_str name = br_str_z(row[0]);

		if (takes_part(s, name) && cfg_site_system(s->c->site, name) &&
			is_due(s, strtoll(row[1], NULL, 10), now_s()))
			all = run(s, row[0]) && all;
	}
	return all;
}

static int nap(const struct schedule *s)
{
	int64_t s_ms = s->when->at_minute < 0 && s->when->every_ms < NAP_S * 2000
			       ? s->when->every_ms / 2
			       : NAP_S * 1000;

	return (int)(s_ms < 200 ? 200 : s_ms);
}

int cli_reconcile_schedule(struct cli *c)
{
	struct schedule s = {.c = c, .since = now_s()};
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	s.when = &c->site->reconcile;
	s.zone = map_zone_load(c->site->timezone, &c->arena);
	if (!s.when->on || !s.zone) {
		struct br_err err;

		br_err_clear(&err);
		br_err_set(&err, s.zone ? BR_E_CLI_NO_SCHEDULE : BR_E_NOMEM, NULL);
		cli_fail(c, &err);
		return CLI_CONFIG;
	}
	br_log_init("reconcile", c->verbose ? BR_LOG_DEBUG : BR_LOG_INFO, c->lang);
	br_info("waiting for the next reconciliation");
	for (;;) {
		struct cli round = *c; /* with memory of its own: this goes on for months */
		struct ledger_table t;
		int wait = AGAIN_S * 1000;

		br_arena_init(&round.arena, ROUND_BYTES);
		s.c = &round;
		status = last_runs(&s, &t);
		if (status == CLI_OK && run_what_is_due(&s, &t))
			wait = nap(&s);
		br_arena_release(&round.arena);
		if (status != CLI_OK)
			return status;
		poll(NULL, 0, wait);
	}
}
