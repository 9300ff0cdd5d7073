"""The example's department as a vendor's product: the same mapping out of a pack, with lines of the site over it."""

import re
import shutil
import subprocess

import pytest

from support.paths import CASEBRIDGE, SOURCE

PACK = re.sub(r"(?m)^(system|title): .*\n", "", (SOURCE / "config/yuan/systems/civil-affairs.yaml").read_text())
SITE = "system: civil-affairs\ntitle: 区民政局\nextends: packs/ydz\n"


@pytest.fixture(params=["packs", "../packs"])
def site(request, tmp_path):
    """A site that uses the pack, in its own folder or in the one above it; the pack's tables are with the pack."""
    folder = tmp_path / "site"
    shutil.copytree(SOURCE / "config/yuan", folder)
    packs = (folder / request.param).resolve()
    (packs / "tables").mkdir(parents=True)
    (packs / "ydz.yaml").write_text(PACK)
    for table in ("ydz-status", "ydz-card", "sex-hanzi"):
        shutil.move(folder / f"tables/{table}.csv", packs / "tables")
    (folder / "systems/civil-affairs.yaml").write_text(SITE)
    (folder / "secrets").mkdir()
    (folder / "secrets/portal.secret").write_text("x")
    (folder / "secrets/portal.secret").chmod(0o600)
    return folder


def call(*words):
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CASEBRIDGE_SCHEMAS": str(SOURCE / "schemas"), "YDZ_DSN": "host=h",
           "PORTAL_URL": "http://h", "CASEBRIDGE_LEDGER": "host=h", "CASEBRIDGE_KAFKA": "h:9092"}
    done = subprocess.run([CASEBRIDGE, *map(str, words), "--lang", "en"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=env)
    return done.returncode, done.stdout + done.stderr


def lay_over(site, text):
    (site / "systems/civil-affairs.yaml").write_text(SITE + text)


def test_the_whole_mapping_out_of_a_pack(site):
    assert call("lint", site)[0] == 0
    code, told = call("map", "check", "civil-affairs", "--site", site)
    assert code == 0 and re.search(r"civil-affairs: \d\d tests, 0 failed", told), told


def test_what_the_site_says_goes_before(site):
    lay_over(site, "records: { application: { case: { applicant.name: { max_bytes: 6 } } } }\n")
    code, told = call("map", "check", "civil-affairs", "--site", site)
    assert code == 1 and re.search(r"packs/ydz\.yaml:\d+:\d+: .*姓名正好二十字节", told), told  # a test of the pack no longer fits
    shutil.copy(SOURCE / "config/yuan/tables/ydz-card.csv", site / "tables/ydz-status.csv")
    code, told = call("lint", site)
    assert code == 78 and told.startswith("tables/ydz-status.csv:3:1: MAP-017 "), told


def test_mistakes_have_their_own_places(site):
    lay_over(site, "records:\n  application:\n    case:\n      applicant.mobile: null\n      applicant.name: { max_byte: 6 }\n    write: { path: [A] }\n")
    code, told = call("lint", site)
    places = re.findall(r"(?m)^(\S+): (\w+-\d+) ", told)
    update = PACK[:PACK.index("lxdh, ydzlx]")]
    line, column = update.count("\n") + 1, PACK.splitlines()[update.count("\n")].index("[xm") + 1
    assert code == 78 and places == [(f"packs/ydz.yaml:{line}:{column}", "MAP-018"), ("systems/civil-affairs.yaml:8:25", "MAP-001"),
                                     ("systems/civil-affairs.yaml:9:14", "CFG-005")], told


def test_a_column_that_this_district_has_not(site):
    columns = "update: [xm, xb, sfzh, csrq, hkdz, ydzlx]"
    lay_over(site, f"records: {{ application: {{ write: {{ {columns} }}, case: {{ applicant.mobile: null }} }} }}\n")
    assert call("lint", site)[0] == 0
    code, told = call("map", "check", "civil-affairs", "--site", site)
    assert code == 0, told
