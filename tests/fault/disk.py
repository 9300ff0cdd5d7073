"""A small file system that a test fills to the last byte and makes room on again."""

import os
import subprocess


class NotAllowed(Exception):
    pass


class SmallDisk:
    def __init__(self, folder, reaper, megabytes, owner="root", mode="0755"):
        self.folder, self.filler = folder, folder / "filler"
        folder.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode={mode},uid={owner},gid={owner}", "casebridge-test", folder],
                              capture_output=True, text=True)
        if done.returncode:
            folder.rmdir()
            raise NotAllowed(f"a small file system can be mounted by root only: {done.stderr.strip()}")
        reaper.on_end("umount", "-l", folder)

    def fill(self):
        with open(self.filler, "wb") as file:
            size, piece = 0, 1 << 30
            while piece >= 1 << 12:
                try:
                    os.posix_fallocate(file.fileno(), size, piece)
                    size += piece
                except OSError:
                    piece //= 2

    def make_room(self):
        self.filler.unlink()

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=False, capture_output=True)
