#include "portal_journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "portal_time.h"

static void differences(
	const char *path, const json_t *before, const json_t *after, json_t *changes);

static const json_t *same_element(const json_t *list, const json_t *e)
{
	const char *key = json_object_get(e, "FILEID") ? "FILEID" : "SN";
	size_t i;
	json_t *other;

	json_array_foreach(
		(json_t *)list, i, other) if (json_equal(json_object_get(other, key),
						      json_object_get(e, key))) return other;
	return NULL;
}

static void list_differences(
	const char *path, const json_t *before, const json_t *after, json_t *changes)
{
	char below[120];
	size_t i;
	json_t *e;

	json_array_foreach((json_t *)after, i, e)
	{
		const json_t *key = json_object_get(e, "FILEID");

		if (!key)
			key = json_object_get(e, "SN");
		snprintf(below, sizeof(below), "%s/%s", path, json_string_value(key));
		differences(below, same_element(before, e), e, changes);
	}
}

static void differences(
	const char *path, const json_t *before, const json_t *after, json_t *changes)
{
	char below[120];
	const char *name;
	json_t *v;

	if (json_is_array(after)) {
		list_differences(path, before, after, changes);
	} else if (json_is_object(after)) {
		json_object_foreach((json_t *)after, name, v)
		{
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name);
			differences(below, json_object_get(before, name), v, changes);
		}
	} else if (!json_equal(before, after) && !(json_is_null(after) && !before)) {
		json_t *pair = json_array();

		json_array_append_new(pair, before ? json_deep_copy(before) : json_null());
		json_array_append_new(pair, json_deep_copy(after));
		json_object_set_new(changes, path, pair);
	}
}

json_t *journal_changes(const json_t *before, const json_t *after)
{
	json_t *changes = json_object();

	differences("", before, after, changes);
	return changes;
}

void journal_add(struct db *db, const struct kase *c, const char *op, const json_t *changes,
	const struct request *rq)
{
	char *text = json_dumps(changes, JSON_COMPACT);
	char at[32];

	time_iso(c->updated, at);
	db_run(db, Q_JOURNAL_ADD, "tttttit", at, rq->actor, rq->who, c->projid, op, c->version,
		text);
	free(text);
}
