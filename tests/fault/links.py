"""The product's connections to the three servers, each through a proxy of its own; people and tests go straight to them."""

import re

from proxy import Proxy
from support.servers import Kafka, KafkaCluster

LINKS = ["ledger", "department", "kafka", "portal"]


class BehindProxy:
    """Each broker has a second address, under which it tells its clients to come through a proxy of its own."""

    proxies = ()

    def start(self):
        super().start()
        if not self.proxies:
            self._add_listeners()
        return self

    def _add_listeners(self):
        self.kill()
        self.proxies = [self._add_listener(folder / "server.properties") for folder in self.folders()]
        super().start()

    @staticmethod
    def _add_listener(settings):
        text = settings.read_text()
        port = _free_port()
        proxy = Proxy(("127.0.0.1", port))
        text = re.sub(r"^listeners=.*", rf"\g<0>,PROXIED://127.0.0.1:{port}", text, flags=re.M)
        text = re.sub(r"^advertised.listeners=.*", rf"\g<0>,PROXIED://127.0.0.1:{proxy.port}", text, flags=re.M)
        text = re.sub(r"^(listener.security.protocol.map=.*)", r"\1,PROXIED:PLAINTEXT", text, flags=re.M)
        settings.write_text(text)
        return proxy


class KafkaBehindProxy(BehindProxy, Kafka):
    pass


class ClusterBehindProxies(BehindProxy, KafkaCluster):
    pass


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
        self.proxies = {"ledger": Proxy(database), "department": Proxy(database), "portal": Proxy(("127.0.0.1", scene.portal.port))}
        port = {name: proxy.port for name, proxy in self.proxies.items()}
        self.brokers = dict(zip(["kafka", *(f"kafka {n}" for n in kafka.nodes[1:])], kafka.proxies))
        self.proxies.update(self.brokers)
        scene.casebridge.env.update({
            "CASEBRIDGE_LEDGER": re.sub(r"port=\d+", f"port={port['ledger']}", scene.ledger.dsn),
            "YDZ_DSN": re.sub(r"port=\d+", f"port={port['department']}", scene.department.dsn),
            "CASEBRIDGE_KAFKA": ",".join(f"127.0.0.1:{proxy.port}" for proxy in kafka.proxies), "PORTAL_URL": f"http://127.0.0.1:{port['portal']}"})

    def __getitem__(self, name):
        return self.proxies[name]

    def heal(self):
        for proxy in self.proxies.values():
            proxy.pass_on()

    def close(self):
        for name, proxy in self.proxies.items():
            if name not in self.brokers:
                proxy.close()
