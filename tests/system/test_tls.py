"""TLS to a portal and to PostgreSQL: right certificates work, wrong ones are told clearly and disturb nobody else."""

import json
import os
import re
import shutil
import ssl
import urllib.request

import pytest

from support.portal import Portal
from support.servers import Database, Postgres
from support.tls import Authority, TlsFront
from support.twin import Twin
from support.waiting import wait_for
from support.yuan import Yuan

IDS = ["341599195003070014", "341599195202290028", "341599196808150032"]
HAN = re.compile("[\u4e00-\u9fff]")
HERE = "IP:127.0.0.1,DNS:localhost"
ELSEWHERE = "DNS:portal.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "Stranger CA")


def both_languages(casebridge, code, *words):
    """A check that ends with 69, and says why and what to do in both languages."""
    for lang in ("en", "zh"):
        done = casebridge.run(*words, "--lang", lang, expect=69)
        line = next((x for x in done.out.splitlines() if f"{code} " in x), None)
        assert line, (code, done.out + done.err)
        sentence, arrow, step = line.partition(" → ")
        assert arrow and bool(HAN.search(step)) == (lang == "zh") and bool(HAN.search(sentence)) == (lang == "zh"), line


# ---- the portal ----

class TlsPortal(Portal):
    """The simulator behind TLS; the test's own calls look at no certificate."""

    certificate = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self, *options):
        return super().start("--tls-cert", self.certificate[0], "--tls-key", self.certificate[1], *options)

    def call(self, method, path, body=None, headers=None):
        from support.portal import call
        return call(self.url + path, method, body, headers)


@pytest.fixture
def unchecked(monkeypatch):
    """What the test asks the portal itself is no matter of trust."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    build = urllib.request.build_opener
    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: build(*handlers, urllib.request.HTTPSHandler(context=context)))


@pytest.fixture
def tls_portal(processes, tmp_path, authority, unchecked):
    portal = TlsPortal(processes, tmp_path / "portal")
    portal.certificate = authority.issue("good", HERE)
    return portal.start()


@pytest.fixture
def yuan(tmp_path, processes, kafka, new_database, tls_portal, topic_prefix, authority):
    yuan = Yuan(tmp_path, processes, kafka, new_database, tls_portal, topic_prefix)
    shutil.copy(authority.ca, yuan.folder / "portal-ca.pem")
    yuan.edit("systems/portal.yaml", "  base_url:", "  ca_file: portal-ca.pem\n  base_url:")
    return yuan


def test_the_simulator_wants_both_files(processes, tmp_path, authority):
    portal = Portal(processes, tmp_path / "portal")
    certificate, key = authority.issue("both", HERE)
    for words, told in [(["--tls-cert", certificate], "--tls-key is missing"), (["--tls-key", key], "--tls-cert is missing"),
                        (["--tls-cert", tmp_path / "none", "--tls-key", key], "cannot read")]:
        with pytest.raises(RuntimeError, match=re.escape(told)):
            portal.start(*words)


def test_a_portal_over_tls(yuan):
    yuan.casebridge.run("lint", yuan.folder)
    yuan.start()
    projid, pwd = yuan.apply("张建国", IDS[0])
    row = yuan.wait_row("sfzh = %s", IDS[0], xm="张建国")
    yuan.department.execute("update ydz_sq set lxdh = '13900000077' where sbh = %s", row["sbh"])
    yuan.wait_portal(projid, pwd, APPLICANTMOBILE="13900000077")


PORTAL_TROUBLE = {
    "BASE-015": lambda good, other: other.issue("strangers", HERE),
    "BASE-016": lambda good, other: good.issue("expired", HERE, days=-1),
    "BASE-017": lambda good, other: good.issue("elsewhere", ELSEWHERE),
}


@pytest.mark.parametrize("code", PORTAL_TROUBLE)
def test_a_wrong_certificate_of_the_portal(yuan, tls_portal, authority, stranger, code):
    right = tls_portal.certificate
    tls_portal.process.stop()
    tls_portal.certificate = PORTAL_TROUBLE[code](authority, stranger)
    tls_portal.start()
    both_languages(yuan.casebridge, code, "check", "portal", yuan.folder)
    yuan.start()
    yuan.process.wait_for_log(f"tag={code} proc=connector:portal")
    yuan.enter("YDZ1", "李四", IDS[1])
    wait_for(lambda: yuan.ledger.value("select count(*) from casebridge.cases") == 1, what="the department is read all the same", or_died=[yuan.process])
    assert yuan.portal_cases() == {}, "nothing was told to a stranger"
    tls_portal.process.stop()
    tls_portal.certificate = right
    tls_portal.start()
    wait_for(lambda: len(yuan.portal_cases()) == 1, timeout=60, what="the portal is written once it shows the right certificate", or_died=[yuan.process])


def test_a_ca_file_that_is_corrected_counts_without_a_restart(yuan, authority, stranger):
    shutil.copy(stranger.ca, yuan.folder / "portal-ca.pem")
    yuan.start()
    yuan.process.wait_for_log("tag=BASE-015 proc=connector:portal")
    shutil.copy(authority.ca, yuan.folder / "portal-ca.pem")
    yuan.apply("张建国", IDS[0])
    yuan.wait_row("sfzh = %s", IDS[0], timeout=60, xm="张建国")


def test_without_ca_file_the_machine_decides(yuan):
    yuan.edit("systems/portal.yaml", "  ca_file: portal-ca.pem\n", "")
    both_languages(yuan.casebridge, "BASE-015", "check", "portal", yuan.folder)


def test_verify_false_is_a_warning_and_works(yuan, stranger):
    yuan.edit("systems/portal.yaml", "  ca_file: portal-ca.pem\n", "  verify: false\n")
    done = yuan.casebridge.run("lint", yuan.folder)
    assert re.search(r"systems/portal\.yaml:\d+:\d+: warning: HTTP-006 ", done.err), done.err
    yuan.casebridge.run("check", "portal", yuan.folder)


def test_files_that_are_not_there_or_no_certificates(yuan):
    (yuan.folder / "portal-ca.pem").write_text("no certificate\n")
    both_languages(yuan.casebridge, "BASE-019", "check", "portal", yuan.folder)
    (yuan.folder / "portal-ca.pem").unlink()
    assert "CFG-002" in yuan.casebridge.run("lint", yuan.folder, expect=78).err
    yuan.edit("systems/portal.yaml", "  ca_file: portal-ca.pem\n", "  client_key: key.pem\n")
    (yuan.folder / "key.pem").write_text("x")
    assert "HTTP-001 client_key" in yuan.casebridge.run("lint", yuan.folder, expect=78).err


def test_a_port_without_tls(yuan, tls_portal, processes, tmp_path):
    plain = Portal(processes, tmp_path / "plain").start()
    yuan.casebridge.env["PORTAL_URL"] = f"https://127.0.0.1:{plain.port}"
    both_languages(yuan.casebridge, "BASE-020", "check", "portal", yuan.folder)


def test_a_portal_that_wants_our_certificate(yuan, authority, stranger, processes, tmp_path):
    plain = Portal(processes, tmp_path / "plain").start()
    plain_secret = plain.secret_file.read_text()
    (yuan.portal.secret_file).write_text(plain_secret)
    front = TlsFront(plain.port, *authority.issue("front", HERE), clients=authority.ca)
    try:
        yuan.casebridge.env["PORTAL_URL"] = f"https://127.0.0.1:{front.port}"
        both_languages(yuan.casebridge, "BASE-018", "check", "portal", yuan.folder)
        for who, expect in ((stranger, 69), (authority, 0)):
            certificate, key = who.issue("district", "DNS:district")
            shutil.copy(certificate, yuan.folder / "ours.pem")
            shutil.copy(key, yuan.folder / "ours.key")
            if who is stranger:
                yuan.edit("systems/portal.yaml", "  ca_file:", "  client_cert: ours.pem\n  client_key: ours.key\n  ca_file:")
            told = yuan.casebridge.run("check", "portal", yuan.folder, expect=expect)
            assert ("BASE-018" in told.out) == (expect == 69), told
        assert front.refused >= 2
    finally:
        front.close()


# ---- PostgreSQL ----

@pytest.fixture(scope="module")
def tls_postgres(server_folder, reaper, authority):
    server = Postgres(server_folder / "pg-tls", reaper)
    server.address = server._run("start")
    return server


def show_certificate(server, certificate, key):
    """From the next connection on; those that are open end."""
    data = server.folder / "data"
    for source, name in ((certificate, "server.crt"), (key, "server.key")):
        target = data / name
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
        owner = data.stat()
        os.chown(target, owner.st_uid, owner.st_gid)
    database = Database(server, "postgres")
    database.execute("alter system set ssl = on")
    database.execute("select pg_reload_conf()")
    wait_for(lambda: Database(server, "postgres").value("show ssl") == "on", what="ssl is on")
    database.execute("select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
    database.disconnect()


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix, tls_postgres, authority):
    """Department a lives in a database that is reached over TLS."""
    show_certificate(tls_postgres, *authority.issue("db", HERE))
    first = [tls_postgres.new_database()]
    twin = Twin(tmp_path, processes, kafka, lambda: first.pop() if first else new_database(), topic_prefix)
    file = twin.folder / "systems/a.yaml"
    text = file.read_text()
    dsn = twin.a.dsn + f" sslmode=verify-full sslrootcert={authority.ca}"
    file.write_text(text.replace(twin.a.dsn, dsn))
    yield twin
    twin.process and twin.process.stop()
    twin.a.close()


def test_postgres_over_tls(twin):
    twin.casebridge.run("check", "a", twin.folder, expect=None)
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.update("b", b["sbh"], lxdh="13900000002")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000002")
    assert twin.a.value("select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid) where s.ssl and a.application_name like 'casebridge%%'") > 0


PG_TROUBLE = {
    "a wrong CA": ("BASE-021", lambda good, other: other.issue("strangers-db", HERE)),
    "an expired one": ("BASE-021", lambda good, other: good.issue("expired-db", HERE, days=-1)),
    "a wrong name": ("BASE-022", lambda good, other: good.issue("elsewhere-db", ELSEWHERE)),
}


@pytest.mark.parametrize("what", PG_TROUBLE)
def test_a_wrong_certificate_of_postgres(twin, tls_postgres, authority, stranger, what):
    code, make = PG_TROUBLE[what]
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    twin.a.disconnect()
    show_certificate(tls_postgres, *make(authority, stranger))
    twin.process.wait_for_log(f"tag={code} proc=connector:a", timeout=40)
    both_languages(twin.casebridge, code, "check", "a", twin.folder)
    twin.update("b", b["sbh"], dz="乙")
    twin.insert("b", sbh="P9", xm="李四", sfzh=IDS[1], zt="0")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.cases") == 2, what="the other system is read", or_died=[twin.process])
    show_certificate(tls_postgres, *authority.issue("db", HERE))
    twin.wait_row("a", "sbh = 'D1'", timeout=60, dz="乙")
    twin.wait_row("a", "other_no = 'P9'", timeout=60, xm="李四")


def test_files_and_servers_without_tls(twin, postgres):
    file = twin.folder / "systems/a.yaml"
    text = file.read_text()
    file.write_text(re.sub(r"sslrootcert=\S+\.pem", "sslrootcert=/no/such.pem", text))
    both_languages(twin.casebridge, "BASE-023", "check", "a", twin.folder)
    plain = re.search(r"port=(\d+)", postgres.dsn()).group(1)
    file.write_text(re.sub(r"port=\d+", f"port={plain}", text, count=1))
    both_languages(twin.casebridge, "BASE-024", "check", "a", twin.folder)


def test_the_ledger_over_tls(twin, tls_postgres, authority):
    site = twin.folder / "site.yaml"
    ledger = tls_postgres.new_database()
    try:
        site.write_text(site.read_text().replace(twin.ledger.dsn, f"{ledger.dsn} sslmode=verify-full sslrootcert={authority.ca}"))
        twin.casebridge.run("ledger", "migrate", twin.folder)
        assert json.loads(twin.casebridge.run("status", "--output", "json", twin.folder, expect=1).out)
        show_certificate(tls_postgres, *authority.issue("elsewhere-ledger", ELSEWHERE))
        done = twin.casebridge.run("status", twin.folder, expect=69)
        assert done.err.startswith("BASE-022 "), done.err
    finally:
        show_certificate(tls_postgres, *authority.issue("db", HERE))
        ledger.close()
