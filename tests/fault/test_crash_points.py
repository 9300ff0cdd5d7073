"""Every named place of every state machine ends its process once, while people type into both systems."""

import random
import threading
import time

import pytest

from checker import check_topics, settle
from crash_points import names
from nudges import Nudges
from people import People
from probe import Probe, ready
from support.paths import CASEBRIDGE, SOURCE

BY_ITSELF = 1.5  # seconds in which the traffic passes a common place


def fall(scene, nudges, name, passages):
    """Arms the place, and waits until it has ended a process; returns the story that is still being told, if any."""
    before, story = scene.table.killed(name), None
    scene.table.arm(name, passages)

    def fell():
        return scene.table.killed(name) > before
    nudges.over = fell
    tries = [None, *nudges.for_place(name)]
    if any(name.startswith(place) for place in RARE):
        tries = tries[1:]
    for nudge in tries:
        if nudge:
            story = threading.Thread(target=nudge, daemon=True)
            story.start()
        told = time.monotonic()
        while time.monotonic() < told + (BY_ITSELF if nudge is None else 4):
            if fell():
                return story
            if story and story.is_alive():
                told = time.monotonic()
            time.sleep(0.002)
    raise AssertionError(f"{name} was not passed (in all {scene.table.passed(name)} times)")


RARE = ["bridge.opened", "bridge.reviewed", "bridge.start", "bridge.stop", "bridge.answering", "publish.begin", "publish.outstanding", "publish.fence",
        "publish.pause", "publish.resume", "publish.parked", "publish.decision", "publish.refetch", "conn.hello", "conn.begin", "conn.fence",
        "conn.epoch", "conn.settled", "conn.bye", "conn.session", "conn.pause", "conn.refetch", "conn.answering", "conn.put_off",
        "conn.digest", "conn.sweep", "postgres.chunk", "postgres.refetched", "postgres.rolled_back", "http.stale", "http.no_answer"]


# passed by the traffic, but not a dozen times while a test waits
SELDOM = ["bridge.matched", "http.lookup", "http.between", "conn.progress"]


def round_of_falls(scene, order, passages, report):
    """One place after the other; every fall is followed by the seven figures. Returns what was wrong."""
    scene.people = people = People(scene, "crash points", cases=60)
    scene.start()
    people.start()
    ready(scene)
    nudges, probe, wrong, times = Nudges(scene, people), Probe(scene, people), [], {}
    for name in order:
        n = passages(name)
        try:
            story = fall(scene, nudges, name, n)
        except AssertionError as error:
            wrong.append(str(error))
            scene.table.disarm()
            continue
        came = probe.fire()
        if story:
            story.join(60)
        people.pause()
        figures = settle(scene, people.journal, timeout=30)
        people.resume()
        first, both = (pick(came.values()) - scene.table.fell_at(name) for pick in (min, max))
        times[name] = first
        report(f"{name + ':' + str(n):28} {figures.line()}; recovered in {first:.2f} s, both ways {both:.2f} s")
        if not figures:
            wrong.append(f"{name}:{n} {figures}")
            break
    people.stop()
    final = settle(scene, people.journal)
    repeats = check_topics(scene, final)
    hit = [name for name in scene.table.names if scene.table.killed(name)]
    report(f"{len(hit)} of {len(scene.table.names)} places hit, {people.journal.changes} changes typed, {repeats} repeats on casebridge.cases; {final.line()}; "
           f"recovered in {sorted(times.values())[len(times) // 2]:.2f} s (median), {max(times.values()):.2f} s (longest)")
    if not final:
        wrong.append(str(final))
    return wrong


def test_every_place_ends_its_process_once(make_scene, report, request):
    scene = make_scene(crash=True)
    chosen = [name for name in scene.table.names if request.config.getoption("--place") in name]
    wrong = round_of_falls(scene, chosen, lambda name: 1, report)
    assert not wrong, "\n".join(wrong)


def test_the_names_are_given_once():
    assert names() and len(names()) == len(set(names()))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_places_in_any_order_at_any_passage(make_scene, report, seed):
    dice = random.Random(seed)
    scene = make_scene(crash=True)
    order = list(scene.table.names)
    dice.shuffle(order)
    wrong = round_of_falls(scene, order, lambda name: 1 if name.startswith((*RARE, *SELDOM)) else dice.randint(1, 12), report)
    assert not wrong, "\n".join(wrong)


def test_the_product_has_no_such_place():
    """What is delivered is built without them."""
    product = SOURCE / "build/casebridge"
    if not product.exists():
        pytest.skip("tools/build was not run")
    assert b"CASEBRIDGE_CRASH_AT" not in product.read_bytes()
    assert b"CASEBRIDGE_CRASH_AT" in CASEBRIDGE.read_bytes()
