"""The example site config/yuan on real servers: the department's database, the portal simulator, and the product between them."""

import shutil
import urllib.parse

import psycopg

from .casebridge import Casebridge
from .paths import SOURCE
from .portal import call
from .waiting import wait_for

ITEM = "11341503999900222D4002011099000"

# What the portal offers by class of protocol promise: keys and conditions, conditions only, neither.
PROMISES = {"H1": {"idempotency": True, "etag": True}, "H2": {"idempotency": False, "etag": True}, "H3": {"idempotency": False, "etag": False}}


class Yuan:
    def __init__(self, tmp_path, processes, kafka, new_database, portal, topic_prefix, start_live=True, promise="H1"):
        self.department, self.ledger, self.portal = new_database(), new_database(), portal
        self.department.execute((SOURCE / "config/yuan/demo/civil-affairs.sql").read_text())
        self.folder = tmp_path / "yuan"
        shutil.copytree(SOURCE / "config/yuan", self.folder)
        self.edit("site.yaml", "name: yuan\n", f"name: yuan\ntopic_prefix: {topic_prefix}\nschemas: {SOURCE / 'schemas'}\n")
        if start_live:
            for name in ("civil-affairs", "portal"):
                self.edit(f"systems/{name}.yaml", "connector:", "start_live: true\nlease: 4s\nconnector:")
        self.promise(promise)
        self.casebridge = Casebridge(processes, {
            "CASEBRIDGE_KAFKA": kafka.bootstrap, "CASEBRIDGE_LEDGER": self.ledger.dsn, "YDZ_DSN": self.department.dsn,
            "PORTAL_URL": portal.url, "CASEBRIDGE_SECRETS": str(portal.folder)})
        self.process = None

    def promise(self, name):
        """The portal offers, and the site's file says, what this class has; nothing else differs."""
        offers = PROMISES[name]
        self.portal.control("", offers)
        if not offers["idempotency"]:
            self.edit("systems/portal.yaml", "      idempotency: Idempotency-Key\n", "")
        if not offers["etag"]:
            self.edit("systems/portal.yaml", "      etag: true\n", "")

    def edit(self, name, old, new):
        """Changes the test's own copy of a file of the site."""
        file = self.folder / name
        text = file.read_text()
        assert old in text, (name, old)
        file.write_text(text.replace(old, new, 1))

    def enter(self, sbh, name, cert_no, **more):
        """A clerk of the department types an application in at the window."""
        columns = {"sbh": sbh, "xm": name, "xb": "男" if int(cert_no[16]) % 2 else "女", "sfzh": cert_no,
                   "csrq": f"{int(cert_no[6:10])}.{int(cert_no[10:12])}.{int(cert_no[12:14])}", "hkdz": "裕安区鼓楼街道2号",
                   "lxdh": "13900000002", "sqrq": "2018-07-02 09:05:00", "zt": 1, "czy": "窗口王", **more}
        self.department.execute(f"insert into ydz_sq ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})", *columns.values())

    # ---- what the portal really did, by its own journal ----

    def journal(self):
        entries, after = [], 0
        while True:
            page = self.portal.control(f"/journal?after={after}&limit=500")["data"]
            if not page["entries"]:
                return entries
            entries += page["entries"]
            after = page["next"]

    def portal_cases(self):
        """{PROJID: {place: value}} as the journal's effects add up; numbers without a case are left out."""
        cases = {}
        for e in self.journal():
            case = cases.setdefault(e["projid"], {})
            case.update({place: after for place, (_, after) in e["changes"].items()})
            case["made"] = case.get("made", 0) + (e["op"] in ("create", "apply"))
        return {projid: case for projid, case in cases.items() if case["made"]}

    def start(self):
        self.casebridge.run("ledger", "migrate", self.folder)
        self.casebridge.run("topics", "apply", self.folder)
        self.process = self.casebridge.start("casebridge", "run", self.folder)
        return self

    # ---- people ----

    def _form(self, path, fields):
        answer = call(self.portal.url + path, "POST", urllib.parse.urlencode(fields).encode(),
                      {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"})
        body = answer.json()
        assert body["code"] == 200, body
        return body["data"]

    def apply(self, name, cert_no, mobile="13900000001", address="裕安区西市街道1号", **more):
        """A person applies on the portal's page: (projid, query password)."""
        data = self._form("/apply", {"APPLICANT": name, "APPLICANTCERTTYPE": "111", "APPLICANTCERTNO": cert_no, "APPLICANTMOBILE": mobile,
                                     "ADDRESS": address, "YDZLX": "1", **more})
        return data["PROJID"], data["PROJPWD"]

    def correct_on_portal(self, projid, pwd, **fields):
        return self._form("/my", {"projid": projid, "pwd": pwd, **fields})

    def clerk_on_portal(self, projid, **fields):
        for field, value in fields.items():
            self._form("/clerk", {"projid": projid, "field": field, "value": value})

    def on_portal(self, projid, pwd):
        return call(f"{self.portal.url}/my?projid={projid}&pwd={pwd}", headers={"Accept": "application/json"}).json()["data"]

    def row(self, where, *values):
        columns = ["sbh", "xm", "xb", "sfzh", "csrq", "hkdz", "lxdh", "ydzlx", "zt", "thyy", "zzbh", "czy"]
        rows = self.department.rows(f"select {', '.join(columns)} from ydz_sq where {where}", *values)
        assert len(rows) <= 1, rows
        return dict(zip(columns, rows[0])) if rows else None

    # ---- waiting ----

    def wait_row(self, where, *values, timeout=30, **expected):
        def there():
            row = self.row(where, *values)
            return row if row and all(row[k] == v for k, v in expected.items()) else None
        return wait_for(there, timeout=timeout, what=f"ydz_sq: {where} {values} with {expected}", or_died=[self.process])

    def wait_portal(self, projid, pwd, timeout=30, **expected):
        def there():
            data = self.on_portal(projid, pwd)
            for path, value in expected.items():
                node = data
                for part in path.split("__"):
                    node = node[part]
                assert node == value, (path, node)
            return data
        return wait_for(there, timeout=timeout, what=f"portal {projid} with {expected}", or_died=[self.process])

    def quiet(self, timeout=60):
        def idle():
            try:
                return self.ledger.value("select count(*) from casebridge.links where inflight is not null or due") == 0
            except psycopg.OperationalError as error:  # the server is coming back
                raise LookupError(str(error)) from None
        wait_for(idle, timeout=timeout, what="nothing in flight", or_died=[self.process])
