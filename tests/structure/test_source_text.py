"""What must not stand in the sources: functions that cannot be used safely, notes for later,
and places that exist on one machine only."""

import re
import subprocess

import pytest

from source_tree import SOURCE, c_files, code_only, lines_matching, read, text_files

BANNED = {
    "strcpy": "no limit", "strcat": "no limit", "sprintf": "no limit", "vsprintf": "no limit",
    "gets": "no limit", "strtok": "hidden state", "localtime": "hidden state",
    "gmtime": "hidden state", "atoi": "no errors", "atol": "no errors", "atof": "no errors",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
# Written in two halves, so that this file does not find itself. Tables of codes are other people's
# words.
DATA = {".csv"}
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
ELSEWHERE = re.compile(r"(?<![\w-])sha" r"red/|(?<!\w)/wo" r"rk/|(?<!\w)/ro" r"ot/|/tmp/br" r"ief")


def findings(paths, pattern, view=lambda text: text):
    return [f"{path}:{number}: {line}" for path in paths
            for number, line in lines_matching(pattern, view(read(path)))]


def test_no_banned_function_is_called():
    found = findings(c_files(), BANNED_CALL, code_only)
    assert not found, "\n".join(found)


def test_nothing_is_left_for_later():
    found = findings([p for p in text_files() if p.suffix not in DATA], LATER)
    assert not found, "\n".join(found)


def test_the_project_stands_alone():
    found = findings(text_files(), ELSEWHERE)
    assert not found, "\n".join(found)


def unformatted(folder, paths):
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *map(str, paths)], cwd=folder,
                          capture_output=True, text=True)
    return sorted({line.split(":")[0] for line in done.stderr.splitlines() if " error: " in line})


def test_c_files_are_laid_out_as_clang_format_does():
    found = unformatted(SOURCE, c_files())
    assert not found, "clang-format -i " + " ".join(found)


def test_the_layout_check_sees(tmp_path):
    (tmp_path / ".clang-format").write_text((SOURCE / ".clang-format").read_text())
    (tmp_path / "bad.c").write_text("int f(void) { return 1; }\n")
    assert unformatted(tmp_path, ["bad.c"]) == ["bad.c"]


@pytest.mark.parametrize("code, found", [
    ("x = atoi(s);", True), ("\tstrcpy (a, b);", True), ("t = localtime(&now);", True),
    ("snprintf(a, n, f);", False), ("br_atoi(s);", False), ("/* atoi(s) */", False),
    ('say("atoi(s)");', False), ("localtime_r(&now, &tm);", False), ("x->gets(f);", False)])
def test_the_banned_check_sees(code, found):
    assert bool(list(lines_matching(BANNED_CALL, code_only(code)))) == found


WORDS = [
    (LATER, "/* TO" "DO: this */", True), (LATER, "todo list", False), (LATER, "case XX" "XX", False),
    (ELSEWHERE, "see ../sha" "red/design.md", True), (ELSEWHERE, "/wo" "rk/main", True),
    (ELSEWHERE, "network/workers", False), (ELSEWHERE, "lib-shared/x", False)]


@pytest.mark.parametrize("pattern, text, found", WORDS, ids=range(len(WORDS)))
def test_the_word_checks_see(pattern, text, found):
    assert bool(pattern.search(text)) == found
