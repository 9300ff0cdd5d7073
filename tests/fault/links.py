"""The product's connections to the three servers, each through a proxy of its own; people and tests go straight to them."""

import re

from proxy import Proxy
from support.servers import Kafka

LINKS = ["ledger", "department", "kafka", "portal"]


class KafkaBehindProxy(Kafka):
    """Has a second address, under which it tells its clients to come through the proxy."""

    proxy = None

    def start(self):
        super().start()
        if self.proxy is None:
            self._add_listener()
        return self

    def _add_listener(self):
        settings = self.folder / "server.properties"
        text = settings.read_text()
        port = _free_port()
        self.proxy = Proxy(("127.0.0.1", port))
        self.stop()
        text = re.sub(r"^listeners=.*", rf"\g<0>,PROXIED://127.0.0.1:{port}", text, flags=re.M)
        text = re.sub(r"^advertised.listeners=.*", rf"\g<0>,PROXIED://127.0.0.1:{self.proxy.port}", text, flags=re.M)
        text = re.sub(r"^(listener.security.protocol.map=.*)", r"\1,PROXIED:PLAINTEXT", text, flags=re.M)
        settings.write_text(text)
        super().start()


def _free_port():
    """Below the range the kernel takes for outgoing connections."""
    import random
    import socket
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)):
                return port


class Links:
    def __init__(self, scene, kafka):
        dsn = dict(word.split("=", 1) for word in scene.ledger.dsn.split())
        database = (dsn["host"], int(dsn["port"]))
        self.proxies = {"ledger": Proxy(database), "department": Proxy(database), "kafka": kafka.proxy,
                        "portal": Proxy(("127.0.0.1", scene.portal.port))}
        port = {name: proxy.port for name, proxy in self.proxies.items()}
        scene.casebridge.env.update({
            "CASEBRIDGE_LEDGER": re.sub(r"port=\d+", f"port={port['ledger']}", scene.ledger.dsn),
            "YDZ_DSN": re.sub(r"port=\d+", f"port={port['department']}", scene.department.dsn),
            "CASEBRIDGE_KAFKA": f"127.0.0.1:{port['kafka']}", "PORTAL_URL": f"http://127.0.0.1:{port['portal']}"})

    def __getitem__(self, name):
        return self.proxies[name]

    def heal(self):
        for proxy in self.proxies.values():
            proxy.pass_on()

    def close(self):
        for name, proxy in self.proxies.items():
            if name != "kafka":
                proxy.close()
