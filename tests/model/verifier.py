"""Runs Spin: a Promela model becomes a verifier in C, and the verifier looks at every state."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

HERE = Path(__file__).parent
MEMORY_MB = 3000  # the verifier gives up there, which is a failure and not a swamped machine
DEPTH = 20000
HASH_BITS = 31


@dataclass
class Verdict:
    violated: str  # the property, "" when all hold
    states: int
    seconds: float
    complete: bool  # every state was looked at
    trail: str  # the messages that lead to the violation, one column for each process
    output: str


def _run(*command, folder):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def _number(pattern, text):
    found = re.search(pattern, text)
    return int(float(found[1])) if found else 0


def _violated(output):
    """An assertion ends in the name of its property; any other is told as it is."""
    found = re.search(r"pan:\d+: (.*?)(?: \(at depth \d+\))?$", output, re.M)
    if not found:
        return ""
    name = re.search(r"\|\|(no_\w+)\)$", found[1].strip())
    return name[1] if name else found[1]


def _flags(minutes, quick):
    """For the compiler, and for the verifier: every state kept, or for so many minutes bits of their
    hashes (which misses a few), in a random order. What is soon found is not worth optimising."""
    if minutes:
        return (["-O2", "-DBITSTATE", "-DT_RAND", "-DP_RAND"],
                [f"-w{HASH_BITS}", "-k3", "-RS1", f"-Q{minutes}"])
    return ["-O0" if quick else "-O1", "-DCOLLAPSE"], []


def verify(model, defines, folder, minutes=0, quick=False):
    """defines: words for the preprocessor. minutes: 0 looks at everything. quick: it will not take
    many states."""
    for source in HERE.glob("*.pml"):
        shutil.copy(source, folder)
    defines = [f"-D{word}" for word in defines.split()]
    begun = monotonic()
    told = _run("spin", "-a", *defines, f"{model}.pml", folder=folder)
    assert (folder / "pan.c").exists(), told
    compiling, running = _flags(minutes, quick)
    told = _run("gcc", "-w", "-DSAFETY", "-DNOFAIR", f"-DMEMLIM={MEMORY_MB}", *compiling,
                "-o", "pan", "pan.c", folder=folder)
    assert (folder / "pan").exists(), told
    output = _run("./pan", f"-m{DEPTH}", *running, folder=folder)
    trail = ""
    if (folder / f"{model}.pml.trail").exists():
        trail = _run("spin", "-t", "-c", *defines, f"{model}.pml", folder=folder)
    return Verdict(
        violated=_violated(output),
        states=_number(r"([\d.e+]+) states, stored", output),
        seconds=monotonic() - begun,
        complete="errors: 0" in output and "max search depth" not in output
        and "Search not completed" not in output,
        trail=trail, output=output)
