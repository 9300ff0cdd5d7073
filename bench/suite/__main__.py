"""bench/run; see there."""

import argparse
import os
import sys
from pathlib import Path

from support.paths import SOURCE

import machine
import report
from world import World, say

NAMES = ["mapper", "startup", "chain", "latency", "portal"]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("what", nargs="*", default="all", choices=[*NAMES, "all"], metavar="|".join([*NAMES, "all"]))
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    a.rows = a.rows or (5000 if a.quick else 50000)
    a.repeats = a.repeats or (2 if a.quick else 5)
    a.what = NAMES if not a.what or "all" in a.what else [name for name in NAMES if name in a.what]
    if a.out is None and not a.quick:
        a.out = SOURCE / "bench/RESULTS.md"
    return a


def measure(world, name):
    module = __import__(name)
    world.watch = machine.Watch()
    described = machine.describe()
    world.watch.look()
    section = module.run(world)
    world.watch.look()
    section.notes += [described, world.watch.line(), f"commit {machine.commit()}", called(world)]
    return section


def called(world):
    """A short run, or one of an older build, must not pass for the real thing."""
    words = f"{world.rows:,} rows, {world.repeats} rounds" + (", `--quick`: for a look" if world.quick else "")
    return words + (", programs not built by this run" if os.environ.get("BENCH_NO_BUILD") else "")


def main():
    a = arguments()
    world = World(a.rows, a.repeats, a.quick, a.keep)
    sections = []
    try:
        for name in a.what:
            say(f"measuring: {name}")
            sections.append(measure(world, name))
            print(report.text(sections[-1]), flush=True)
            if a.out:
                report.write(a.out, [sections[-1]])
    finally:
        world.close()
    if a.out:
        say(f"written: {a.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
