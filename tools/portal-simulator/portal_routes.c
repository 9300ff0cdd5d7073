#include <stdio.h>
#include <string.h>

#include "portal_api.h"

#define CALL_WRITE (ROUTE_SIGNED | ROUTE_WRITE | ROUTE_KEYED)

static const struct route routes[] = {
	{"POST", "/auth/token", auth_token, ROUTE_WRITE},
	{"POST", "/web/approval/createReceiveNum", api_create_number, CALL_WRITE},
	{"POST", "/case/receiveBasicInfo", api_basic, CALL_WRITE},
	{"POST", "/case/receiveProc", api_proc, CALL_WRITE},
	{"POST", "/case/receiveSpecialnode", api_special, CALL_WRITE},
	{"POST", "/case/receiveApplyFile", api_file, CALL_WRITE},
	{"POST", "/case/receiveDone", api_done, CALL_WRITE},
	{"POST", "/case/update", api_update, CALL_WRITE},
	{"POST", "/case/*/ack", api_ack, CALL_WRITE},
	{"GET", "/case/pending", api_pending, ROUTE_SIGNED},
	{"GET", "/case/changes", api_changes, ROUTE_SIGNED},
	{"GET", "/case/search", api_search, ROUTE_SIGNED},
	{"GET", "/case/*", api_case, ROUTE_SIGNED},
	{"GET", "/file/*", api_file_get, ROUTE_SIGNED},
	{"GET", "/item/changes", api_items, ROUTE_SIGNED},
	{"GET", "/rating", api_ratings, ROUTE_SIGNED},
	{"GET", "/recon/day", api_recon, ROUTE_SIGNED},

	{"GET", "/", page_home, ROUTE_PAGE},
	{"POST", "/apply", page_apply, ROUTE_PAGE | ROUTE_WRITE},
	{"GET", "/my", page_mine, ROUTE_PAGE},
	{"POST", "/my", page_mine_save, ROUTE_PAGE | ROUTE_WRITE},
	{"POST", "/my/rating", page_rate, ROUTE_PAGE | ROUTE_WRITE},
	{"GET", "/clerk", page_clerk, ROUTE_PAGE},
	{"POST", "/clerk", page_clerk_save, ROUTE_PAGE | ROUTE_WRITE},

	{"GET", "/_control", control_get, ROUTE_CONTROL},
	{"PUT", "/_control", control_put, ROUTE_CONTROL | ROUTE_WRITE},
	{"POST", "/_control", control_put, ROUTE_CONTROL | ROUTE_WRITE},
	{"GET", "/_control/faults", control_faults, ROUTE_CONTROL},
	{"POST", "/_control/faults", control_fault_add, ROUTE_CONTROL | ROUTE_WRITE},
	{"PUT", "/_control/faults", control_faults_put, ROUTE_CONTROL | ROUTE_WRITE},
	{"DELETE", "/_control/faults", control_faults_clear, ROUTE_CONTROL | ROUTE_WRITE},
	{"DELETE", "/_control/faults/*", control_fault_remove, ROUTE_CONTROL | ROUTE_WRITE},
	{"GET", "/_control/journal", control_journal, ROUTE_CONTROL},
	{"GET", "/_control/journal/summary", control_summary, ROUTE_CONTROL},
	{"GET", "/_control/stats", control_stats, ROUTE_CONTROL},
	{"DELETE", "/_control/tokens", control_tokens_clear, ROUTE_CONTROL | ROUTE_WRITE},
	{"PUT", "/_control/items/*", control_item, ROUTE_CONTROL | ROUTE_WRITE},
	{"POST", "/_control/reset", control_reset, ROUTE_CONTROL | ROUTE_WRITE},
	{"PUT", "/_control/reset", control_reset, ROUTE_CONTROL | ROUTE_WRITE},
};

static bool fits(const char *pattern, const char *path, char *part, size_t size)
{
	const char *star = strchr(pattern, '*');
	size_t before, after, n = strlen(path);

	if (!star)
		return !strcmp(pattern, path);
	before = (size_t)(star - pattern);
	after = strlen(star + 1);
	if (n <= before + after || strncmp(pattern, path, before) ||
		strcmp(star + 1, path + n - after))
		return false;
	n -= before + after;
	if (memchr(path + before, '/', n) || n >= size)
		return false;
	snprintf(part, size, "%.*s", (int)n, path + before);
	return true;
}

const struct route *route_find(
	const char *method, const char *path, char *part, size_t size, bool *path_known)
{
	*path_known = false;
	part[0] = '\0';
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!fits(routes[i].path, path, part, size))
			continue;
		*path_known = true;
		if (!strcmp(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}
