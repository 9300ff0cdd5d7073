"""Certificates as openssl makes them, and a TLS server in front of a plain one that wants to see the client's."""

import select
import socket
import ssl
import subprocess
import threading
from pathlib import Path


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"openssl {' '.join(map(str, words))}: {done.stderr}"


class Authority:
    """A CA of its own in a folder: `ca` is its certificate."""

    def __init__(self, folder, name="Test CA"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.ca_key = self.folder / "ca.pem", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", self.ca_key, "-out", self.ca)

    def issue(self, name, san, days=2):
        """(certificate, key) of a server or client; san such as "IP:127.0.0.1,DNS:localhost"; days < 0: it has expired."""
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        extensions.write_text(f"subjectAltName={san}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", days, "-extfile", extensions,
                "-out", certificate)
        return certificate, key


class TlsFront:
    """Ends TLS on a port of its own for a server that speaks plain TCP; lets in only clients with a certificate of `clients`."""

    def __init__(self, port, certificate, key, clients=None):
        self._to = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if clients:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.refused = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:  # close() was called
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        client = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        try:
            client.do_handshake()
        except ssl.SSLError:
            self.refused += 1
            self._hear_out(client)
            return
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            try:
                self._pump(client, server)
            except OSError:
                pass

    @staticmethod
    def _hear_out(client):
        """Takes what the client has already sent, or the system would drop our answer, the alert, too."""
        with client:
            try:
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass

    @staticmethod
    def _pump(client, server):
        while True:
            ready = [client] if client.pending() else select.select([client, server], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (server if source is client else client).sendall(data)

    def close(self):
        self._listener.close()
