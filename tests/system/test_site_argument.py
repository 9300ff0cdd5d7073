"""Which folder a verb works on: what was named and is no site is an error, never passed over for another one."""

import re
import subprocess

import pytest

from support.paths import CASEBRIDGE, SOURCE

YUAN = str(SOURCE / "config/yuan")
# with every verb that takes a site: words before it
CALLS = [["lint"], ["check"], ["check", "portal"], ["map", "check"], ["map", "check", "portal"], ["topics", "plan"], ["ledger", "version"], ["run"], ["bridge"],
         ["connector", "portal"], ["status"], ["system", "live", "portal"], ["case", "12"], ["parked"], ["parked", "list"], ["parked", "show", "1"],
         ["conflicts", "list"], ["conflicts", "show", "1"], ["schema"], ["schema", "json"], ["reference", "case"], ["dev-broker"]]
NAMES = [" ".join(c) for c in CALLS]


def call(*words, lang="en", env=None, cwd=YUAN):
    """In a folder that is a site, which must not help."""
    done = subprocess.run([CASEBRIDGE, *map(str, words), "--lang", lang], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, cwd=cwd,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **(env or {})})
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", CALLS, ids=NAMES)
def test_an_argument_that_names_no_site(words, tmp_path):
    code, told = call(*words, "/no/such")
    assert code == 78 and told.startswith(f"CLI-018 casebridge {words[0]} names '/no/such', and there is no such folder → "), told
    code, told = call(*words, tmp_path)
    assert code == 78 and told.startswith(f"CLI-019 casebridge {words[0]} names '{tmp_path}', which is no site: "), told
    assert "site.yaml" in told and "→" in told


@pytest.mark.parametrize("words", CALLS, ids=NAMES)
def test_a_named_site_that_is_not_there(words):
    for words_of_site, env, who in [(["--site", "/no/such"], {}, "--site"), ([], {"CASEBRIDGE_SITE": "/no/such"}, "CASEBRIDGE_SITE")]:
        code, told = call(*words, *words_of_site, env=env)
        assert code == 78 and told.startswith(f"CLI-018 {who} names '/no/such'"), told
        code, told = call(*words, *words_of_site, env=env, lang="zh")
        assert code == 78 and re.match(rf"CLI-018 {who} 指定的“/no/such”不存在 → .*站点", told), told


def test_no_site_at_all(tmp_path):
    code, told = call("status", cwd=tmp_path)
    assert code == 78 and told.startswith(f"CLI-020 no site was named, and the current folder {tmp_path} has no site.yaml → "), told


def test_the_argument_goes_before_the_environment(tmp_path):
    code, told = call("lint", "/no/such", env={"CASEBRIDGE_SITE": YUAN}, cwd=tmp_path)
    assert code == 78 and "/no/such" in told
    code, told = call("lint", YUAN, env={"CASEBRIDGE_SITE": "/no/such"}, cwd=tmp_path)
    assert "CASEBRIDGE_LEDGER" in told, told  # it was read


@pytest.mark.parametrize("words", [["parked", "drop", "1", "--reason", "twice entered"], ["parked", "drop", "1", "--reason=twice"], ["case", "12", "--personal"]])
def test_the_site_may_stand_before_or_behind_options(words, tmp_path):
    """The value of an option is no site, and a site before an option is one."""
    code, told = call(*words, cwd=YUAN)
    assert code == 78 and "CASEBRIDGE_LEDGER" in told, told
    for at in range(2 if words[0] == "case" else 3, len(words) + 1):
        if words[at - 1] != "--reason":
            code, told = call(*words[:at], "/no/such", *words[at:])
            assert code == 78 and told.startswith("CLI-018 "), (at, told)
