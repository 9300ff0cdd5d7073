"""Rows of the example department until all of them are cases on the simulated portal, beside libcurl alone making the same calls.

The simulator answers after its commit is on disk, so the portal bounds both; what is measured is how much of it we use.
"""

import json
import random
import time

from support.portal import Portal
from support.yuan import Yuan

import data
import proc
import world as worlds
from product import Product
from report import Section
from stats import median, quartiles
from world import say

ITEM = "11341503999900222D4002011099000"
CONNECTIONS = 8  # what a site has if it says nothing else


class Department:
    """The example site, in the form that Product wants."""

    def __init__(self, world, folder, processes, portal):
        self._yuan = Yuan(folder, processes, world.kafka, world.postgres.new_database, portal, folder.name)
        self.folder, self.ledger = self._yuan.folder, self._yuan.ledger
        self.database, self.env = self._yuan.department, self._yuan.casebridge.env


def run(world):
    rows = max(200, world.rows // 20)
    people = _people(rows)
    lines = world.folder / "portal-rows"
    lines.write_text("".join(map(_call_line, people)), encoding="utf-8")
    rounds = []
    for number in range(world.repeats):
        world.watch.look()
        folder = world.new_folder("portal")
        processes = world.processes(folder)
        try:
            portal = Portal(processes, folder / "portal").start()
            beside = worlds.raw("bench-post", portal.url, portal.secret_file, CONNECTIONS, lines)[0]
            theirs = _on_portal(portal)
            portal.control("/reset", {})
            found = once(world, folder, processes, portal, people)
            _same(theirs, found.pop("cases"), rows)
        finally:
            processes.end()
        say(f"round {number + 1}: {rows / found['seconds']:,.0f} cases/s, libcurl {rows / beside['seconds']:,.0f} cases/s")
        rounds.append((beside, found))
    return report(rows, rounds)


def _people(rows):
    draw = random.Random(20180702)
    return [data.row(number, draw) for number in range(1, rows + 1)]


def _call_line(row):
    """What the mapping makes of the same person: the members of the basic information."""
    sbh, name, sex, certificate, birth, mobile, address = row[:7]
    members = {"IMPLEMENTCODE": ITEM, "ORGBUSNO": sbh, "APPLICANT": name, "SEX": "1" if sex == "男" else "2",
               "APPLICANTCERTNO": certificate, "BIRTHDAY": birth.replace("-", ""), "APPLICANTMOBILE": mobile, "ADDRESS": address[:33],
               "APPLYTIME": row[15].translate(str.maketrans("", "", "- :")), "ACCEPTTIME": row[16].translate(str.maketrans("", "", "- :")),
               "PROJECTSTATE": "05", "EXT": {"YDZLX": _card(birth, row[15])}}
    return f"{sbh}\t{json.dumps(members, ensure_ascii=False, separators=(',', ':'))[1:-1]}\n"


def _card(birth, applied):
    return "2" if int(applied[:4]) - int(birth[:4]) >= 70 else "1"


def _type_in(database, people):
    """As the department's own program would, in one transaction."""
    with database.connect() as connection, connection.transaction(), connection.cursor() as cursor:
        with cursor.copy("copy ydz_sq (sbh, xm, xb, sfzh, csrq, lxdh, hkdz, sqrq, slrq, zt, czy) from stdin") as copy:
            for row in people:
                year, month, day = row[4].split("-")
                copy.write_row([*row[:4], f"{year}.{int(month)}.{int(day)}", row[5], row[6][:33], row[15], row[16], "1", "窗口王"])


def once(world, folder, processes, portal, people):
    site = Department(world, folder, processes, portal)
    product = Product(world, site, folder, env=site.env)
    try:
        product.prepare().start()
        found = measure(site, product, portal, people)
        product.stop()
        return found
    finally:
        product.end()


def measure(site, product, portal, people):
    pids = product.pids()
    readers = {name: lambda pid=pid: proc.cpu_seconds(pid) for name, pid in pids.items()}
    readers["portal"] = lambda: proc.cpu_seconds(portal.process.pid)
    calls = _calls(portal)
    memory = proc.MemoryWatch(pids)
    _type_in(site.database, people)
    meter = proc.CpuMeter(readers)
    deadline = time.monotonic() + 60 + len(people) / 20
    while _made(portal) < len(people):
        product.process.must_run()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{_made(portal)} of {len(people)} cases are on the portal:\n{product.process.tail()}")
        time.sleep(0.05)
    seconds = time.monotonic() - meter.begun
    product.settle()
    spent = meter.spent()
    parked = site.ledger.value("select count(*) from casebridge.parked")
    if parked:
        raise RuntimeError(f"{parked} cases are parked")
    return {"seconds": seconds, "cpu": spent, "pss": memory.stop().peak_sum, "calls": _calls(portal) - calls,
            "cases": _on_portal(portal)}


def _made(portal):
    return portal.control("/journal/summary")["data"]["counts"].get("app.create", 0)


def _calls(portal):
    calls = portal.control("/stats")["data"]["calls"]
    return sum(n for name, n in calls.items() if "/_control" not in name)


def _on_portal(portal):
    """number of the department -> the fields that both contestants write."""
    found, after = {}, 0
    while True:
        page = portal.control(f"/journal?after={after}&limit=1000&op=create")["data"]
        for entry in page["entries"]:
            values = {name: new for name, (_, new) in entry["changes"].items()}
            found[values["ORGBUSNO"]] = {name: values.get(name) for name in (
                "APPLICANT", "APPLICANTCERTNO", "SEX", "BIRTHDAY", "APPLICANTMOBILE", "ADDRESS", "APPLYTIME", "ACCEPTTIME", "PROJECTSTATE")}
        if page["next"] == after or not page["entries"]:
            return found
        after = page["next"]


def _same(theirs, ours, rows):
    differ = [number for number in theirs if theirs[number] != ours.get(number)]
    if len(theirs) != rows or len(ours) != rows or differ:
        example = f"; {differ[0]}: {theirs[differ[0]]} and {ours.get(differ[0])}" if differ else ""
        raise RuntimeError(f"cases differ: libcurl made {len(theirs)}, we {len(ours)} of {rows}, {len(differ)} not alike{example}")


def report(rows, rounds):
    ours = [rows / found["seconds"] for _, found in rounds]
    raws = [rows / beside["seconds"] for beside, _ in rounds]
    section = Section("portal", f"PostgreSQL to the portal, {rows:,} new cases")
    low, high = quartiles(ours)
    section.add("rate beside libcurl alone", f"{median(ours):,.0f} cases/s ({low:,.0f} to {high:,.0f})", f"{median(raws):,.0f} cases/s",
                f"{median(ours) / median(raws):.2f}")
    section.add("calls a case", f"{median([f['calls'] / rows for _, f in rounds]):.2f}", "libcurl 2.00")
    names = [name for name in rounds[0][1]["cpu"] if name not in ("portal", "run")]

    def each(name):
        return median([found["cpu"][name] / rows * 1e6 for _, found in rounds])
    raw_cpu = median([beside["cpu_us"] / rows for beside, _ in rounds])
    section.add("processor time of ours, a case", f"{sum(map(each, names)):.0f} µs", ", ".join(f"{name} {each(name):.0f}" for name in names))
    section.add("processor time of the portal, a case", f"{each('portal'):.0f} µs", f"libcurl itself {raw_cpu:.0f} µs")
    section.add("memory of ours, peak PSS of all together", f"{median([f['pss'] for _, f in rounds]):.0f} MB")
    section.notes = [
        f"config/yuan, {CONNECTIONS} connections for both; libcurl makes the two calls of a new case with the same signature and the same fields "
        "and nothing else: no look-up, no receipt, no reading back",
        f"{len(rounds)} rounds, medians; the fields of every case on the portal are the same after either",
    ]
    return section
