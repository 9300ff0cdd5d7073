#include "cfg_schemas.h"

#include <stdlib.h>
#include <unistd.h>

static bool holds_schema(const char *folder, struct br_arena *a)
{
	const char *file = folder ? br_arena_printf(a, "%s/case.yaml", folder).p : NULL;

	return file && access(file, R_OK) == 0;
}

/* What a person named must be right: looking elsewhere would hide the mistake. */
static const char *named(const char *folder, const struct cfg_node *at, struct br_arena *a,
	struct cfg_report *report)
{
	if (holds_schema(folder, a))
		return folder;
	cfg_problem(report, at, BR_E_CFG_SCHEMAS, "path", folder ? folder : "", NULL);
	return NULL;
}

/* In a build folder the source tree is one or two folders up; an installed program has share/
 * beside bin/. */
static const char *near_program(struct br_arena *a)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	for (int up = 0; up < 4; up++) {
		char *slash = strrchr(path, '/');
		const char *folder;

		if (!slash || slash == path)
			return NULL;
		*slash = '\0';
		folder = br_arena_printf(a, "%s/schemas", path).p;
		if (holds_schema(folder, a))
			return folder;
		folder = br_arena_printf(a, "%s/share/casebridge/schemas", path).p;
		if (holds_schema(folder, a))
			return folder;
	}
	return NULL;
}

static const char *search(const char *site_folder, struct br_arena *a)
{
	static const char *const installed[] = {
		"/usr/share/casebridge/schemas", "/usr/local/share/casebridge/schemas"};
	const char *folder = br_arena_printf(a, "%s/../../schemas", site_folder).p;

	if (holds_schema(folder, a))
		return folder;
	folder = near_program(a);
	if (folder)
		return folder;
	for (size_t i = 0; i < BR_LEN(installed); i++)
		if (holds_schema(installed[i], a))
			return installed[i];
	return NULL;
}

const char *cfg_schemas_find(const char *site_folder, struct br_str given,
	const struct cfg_node *root, struct br_arena *a, struct cfg_report *report)
{
	const char *env = getenv("CASEBRIDGE_SCHEMAS"), *folder;

	if (given.n && given.p[0] == '/')
		return named(given.p, cfg_get(root, "schemas"), a, report);
	if (given.n)
		return named(br_arena_printf(a, "%s/%.*s", site_folder, BR_STR_ARG(given)).p,
			cfg_get(root, "schemas"), a, report);
	if (env && *env)
		return named(br_arena_copy(a, br_str_z(env)).p, NULL, a, report);
	folder = search(site_folder, a);
	if (!folder)
		cfg_problem(report, root, BR_E_CFG_NO_SCHEMAS, NULL);
	return folder;
}
