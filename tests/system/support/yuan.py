"""The example site config/yuan on real servers: the department's database, the portal simulator, and the product between them."""

import shutil
import urllib.parse

from .casebridge import Casebridge
from .paths import SOURCE
from .portal import call
from .waiting import wait_for

ITEM = "11341503999900222D4002011099000"


class Yuan:
    def __init__(self, tmp_path, processes, kafka, new_database, portal, topic_prefix, start_live=True):
        self.department, self.ledger, self.portal = new_database(), new_database(), portal
        self.department.execute((SOURCE / "config/yuan/demo/civil-affairs.sql").read_text())
        self.folder = tmp_path / "yuan"
        shutil.copytree(SOURCE / "config/yuan", self.folder)
        self._edit("site.yaml", "name: yuan\n", f"name: yuan\ntopic_prefix: {topic_prefix}\nschemas: {SOURCE / 'schemas'}\n")
        if start_live:
            for name in ("civil-affairs", "portal"):
                self._edit(f"systems/{name}.yaml", "connector:", "start_live: true\nlease: 4s\nconnector:")
        self.casebridge = Casebridge(processes, {
            "CASEBRIDGE_KAFKA": kafka.bootstrap, "CASEBRIDGE_LEDGER": self.ledger.dsn, "YDZ_DSN": self.department.dsn,
            "PORTAL_URL": portal.url, "CASEBRIDGE_SECRETS": str(portal.folder)})
        self.process = None

    def _edit(self, name, old, new):
        file = self.folder / name
        text = file.read_text()
        assert old in text, (name, old)
        file.write_text(text.replace(old, new, 1))

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
            return self.ledger.value("select count(*) from casebridge.links where inflight is not null or due") == 0
        wait_for(idle, timeout=timeout, what="nothing in flight", or_died=[self.process])
