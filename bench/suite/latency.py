"""Commit in a until the change is visible in b, at a fixed rate.

Open loop: every change has its time on a schedule made beforehand, and goes out then however late earlier ones are, so a
stall is paid for by everybody who was to come in it. A trigger of the benchmark's own notifies us from b's transaction;
PostgreSQL delivers that once the commit is visible.
"""

import multiprocessing
import threading
import time

import psycopg

import chain
import data
import proc
import raw
import sites
from product import Product
from report import Section
from stats import percentile
from world import say

RATE = 200
RECORDS = 2000
WRITERS = 4
TARGETS = {50: 15, 99: 50}
_WATCH = """
create function bench_tell() returns trigger language plpgsql as $$ begin perform pg_notify('bench', new.jgms); return null; end $$;
create trigger bench_tell after update on b_sq for each row when (new.jgms like 'm%') execute function bench_tell();
"""


def run(world):
    section = Section("latency", f"Latency: commit in one system to visible in the other, {RATE} changes/s, open loop")
    seconds = 5 if world.quick else 30
    for title, every, listen in (("LISTEN/NOTIFY", "1s", True), ("poll every 5 ms", "5ms", False)):
        world.watch.look()
        found = once(world, every, listen, seconds)
        say(f"{title}: p50 {percentile(found['commit'], 50):.1f} ms, p99 {percentile(found['commit'], 99):.1f} ms")
        _tell(section, title, found, seconds)
    section.notes = [f"{seconds} s each, {RATE * seconds:,} updates of {RECORDS:,} records by {WRITERS} clerks, every one of them "
                     "arrived; the clock is the machine's, the end is b's notification after its commit",
                     "`beside` is a clerk's own commit in the same seconds: what PostgreSQL takes for one"]
    return section


def _tell(section, title, found, seconds):
    for p, target in TARGETS.items():
        ours, own = percentile(found["commit"], p), percentile(found["own"], p)
        section.add(f"{title}: p{p}", f"{ours:.1f} ms", f"own commit {own:.1f} ms", f"{ours / own:.1f} x", f"at most {target} ms",
                    ours <= target)
    section.add(f"{title}: max", f"{max(found['commit']):.1f} ms", f"own commit {max(found['own']):.1f} ms")
    section.add(f"{title}: from the time on the schedule", f"p50 {percentile(found['due'], 50):.1f} ms, p99 {percentile(found['due'], 99):.1f} ms")
    section.add(f"{title}: processor of ours", f"{found['cpu'] / seconds:.1%} of a core")


def once(world, every, listen, seconds):
    folder = world.new_folder("latency")
    site = sites.Site(world, folder, every=every, listen=listen)
    product = Product(world, site, folder)
    try:
        if not listen:
            for database, table in ((site.a, "a_sq"), (site.b, "b_sq")):
                database.execute(f"drop trigger tell on {table}")
        product.prepare().start()
        raw.copy_in(site.a, "a_sq", data.copy_text(RECORDS), chain.COLUMNS)
        chain.wait_all_there(RECORDS, site, product)
        product.settle()
        site.b.execute(_WATCH)
        found = measure(site, product, RATE * seconds)
        product.settle()
        chain.check(site, RECORDS)
        product.stop()
        return found
    finally:
        product.end()
        site.close()


def measure(site, product, changes):
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    listener = context.Process(target=_listen, args=(site.b.dsn, changes, theirs), daemon=True)
    listener.start()
    if not mine.poll(20) or mine.recv() != "ready":
        raise RuntimeError("the listener did not get ready")
    pids = product.pids().values()
    cpu = sum(map(proc.cpu_seconds, pids))
    sent = _write(site.a, changes)
    cpu = sum(map(proc.cpu_seconds, pids)) - cpu
    if not mine.poll(60):
        raise RuntimeError(f"not all of {changes} changes arrived")
    seen = mine.recv()
    listener.join()
    missing = [n for n in range(changes) if n not in seen]
    if missing:
        raise RuntimeError(f"{len(missing)} of {changes} changes did not arrive, the first is {missing[0]}")
    return {"commit": [(seen[n] - done) * 1000 for n, (due, begun, done) in sent.items()],
            "due": [(seen[n] - due) * 1000 for n, (due, begun, done) in sent.items()],
            "own": [(done - begun) * 1000 for due, begun, done in sent.values()], "cpu": cpu}


def _listen(dsn, changes, pipe):
    """In a process of its own: what the writers do must not delay it."""
    seen = {}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("listen bench")
        pipe.send("ready")
        for notice in connection.notifies(timeout=60 + changes / RATE):
            seen.setdefault(int(notice.payload[1:]), time.monotonic())
            if len(seen) == changes:
                break
    pipe.send(seen)


def _write(database, changes):
    """number -> (due, begun, committed) of every change."""
    sent, failures = {}, []
    begin = time.monotonic() + 0.2

    def clerk(which):
        try:
            with psycopg.connect(database.dsn, autocommit=True, application_name="clerk") as connection:
                for number in range(which, changes, WRITERS):
                    due = begin + number / RATE
                    time.sleep(max(0, due - time.monotonic()))
                    begun = time.monotonic()
                    connection.execute("update a_sq set jgms = %s where sbh = %s",
                                       (f"m{number}", f"D{number % RECORDS + 1:09d}"), prepare=True)
                    sent[number] = (due, begun, time.monotonic())
        except psycopg.Error as error:
            failures.append(error)
    clerks = [threading.Thread(target=clerk, args=(which,)) for which in range(WRITERS)]
    for thread in clerks:
        thread.start()
    for thread in clerks:
        thread.join()
    if failures:
        raise failures[0]
    return sent
