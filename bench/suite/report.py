"""One table for people: printed, and kept in bench/RESULTS.md section by section, so that measuring one thing again
leaves the others' figures as they were, each with its own machine, commit and date."""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

HEAD = """# Results

Written by `bench/run`; `bench/README.md` tells what is measured and how. What counts is the ratios: both sides of each were
measured in turns in the same run on the same machine. Absolute figures are context. Below target is said so.
"""
COLUMNS = ["figure", "measured", "beside, in the same run", "ratio", "target", ""]
MARK = "<!-- section: {} -->"


@dataclass
class Row:
    name: str
    measured: str
    beside: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None  # None: no target

    def cells(self):
        verdict = {None: "", True: "met", False: "**below target**"}[self.met]
        return [self.name, self.measured, self.beside, self.ratio, self.target, verdict]


@dataclass
class Section:
    name: str
    title: str
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def add(self, *words, **named):
        self.rows.append(Row(*words, **named))


def _width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text, width):
    return text + " " * (width - _width(text))


def table(rows):
    lines = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(COLUMNS))]
    shown = ["| " + " | ".join(_pad(cell, width) for cell, width in zip(line, widths)) + " |"
             for line in lines]
    shown.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(shown)


def text(section):
    notes = "".join(f"- {note}\n" for note in section.notes)
    return f"## {section.title}\n\n{table(section.rows)}\n\n{notes}"


def write(path, sections):
    path = Path(path)
    kept = _sections_of(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept.update({section.name: text(section) for section in sections})
    order = ["mapper", "chain", "latency", "portal", "startup"]
    names = sorted(kept, key=lambda name: order.index(name) if name in order else len(order))
    body = "\n".join(f"{MARK.format(name)}\n{kept[name].strip()}\n" for name in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}\n{body}", encoding="utf-8")


def _sections_of(content):
    pieces = re.split(MARK.format(r"(\w+)"), content)
    return {name: piece for name, piece in zip(pieces[1::2], pieces[2::2])}
