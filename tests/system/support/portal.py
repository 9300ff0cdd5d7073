"""The simulated portal as a process: started, crashed, restarted on the same port and store."""

import json
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from .paths import portal_simulator
from .waiting import wait_for

APP_KEY = "casebridge"


class Answer:
    """Status and body of one HTTP answer; an error status is an answer, not an exception."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def call(url, method="GET", body=None, headers=None, timeout=20.0):
    """One HTTP request; `body` may be bytes, or anything that JSON can say."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False).encode()
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    # Without the machine's proxy: the portal is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Portal:
    def __init__(self, processes, folder):
        self._processes = processes
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secret_file = self.folder / "portal.secret"
        self.secret_file.write_text(secrets.token_hex(16))
        self.port = 0
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options):
        """Also after kill(): same port, same store."""
        port_file = self.folder / "portal.port"
        port_file.unlink(missing_ok=True)
        self.process = self._processes.start(
            "portal", [portal_simulator(), "--listen", f"127.0.0.1:{self.port}",
                       "--db", self.folder / "portal.db", "--app-key", APP_KEY,
                       "--app-secret-file", self.secret_file, "--port-file", port_file, *options])

        def announced():
            return port_file.exists() and port_file.read_text().strip()
        self.port = int(wait_for(announced, what="the portal's port", or_died=[self.process]))
        return self

    def kill(self):
        self.process.kill()

    def call(self, method, path, body=None, headers=None):
        return call(self.url + path, method, body, headers)

    def control(self, path, body=None, method=None):
        """The switches and the journal under /_control; a refusal is an error of the test."""
        answer = self.call(method or ("GET" if body is None else "POST"), f"/_control{path}", body)
        assert answer.status < 300, f"/_control{path}: {answer}"
        return answer.json() if answer.body else None
