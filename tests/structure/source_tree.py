"""The project's own files, and how to look into C text without its comments and strings."""

import re
import subprocess
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BINARY = {".png", ".ico", ".woff2", ".xlsx", ".zip", ".gz", ".pdf", ".db"}

_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', re.MULTILINE)
_COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/', re.DOTALL)


@cache
def files():
    """Paths relative to the root: what git knows or would add; without git, all but build/."""
    done = subprocess.run(["git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard"],
                          capture_output=True, text=True)
    if done.returncode == 0:
        names = map(Path, done.stdout.splitlines())
    else:
        names = (p.relative_to(SOURCE) for p in SOURCE.rglob("*") if p.is_file())
    skipped = {".git", "node_modules", "__pycache__", ".pytest_cache"}
    return sorted(p for p in names if p.parts[0] != "build" and not skipped & set(p.parts)
                  and (SOURCE / p).is_file())


def text_files():
    return [p for p in files() if p.suffix not in BINARY]


def read(path):
    return (SOURCE / path).read_text(encoding="utf-8", errors="replace")


def c_files(*folders):
    """C sources and headers directly or deeper in these folders; all of ours without arguments."""
    return [p for p in files() if p.suffix in (".c", ".h")
            and (not folders or any(p.is_relative_to(f) for f in folders))]


def includes(text):
    """Names in the #include lines of C text, those in comments left out."""
    return _INCLUDE.findall(_COMMENT.sub(" ", text))


def code_only(text):
    """C text with comments and literals blanked, line numbers kept."""
    return _LITERAL.sub(lambda m: "\n" * m.group().count("\n") or " ", text)


def lines_matching(pattern, text):
    """(line number, line) of every match."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(pattern, line):
            yield number, line.strip()
