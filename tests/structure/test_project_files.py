"""Files that must be in order for a newcomer's first hour."""

import os
import re
import subprocess

import pytest

from source_tree import SOURCE, files, read

SCRIPTS = [p for p in files() if p.suffix == "" and re.match(r"#!.*\b(bash|sh)\b", read(p)[:80])]


def compose(*words):
    return subprocess.run(["docker-compose", "-f", SOURCE / "docker-compose.yml", *words],
                          capture_output=True, text=True, cwd=SOURCE)


def test_the_readme_is_short():
    readme = SOURCE / "README.md"
    if not readme.exists():
        pytest.skip("no README.md yet")
    assert len(readme.read_text().splitlines()) < 150


def test_compose_file_is_valid():
    done = compose("config", "-q")
    assert done.returncode == 0, done.stderr


def test_compose_publishes_on_loopback_only():
    ports = re.findall(r"^\s*-\s*[\"']?([\d.:]*\d:\d+)[\"']?\s*$", read("docker-compose.yml"), re.M)
    assert ports
    assert [p for p in ports if not p.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_scripts_run(script):
    assert os.access(SOURCE / script, os.X_OK), f"{script} is not executable"
    done = subprocess.run(["bash", "-n", SOURCE / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_two_commands_are_there():
    names = {str(script) for script in SCRIPTS}
    assert {".ci/run", "tools/build", "tools/demo", "tools/setup", "tools/test"} <= names


def test_packages_say_why():
    for line in read("tools/packages.txt").splitlines():
        if line and not line.startswith("#"):
            group, package, why = line.split(None, 2)
            assert group in ("build", "servers", "tests", "fuzz"), line
            assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package) and why, line


def test_python_packages_are_pinned():
    for line in read("tests/system/requirements.txt").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line), line


def test_kafka_jars_are_pinned():
    poms = re.findall(r"<version>([^<$]+)</version>", read("tools/kafka-pom/pom.xml"))
    assert poms and all(re.fullmatch(r"[0-9][0-9.]*", version) for version in poms)
    sums = read("tools/kafka-pom/SHA256SUMS").splitlines()
    assert len(sums) > 40 and any("kafka_2.13-4.1.1.jar" in line for line in sums)


def test_checks_left_out_say_why():
    text = read(".clang-tidy")
    left_out = set(re.findall(r"^\s+-([a-z][a-zA-Z0-9.-]+),?$", text, re.M))
    reasons = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert left_out and "WarningsAsErrors: '*'" in text
    assert {check for check in left_out if check not in reasons} == set()
