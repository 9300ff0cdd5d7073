"""The one way to wait in a test: for a condition, with a deadline, and saying what was awaited."""

import time

SHORTEST = 0.01
LONGEST = 0.2


class Timeout(AssertionError):
    pass


def wait_for(condition, timeout=20.0, what=None, or_died=()):
    """Calls `condition` until it returns something true, and returns that.

    An AssertionError or a LookupError inside it means "not yet", so a condition may assert or index
    into what is not there yet; anything else ends the wait, since it would never get better. When
    the time is up, the failure tells `what` was awaited, the last answer, and the last complaint.
    `or_died`: processes that must stay alive meanwhile; a dead one ends the wait at once.
    """
    deadline = time.monotonic() + timeout
    pause = SHORTEST
    while True:
        answer, complaint = None, None
        try:
            answer = condition()
        except (AssertionError, LookupError) as error:
            complaint = error
        if answer:
            return answer
        for process in or_died:
            process.must_run()
        if time.monotonic() >= deadline:
            raise Timeout(_story(condition, timeout, what, answer, complaint))
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST)


def _story(condition, timeout, what, answer, complaint):
    name = what or getattr(condition, "__name__", "condition")
    text = f"not within {timeout:g} s: {name}"
    if complaint is not None:
        return f"{text}; last complaint: {complaint}"
    return f"{text}; last answer: {answer!r}"
