#include "hub_reconcile.h"

#include "map_time.h"

#include <string.h>

#define MENDS_EN "--repair: the bridge reads the record again, or sends what is behind"
#define MENDS_ZH "--repair：由总线重新读取该记录，或补发缺少的内容"
#define RIGHT_EN(tag)                                                                              \
	"find out which side is right; correct the other one there, or, if it is the system's "    \
	"record: --repair --also " tag
#define RIGHT_ZH(tag)                                                                              \
	"请核实以哪一方为准：在另一方系统中更正；若以该系统的记录为准：--repair --also " tag

const struct hub_diff_about hub_diff_abouts[DIFF_CLASSES] = {
	[DIFF_DEPARTMENT_ONLY] = {"R1", "in the department only", "仅部门有（漏报）", true,
		MENDS_EN, MENDS_ZH},
	[DIFF_PORTAL_ONLY] = {"R2", "on the portal only", "仅政务网有（多报）", false,
		"find out whether the department should have it; then --repair --also R2: the "
		"bridge looks for the record again, sends the case there, or, where the record is "
		"gone, asks what is to become of it (casebridge parked list)",
		"请核实部门是否应有该办件；核实后 --repair --also "
		"R2：由总线重新查找该记录或向其送达，记录已消失的转为待处理事项（casebridge parked "
		"list）"},
	[DIFF_STATUS] = {"R3", "status or result differs", "状态或结果不一致", false,
		RIGHT_EN("R3"), RIGHT_ZH("R3")},
	[DIFF_TIME] = {"R4", "time differs", "时间不一致", false, RIGHT_EN("R4"), RIGHT_ZH("R4")},
	[DIFF_ITEM] = {"R5", "item, unit or another field differs", "事项、单位或其他字段不一致",
		false, RIGHT_EN("R5"), RIGHT_ZH("R5")},
	[DIFF_APPLICANT] = {"R6", "applicant differs", "申请人不一致", false, RIGHT_EN("R6"),
		RIGHT_ZH("R6")},
	[DIFF_TWICE] = {"R7", "counted twice", "重复计数", false,
		"find out which record is the right one, and have the other one taken away in its "
		"system",
		"请核实以哪条记录为准，并在该系统中清理另一条"},
	[DIFF_STEP] = {"R8", "step on one side only", "环节仅一方有", true, MENDS_EN, MENDS_ZH},
	[DIFF_FINISHED] = {"R9", "over on one side, open on the other", "一方办结、一方在办", true,
		MENDS_EN, MENDS_ZH},
	[DIFF_ATTACHMENT] = {"R10", "attachment on one side only", "附件仅一方有", true, MENDS_EN,
		MENDS_ZH},
};

enum hub_diff_class hub_diff_by_tag(struct br_str tag)
{
	for (int i = 1; i < DIFF_CLASSES; i++)
		if (br_str_eq(tag, br_str_z(hub_diff_abouts[i].tag)))
			return (enum hub_diff_class)i;
	return 0;
}

enum hub_diff_class hub_diff_alone(enum case_owner role, bool record_there)
{
	return (role == CASE_OWNER_PORTAL) == record_there ? DIFF_PORTAL_ONLY
							   : DIFF_DEPARTMENT_ONLY;
}

/* ---- classes ---- */

static bool begins(struct br_str s, struct br_str with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static bool is_over(const struct case_field *f, struct br_str code)
{
	const struct code_row *row = code.p && f->codes ? code_find(f->codes, code) : NULL;

	return row && row->terminal;
}

static bool is_file(struct br_str name)
{
	static const char end[] = "file_id";

	return name.n >= sizeof(end) - 1 &&
	       memcmp(name.p + name.n - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static enum hub_diff_class class_of_root(const struct hub_sides *s, const struct case_field *f,
	struct br_str in_case, struct br_str in_system)
{
	if (f->number == s->schema->f_status)
		return in_case.p && in_system.p && is_over(f, in_case) != is_over(f, in_system)
			       ? DIFF_FINISHED
			       : DIFF_STATUS;
	if (begins(f->name, BR_STR("applicant.")) || begins(f->name, BR_STR("agent.")) ||
		begins(f->name, BR_STR("contact.")))
		return DIFF_APPLICANT;
	if (is_file(f->name))
		return DIFF_ATTACHMENT;
	if (f->type == SHAPE_TIME || f->type == SHAPE_DATE)
		return DIFF_TIME;
	if (begins(f->name, BR_STR("outcome")) || begins(f->name, BR_STR("result.")))
		return DIFF_STATUS;
	return DIFF_ITEM;
}

static enum hub_diff_class class_of_part(
	const struct hub_sides *s, const struct case_field *f, unsigned part, bool whole)
{
	struct br_str name = s->schema->parts[part].name;

	if (br_str_eq(name, BR_STR("materials")))
		return DIFF_ATTACHMENT;
	if (!br_str_eq(name, BR_STR("steps")))
		return DIFF_ITEM;
	if (whole)
		return DIFF_STEP;
	return f->type == SHAPE_TIME || f->type == SHAPE_DATE ? DIFF_TIME : DIFF_STATUS;
}

/* ---- what differs ---- */

struct work {
	const struct hub_sides *s;
	struct br_arena *a;
	struct image got;  /* the record in the case's words */
	struct image want; /* the record as it would be after writing the case */
	bool can_put;
	struct hub_diff *diff;
	size_t n, room;
};

static int add(struct work *w, const struct cell *place, struct br_str in_case,
	struct br_str in_system, bool whole)
{
	const struct case_field *f = case_field(w->s->schema, place->field);
	struct hub_diff *d;

	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 8;
		struct hub_diff *more = br_arena_array(w->a, struct hub_diff, room);

		if (!more)
			return -BR_E_NOMEM;
		if (w->n)
			memcpy(more, w->diff, w->n * sizeof(*more));
		w->diff = more;
		w->room = room;
	}
	d = &w->diff[w->n++];
	*d = (struct hub_diff){.place = *place, .in_case = in_case, .in_system = in_system};
	d->class = place->part ? class_of_part(w->s, f, place->part, whole)
			       : class_of_root(w->s, f, in_case, in_system);
	if (whole)
		d->place.field = IMAGE_ELEMENT;
	return 0;
}

static struct br_str value_of(const struct cell *c)
{
	return c ? c->value : BR_STR_NONE;
}

static bool times_agree(const struct hub_sides *s, struct br_str a, struct br_str b)
{
	int64_t x, y;
	bool fraction;

	if (!map_time_read_rfc3339(a, &x, &fraction) || !map_time_read_rfc3339(b, &y, &fraction))
		return false;
	return (x > y ? x - y : y - x) <= s->tolerance_s;
}

static bool agree(const struct work *w, unsigned field, struct br_str a, struct br_str b)
{
	if (!a.p || !b.p)
		return !a.p && !b.p;
	if (br_str_eq(a, b))
		return true;
	return case_field(w->s->schema, field)->type == SHAPE_TIME && times_agree(w->s, a, b);
}

/* A column that writing the case would change. */
static bool column_differs(const struct work *w, const struct image_pair *p)
{
	if (!p->left || (!p->right && cell_is_null(p->left)))
		return false;
	return !p->right || !map_column_same(w->s->map, p->left, p->right);
}

/* Would writing the case change anything the place is written to? */
static bool would_write(const struct work *w, const struct cell *place)
{
	struct image_pair p;

	image_pair_init(&p, &w->want, w->s->shown);
	while (image_pair_next(&p))
		if (column_differs(w, &p) && map_place_writes(w->s->map, place, p.left))
			return true;
	return false;
}

/* A conversion that loses something cannot tell by reading; writing can. */
static bool can_be_exact(const struct work *w, const struct cell *place)
{
	return !w->can_put || !map_field_out(w->s->map, place->field) ||
	       map_field_class(w->s->map, place->field) == MAP_EXACT;
}

/* Does anything of the place stand there otherwise than the ledger knows? */
static bool changed_there(const struct work *w, const struct cell *place)
{
	struct image_pair p;

	image_pair_init(&p, w->s->shown, w->s->shadow);
	while (image_pair_next(&p)) {
		const struct cell *c = p.left ? p.left : p.right;

		if (!cell_same(p.left, p.right) && (map_place_reads(w->s->map, place, c) ||
							   map_place_writes(w->s->map, place, c)))
			return true;
	}
	return false;
}

/* Told, and it stands there as it did then: in the form that this system gives it. */
static bool is_told(const struct work *w, const struct cell *c)
{
	const struct hub_sides *s = w->s;

	return s->shadow &&
	       versions_get(s->fver, c->part, c->key, c->field) <=
		       versions_get(s->held, c->part, c->key, c->field) &&
	       !changed_there(w, c);
}

/* An element is told once, not field by field. */
static bool told_element(const struct work *w, const struct cell *c)
{
	const struct hub_diff *last = w->n ? &w->diff[w->n - 1] : NULL;

	return last && last->place.field == IMAGE_ELEMENT && last->place.part == c->part &&
	       br_str_eq(last->place.key, c->key);
}

/* Does a side lack this element, of a list that both can have? */
static bool is_alone(const struct work *w, const struct cell *c)
{
	return c->part && map_local_part(w->s->map, c->part) > 0 &&
	       image_has_element(&w->got, c->part, c->key) !=
		       image_has_element(w->s->kase, c->part, c->key);
}

static int compare_place(struct work *w, const struct cell *got, const struct cell *kase)
{
	const struct cell *c = got ? got : kase;
	if (!map_field_in(w->s->map, c->field) || told_element(w, c))
		return 0;
	if (is_alone(w, c) && !is_told(w, c))
		return add(w, c, kase ? c->key : BR_STR_NONE, got ? c->key : BR_STR_NONE, true);
	if (!got || is_alone(w, c) || agree(w, c->field, value_of(kase), value_of(got)))
		return 0;
	if ((kase && !can_be_exact(w, c) && !would_write(w, c)) || is_told(w, c))
		return 0;
	return add(w, c, value_of(kase), value_of(got), false);
}

static int compare_read(struct work *w)
{
	struct image_pair p;
	int rc = 0;

	image_pair_init(&p, &w->got, w->s->kase);
	while (rc == 0 && image_pair_next(&p))
		rc = compare_place(w, p.left, p.right);
	return rc;
}

/* What is only ever written: its columns tell, in their own words. */
static int compare_written(struct work *w)
{
	struct image_pair p;
	int rc = 0;

	image_pair_init(&p, &w->want, w->s->shown);
	while (rc == 0 && image_pair_next(&p)) {
		struct cell place;
		unsigned at = 0;

		if (!column_differs(w, &p))
			continue;
		while (rc == 0 && map_written_place(w->s->map, p.left, &at, &place))
			if (!map_field_in(w->s->map, place.field) && !is_told(w, &place))
				rc = add(w, &place,
					value_of(image_get(
						w->s->kase, place.part, place.key, place.field)),
					value_of(p.right), false);
	}
	return rc;
}

/* The mapping cannot read the record: the field at fault differs. */
static int unreadable(struct work *w, const struct map_issue *issue)
{
	struct cell place = {.field = issue->field};
	const struct shape *shape = w->s->schema->shape;
	const struct cell *known;

	if (place.field >= shape->nfields)
		place.field = w->s->schema->f_impl_code;
	place.part = shape->fields[place.field].part;
	known = place.part ? NULL : image_root(w->s->kase, place.field);
	return add(w, &place, value_of(known), BR_STR_NONE, false);
}

int hub_reconcile(const struct hub_sides *s, struct br_arena *a, struct hub_diff **out, size_t *n,
	struct map_issue *issue)
{
	const struct map_context ctx = {s->kase, s->had, s->nhad};
	struct work w = {.s = s, .a = a};
	struct map_issue cannot = {.ask = false};
	int rc;

	br_err_clear(&issue->err);
	if (map_get(s->map, s->shown, &ctx, a, &w.got, issue) < 0) {
		rc = unreadable(&w, issue);
	} else {
		br_err_clear(&cannot.err);
		w.can_put = map_put(s->map, s->kase, s->shown, a, &w.want, &cannot) == 0;
		rc = compare_read(&w);
		if (rc == 0 && w.can_put)
			rc = compare_written(&w);
	}
	*out = w.diff;
	*n = w.n;
	return rc;
}
