"""docs/reference is what the program says of itself."""

import re
import subprocess

import pytest

from support.paths import CASEBRIDGE, SOURCE

PAGES = {"errors.md": ["errors"], "options.md": ["options"], "cli.md": ["cli"], "case-fields.md": ["case", "--site", "config/yuan"]}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_current(page):
    done = subprocess.run([CASEBRIDGE, "reference", *PAGES[page]], capture_output=True, text=True, cwd=SOURCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (SOURCE / "docs/reference" / page).read_text(), (
        f"make it anew: build/casebridge reference {' '.join(PAGES[page])} > docs/reference/{page}")


def test_the_columns_of_status_and_the_classes_of_reconcile_are_explained():
    page = (SOURCE / "docs/reference/cli.md").read_text()
    status, reconcile = ("\n" + page).split("\n## status\n")[1].split("\n## ")[0], page.split("\n## reconcile\n")[1].split("\n## ")[0]
    source = (SOURCE / "bridge/cli/cli_status.c").read_text()
    columns = re.findall(r'^\t\{"(\w+)", "([^"]+)", [^}]*\}', source.split("columns[] = {")[1].split("NULL, NULL, 0")[0], re.M)
    assert len(columns) > 15
    for name, title in columns:
        assert re.search(rf"^\| `{name}` {title} \| [^|]*<br>[^|]* \|$", status, re.M), name
    for n in range(1, 11):
        assert re.search(rf"^\| R{n} \| [^|]*<br>[^|]* \| [^|]*<br>[^|]* \|$", reconcile, re.M), n
    assert "--also R2" in reconcile


def test_every_error_has_both_languages_and_a_tag_of_its_own():
    rows = [line.split(" | ") for line in (SOURCE / "docs/reference/errors.md").read_text().splitlines() if "<br>" in line]
    tags = [row[0].strip("| ") for row in rows]
    assert len(tags) > 150 and len(tags) == len(set(tags))
    for row in rows:
        for both in row[2:4]:
            zh, en = both.rstrip(" |").split("<br>")
            # a text that is nothing but details, which come in both languages, needs no words of its own
            assert any("\u4e00" <= c <= "\u9fff" for c in zh) or "_zh}" in zh or both.startswith("tests："), row
            assert en.strip() and not any("\u4e00" <= c <= "\u9fff" for c in en), row
