#include "portal_faults.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_time.h"

struct fault_rule {
	struct fault_rule *next_rule;
	json_t *given;
	int64_t id, hits;
	enum fault_kind kind;
	const char *path, *method; /* in given; NULL = any */
	int64_t skip, next;	   /* next -1 = no count */
	double percent;
	int64_t ms, random_ms, status;
	bool after;
	struct field_edit edit;
};

static const struct {
	const char *name;
	enum fault_kind kind;
} kinds[] = {
	{"html", FAULT_HTML},
	{"error", FAULT_ERROR},
	{"busy", FAULT_BUSY},
	{"slow_down", FAULT_SLOW_DOWN},
	{"lost_request", FAULT_LOST_REQUEST},
	{"lost_answer", FAULT_LOST_ANSWER},
	{"truncated", FAULT_TRUNCATED},
	{"trickle", FAULT_TRICKLE},
	{"latency", FAULT_LATENCY},
	{"ignore_field", FAULT_IGNORE},
	{"transform", FAULT_TRANSFORM},
};

void faults_init(struct faults *f)
{
	*f = (struct faults){.random = 1};
	pthread_mutex_init(&f->lock, NULL);
}

static void rule_free(struct fault_rule *r)
{
	json_decref(r->given);
	free(r);
}

void faults_clear(struct faults *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->first) {
		struct fault_rule *r = f->first;

		f->first = r->next_rule;
		rule_free(r);
	}
	f->bucket_ms = 0;
	pthread_mutex_unlock(&f->lock);
}

static enum fault_kind kind_of(const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].kind;
	return FAULT_NONE;
}

/* A whole number, or the default when the member is missing; *bad when it is something else. */
static int64_t number(const json_t *o, const char *name, int64_t otherwise, bool *bad)
{
	const json_t *v = json_object_get(o, name);

	if (!v)
		return otherwise;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		*bad = true;
	return json_integer_value(v);
}

static const char *read_edit(struct fault_rule *r, const json_t *given)
{
	const char *field = json_string_value(json_object_get(given, "field"));
	const char *how = json_string_value(json_object_get(given, "do"));

	if (!field || strlen(field) >= sizeof(r->edit.field))
		return "\"field\" names the field, such as ADDRESS or DONE.CERTIFICATENO";
	snprintf(r->edit.field, sizeof(r->edit.field), "%s", field);
	if (r->kind == FAULT_IGNORE) {
		r->edit.kind = EDIT_IGNORE;
		return NULL;
	}
	if (how && !strcmp(how, "upper"))
		r->edit.kind = EDIT_UPPER;
	else if (how && !strcmp(how, "truncate") && r->edit.bytes > 0)
		r->edit.kind = EDIT_TRUNCATE;
	else
		return "\"do\" is upper, or truncate with \"bytes\"";
	return NULL;
}

static bool known_member(const char *name)
{
	static const char *const members[] = {"kind", "path", "method", "next", "skip", "percent",
		"ms", "random_ms", "status", "after", "field", "do", "bytes"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!strcmp(members[i], name))
			return true;
	return false;
}

static const char *read_rule(struct fault_rule *r, const json_t *given)
{
	const json_t *percent = json_object_get(given, "percent");
	const char *name;
	json_t *value;
	bool bad = false;

	json_object_foreach((json_t *)given, name,
		value) if (!known_member(name)) return "a rule has no such member";
	r->kind = kind_of(json_string_value(json_object_get(given, "kind")));
	if (r->kind == FAULT_NONE)
		return "\"kind\" is not one of the faults";
	r->path = json_string_value(json_object_get(given, "path"));
	r->method = json_string_value(json_object_get(given, "method"));
	r->skip = number(given, "skip", 0, &bad);
	r->next = number(given, "next", -1, &bad);
	r->ms = number(given, "ms", r->kind == FAULT_TRICKLE ? 100 : 0, &bad);
	r->random_ms = number(given, "random_ms", 0, &bad);
	r->status = number(given, "status", 500, &bad);
	r->edit.bytes = number(given, "bytes", r->kind == FAULT_TRICKLE ? 16 : 0, &bad);
	r->after = json_is_true(json_object_get(given, "after"));
	r->percent = percent ? json_number_value(percent) : 100;
	if (bad || r->percent < 0 || r->percent > 100 || r->status < 200 || r->status > 599)
		return "a number is out of range";
	if (r->kind == FAULT_TRICKLE && r->edit.bytes == 0)
		return "a piece has at least one byte";
	if (r->kind == FAULT_IGNORE || r->kind == FAULT_TRANSFORM)
		return read_edit(r, given);
	return NULL;
}

const char *faults_add(struct faults *f, const json_t *rule, int64_t *id)
{
	struct fault_rule *r, **last;
	const char *wrong;

	if (!json_is_object(rule))
		return "a rule is an object";
	r = calloc(1, sizeof(*r));
	if (!r)
		return "out of memory";
	r->given = json_deep_copy(rule);
	wrong = read_rule(r, r->given);
	if (wrong) {
		rule_free(r);
		return wrong;
	}
	pthread_mutex_lock(&f->lock);
	for (last = &f->first; *last; last = &(*last)->next_rule)
		;
	*last = r;
	*id = r->id = ++f->last_id;
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

bool faults_remove(struct faults *f, int64_t id)
{
	struct fault_rule *r = NULL;

	pthread_mutex_lock(&f->lock);
	for (struct fault_rule **at = &f->first; *at; at = &(*at)->next_rule) {
		if ((*at)->id != id)
			continue;
		r = *at;
		*at = r->next_rule;
		rule_free(r);
		break;
	}
	pthread_mutex_unlock(&f->lock);
	return r != NULL;
}

json_t *faults_json(struct faults *f, bool lasting)
{
	json_t *list = json_array();

	pthread_mutex_lock(&f->lock);
	for (const struct fault_rule *r = f->first; r; r = r->next_rule) {
		json_t *o;

		if (lasting && (r->next >= 0 || r->skip > 0))
			continue;
		o = json_deep_copy(r->given);
		if (!lasting) {
			json_object_set_new(o, "id", json_integer(r->id));
			json_object_set_new(o, "hits", json_integer(r->hits));
			json_object_set_new(
				o, "left", r->next < 0 ? json_null() : json_integer(r->next));
		}
		json_array_append_new(list, o);
	}
	pthread_mutex_unlock(&f->lock);
	return list;
}

void faults_seed(struct faults *f, unsigned seed)
{
	pthread_mutex_lock(&f->lock);
	f->random = seed ? seed : 1;
	pthread_mutex_unlock(&f->lock);
}

/* xorshift: the same seed gives the same faults, on any machine. */
static double random_unit(struct faults *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 17;
	f->random ^= f->random << 5;
	return f->random / 4294967296.0;
}

static bool decides(enum fault_kind kind)
{
	return kind < FAULT_LATENCY;
}

/* Counts the rule down when it is due. */
static bool due(struct faults *f, struct fault_rule *r)
{
	if (r->next == 0)
		return false;
	if (r->percent < 100 && random_unit(f) * 100 >= r->percent)
		return false;
	if (r->skip > 0) {
		r->skip--;
		return false;
	}
	if (r->next > 0)
		r->next--;
	r->hits++;
	return true;
}

static void add_to_plan(struct faults *f, const struct fault_rule *r, struct fault_plan *out)
{
	int64_t wait;

	switch (r->kind) {
	case FAULT_LATENCY:
		wait = r->ms + (int64_t)(random_unit(f) * (double)r->random_ms);
		*(r->after ? &out->after_ms : &out->before_ms) += wait;
		break;
	case FAULT_IGNORE:
	case FAULT_TRANSFORM:
		if (out->edits < sizeof(out->edit) / sizeof(out->edit[0]))
			out->edit[out->edits++] = r->edit;
		break;
	default:
		out->ends = r->kind;
		out->after = r->after;
		out->status = r->status;
		out->ms = r->ms;
		out->bytes = r->edit.bytes;
		break;
	}
}

void faults_plan(
	struct faults *f, const char *method, const char *path, bool page, struct fault_plan *out)
{
	*out = (struct fault_plan){.ends = FAULT_NONE};
	pthread_mutex_lock(&f->lock);
	for (struct fault_rule *r = f->first; r; r = r->next_rule) {
		if (r->path ? fnmatch(r->path, path, 0) != 0 : page)
			continue;
		if (r->method && strcmp(r->method, method))
			continue;
		if (decides(r->kind) && out->ends != FAULT_NONE)
			continue;
		if (due(f, r))
			add_to_plan(f, r, out);
	}
	pthread_mutex_unlock(&f->lock);
}

bool faults_admit(struct faults *f, int64_t limit)
{
	const int64_t now = time_mono_ms();
	bool admitted;

	if (limit == 0)
		return true;
	pthread_mutex_lock(&f->lock);
	if (f->bucket_ms == 0)
		f->bucket = (double)limit;
	else
		f->bucket += (double)(now - f->bucket_ms) * (double)limit / 1000.0;
	if (f->bucket > (double)limit)
		f->bucket = (double)limit;
	f->bucket_ms = now;
	admitted = f->bucket >= 1;
	if (admitted)
		f->bucket -= 1;
	pthread_mutex_unlock(&f->lock);
	return admitted;
}

int64_t faults_random_ms(struct faults *f, int64_t most)
{
	int64_t ms;

	if (most == 0)
		return 0;
	pthread_mutex_lock(&f->lock);
	ms = (int64_t)(random_unit(f) * (double)most);
	pthread_mutex_unlock(&f->lock);
	return ms;
}
