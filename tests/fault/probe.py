"""How long a fault is felt: changes typed after it, and when they have come out on the other side."""

import threading
import time

from people import PROBES, STORIES
from support.waiting import Timeout, wait_for


class Probe:
    """One change typed into each system, and when each has come out at the other."""

    def __init__(self, scene, people):
        self.scene, self.people = scene, people
        self.at_window, self.online = people.persons[:2]

    def fire(self, timeout=60):
        address, mobile = f"花园路{self.people._number()}号", f"135{int(time.monotonic() * 1000) % 10**8:08d}"
        projid = self.scene.view.refresh().by_person[self.at_window]
        threads = [threading.Thread(target=self.people.address, args=(self.at_window, address)),
                   threading.Thread(target=self.people.mobile, args=(self.online, mobile))]
        for thread in threads:
            thread.start()
        came = {}

        def look():
            if "portal" not in came and self.scene.view.refresh().cases[projid].get("ADDRESS") == address:
                came["portal"] = time.monotonic()
            if "department" not in came and self.scene.department.value("select lxdh from ydz_sq where sfzh = %s", self.online) == mobile:
                came["department"] = time.monotonic()
            return len(came) == 2
        try:
            wait_for(look, timeout, "a change typed after the fall, on the other side", or_died=[self.scene.keeper])
        except Timeout as late:
            raise Timeout(f"{late}; typed {address} and {mobile}, came {sorted(came)}; {self._story()}") from late
        for thread in threads:
            thread.join()
        return came


    def _story(self):
        """What the ledger knows of the two cases."""
        return self.scene.ledger.rows(
            "select c.ver, c.doc::json #>> '{applicant,cert_no}', c.doc, c.fver, s.code, l.lid, l.state, l.n, l.due, l.held, l.shadow, l.inflight"
            " from casebridge.cases c join casebridge.links l on l.cid = c.cid join casebridge.systems s on s.id = l.sys"
            " where c.doc::json #>> '{applicant,cert_no}' in (%s, %s)", self.at_window, self.online)


def ready(scene):
    """Both probes' cases stand in both systems."""
    people = scene.people
    wait_for(lambda: len(scene.view.refresh().by_person) >= PROBES + STORIES and
             all(scene.department.value("select count(*) from ydz_sq where sfzh = %s", person) for person in people.persons[:PROBES + STORIES]) and
             all(scene.view.cases[scene.view.by_person[person]].get("ORGBUSNO") for person in people.persons[:PROBES + STORIES]),
             60, "the first cases in both systems", or_died=[scene.keeper])
