#include "cli_heard.h"

#include <inttypes.h>

#define PATIENCE_S                                                                                 \
	30 /* of a system with a short lease: clocks differ, and a machine may be busy             \
	    */

const char *const cli_heard_words[HEARD_WORDS][2] = {
	[HEARD_NOT_ASKED] = {"-", "-"},
	[HEARD_UP] = {"up", "在线"},
	[HEARD_NEVER] = {"never", "从未联系"},
	[HEARD_STOPPED] = {"stopped", "已停止"},
	[HEARD_SILENT] = {"silent", "无响应"},
	[HEARD_UNKNOWN] = {"unknown", "不明"},
	[HEARD_BEHIND] = {"behind", "未处理"},
};

/* ---- what is known ---- */

static int64_t patience_s(const struct cfg_system *s)
{
	int64_t lease_s = s->lease_ms / 1000;

	return lease_s > PATIENCE_S ? lease_s : PATIENCE_S;
}

static enum cli_heard_word word_of(const struct cli_heard *h)
{
	if (!h->system)
		return HEARD_NOT_ASKED;
	if (h->age_s < 0)
		return h->waiting > 0 ? HEARD_UNKNOWN : HEARD_NEVER;
	if (h->age_s > patience_s(h->system) && h->waiting > 0)
		return HEARD_UNKNOWN;
	if (h->bye)
		return HEARD_STOPPED;
	return h->age_s > patience_s(h->system) ? HEARD_SILENT : HEARD_UP;
}

enum cli_heard_word cli_heard_judge(struct cli_heard *all, size_t n)
{
	bool up = false, met = false, behind = false;

	for (size_t i = 0; i < n; i++) {
		all[i].word = word_of(&all[i]);
		up |= all[i].word == HEARD_UP;
		behind |= all[i].word == HEARD_UNKNOWN;
		met |= all[i].met;
	}
	return up ? HEARD_UP : behind ? HEARD_BEHIND : met ? HEARD_SILENT : HEARD_NEVER;
}

/* ---- telling it ---- */

static void tell(struct cli *c, enum br_err_code code, const struct cli_heard *h, int64_t number)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "system", h && h->system ? h->system->name.p : "", "since",
		h && h->at ? h->at : "-", "n", br_arena_printf(&c->arena, "%" PRId64, number).p,
		"site", c->folder, NULL);
	cli_fail(c, &err);
}

static void tell_bridge(
	struct cli *c, const struct cli_heard *all, size_t n, enum cli_heard_word bridge)
{
	const struct cli_heard *newest = NULL;
	int64_t waiting = 0;

	for (size_t i = 0; i < n; i++) {
		if (all[i].system && all[i].age_s >= 0 && (!newest || all[i].age_s < newest->age_s))
			newest = &all[i];
		if (all[i].waiting > 0)
			waiting += all[i].waiting;
	}
	tell(c,
		bridge == HEARD_NEVER	 ? BR_E_CLI_NEVER_RUN
		: bridge == HEARD_BEHIND ? BR_E_CLI_BRIDGE_BEHIND
					 : BR_E_CLI_NOBODY_HEARD,
		newest, waiting);
}

int cli_heard_tell(struct cli *c, const struct cli_heard *all, size_t n, enum cli_heard_word bridge)
{
	static const enum br_err_code codes[HEARD_WORDS] = {[HEARD_NEVER] = BR_E_CLI_NEVER_HEARD,
		[HEARD_STOPPED] = BR_E_CLI_CONNECTOR_STOPPED,
		[HEARD_SILENT] = BR_E_CLI_CONNECTOR_SILENT,
		[HEARD_UNKNOWN] = BR_E_CLI_CONNECTOR_UNKNOWN};
	int status = CLI_OK;

	if (bridge != HEARD_UP) {
		tell_bridge(c, all, n, bridge);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < n; i++)
		if (codes[all[i].word]) {
			tell(c, codes[all[i].word], &all[i],
				all[i].word == HEARD_SILENT ? patience_s(all[i].system)
							    : all[i].waiting);
			status = CLI_FAILED;
		}
	return status;
}
