"""A program on a terminal of a given width, as a person sees it."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import unicodedata


def run_on_terminal(command, columns, env=None, cwd=None, timeout=30):
    """(exit code, what the terminal showed) of `command` whose stdout and stderr are a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in {**os.environ, **(env or {})}.items() if k != "COLUMNS" or k in (env or {})}
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=environment, cwd=cwd)
    os.close(slave)
    shown = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(master)
    return process.wait(timeout), shown.decode().replace("\r\n", "\n")


def width(text):
    """Columns: two for East Asian wide characters."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
