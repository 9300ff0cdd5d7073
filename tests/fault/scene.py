"""The example site with its processes kept alive one by one, so that each can be made to fall.

What the two systems really held, one write after the other, is taken from the systems themselves: from
the department's table by a trigger of ours, from the portal by its journal.
"""

import threading

import psycopg

from crash_points import CrashTable
from keeper import Keeper
from support.casebridge import Casebridge
from support.journal import watch_table
from support.yuan import Yuan

BRIDGE, DEPARTMENT, PORTAL = "bridge", "connector civil-affairs", "connector portal"
COMMANDS = {BRIDGE: ["bridge"], DEPARTMENT: ["connector", "civil-affairs"], PORTAL: ["connector", "portal"]}


class PortalView:
    """The portal's cases as its journal's effects add up, read on from where it was left."""

    def __init__(self, portal):
        self.portal, self.after, self.entries = portal, 0, []
        self.cases = {}  # PROJID -> {place: value}
        self.by_person = {}  # identity number -> PROJID
        self._lock = threading.Lock()

    def refresh(self):
        with self._lock:
            while True:
                page = self.portal.control(f"/journal?after={self.after}&limit=500")["data"]
                if not page["entries"]:
                    return self
                for entry in page["entries"]:
                    self._add(entry)
                self.after = page["next"]

    def _add(self, entry):
        self.entries.append(entry)
        case = self.cases.setdefault(entry["projid"], {"made": 0})
        case.update({place: after for place, (_, after) in entry["changes"].items()})
        case["made"] += entry["op"] in ("create", "apply")
        if case["made"] and case.get("APPLICANTCERTNO"):
            self.by_person.setdefault(case["APPLICANTCERTNO"], entry["projid"])


class Scene(Yuan):
    def __init__(self, tmp_path, processes, kafka, new_database, portal, topic_prefix, promise="H1", crash=False):
        super().__init__(tmp_path, processes, kafka, new_database, portal, topic_prefix, promise=promise)
        self.kafka, self.prefix, self.people = kafka, topic_prefix, None
        self.stood_still = []  # from and to when a bridge did (wall ms), while another could take over
        self.told_late = []  # (case, version): by such a one, on the topic of cases
        self.edit("systems/civil-affairs.yaml", "every: 1s", "every: 200ms")
        self.edit("systems/civil-affairs.yaml", "sweep_every: 5s", "sweep_every: 1s")
        self.edit("systems/portal.yaml", "every: 1s", "every: 200ms")
        self.department.execute("alter table ydz_sq add constraint test_refused check (hkdz not like '%拒绝%')")
        watch_table(self.department, "ydz_sq")
        self.view = PortalView(portal)
        self.verbs = Casebridge(processes, dict(self.casebridge.env))
        self.table = CrashTable(tmp_path / "crash-points") if crash else None
        if crash:
            self.casebridge.env["CASEBRIDGE_CRASH_AT"] = self.table.setting
        self.keeper = Keeper(self.casebridge, self.folder, COMMANDS)

    def start(self):
        self.verb("ledger", "migrate")
        self.verb("topics", "apply")
        self.process = self.keeper.start()
        return self

    def verb(self, *words, **more):
        """A verb of the command line, which is not to fall."""
        return self.verbs.run(*words, self.folder, **more)

    def idle(self):
        """Nothing is on its way and nothing waits to be sent. LookupError while the server comes back."""
        try:
            return self.ledger.value("select count(*) from casebridge.links where inflight is not null or due") == 0
        except psycopg.OperationalError as error:
            raise LookupError(str(error)) from None
