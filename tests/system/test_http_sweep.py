"""A system that has a list of all its records and no list of what changed: new records, changes and deletions are found by walking."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from support.twin import Twin
from support.waiting import wait_for

SYSTEM = """
system: b
title: 门户
role: portal
connector: http
start_live: true
lease: 4s
connection: {{ base_url: "{url}", headers: {{ X-Key: "${{file:b.key}}" }} }}
records:
  application:
    root: {{ key: id }}
    read:
      every: 500ms
      sweep_every: 1s
      sweep: {{ path: "/all?page={{page}}&size={{limit}}", items: data, limit: 2, whole: true }}
      get: {{ path: "/one/{{lid}}", object: data }}
    match: [portal_case_no]
    case: {{ portal_case_no: id, applicant.name: name, applicant.mobile: phone, status: {{ column: state, codes: {{ "0": RECEIVED, "2": FINISHED }} }} }}
"""


class Register:
    """A register of records behind two calls: a page of all of them, and one."""

    def __init__(self):
        self.records, self.pages, self.keys = {}, 0, set()
        register = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                register.keys.add(self.headers["X-Key"])
                if url.path == "/all":
                    query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
                    register.pages += 1
                    first = (query["page"] - 1) * query["size"]
                    self.answer(200, list(register.records.values())[first:first + query["size"]])
                else:
                    record = register.records.get(url.path.removeprefix("/one/"))
                    self.answer(200 if record else 404, record)

            def answer(self, status, data):
                body = json.dumps({"data": data}, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, number, **members):
        self.records[number] = {**self.records.get(number, {"id": number}), **members}

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def register():
    register = Register()
    yield register
    register.close()


def test_a_register_without_a_feed(tmp_path, processes, kafka, new_database, topic_prefix, register):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    (twin.folder / "systems" / "b.yaml").write_text(SYSTEM.format(url=register.url))
    secret = twin.folder / "secrets" / "b.key"
    secret.parent.mkdir(exist_ok=True)
    assert "CFG-023" in twin.casebridge.run("lint", twin.folder, expect=78).err
    secret.write_text("k-{lid}-7\n")
    secret.chmod(0o600)
    assert "no problems" in twin.casebridge.run("lint", twin.folder).out
    for i in range(5):
        register.put(f"R{i}", name=f"人{i}", phone=None, state="0")
    twin.start()
    for i in range(5):
        twin.wait_row("a", "other_no = %s", f"R{i}", xm=f"人{i}", zt="0")
    twin.quiet()
    asked = register.pages
    # a record in the middle: later pages move up while they are walked
    register.put("R1", phone="13900000001")
    del register.records["R3"]
    register.put("R5", name="新人", phone=None, state="0")
    twin.wait_row("a", "other_no = 'R1'", lxdh="13900000001")
    twin.wait_row("a", "other_no = 'R5'", xm="新人")
    rows = wait_for(lambda: json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out), what="the deleted one")
    assert [(r["system"], r["local_id"]) for r in rows] == [("b", "R3")]
    assert twin.ledger.value("select count(*) from casebridge.cases") == 6
    assert register.keys == {"k-{lid}-7"}
    # whoever walks does so at the pace that was declared
    assert register.pages > asked
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.conflicts") == 0
