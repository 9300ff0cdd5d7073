"""New rows in a until all of them are in b, as they were sent, beside what the servers do alone."""

import time

import proc
import raw
import sites
from product import Product
from report import Section
from stats import median, quartiles
from world import say

COLUMNS = ["sbh", *sites.COLUMNS]


def run(world):
    tables = raw.RawTables(world, world.rows)
    rounds = []
    for number in range(world.repeats):
        world.watch.look()
        beside = {"copy_out": tables.copy_out(), "copy_in": tables.copy_in(), "upsert": tables.upsert(),
                  "produce": tables.produce()}
        tables.check()
        found = once(world, tables.text)
        say(f"round {number + 1}: {world.rows / found['seconds']:,.0f} rows/s, "
            f"COPY in {world.rows / beside['copy_in']['seconds']:,.0f} rows/s")
        rounds.append((beside, found))
    return report(world, rounds)


def once(world, text):
    folder = world.new_folder("chain")
    site = sites.Site(world, folder)
    product = Product(world, site, folder)
    try:
        product.prepare().start()
        found = measure(world, site, product, text)
        product.stop()
        return found
    finally:
        product.end()
        site.close()


def measure(world, site, product, text):
    pids = product.pids()
    readers = {name: lambda pid=pid: proc.cpu_seconds(pid) for name, pid in pids.items()}
    readers["PostgreSQL"] = lambda: proc.tree_cpu_seconds(world.postgres.pid())
    readers["Kafka"] = lambda: proc.cpu_seconds(world.kafka.pid())
    memory = proc.MemoryWatch(pids)
    raw.copy_in(site.a, "a_sq", text, COLUMNS)
    # Before the commit nobody sees the rows; what COPY itself cost is not the chain's.
    meter = proc.CpuMeter(readers)
    wait_all_there(world.rows, site, product)
    seconds = time.monotonic() - meter.begun
    product.settle()
    found = {"seconds": seconds, "settled": time.monotonic() - meter.begun, "cpu": meter.spent(),
             "pss": memory.stop().peak_sum, "pss_each": memory.peaks,
             "rss": {name: proc.peak_rss(pid) for name, pid in pids.items()}}
    check(site, world.rows)
    return found


def wait_all_there(rows, site, product):
    """The sequence of b's numbers costs nothing to look at; only its end is worth a count."""
    deadline = time.monotonic() + 60 + rows / 500
    while True:
        if (site.b.value("select last_value from b_sq_number") >= rows
                and site.b.value("select count(*) from b_sq") >= rows):
            return
        product.process.must_run()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{site.b.value('select count(*) from b_sq')} of {rows} rows arrived:\n"
                               f"{product.process.tail()}")
        time.sleep(0.01)


def check(site, rows):
    """No figure without this: the same rows on both sides, one case each, nothing parked."""
    there, here = sites.content(site.a, "a_sq", "sbh"), sites.content(site.b, "b_sq", "other_no")
    cases = site.ledger.value("select count(*) from casebridge.cases")
    parked = site.ledger.value("select count(*) from casebridge.parked")
    if there != here or there[0] != rows or cases != rows or parked:
        raise RuntimeError(f"rows differ: a {there}, b {here}, cases {cases}, parked {parked}")


def report(world, rounds):
    rows = world.rows
    section = Section("chain", f"Chain: PostgreSQL to PostgreSQL, {rows:,} new rows of 0.6 KB")

    def rates(pick):
        return [rows / pick(beside, found) for beside, found in rounds]
    ours = rates(lambda beside, found: found["seconds"])
    raws = {name: rates(lambda beside, found, name=name: beside[name]["seconds"])
            for name in ("copy_in", "copy_out", "upsert", "produce")}
    titles = {"copy_in": "raw COPY into a keyed table", "copy_out": "raw COPY out", "upsert": "raw upsert, 1,000 rows a statement",
              "produce": "raw librdkafka produce"}
    for name, title in titles.items():
        ratios = [mine / theirs for mine, theirs in zip(ours, raws[name])]
        ratio = median(ours) / median(raws[name])
        target = name == "copy_in"
        section.add(f"rate beside {title}", _rate(ours), _rate(raws[name]),
                    f"{ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})", "at least 0.10" if target else "",
                    ratio >= 0.10 if target else None)
    _cost(section, rounds, rows)
    settled = median([found["settled"] - found["seconds"] for _, found in rounds])
    section.notes = [
        "from the commit of all rows in a to the last of them visible in b; product, broker, both databases and the ledger "
        "share the machine",
        "every row is a new case: mapped, published, merged, delivered with a receipt, and read back from b; "
        f"processor time counts until all is at rest, {settled:.1f} s after the last row",
        f"{len(rounds)} rounds, medians; counts and a hash over all columns of both sides agree in each",
    ]
    return section


def _rate(rates):
    low, high = quartiles(rates)
    return f"{median(rates):,.0f} rows/s ({low:,.0f} to {high:,.0f})"


def _cost(section, rounds, rows):
    def each(name):
        return median([found["cpu"][name] / rows * 1e6 for _, found in rounds])
    names = [name for name in rounds[0][1]["cpu"] if name not in ("PostgreSQL", "Kafka")]
    total = median([sum(found["cpu"][name] for name in names) / rows * 1e6 for _, found in rounds])
    parts = ", ".join(f"{name} {each(name):.0f}" for name in names if name != "run")
    section.add("processor time of ours, a row", f"{total:.0f} µs", parts, "", "at most 60 µs", total <= 60)
    section.add("processor time of the servers, a row", f"PostgreSQL {each('PostgreSQL'):.0f} µs", f"broker {each('Kafka'):.0f} µs")
    pss = median([found["pss"] for _, found in rounds])
    peaks = ", ".join(f"{name} {median([f['pss_each'][name] for _, f in rounds]):.0f}" for name in names)
    section.add("memory of ours, peak PSS of all together", f"{pss:.0f} MB", peaks, "", "at most 120 MB", pss <= 120)
    rss = ", ".join(f"{name} {median([f['rss'][name] for _, f in rounds]):.0f}" for name in names)
    section.add("peak RSS of each", f"{rss} MB")
