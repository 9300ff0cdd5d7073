"""A TCP proxy on this machine that behaves badly on demand: cuts, stands still, trickles, closes one half.

What it does holds for all connections at once, those that are open and those that come, until it is told
otherwise; `pass_on` heals. It knows nothing of what is said through it.
"""

import asyncio
import socket
import struct
import threading

WAYS = ["reset", "refuse", "stall", "trickle", "half_close_out", "half_close_back", "delay"]
PIECE = 65536
TRICKLE_BYTES, TRICKLE_SECONDS = 64, 0.05


class Proxy:
    def __init__(self, target):
        """target: (host, port)."""
        self.target, self.port, self.passed, self.met = target, None, 0, 0
        self._way, self._changed = "pass", None
        self._pairs = set()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait(10)

    # ---- from the test's thread ----

    def set(self, way):
        assert way == "pass" or way in WAYS, way
        asyncio.run_coroutine_threadsafe(self._set(way), self._loop).result(10)

    def pass_on(self):
        self.set("pass")

    def connections(self):
        return len(self._pairs)

    def close(self):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    # ---- in the proxy's own ----

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)

        async def begin():
            self._changed = asyncio.Condition()
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()
        self._loop.run_until_complete(begin())
        self._loop.run_forever()

    async def _set(self, way):
        async with self._changed:
            self._way = way
            if way in ("reset", "refuse"):
                for pair in list(self._pairs):
                    self.met += 1
                    for writer in pair:
                        _reset(writer)
            self._changed.notify_all()

    async def _close(self):
        self._server.close()
        for pair in list(self._pairs):
            for writer in pair:
                _reset(writer)

    async def _connected(self, reader, writer):
        if self._way in ("reset", "refuse"):
            self.met += 1
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._forward(reader, far_writer, "out"), self._forward(far_reader, writer, "back"))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._pairs.discard(pair)
            for each in pair:
                _reset(each)

    async def _forward(self, reader, writer, direction):
        while True:
            data = await reader.read(PIECE)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            await self._hand_on(data, writer, direction)

    async def _hand_on(self, data, writer, direction):
        while data:
            way = self._way
            if way != "pass":
                self.met += 1
            if way == "stall":
                async with self._changed:
                    await self._changed.wait_for(lambda: self._way != "stall")
            elif way == f"half_close_{direction}":
                # the other half goes on; what was to be said here is never said
                writer.write_eof()
                raise ConnectionResetError
            elif way == "trickle":
                writer.write(data[:TRICKLE_BYTES])
                data = data[TRICKLE_BYTES:]
                await asyncio.sleep(TRICKLE_SECONDS)
            else:
                if way == "delay":
                    await asyncio.sleep(0.2)
                writer.write(data)
                self.passed += len(data)
                data = b""
            await writer.drain()


def _reset(writer):
    """RST, not FIN: whatever was on its way is gone."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()
