"""The mapper and our JSON in one core's memory: bench-mapper lets its contestants take turns by itself."""

from report import Section
from world import raw

PAIRS = [("case_write", "case as JSON, written", "jansson_case_write"), ("case_read", "case as JSON, read", "jansson_case_read"),
         ("image_write", "row as flat JSON, written", "jansson_image_write"),
         ("image_read", "row as flat JSON, read", "jansson_image_read")]
TARGET = 60


def run(world):
    found = {line["name"]: line for line in raw("bench-mapper", *(["--quick"] if world.quick else []))}
    shape, floor = found["shape"], found["copy"]
    section = Section("mapper", "Mapper")

    def mapped(name, title):
        line = found[name]
        section.add(title, _ns(line), f"copy of the cells {floor['ns']:.1f} ns", f"{line['ns'] / floor['ns']:.1f} x",
                    f"at most {TARGET} ns", line["ns"] <= TARGET)
    mapped("get", "row to case (map_get)")
    mapped("put", "case to a row that is there (map_put)")
    mapped("put_new", "case to a new row (map_put)")
    _beside(section, "get, the same beside Jansson, which only renames", found["get"], found["jansson_rename"])
    section.add("row to published JSON (map_get, case_write)", _ns(found["row_to_json"]))
    for ours, title, theirs in PAIRS:
        _beside(section, title, found[ours], found[theirs])
    section.add("observation on the wire, written", _ns(found["msg_write"]), f"{found['msg_write']['ns_record']:.0f} ns a message")
    section.add("observation on the wire, read", _ns(found["msg_read"]), f"{found['msg_read']['ns_record']:.0f} ns a message")
    section.notes = [
        f"config/yuan, civil-affairs: {shape['row_cells']:.0f} fields with two child rows, {shape['row_bytes']:.0f} B as flat JSON; "
        f"case of {shape['case_cells']:.0f} fields, {shape['case_bytes']:.0f} B",
        "per field, with code tables, dates, times with zone, citizen ids and all checks; "
        "processor time of one thread, median and quartiles of the rounds",
    ]
    return section


def _ns(line):
    return f"{line['ns']:.1f} ns ({line['q1']:.1f} to {line['q3']:.1f})"


def _beside(section, title, ours, theirs):
    section.add(title, _ns(ours), f"Jansson {theirs['ns']:.1f} ns", f"{theirs['ns'] / ours['ns']:.1f} x as fast")
