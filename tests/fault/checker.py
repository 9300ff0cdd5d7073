"""The seven figures, from outside and without asking the product: what was typed against what came about.

    lost         a value typed last that is not where it must be, or a record that is missing
    doubled      a second record or step, a write that changed nothing, a value written more often than typed
    reordered    writes of one field in another order than they were typed in; versions of a case that go back
    corrupted    a written value that nobody typed; two contents under one version of a case
    unaccounted  counters that do not add up; something that waits without anybody being told
    unknown      outcomes that nobody can tell: parked or held for a person, never guessed
    overwritten  a field that only people of that side type, written by us over what they typed
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields

import psycopg

from people import STATES
from support.journal import table_effects
from support.topics import read_topic
from support.waiting import Timeout, wait_for

READING = 600  # seconds for a topic: chaos leaves long ones
LATE_MS = 10_000  # after it goes on again: what a bridge that stood still sends, until it notices

# field -> its column in the department, its place on the portal, whose people type it
FIELDS = {"ADDRESS": ("hkdz", "ADDRESS", "department"), "STATE": ("zt", "PROJECTSTATE", "department"),
          "CERTIFICATE": ("zzbh", "DONE/CERTIFICATENO", "department"), "MOBILE": ("lxdh", "APPLICANTMOBILE", "portal")}


@dataclass
class Figures:
    lost: list = field(default_factory=list)
    doubled: list = field(default_factory=list)
    reordered: list = field(default_factory=list)
    corrupted: list = field(default_factory=list)
    unaccounted: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    overwritten: list = field(default_factory=list)

    def __bool__(self):
        """All are zero."""
        return not any(getattr(self, f.name) for f in fields(self))

    def settled(self):
        """Nothing will change any more by itself: what nobody can know waits for a person."""
        return not any(getattr(self, f.name) for f in fields(self) if f.name != "unknown")

    def line(self):
        return ", ".join(f"{f.name} {len(getattr(self, f.name))}" for f in fields(self))

    def __str__(self):
        return "\n".join([self.line(), *(f"{f.name}: {what}" for f in fields(self) for what in getattr(self, f.name)[:8])])


@dataclass(frozen=True)
class Write:
    """One committed write of ours: field -> value, as the journal writes it."""
    side: str
    person: str
    new: bool
    values: dict
    changed: bool = True


# ---- the pure part: what was typed against what was written ----

def compare(typed, writes, figures):
    """typed: {(person, field): values in order}."""
    sequences, created = defaultdict(list), Counter()
    for write in writes:
        created[write.side, write.person] += write.new
        if not write.changed:
            figures.doubled.append((write.side, write.person, "a write that changed nothing"))
        for name, value in write.values.items():
            home = FIELDS[name][2]
            if write.side != home:
                sequences[write.person, name].append(value)
            elif not write.new:
                figures.overwritten.append((write.side, write.person, name, value))
    figures.doubled += [(*at, f"created {times} times") for at, times in created.items() if times > 1]
    for at, written in sequences.items():
        _compare_order(at, typed.get(at, []), written, figures)


def _compare_order(at, typed, written, figures):
    foreign = [value for value in written if value not in typed]
    figures.corrupted += [(*at, value) for value in foreign]
    written = [value for value in written if value in typed]
    often = Counter(written) - Counter(typed)
    figures.doubled += [(*at, value, f"{n} times too often") for value, n in often.items()]
    rest = iter(typed)
    if not often and not all(value in rest for value in written):
        figures.reordered.append((*at, written[-6:], typed[-6:]))


# ---- what is there ----

def _department_writes(scene):
    for effect in table_effects(scene.department, "ydz_sq", "sbh", by=lambda writer: writer != "test"):
        values = {name: _shown(name, effect.after.get(column)) for name, (column, _, _) in FIELDS.items()
                  if effect.after.get(column) != effect.before.get(column) and effect.after.get(column) is not None}
        yield Write("department", effect.after.get("sfzh") or effect.before.get("sfzh"), effect.operation == "INSERT", values,
                    effect.before != effect.after)


def _shown(name, value):
    return STATES.get(value, value) if name == "STATE" else value


def _portal_writes(view):
    for entry in view.entries:
        if entry["actor"] != "app":
            continue
        person = view.cases[entry["projid"]].get("APPLICANTCERTNO")
        values = {name: entry["changes"][place][1] for name, (_, place, _) in FIELDS.items()
                  if place in entry["changes"] and entry["changes"][place][1] is not None}
        yield Write("portal", person, entry["op"] == "create", values, bool(entry["changes"]) or entry["op"] == "number")


def _department_now(scene):
    columns = [column for column, _, _ in FIELDS.values()]
    rows = scene.department.rows(f"select sfzh, xm, {', '.join(columns)} from ydz_sq")
    return rows, {row[0]: {"NAME": row[1], **{n: _shown(n, v) for n, v in zip(FIELDS, row[2:])}} for row in rows}


def _portal_now(view):
    cases = [c for c in view.cases.values() if c["made"]]
    return cases, {c["APPLICANTCERTNO"]: {"NAME": c.get("APPLICANT"), **{n: c.get(place) for n, (_, place, _) in FIELDS.items()}}
                   for c in cases}


def _compare_now(scene, typed, held, figures):
    """`held`: persons of whom something waits for a decision; what they lack is not lost, it is told as unknown."""
    rows, department = _department_now(scene)
    cases, portal = _portal_now(scene.view)
    for side, records, now in (("department", [r[0] for r in rows], department), ("portal", [c["APPLICANTCERTNO"] for c in cases], portal)):
        figures.doubled += [(side, person, f"{n} records") for person, n in Counter(records).items() if n > 1]
        for (person, name), values in typed.items():
            found = now.get(person, {}).get(name, "no record")
            if found != values[-1] and person not in held:
                figures.lost.append((side, person, name, values[-1], found))
    figures.corrupted += [(person, department[person]["NAME"], portal[person]["NAME"]) for person in department.keys() & portal.keys()
                          if department[person]["NAME"] != portal[person]["NAME"]]
    steps = Counter((e["projid"], place) for e in scene.view.entries if e["actor"] == "app" for place, (before, _) in e["changes"].items()
                    if place.startswith("STEPS/") and place.endswith("/NODENAME") and before is None)
    figures.doubled += [(*at, "step made again") for at, n in steps.items() if n > 1]


def _waiting_for_people(scene, figures):
    """Parked and held items; returns the persons they are about."""
    held = set()
    parked = scene.ledger.rows("select p.kind, p.code, p.text_en, c.doc::json #>> '{applicant,cert_no}' from casebridge.parked p "
                               "left join casebridge.cases c on c.cid = p.cid where p.status = 'open'")
    for kind, code, text, person in parked:
        (figures.unknown if kind == "unknown" else figures.unaccounted).append(("parked", kind, code, text, person))
        held.add(person)
    suspect = scene.ledger.rows("select k.kind, k.place, c.doc::json #>> '{applicant,cert_no}' from casebridge.conflicts k "
                                "join casebridge.cases c on c.cid = k.cid where k.kind in ('suspect')")
    for kind, place, person in suspect:
        figures.unknown.append(("held", kind, place, person))
        held.add(person)
    lost = scene.ledger.rows("select k.kind, k.place, k.lose::text from casebridge.conflicts k where k.kind not in ('suspect', 'deviation')")
    figures.unaccounted += [("conflict", *row) for row in lost]
    return held


def _add_up(scene, figures):
    for system, n in scene.ledger.rows("select code, counters::json from casebridge.systems"):
        told = n["accepted"] + n["echo"] + n["refused"] + n["parked_in"]
        answered = sum(n[word] for word in ("applied", "stale", "exists", "gone", "rejected", "unknown", "pending"))
        if n["read"] != told:
            figures.unaccounted.append((system, f"read {n['read']}, told {told}"))
        if n["sent"] != answered:
            figures.unaccounted.append((system, f"sent {n['sent']}, answered {answered}"))
    waiting = scene.ledger.value("select count(*) from casebridge.links where inflight is not null or due")
    if waiting:
        figures.unaccounted.append((waiting, "links still at work"))


def take(scene, journal):
    """The figures as they are now; people must not be typing."""
    figures = Figures()
    scene.view.refresh()
    with journal.lock:
        typed = {at: list(values) for at, values in journal.typed.items()}
    held = _waiting_for_people(scene, figures)
    compare(typed, [*_department_writes(scene), *_portal_writes(scene.view)], figures)
    _compare_now(scene, typed, held, figures)
    _add_up(scene, figures)
    return figures


def check_topics(scene, figures):
    """What everybody else may read: every version, every parked item and every decision stands there, repeats alike."""
    bootstrap, prefix = scene.kafka.bootstrap, scene.prefix
    contents, last, repeats = {}, {}, 0
    for record in read_topic(bootstrap, f"{prefix}.cases", READING):
        case = json.loads(record.value)
        at, content = (case["case_id"], case["version"]), {k: v for k, v in case.items() if k != "links"}
        # what a bridge told before it fell may be told again; an older version told late for the first time only by one that had stood still
        if at in contents:
            repeats += 1
        elif case["version"] < last.get(case["case_id"], (0,))[0]:
            if _is_late(scene, record):
                scene.told_late.append(at)
            else:
                figures.reordered.append(("casebridge.cases", *at))
        if contents.setdefault(at, content) != content:
            figures.corrupted.append(("casebridge.cases", *at, "told with two contents"))
        last[case["case_id"]] = (case["version"], case)
    _check_last(scene, last, figures)
    audit = [(r.headers.get("ce_id", b"").decode(), r.headers.get("ce_type", b"").decode()) for r in read_topic(bootstrap, f"{prefix}.audit", READING)]
    told = {identity for identity, kind in audit}
    versions = scene.ledger.value("select count(*) from casebridge.history")
    distinct = len({identity for identity, kind in audit if kind == "cn.casebridge.case.history.v1"})
    if distinct != versions:
        figures.lost.append(("casebridge.audit", f"{versions} versions, {distinct} told"))
    figures.lost += [("casebridge.audit", order) for (order,) in scene.ledger.rows(
        "select id from casebridge.orders where kind in ('correct', 'drop', 'take', 'keep')") if order not in told]
    parked = Counter((r.headers["__connect.errors.connector.name"], r.headers["__connect.errors.exception.class.name"], r.key)
                     for r in read_topic(bootstrap, f"{prefix}.parked", READING))
    for system, code, lid, cid in scene.ledger.rows("select s.code, p.code, p.lid, p.cid from casebridge.parked p join casebridge.systems s on s.id = p.sys"):
        key = (system.encode(), code.encode(), (lid or ulid(cid)).encode())
        if not parked[key]:
            figures.lost.append(("casebridge.parked", *key))
        parked[key] -= 1
    return repeats


def _is_late(scene, record):
    return any(began <= record.timestamp <= ended + LATE_MS for began, ended in scene.stood_still)


def ulid(uuid):
    alphabet, number, text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", uuid.int, ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        text = alphabet[digit] + text
    return text


def _check_last(scene, last, figures):
    for cid, ver, doc in scene.ledger.rows("select cid, ver, doc::json from casebridge.cases"):
        at = ulid(cid)
        if at not in last:
            figures.lost.append(("casebridge.cases", at))
        elif last[at][0] != ver:
            figures.reordered.append(("casebridge.cases", at, f"version {ver}, told last {last[at][0]}"))
        elif any(last[at][1].get(name) != value for name, value in doc.items()):
            figures.corrupted.append(("casebridge.cases", at, "told otherwise than it stands in the ledger"))


def settle(scene, journal, timeout=60):
    """Waits until everything has come through, and returns the figures; those of the deadline if it never does."""
    last = []

    def clean():
        try:
            if scene.idle():
                last[:] = [take(scene, journal)]
                return last[0].settled()
        except (psycopg.OperationalError, OSError) as error:
            raise LookupError(str(error)) from None
        return False
    try:
        wait_for(clean, timeout, "all to come through", or_died=[scene.keeper])
    except Timeout:
        scene.department.disconnect()
        return take(scene, journal)
    return last[0]
