"""docker-compose.yml against the product as it is: nothing in it is started here, so a name that no
longer fits would be found by a user only."""

import json
import re
import subprocess

import pytest
import yaml

from source_tree import SOURCE, c_files, files, read

EXAMPLE = "config/yuan"


def composed(*words):
    done = subprocess.run(["docker-compose", "-f", SOURCE / "docker-compose.yml", *words, "config"],
                          capture_output=True, text=True, cwd=SOURCE)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


@pytest.fixture(scope="module")
def services():
    return composed("--profile", "example")["services"]


def of_casebridge(services):
    return {name: s for name, s in services.items() if s.get("image") == "casebridge:local"}


def site_text():
    return "\n".join(read(p) for p in files() if p.is_relative_to(EXAMPLE) and p.suffix == ".yaml")


def verbs():
    return {v for p in c_files("bridge/cli") for v in re.findall(r"\{\s*\"([a-z-]+)\",\s*cli_", read(p))}


def systems():
    return {p.stem for p in files() if p.parent == SOURCE.joinpath(EXAMPLE, "systems").relative_to(SOURCE)}


def test_every_address_the_site_asks_for_is_given(services):
    wanted = set(re.findall(r"\$\{env:(\w+)\}", site_text()))
    assert wanted
    for name, service in of_casebridge(services).items():
        assert wanted <= service["environment"].keys(), name


def test_every_secret_the_site_asks_for_is_given(services):
    wanted = set(re.findall(r"\$\{file:([^}]+)\}", site_text()))
    assert wanted
    for name, service in of_casebridge(services).items():
        assert service["environment"]["CASEBRIDGE_SECRETS"] == "/run/secrets", name
        assert wanted <= {s["source"] for s in service["secrets"]}, name


def test_the_files_it_takes_from_the_tree_are_there(services):
    composed_files = [s["file"] for s in composed()["secrets"].values()]
    mounted = [v.split(":")[0] for s in services.values() for v in s.get("volumes", [])]
    for path in composed_files + [p for p in mounted if p.startswith("/")]:
        assert (SOURCE / path).exists(), path


def test_the_verbs_exist(services):
    known = verbs()
    assert {"run", "bridge", "connector"} <= known
    words = [s["command"][0] for s in of_casebridge(services).values() if "entrypoint" not in s]
    words += re.findall(r'^(?:#.* exec bridge| *)\s*casebridge ([a-z-]+)|"casebridge", "([a-z][a-z-]*)"',
                        read("docker-compose.yml"), re.MULTILINE)
    words = {w for word in words for w in ([word] if isinstance(word, str) else word) if w}
    assert {"bridge", "connector", "topics", "ledger", "status", "system"} <= words
    assert words <= known


def test_each_system_of_the_example_has_its_connector(services):
    beside = {s["command"][1] for s in of_casebridge(services).values() if (s.get("command") or [""])[0] == "connector"}
    assert beside == systems() and beside


def test_the_options_of_the_portal_exist(services):
    sources = "".join(read(p) for p in c_files("tools/portal-simulator"))
    options = [w for w in services["portal-simulator"]["command"] if w.startswith("--")]
    assert options
    for option in options:
        assert f'"{option}"' in sources or f'"{option[2:]}"' in sources or f"{option} " in sources, option


def test_the_names_called_are_services(services):
    for name, service in of_casebridge(services).items():
        environment = service["environment"]
        hosts = re.findall(r"host=(\S+)|://([^:/]+)", json.dumps(environment))
        hosts = {a or b for a, b in hosts} | {environment["CASEBRIDGE_KAFKA"].split(":")[0]}
        assert hosts and hosts <= services.keys(), name


def test_the_images_hold_the_libraries_that_are_linked():
    """What the build asks pkg-config for must be in one of the images under its run-time name."""
    runtime = {"rdkafka": "librdkafka1", "jansson": "libjansson4", "libpq": "libpq5", "libcurl": "libcurl4",
               "yaml-0.1": "libyaml-0-2", "libcrypto": "libssl3", "libmicrohttpd": "libmicrohttpd12", "sqlite3": "libsqlite3-0"}
    images = read("Dockerfile").split("\nFROM ")
    # a test framework is linked into tests only
    for image, folder in (("casebridge", "CMakeLists.txt"), ("portal-simulator", "tools/portal-simulator/CMakeLists.txt")):
        text = next(i for i in images if re.match(rf"\S+ AS {image}\b", i))
        modules = " ".join(re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET\s+([^)]+)\)", read(folder))).split()
        assert modules
        for module in modules:
            assert module == "cmocka" or runtime[module] in text, f"{image} lacks {module}"
