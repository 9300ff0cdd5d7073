"""The portal simulator by itself, over real HTTP: what other tests rest on must itself hold."""

import hashlib
import hmac
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = SOURCE / os.environ.get("CASEBRIDGE_BUILD", "build")
ITEM = "11341503999900222D4002011099000"
ITEM_TWO = "11341503999900337K4000523099000"
NOT_CLAIMED = "1134150399990011894000131001000"
PEOPLE = ["341599195003070014", "341599195202290028", "341599196808150032", "341599198512310040"]
KEY = "district"


def binary():
    found = [p for p in (BUILD / "portal-simulator",
                         BUILD / "tools/portal-simulator/portal-simulator") if p.is_file()]
    assert found, f"no portal-simulator in {BUILD}; run tools/build"
    return found[0]


class Lost(Exception):
    """No (whole) answer."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["code"]

    @property
    def data(self):
        return self.json["data"]

    @property
    def etag(self):
        return self.headers.get("ETag")

    def __repr__(self):
        return f"{self.status} {self.body[:400].decode(errors='replace')}"


class Client:
    """One keep-alive connection that signs what it sends, as README.md of the simulator says."""

    def __init__(self, portal, token=None):
        self.portal = portal
        self.token = token
        self.link = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)

    def raw(self, method, target, body=b"", headers=None):
        try:
            self.link.request(method, target, body=body or None, headers=headers or {})
            answer = self.link.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (http.client.HTTPException, ConnectionError) as error:
            self.link.close()
            raise Lost(repr(error)) from error

    def get_token(self, **change):
        body = {"appKey": KEY, "timestamp": str(int(time.time() * 1000)),
                "nonce": secrets.token_hex(8)}
        body.update({k: v for k, v in change.items() if k != "sign"})
        text = f"appKey={body['appKey']}&nonce={body['nonce']}&timestamp={body['timestamp']}"
        body["sign"] = change.get("sign", self.portal.hmac(text))
        answer = self.raw("POST", "/auth/token", json.dumps(body).encode())
        if answer.status == 200 and answer.code == 200:
            self.token = answer.data["token"]
        return answer

    def signed(self, method, target, body=b"", **change):
        stamp = change.get("timestamp", str(int(time.time() * 1000)))
        nonce = change.get("nonce", secrets.token_hex(8))
        text = "\n".join([method, change.get("signed_target", target), stamp, nonce,
                          self.portal.hash(change.get("signed_body", body))])
        return {"x-aep-appkey": KEY, "x-aep-timestamp": stamp, "x-aep-nonce": nonce,
                "x-aep-signature": self.portal.hmac(text), "token": self.token or ""}

    def call(self, method, target, body=None, headers=None, **change):
        if self.token is None:
            assert self.get_token().code == 200
        raw = body if isinstance(body, bytes) else (
            b"" if body is None else json.dumps(body, ensure_ascii=False).encode())
        sent = self.signed(method, target, raw, **change)
        if raw:
            sent["Content-Type"] = "application/json; charset=utf-8"
        return self.raw(method, target, raw, {**sent, **(headers or {})})

    def get(self, target, **query):
        query = {k: v for k, v in query.items() if v is not None}
        return self.call("GET", target + ("?" + urllib.parse.urlencode(query) if query else ""))

    def post(self, target, body=None, headers=None):
        return self.call("POST", target, body, headers)

    def number(self, item=ITEM, **more):
        answer = self.post("/web/approval/createReceiveNum", {"itemId": item, **more})
        assert answer.code == 200, answer
        return answer.data["projid"]

    def create(self, orgbusno=None, **fields):
        projid = self.number(fields.pop("ITEM", ITEM))
        answer = self.basic(projid, ORGBUSNO=orgbusno, **fields)
        assert answer.code == 200, answer
        return projid

    def basic(self, projid, headers=None, **fields):
        return self.post("/case/receiveBasicInfo", {
            "PROJID": projid, "APPLICANT": "张某某", "APPLICANTCERTNO": PEOPLE[0],
            "APPLICANTMOBILE": "13900000000", "ADDRESS": "鼓楼街道1号", "EXT": {"YDZLX": "2"},
            **fields}, headers)

    def case(self, projid):
        return self.get(f"/case/{projid}")

    def update(self, projid, headers=None, **fields):
        return self.post("/case/update", {"PROJID": projid, **fields}, headers)


class Portal:
    def __init__(self, folder, sign="hmac-sha256"):
        self.folder, self.sign = folder, sign
        self.secret = secrets.token_hex(12)
        (folder / "secret").write_text(self.secret + "\n")
        self.port, self.process = 0, None
        self.clients = []

    def hash(self, body):
        return self._digest()(body).hexdigest()

    def hmac(self, text):
        return hmac.new(self.secret.encode(), text.encode(), self._digest()).hexdigest()

    def _digest(self):
        if self.sign == "hmac-sha256":
            return hashlib.sha256
        return lambda data=b"": hashlib.new("sm3", data)

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "--listen", f"127.0.0.1:{self.port}", "--db", self.folder / "portal.db",
                 "--app-key", KEY, "--app-secret-file", self.folder / "secret",
                 "--sign", self.sign, "--port-file", port_file],
                stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self.process.stdout.readline()
        assert "ready http://127.0.0.1:" in ready, (self.folder / "log").read_text()
        self.port = int(port_file.read_text())
        assert f":{self.port}/" in ready
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(20) == 0
        self._close()

    def kill(self):
        self.process.kill()
        self.process.wait(20)
        self._close()

    def _close(self):
        if self.process:
            self.process.stdout.close()
        for client in self.clients:
            client.link.close()

    def client(self):
        self.clients.append(Client(self))
        return self.clients[-1]

    def control(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        link.request(method, "/_control" + path,
                     body=None if body is None else json.dumps(body))
        answer = link.getresponse()
        text = answer.read()
        link.close()
        assert answer.status == 200, text
        return json.loads(text)["data"]

    def switch(self, **settings):
        return self.control("PUT", "", settings)

    def fault(self, kind, **rule):
        return self.control("POST", "/faults", {"kind": kind, **rule})["id"]

    def journal(self, **query):
        return self.control("GET", "/journal?" + urllib.parse.urlencode(query))["entries"]

    def stats(self):
        return self.control("GET", "/stats")

    def form(self, path, fields, accept="application/json"):
        return self.once("POST", path, urllib.parse.urlencode(fields).encode(), {
            "Content-Type": "application/x-www-form-urlencoded", "Accept": accept})

    def apply(self, **fields):
        return self.form("/apply", {"APPLICANT": "李某", "APPLICANTCERTNO": PEOPLE[1],
                                    "APPLICANTMOBILE": "13800000001", "ADDRESS": "小华山街道2号",
                                    "YDZLX": "1", **fields})

    def page(self, target):
        return self.once("GET", target)

    def once(self, *call):
        client = Client(self)
        try:
            return client.raw(*call)
        finally:
            client.link.close()


def until(condition, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def in_background(portal, call):
    """Runs the call with a client of its own; whether it is ever answered does not matter."""
    client = portal.client()
    client.get_token()

    def run():
        try:
            call(client)
        except (Lost, OSError):
            pass
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return client, thread


def running(folder, sign):
    portal = Portal(folder, sign).start()
    yield portal
    portal.stop()
    log = (folder / "log").read_text(errors="replace")
    assert "Sanitizer" not in log and "runtime error" not in log, log


@pytest.fixture(scope="module")
def _portal(tmp_path_factory):
    yield from running(tmp_path_factory.mktemp("portal"), "hmac-sha256")


@pytest.fixture
def portal(_portal):
    """One process for the module; every test begins with empty tables and all switches back."""
    _portal.control("POST", "/reset", {})
    return _portal


@pytest.fixture
def own_portal(tmp_path):
    """For tests that stop or kill it."""
    yield from running(tmp_path, "hmac-sha256")


@pytest.fixture
def app(portal):
    return portal.client()


# --- who may call --------------------------------------------------------------------------------

def sm3_known():
    try:
        return hashlib.new("sm3", b"abc").hexdigest().startswith("66c7f0f4")
    except ValueError:
        return False


@pytest.mark.skipif(not sm3_known(), reason="this Python's OpenSSL has no SM3")
def test_sm3_signatures(tmp_path):
    for portal in running(tmp_path, "hmac-sm3"):
        app = portal.client()
        projid = app.create("SM3-1", APPLICANT="王某")
        assert app.case(projid).data["APPLICANT"] == "王某"


@pytest.mark.parametrize("change, status, code", [
    ({}, 200, 200),
    ({"sign": "0" * 64}, 401, 4001),
    ({"sign": "short"}, 401, 4001),
    ({"appKey": "somebody"}, 401, 4001),
    ({"timestamp": "1500000000000"}, 200, 4002),
    ({"timestamp": "soon"}, 200, 4002),
    ({"nonce": "short"}, 401, 4001),
], ids=lambda v: str(v))
def test_token_is_given_to_the_right_caller_only(app, change, status, code):
    answer = app.get_token(**change)
    assert (answer.status, answer.code) == (status, code)
    assert (answer.data is not None) == (code == 200)


def test_a_nonce_counts_once(app):
    nonce = secrets.token_hex(8)
    assert app.get_token(nonce=nonce).code == 200
    assert app.get_token(nonce=nonce).code == 4001
    assert app.call("GET", "/case/changes", nonce=nonce).code == 4001


def test_the_signature_covers_everything(app):
    projid = app.create()
    body = json.dumps({"PROJID": projid, "ADDRESS": "甲"}).encode()
    assert app.call("POST", "/case/update", body).code == 200
    for change in ({"signed_body": body + b" "}, {"signed_target": "/case/receiveBasicInfo"}):
        answer = app.call("POST", "/case/update", body, **change)
        assert (answer.status, answer.code) == (401, 4001)
    answer = app.call("GET", "/case/changes?limit=5", signed_target="/case/changes?limit=6")
    assert answer.code == 4001
    assert app.call("GET", "/case/changes", timestamp="1").code == 4002


def test_no_call_without_a_token(portal, app):
    app.token = "0" * 40
    answer = app.get("/case/changes")
    assert (answer.status, answer.code) == (401, 4005)
    assert app.get_token().code == 200
    assert app.get("/case/changes").code == 200
    portal.control("DELETE", "/tokens")
    assert app.get("/case/changes").code == 4005
    portal.switch(token_ttl_s=1)
    app.get_token()
    assert app.get("/case/changes").code == 200
    until(lambda: app.get("/case/changes").code != 200)
    assert app.get("/case/changes").code == 4005


# --- cases ---------------------------------------------------------------------------------------

def test_numbers_are_never_given_twice(portal):
    found, lock = [], threading.Lock()

    def take():
        app = portal.client()
        mine = [app.number() for _ in range(20)]
        with lock:
            found.extend(mine)
    threads = [threading.Thread(target=take) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    portal.control("POST", "/reset", {})
    found.append(portal.client().number())
    assert len(found) == 161 == len(set(found))
    assert all(n.startswith("341503") and len(n) == 18 for n in found)


def test_a_case_from_number_to_certificate(app, portal):
    answer = app.post("/web/approval/createReceiveNum", {"itemId": ITEM})
    projid, pwd = answer.data["projid"], answer.data["projpwd"]
    assert len(pwd) == 6 and pwd.isdigit()
    assert app.case(projid).code == 4040
    step = {"PROJID": projid, "SN": "1", "NODENAME": "受理", "NODETYPE": "1", "NODERESULT": "4"}
    assert app.post("/case/receiveProc", step).code == 4013

    answer = app.basic(projid, ORGBUSNO="YDZ1", SEX="1", BIRTHDAY="19500307",
                       APPLYTIME="20180701201109", PROJECTSTATE="05", ACCEPTTIME="20180702090500")
    assert answer.code == 200 and answer.etag == '"v1"'
    for sn, name in (("2", "审核"), ("1", "受理"), ("10", "制证")):
        assert app.post("/case/receiveProc", {
            "PROJID": projid, "SN": sn, "NODENAME": name, "NODESTARTTIME": "20180702090500",
            "NODEENDTIME": "20180702100000", "NODEPERSON": "周某"}).code == 200
    assert app.post("/case/receiveSpecialnode", {
        "PROJID": projid, "SN": 1, "SPECIALTYPE": "4", "SPECIALREASON": "核对年龄"}).code == 200
    answer = app.post("/case/receiveDone", {
        "PROJID": projid, "DONERESULT": "0", "DONETIME": "20180709100000",
        "CERTIFICATENAME": "老年人优待证", "CERTIFICATENO": "YDZ-2018-0001",
        "PUBLISHER": "裕安区民政局", "CERTIFICATEDATE": "20180709"})
    assert answer.code == 200, answer

    case = app.case(projid).data
    assert case["PROJECTSTATE"] == "10" and case["DONE"]["CERTIFICATENO"] == "YDZ-2018-0001"
    assert [s["SN"] for s in case["STEPS"]] == ["1", "2", "10"]
    assert case["SPECIALNODES"][0]["SPECIALTYPE"] == "4"
    assert case["ITEMNAME"] == "老年人优待证办理" and case["EXT"]["YDZLX"] == "2"
    assert case["PROJECTNAME"] == "关于张某某的老年人优待证办理"
    assert case["VERSION"] == 6 and case["UPDATED_BY"] == f"app:{KEY}"
    page = portal.page(f"/my?projid={projid}&pwd={pwd}").body.decode()
    for text in ("办结", "YDZ-2018-0001", "审核", "出证办结", "341599********0014"):
        assert text in page
    assert PEOPLE[0] not in page


def test_a_call_may_be_repeated_without_effect(app, portal):
    projid = app.create("A1")
    before = app.case(projid).data
    for _ in range(2):
        assert app.basic(projid, ORGBUSNO="A1").code == 200
    step = {"PROJID": projid, "SN": "1", "NODENAME": "受理"}
    assert app.post("/case/receiveProc", step).data["VERSION"] == 2
    assert app.post("/case/receiveProc", step).data["VERSION"] == 2
    assert app.post("/case/receiveProc", {**step, "NODEOPINION": "同意"}).data["VERSION"] == 3
    assert before["VERSION"] == 1
    assert [(e["op"], e["version"]) for e in portal.journal(projid=projid)] == [
        ("create", 1), ("proc", 2), ("proc", 3)]
    assert portal.stats()["outcomes"]["unchanged"] == 3


@pytest.mark.parametrize("fields, field", [
    ({"APPLICANTCERTNO": "341599195003070015"}, "APPLICANTCERTNO"),
    ({"APPLICANTCERTNO": "11010519491231002x"}, "APPLICANTCERTNO"),
    ({"APPLICANTCERTNO": None}, "APPLICANTCERTNO"),
    ({"APPLICANT": ""}, "APPLICANT"),
    ({"APPLICANT": "张" * 101}, "APPLICANT"),
    ({"APPLICANTMOBILE": "12900000000"}, "APPLICANTMOBILE"),
    ({"PROJECTSTATE": "15"}, "PROJECTSTATE"),
    ({"SEX": "男"}, "SEX"),
    ({"BIRTHDAY": "19900230"}, "BIRTHDAY"),
    ({"APPLYTIME": "2018-07-01 20:11:09"}, "APPLYTIME"),
    ({"EXT": {"YDZLX": "4"}}, "EXT.YDZLX"),
    ({"IMPLEMENTCODE": ITEM_TWO}, "IMPLEMENTCODE"),
    ({"NO_SUCH": "1"}, "NO_SUCH"),
    ({"ADDRESS": ["a"]}, "ADDRESS"),
], ids=lambda v: str(v)[:40])
def test_bad_values_are_refused_by_name(app, portal, fields, field):
    answer = app.basic(app.number(), **fields)
    assert answer.status == 200 and answer.code == 4012
    assert answer.data["field"] == field and field in answer.json["msg"]
    assert portal.journal() == []


def test_other_refusals(app):
    create = "/web/approval/createReceiveNum"
    assert app.post(create, {"itemId": NOT_CLAIMED}).code == 4011
    assert app.post(create, {"itemId": "123"}).data["field"] == "itemId"
    assert app.post("/case/update", b"{not json").code == 4012
    assert app.post("/case/update", b'{"PROJID": "\xff"}').code == 4012
    assert app.basic("341503000101000001").code == 4040
    assert app.update("").data["field"] == "PROJID"
    assert app.case("341503000101000001").code == 4040
    assert app.get("/no/such").status == 404
    assert app.call("DELETE", "/case/update").status == 405
    projid = app.create()
    step = {"PROJID": projid, "SN": "x", "NODENAME": "受理"}
    assert app.post("/case/receiveProc", step).data["field"] == "SN"
    step = {"PROJID": projid, "SN": "1", "NODENAME": "受理", "NODETYPE": "3", "NODERESULT": "4"}
    assert app.post("/case/receiveProc", step).data["field"] == "STEPS.NODERESULT"
    done = {"PROJID": projid, "DONERESULT": "1"}
    assert app.post("/case/receiveDone", done).data["field"] == "DONE.EXITRES"
    assert app.update(projid, DONE={"CERTIFICATENO": "1"}).code == 4014


@pytest.mark.parametrize("result, state", [
    ("0", "10"), ("1", "10"), ("2", "12"), ("3", "12"), ("4", "11"), ("5", "13"), ("6", "10")])
def test_a_result_sets_the_state(app, result, state):
    projid = app.create(PROJECTSTATE="08")
    body = {"PROJID": projid, "DONERESULT": result, "EXITRES": "材料不符"}
    assert app.post("/case/receiveDone", body).data["PROJECTSTATE"] == state


def test_a_finished_case_stays_finished_but_can_be_corrected(app):
    projid = app.create()
    done = {"PROJID": projid, "DONE": {"DONERESULT": "0", "CERTIFICATENO": "错号"},
            "OPINION": "符合条件"}
    assert app.post("/case/receiveDone", done).data["OPINION"] == "符合条件"
    answer = app.update(projid, PROJECTSTATE="08")
    assert answer.code == 4014 and "办结" in answer.json["msg"]
    answer = app.update(projid, APPLICANTMOBILE="13900000009", PROJECTSTATE="10",
                        DONE={"CERTIFICATENO": "YDZ-2"})
    assert answer.code == 200 and answer.data["DONE"]["CERTIFICATENO"] == "YDZ-2"
    assert answer.data["DONE"]["DONERESULT"] == "0"


def test_null_clears_and_absent_keeps(app):
    projid = app.create(REMARK="一")
    assert app.update(projid, REMARK=None).data["REMARK"] is None
    case = app.case(projid).data
    assert case["ADDRESS"] == "鼓楼街道1号" and case["REMARK"] is None


def test_the_senders_number_belongs_to_one_case(app, portal):
    projid = app.create("B1")
    answer = app.basic(app.number(), ORGBUSNO="B1")
    assert answer.code == 4003 and answer.data["PROJID"] == projid
    answer = app.post("/web/approval/createReceiveNum", {"itemId": ITEM, "ORGBUSNO": "B1"})
    assert answer.code == 4003 and answer.data["projid"] == projid
    other = app.create("B2")
    assert app.update(other, ORGBUSNO="B1").data["PROJID"] == projid
    assert len(portal.journal()) == 2
    portal.switch(duplicate_rule=False)
    second = app.create("B1")
    assert {c["PROJID"] for c in app.get("/case/search", orgbusno="B1").data["items"]} == {
        projid, second}


def test_a_number_without_its_case_is_found_again(app):
    projid = app.number(ORGBUSNO="C1")
    answer = app.post("/web/approval/createReceiveNum", {"itemId": ITEM, "ORGBUSNO": "C1"})
    assert (answer.code, answer.data["projid"]) == (4003, projid)
    assert app.get("/case/search", orgbusno="C1").data["items"] == []
    assert app.basic(projid).data["ORGBUSNO"] == "C1"
    assert app.get("/case/changes").data["items"][0]["PROJID"] == projid


def test_search(app):
    first = app.create("D1")
    second = app.create("D2", ITEM=ITEM_TWO)
    third = app.create("D3", APPLICANTCERTNO=PEOPLE[2])

    def found(**query):
        return [c["PROJID"] for c in app.get("/case/search", **query).data["items"]]
    assert found(orgbusno="D2") == [second]
    assert found(orgbusno="none") == []
    assert found(certno=PEOPLE[0]) == [first, second]
    assert found(certno=PEOPLE[0], itemcode=ITEM) == [first]
    assert found(certno=PEOPLE[0], itemcode="000523099000") == [second]
    assert found(certno=PEOPLE[2], itemcode=ITEM) == [third]
    assert found(orgbusno="' OR '1'='1") == []
    assert app.get("/case/search").code == 4012


def multipart(fields, name, content):
    mark = "x" + secrets.token_hex(8)
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
             for k, v in fields.items()]
    parts.append((f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                  "Content-Type: image/jpeg\r\n\r\n").encode() + content + b"\r\n")
    return b"".join(parts) + f"--{mark}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={mark}"}


def test_files(app):
    projid = app.create()
    content = secrets.token_bytes(200_000)
    body, headers = multipart({"PROJID": projid, "MATERIALNAME": "一寸照片"}, "照片.jpg", content)
    answer = app.post("/case/receiveApplyFile", body, headers)
    assert answer.code == 200, answer
    entry = answer.data["FILES"][0]
    assert entry == {"FILEID": entry["FILEID"], "MATERIALNAME": "一寸照片", "FILENAME": "照片.jpg",
                     "FILETYPE": "image/jpeg", "FILESIZE": "200000",
                     "FILEHASH": hashlib.sha256(content).hexdigest()}
    assert app.post("/case/receiveApplyFile", body, headers).data["VERSION"] == 2
    assert app.get(f"/file/{entry['FILEID']}").body == content
    assert app.get("/file/999999").code == 4040
    assert app.post("/case/receiveApplyFile", {"PROJID": projid}).code == 4012
    assert app.post("/case/update", b" " * (11 << 20)).status == 413


# --- classes H1, H2, H3 --------------------------------------------------------------------------

def test_if_match(app):
    projid = app.create()
    assert app.case(projid).etag == '"v1"'
    answer = app.update(projid, {"If-Match": '"v1"'}, ADDRESS="甲")
    assert (answer.code, answer.etag) == (200, '"v2"')
    answer = app.update(projid, {"If-Match": '"v1"'}, ADDRESS="乙")
    assert (answer.status, answer.code, answer.etag) == (412, 4120, '"v2"')
    assert answer.data["ADDRESS"] == "甲" == app.case(projid).data["ADDRESS"]
    assert app.update(projid, {"If-Match": "*"}, ADDRESS="丙").code == 200
    for call in ("receiveProc", "receiveDone", "receiveBasicInfo"):
        answer = app.post(f"/case/{call}", {"PROJID": projid, "SN": "1"}, {"If-Match": '"v9"'})
        assert answer.status == 412
    assert app.basic(app.number(), {"If-Match": "*"}).status == 412


def test_idempotency_key(app, portal):
    projid = app.create()
    key = {"Idempotency-Key": "did-1"}
    first = app.update(projid, {**key, "If-Match": '"v1"'}, ADDRESS="甲")
    assert first.code == 200 and "Idempotent-Replay" not in first.headers
    app.update(projid, ADDRESS="乙")
    again = app.update(projid, {**key, "If-Match": '"v1"'}, ADDRESS="甲")
    assert again.headers["Idempotent-Replay"] == "true"
    assert (again.body, again.etag) == (first.body, '"v2"')
    assert app.case(projid).data["ADDRESS"] == "乙"
    other = app.update(projid, key, ADDRESS="丙")
    assert (other.status, other.code) == (422, 4220)
    # A refused call leaves the key free.
    bad = {"Idempotency-Key": "did-2"}
    assert app.update(projid, bad, APPLICANTMOBILE="1").code == 4012
    assert app.update(projid, bad, APPLICANTMOBILE="13900000008").code == 200
    # A key is of one call.
    assert app.post("/web/approval/createReceiveNum", {"itemId": ITEM}, key).code == 200
    assert portal.stats()["outcomes"]["replayed"] == 1
    assert [e["op"] for e in portal.journal()] == ["create", "update", "update", "update"]


def test_a_number_is_replayed(app):
    key = {"Idempotency-Key": "did-3"}
    numbers = {app.post("/web/approval/createReceiveNum", {"itemId": ITEM}, key).data["projid"]
               for _ in range(3)}
    assert len(numbers) == 1


def test_a_key_under_way_is_a_conflict(portal, app):
    projid = app.create()
    portal.fault("latency", path="/case/update", ms=60000, after=True, next=1)
    slow, _ = in_background(portal, lambda c: c.update(projid, {"Idempotency-Key": "k"},
                                                       ADDRESS="甲"))
    until(lambda: app.case(projid).data["ADDRESS"] == "甲")
    answer = app.update(projid, {"Idempotency-Key": "k"}, ADDRESS="甲")
    assert (answer.status, answer.code) == (409, 4090)
    assert app.update(projid, {"Idempotency-Key": "k2"}, ADDRESS="乙").code == 200
    slow.link.sock.shutdown(socket.SHUT_RDWR)


def test_switching_off_from_h1_to_h3(app, portal):
    projid = app.create()
    key = {"Idempotency-Key": "k"}
    assert app.update(projid, key, ADDRESS="一").code == 200
    portal.switch(idempotency=False)  # H2
    answer = app.update(projid, {**key, "If-Match": '"v2"'}, ADDRESS="二")
    assert answer.code == 200 and "Idempotent-Replay" not in answer.headers
    assert app.update(projid, {**key, "If-Match": '"v2"'}, ADDRESS="三").status == 412
    portal.switch(etag=False)  # H3
    answer = app.update(projid, {**key, "If-Match": '"v2"'}, ADDRESS="三")
    assert answer.code == 200 and answer.etag is None
    assert app.case(projid).etag is None
    portal.switch(etag=True, idempotency=True)
    assert app.case(projid).etag == '"v4"'


# --- feeds ---------------------------------------------------------------------------------------

def read_all(app, path, cursor=None, limit=None):
    items = []
    while True:
        page = app.get(path, cursor=cursor, limit=limit).data
        items += page["items"]
        cursor = page["cursor"]
        if not page["more"]:
            return items, cursor


def test_changes_show_each_case_as_it_is(app):
    projids = [app.create(f"E{i}") for i in range(5)]
    items, cursor = read_all(app, "/case/changes", limit=2)
    assert [c["PROJID"] for c in items] == projids
    assert items[0] == app.case(projids[0]).data
    assert read_all(app, "/case/changes", cursor) == ([], cursor)
    app.update(projids[1], ADDRESS="新")
    app.update(projids[0], ADDRESS="新")
    items, _ = read_all(app, "/case/changes", cursor)
    assert [(c["PROJID"], c["VERSION"]) for c in items] == [(projids[1], 2), (projids[0], 2)]


def test_a_foreign_cursor_is_refused(app, portal):
    app.create()
    _, cursor = read_all(app, "/case/changes")
    for bad in ("x", cursor[:-1], "p" + cursor[1:], cursor + "0"):
        assert app.get("/case/changes", cursor=bad).data["field"] == "cursor"
    portal.control("POST", "/reset", {})
    assert app.get("/case/changes", cursor=cursor).code == 4012


def test_only_cases_of_our_orgs_are_shown(app, portal):
    portal.apply(IMPLEMENTCODE=NOT_CLAIMED)
    ours = portal.apply().json["data"]["PROJID"]
    assert [c["PROJID"] for c in read_all(app, "/case/changes")[0]] == [ours]
    assert [c["PROJID"] for c in read_all(app, "/case/pending")[0]] == [ours]
    foreign = portal.journal()[0]["projid"]
    assert app.case(foreign).code == 4040
    assert app.update(foreign, ADDRESS="甲").code == 4011


def test_paging_misses_and_doubles_nothing_while_others_write(portal):
    """What a reader that only follows the cursor ends with must be what is there."""
    writers, rounds, stop = 4, 40, threading.Event()
    seen, latest, errors = set(), {}, []

    def write(n):
        try:
            app = portal.client()
            mine = [app.create(f"W{n}-{i}") for i in range(5)]
            for i in range(rounds):
                assert app.update(mine[i % 5], ADDRESS=f"第{n}人第{i}次").code == 200
        except Exception as error:  # shown by the main thread
            errors.append(error)

    def follow():
        try:
            app, cursor = portal.client(), None
            while True:
                last = stop.is_set()
                items, cursor = read_all(app, "/case/changes", cursor, limit=3)
                for c in items:
                    entry = (c["PROJID"], c["VERSION"])
                    assert entry not in seen, f"doubled: {entry}"
                    assert c["VERSION"] > latest.get(c["PROJID"], {"VERSION": 0})["VERSION"]
                    seen.add(entry)
                    latest[c["PROJID"]] = c
                if last:
                    return
        except Exception as error:
            errors.append(error)
    reader = threading.Thread(target=follow)
    reader.start()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    stop.set()
    reader.join()
    assert not errors, errors
    app = portal.client()
    assert len(latest) == writers * 5
    for projid, case in latest.items():
        assert app.case(projid).data == case
    assert len(portal.journal()) == writers * (5 + rounds)


def test_pending_until_acknowledged(app, portal):
    projids = [portal.apply().json["data"]["PROJID"] for _ in range(3)]
    items, cursor = read_all(app, "/case/pending", limit=2)
    assert [c["PROJID"] for c in items] == projids
    assert items[0]["ONLINE"] == "1" and items[0]["SUBMIT"] == "1"
    answer = app.post(f"/case/{projids[0]}/ack", {"ORGBUSNO": "YDZ9"})
    assert answer.code == 200 and answer.data["ORGBUSNO"] == "YDZ9" and answer.data["ACKTIME"]
    version = answer.data["VERSION"]
    assert app.post(f"/case/{projids[0]}/ack").data["VERSION"] == version
    assert [c["PROJID"] for c in read_all(app, "/case/pending")[0]] == projids[1:]
    fourth = portal.apply().json["data"]["PROJID"]
    assert [c["PROJID"] for c in read_all(app, "/case/pending", cursor)[0]] == [fourth]
    assert app.post("/case/341503000101000009/ack").code == 4040


def test_items_ratings_and_reconciliation(app, portal):
    items = app.get("/item/changes").data["items"]
    assert {i["IMPLEMENTCODE"]: i["CLAIMED"] for i in items}[ITEM] == "1"
    portal.control("PUT", f"/items/{NOT_CLAIMED}", {"claimed": True})
    try:
        changed = app.get("/item/changes", since="20200101").data["items"]
        assert [i["IMPLEMENTCODE"] for i in changed] == [NOT_CLAIMED]
        assert app.number(NOT_CLAIMED)
    finally:
        portal.control("PUT", f"/items/{NOT_CLAIMED}", {"claimed": False})
    assert app.get("/item/changes", since="soon").code == 4012

    first, second = app.create("R1"), app.create("R2", ITEM=ITEM_TWO)
    app.post("/case/receiveDone", {"PROJID": first, "DONERESULT": "0"})
    # A number holds its day: 341503 yymmdd.
    day = "20" + first[6:12]
    answer = app.get("/recon/day", date=day).data
    assert (answer["TOTAL"], answer["FINISHED"]) == (2, 1)
    assert [i["PROJID"] for i in answer["items"]] == [first, second]
    assert app.get("/recon/day", date=day, org="11341503999900337K").data["TOTAL"] == 1
    assert app.get("/recon/day", date="20000101").data["TOTAL"] == 0

    made = portal.apply().json["data"]
    rate = {"projid": made["PROJID"], "pwd": made["PROJPWD"], "SATISFACTION": "1", "CONTENT": "好"}
    assert portal.form("/my/rating", rate).code == 4014
    app.post("/case/receiveDone", {"PROJID": made["PROJID"], "DONERESULT": "0"})
    assert portal.form("/my/rating", rate).code == 200
    assert portal.form("/my/rating", {**rate, "SATISFACTION": "9"}).code == 4012
    assert [(r["PROJID"], r["SATISFACTION"]) for r in app.get("/rating").data["items"]] == [
        (made["PROJID"], "1")]
    assert app.get("/rating", since="20991231").data["items"] == []


# --- faults --------------------------------------------------------------------------------------

def test_html_page_with_status_200(app, portal):
    projid = app.create()
    portal.fault("html", path="/case/update", next=2)
    for _ in range(2):
        answer = app.update(projid, ADDRESS="甲")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
        assert "系统繁忙" in answer.body.decode()
    assert app.case(projid).data["ADDRESS"] != "甲"
    assert app.update(projid, ADDRESS="甲").code == 200
    portal.fault("html", path="/case/update", next=1, after=True)
    assert b"<html" in app.update(projid, ADDRESS="乙").body
    assert app.case(projid).data["ADDRESS"] == "乙"


@pytest.mark.parametrize("kind, more, status, code", [
    ("error", {}, 500, None), ("error", {"status": 503}, 503, None),
    ("busy", {}, 200, 5000), ("slow_down", {}, 429, 4290)])
def test_error_answers(app, portal, kind, more, status, code):
    projid = app.create()
    portal.fault(kind, path="/case/update", method="POST", next=1, **more)
    assert app.case(projid).code == 200
    answer = app.update(projid, ADDRESS="甲")
    assert answer.status == status
    assert code is None or answer.code == code
    assert (status == 429) == ("Retry-After" in answer.headers)
    assert app.case(projid).data["VERSION"] == 1
    assert app.update(projid, ADDRESS="甲").code == 200


def test_lost_answer_and_lost_request(app, portal):
    projid = app.create()
    portal.fault("lost_answer", path="/case/update", next=1)
    with pytest.raises(Lost):
        app.update(projid, {"Idempotency-Key": "a"}, ADDRESS="甲")
    assert app.case(projid).data["ADDRESS"] == "甲"
    assert app.update(projid, {"Idempotency-Key": "a"}, ADDRESS="甲").headers["Idempotent-Replay"]
    portal.fault("lost_request", path="/case/update", next=1)
    with pytest.raises(Lost):
        app.update(projid, {"Idempotency-Key": "b"}, ADDRESS="乙")
    assert app.case(projid).data["ADDRESS"] == "甲"
    answer = app.update(projid, {"Idempotency-Key": "b"}, ADDRESS="乙")
    assert answer.code == 200 and "Idempotent-Replay" not in answer.headers
    assert len(portal.journal()) == 3


def test_truncated_body(app, portal):
    projid = app.create()
    portal.fault("truncated", path=f"/case/{projid}", next=1)
    with pytest.raises(Lost, match="IncompleteRead"):
        app.case(projid)
    assert app.case(projid).code == 200


def test_slow_trickle(app, portal):
    projid = app.create()
    whole = app.case(projid).body
    portal.fault("trickle", path=f"/case/{projid}", ms=5, bytes=100, next=1)
    begun = time.monotonic()
    assert app.case(projid).body == whole
    assert time.monotonic() - begun >= 0.005 * (len(whole) // 100)


def test_latency(app, portal):
    app.get("/item/changes")

    def taken():
        begun = time.monotonic()
        assert app.get("/item/changes").code == 200
        return time.monotonic() - begun
    portal.switch(latency_ms=150)
    assert taken() >= 0.15
    portal.switch(latency_ms=0)
    rule = portal.fault("latency", path="/item/*", ms=100, random_ms=50)
    assert taken() >= 0.1
    portal.control("DELETE", f"/faults/{rule}")
    assert min(taken() for _ in range(3)) < 0.1
    portal.switch(latency_random_ms=40)
    assert max(taken() for _ in range(10)) < 5


def test_one_slow_call_holds_up_nobody(app, portal):
    projid = app.create()
    portal.fault("latency", path="/item/changes", ms=60000)
    slow, thread = in_background(portal, lambda c: c.get("/item/changes"))
    until(lambda: portal.control("GET", "/faults")[0]["hits"] == 1)
    for i in range(20):
        assert app.update(projid, ADDRESS=f"{i}号").code == 200
    assert thread.is_alive()
    slow.link.sock.shutdown(socket.SHUT_RDWR)


def test_rate_limit(app, portal):
    app.get("/item/changes")
    portal.switch(rate_limit=5)
    answers = [app.get("/item/changes") for _ in range(30)]
    refused = [a for a in answers if a.status == 429]
    assert refused and any(a.code == 200 for a in answers)
    assert all(a.code == 4290 and int(a.headers["Retry-After"]) >= 1 for a in refused)
    portal.switch(rate_limit=0)
    assert all(app.get("/item/changes").code == 200 for _ in range(30))


def test_percentages_follow_the_seed(app, portal):
    def outcomes():
        portal.control("DELETE", "/faults")
        portal.fault("busy", path="/item/changes", percent=30)
        portal.switch(seed=42)
        return [app.get("/item/changes").code for _ in range(100)]
    first = outcomes()
    assert 10 < first.count(5000) < 55
    assert outcomes() == first


def test_skip_and_next(app, portal):
    portal.fault("busy", path="/item/changes", skip=2, next=2)
    assert [app.get("/item/changes").code for _ in range(6)] == [200, 200, 5000, 5000, 200, 200]
    rule = portal.control("GET", "/faults")[0]
    assert (rule["hits"], rule["left"]) == (2, 0)


def test_an_ignored_field(app, portal):
    projid = app.create()
    portal.fault("ignore_field", field="ADDRESS", path="/case/update", next=1)
    answer = app.update(projid, ADDRESS="甲", REMARK="乙")
    assert answer.code == 200
    assert (answer.data["ADDRESS"], answer.data["REMARK"]) == ("鼓楼街道1号", "乙")
    assert app.update(projid, ADDRESS="甲").data["ADDRESS"] == "甲"


@pytest.mark.parametrize("rule, sent, stored", [
    ({"do": "upper"}, "abc路", "ABC路"),
    ({"do": "truncate", "bytes": 8}, "鼓楼街道", "鼓楼"),
    ({"do": "truncate", "bytes": 50}, "鼓楼街道", "鼓楼街道")])
def test_a_field_is_stored_changed(app, portal, rule, sent, stored):
    projid = app.create()
    portal.fault("transform", field="ADDRESS", **rule)
    assert app.update(projid, ADDRESS=sent).data["ADDRESS"] == stored
    assert app.case(projid).data["ADDRESS"] == stored
    changes = [e["changes"] for e in portal.journal(op="update")]
    assert changes in ([], [{"ADDRESS": ["鼓楼街道1号", stored]}])


def test_transforms_reach_steps_and_results(app, portal):
    projid = app.create()
    portal.fault("transform", field="STEPS.NODEOPINION", do="upper")
    portal.fault("ignore_field", field="DONE.PUBLISHER")
    step = {"PROJID": projid, "SN": "1", "NODENAME": "ok", "NODEOPINION": "ok"}
    assert app.post("/case/receiveProc", step).data["STEPS"][0]["NODEOPINION"] == "OK"
    done = {"PROJID": projid, "DONERESULT": "0", "PUBLISHER": "局", "CERTIFICATENO": "1"}
    result = app.post("/case/receiveDone", done).data["DONE"]
    assert (result["PUBLISHER"], result["CERTIFICATENO"]) == (None, "1")


def test_new_cases_are_searchable_later(app, portal):
    portal.switch(search_lag_ms=600)
    projid = app.create("F1")
    begun = time.monotonic()
    assert app.get("/case/search", orgbusno="F1").data["items"] == []
    assert app.case(projid).code == 200
    until(lambda: app.get("/case/search", orgbusno="F1").data["items"])
    assert time.monotonic() - begun > 0.4


def test_closed_window(app, portal):
    app.get("/item/changes")
    portal.switch(closed_window="always")
    answer = app.get("/item/changes")
    assert answer.code == 5001 and "Retry-After" in answer.headers
    assert portal.page("/").status == 200
    hour = (int(time.time()) // 3600 + 8) % 24
    portal.switch(closed_window=f"{(hour + 3) % 24:02}:00-{(hour + 4) % 24:02}:00")
    assert app.get("/item/changes").code == 200
    portal.switch(closed_window=f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00")
    assert app.get("/item/changes").code == 5001


def test_faults_may_concern_pages(portal):
    portal.fault("html", path="/apply", next=1)
    assert b"<html" in portal.apply().body
    assert portal.journal() == []
    portal.fault("busy")
    assert portal.apply().code == 200


@pytest.mark.parametrize("method, path, body", [
    ("PUT", "", {"etag": "yes"}), ("PUT", "", {"no_such": 1}), ("PUT", "", {"latency_ms": -1}),
    ("PUT", "", {"closed_window": "noon"}), ("PUT", "", [1]), ("POST", "/faults", {"kind": "x"}),
    ("POST", "/faults", {"kind": "busy", "nxt": 1}), ("POST", "/faults", {"kind": "transform"}),
    ("PUT", "/faults", [{"kind": "busy"}, {"kind": "x"}]), ("DELETE", "/faults/99", None)])
def test_wrong_switches_are_refused(portal, method, path, body):
    before = portal.control("GET", "")
    answer = portal.once(method, "/_control" + path,
                         b"" if body is None else json.dumps(body).encode())
    assert answer.status == 400 and answer.code != 200
    assert portal.control("GET", "") == before


# --- pages ---------------------------------------------------------------------------------------

def test_a_person_applies_and_watches(app, portal):
    assert "老年人优待证办理" in portal.page("/").body.decode()
    fields = {"APPLICANT": "<b>李&某</b>", "APPLICANTCERTNO": PEOPLE[1], "ADDRESS": "'\"><script>",
              "APPLICANTMOBILE": "13800000001", "YDZLX": "1"}
    answer = portal.form("/apply", fields, accept="text/html")
    assert answer.status == 303
    target = answer.headers["Location"]
    page = portal.page(target).body.decode()
    assert "申请已提交" in page and "&lt;b&gt;李&amp;某" in page
    assert "<script" not in page and "<b>李" not in page
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
    case = app.case(query["projid"]).data
    assert (case["SEX"], case["BIRTHDAY"], case["EXT"]["YDZLX"]) == ("2", "19520229", "1")
    assert case["UPDATED_BY"] == "web:applicant" and case["PROJECTSTATE"] == "02"
    assert [c["PROJID"] for c in read_all(app, "/case/pending")[0]] == [query["projid"]]

    save = {"projid": query["projid"], "pwd": query["pwd"], "APPLICANTMOBILE": "13800000002"}
    assert portal.form("/my", save, accept="text/html").status == 303
    assert app.case(query["projid"]).data["APPLICANTMOBILE"] == "13800000002"
    assert portal.form("/my", {**save, "APPLICANT": "王某"}).code == 4012
    assert portal.form("/my", {**save, "APPLICANTMOBILE": ""}).code == 4012
    assert portal.form("/my", {**save, "pwd": "x"}).code == 4040
    assert "不正确" in portal.page(f"/my?projid={query['projid']}&pwd=x").body.decode()
    app.post("/case/receiveDone", {"PROJID": query["projid"], "DONERESULT": "0"})
    refused = portal.form("/my", save, accept="text/html")
    assert refused.status == 400 and "已办结" in refused.body.decode()


def test_a_refused_form_keeps_what_was_typed(portal):
    answer = portal.form("/apply", {
        "APPLICANT": "李某", "APPLICANTCERTNO": "341599195202290029", "ADDRESS": "某街<1>",
        "APPLICANTMOBILE": "13800000001", "YDZLX": "1"}, accept="text/html")
    text = answer.body.decode()
    assert answer.status == 400 and "校验位" in text and "某街&lt;1&gt;" in text
    assert portal.journal() == []
    for missing in ("APPLICANT", "APPLICANTMOBILE", "ADDRESS", "YDZLX"):
        assert portal.apply(**{missing: ""}).data["field"] == missing
    assert portal.apply(PROJECTSTATE="10").data["field"] == "PROJECTSTATE"
    assert portal.apply(IMPLEMENTCODE="none").data["field"] == "IMPLEMENTCODE"


def test_a_long_value_arrives_whole(app, portal):
    address = "鼓楼街道" * 25
    projid = portal.apply(ADDRESS=address).data["PROJID"]
    assert app.case(projid).data["ADDRESS"] == address


def test_a_portal_clerk_corrects(app, portal):
    projid = app.create("G1")
    page = portal.page(f"/clerk?projid={projid}").body.decode()
    assert projid in page and "更正办件" in page

    def edit(field, value):
        return portal.form("/clerk", {"projid": projid, "field": field, "value": value})
    assert edit("APPLICANT", "张某").code == 200
    assert edit("EXT.YDZLX", "3").code == 200
    assert edit("DONE.CERTIFICATENO", "1").code == 4014
    assert edit("PROJECTSTATE", "10").code == 4012
    assert edit("APPLICANTCERTNO", "1").code == 4012
    case = app.case(projid).data
    assert (case["APPLICANT"], case["EXT"]["YDZLX"], case["UPDATED_BY"]) == (
        "张某", "3", "web:clerk")
    last = portal.journal(actor="web")[-1]
    assert (last["who"], last["op"], last["changes"]) == ("clerk", "clerk",
                                                          {"EXT/YDZLX": ["2", "3"]})


def members(value, path=""):
    if isinstance(value, dict):
        return {name for k, v in value.items() for name in {k} | members(v, k)}
    return {name for v in value for name in members(v)} if isinstance(value, list) else set()


def test_the_readme_names_every_field_and_code(app):
    readme = (SOURCE / "tools/portal-simulator/README.md").read_text()
    projid = app.create()
    for call, key in (("receiveProc", "NODENAME"), ("receiveSpecialnode", "SPECIALTYPE")):
        assert app.post(f"/case/{call}", {"PROJID": projid, "SN": "1", key: "1"}).code == 200
    body, headers = multipart({"PROJID": projid}, "a.txt", b"a")
    case = app.post("/case/receiveApplyFile", body, headers).data
    names = members(case)
    assert {"YDZLX", "NODEOPINION", "SPECIALRESULT", "FILEHASH", "CERTIFICATENO"} <= names
    assert [n for n in sorted(names) if n not in readme] == []


# --- journal, restart, load ----------------------------------------------------------------------

def test_the_journal_tells_every_effect_once(app, portal):
    projid = app.create("H1")
    app.update(projid, ADDRESS="甲")
    app.update(projid, ADDRESS="甲")
    app.update(projid, ADDRESS="乙", APPLICANTMOBILE="1")
    app.post("/case/receiveProc", {"PROJID": projid, "SN": "3", "NODENAME": "审核"})
    portal.form("/clerk", {"projid": projid, "field": "ADDRESS", "value": "丙"})
    entries = portal.journal()
    assert [(e["actor"], e["op"], e["version"]) for e in entries] == [
        ("app", "create", 1), ("app", "update", 2), ("app", "proc", 3), ("web", "clerk", 4)]
    assert entries[0]["changes"]["ORGBUSNO"] == [None, "H1"]
    assert entries[1]["changes"] == {"ADDRESS": ["鼓楼街道1号", "甲"]}
    assert entries[2]["changes"] == {"STEPS/3/SN": [None, "3"], "STEPS/3/NODENAME": [None, "审核"]}
    assert entries[3]["changes"] == {"ADDRESS": ["甲", "丙"]}
    assert portal.control("GET", "/journal/summary")["counts"] == {
        "app.create": 1, "app.proc": 1, "app.update": 1, "web.clerk": 1}
    assert portal.journal(after=entries[1]["seq"], limit=1) == [entries[2]]
    portal.control("POST", "/reset", {})
    assert portal.journal() == []
    assert portal.journal(all=1)[-1] == entries[3]


def test_nothing_is_lost_by_a_kill(own_portal):
    app = own_portal.client()
    projid = app.create("I1")
    assert app.update(projid, {"Idempotency-Key": "k"}, ADDRESS="甲").code == 200
    own_portal.switch(etag=False)
    own_portal.fault("transform", field="REMARK", do="upper")
    own_portal.fault("busy", next=5, path="/item/changes")
    token = app.token
    before = app.case(projid).data
    _, cursor = read_all(app, "/case/changes")
    own_portal.kill()
    own_portal.start()
    app = own_portal.client()
    app.token = token
    answer = app.case(projid)
    assert answer.data == before and answer.etag is None
    assert app.update(projid, {"Idempotency-Key": "k"}, ADDRESS="甲").headers["Idempotent-Replay"]
    assert app.get("/item/changes").code == 200
    assert app.update(projid, REMARK="x").data["REMARK"] == "X"
    assert len(read_all(app, "/case/changes", cursor)[0]) == 1
    assert app.number() != projid
    assert len(own_portal.journal()) == 3


def test_it_ends_at_once_even_while_calls_wait(own_portal):
    own_portal.fault("latency", path="/item/changes", ms=600000)
    _, thread = in_background(own_portal, lambda c: c.get("/item/changes"))
    until(lambda: own_portal.control("GET", "/faults")[0]["hits"] == 1)
    app = own_portal.client()
    app.create()
    begun = time.monotonic()
    own_portal.stop()
    assert time.monotonic() - begun < 5
    thread.join(10)
    assert not thread.is_alive()


def test_32_connections_at_once(portal):
    """All answered, none mixed up; the rate is only printed, since the machine may be busy."""
    errors, calls, workers = [], 25, 32

    def work(n):
        try:
            app = portal.client()
            projid = app.create(f"L{n}")
            for i in range(calls):
                assert app.update(projid, ADDRESS=f"{n}-{i}").data["PROJID"] == projid
                assert app.case(projid).data["ADDRESS"] == f"{n}-{i}"
        except Exception as error:
            errors.append(error)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
    begun = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors[:3]
    print(f"{workers * calls * 2 / (time.monotonic() - begun):.0f} calls a second")
    assert len(portal.journal()) == workers * (calls + 1)


@pytest.mark.parametrize("arguments, code, said", [
    (["--help"], 0, "--app-secret-file"),
    ([], 2, "--listen is missing"),
    (["--listen", "nowhere"], 2, "ADDRESS:PORT"),
    (["--listen", "127.0.0.1:99999"], 2, "ADDRESS:PORT"),
    (["--listen", "127.0.0.1:0", "--db", "x.db", "--app-key", "k", "--app-secret-file", "none"],
     2, "cannot read"),
    (["--sign", "md5"], 2, "hmac-sm3"),
    (["--no-such"], 2, "no-such"),
])
def test_command_line(tmp_path, arguments, code, said):
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, cwd=tmp_path,
                          timeout=20)
    assert done.returncode == code and said in done.stdout + done.stderr
