"""What servers that fell and came back have cost, while people type on."""

from checker import check_topics, settle
from probe import Probe


def figures_now(world, name, report, ended):
    """Nothing lost, doubled or overwritten, and how long after `ended` (monotonic, s) a change came through both ways."""
    came = Probe(world, world.people).fire(timeout=120)
    world.people.pause()
    figures = settle(world, world.people.journal, timeout=120)
    repeats = check_topics(world, figures)
    world.people.resume()
    report(f"{name:34} {figures.line()}; {world.people.journal.changes} changes, {repeats} repeats; both ways {max(came.values()) - ended:.2f} s")
    assert figures, figures
