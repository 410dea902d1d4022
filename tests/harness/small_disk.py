"""A disk that can be filled and freed in one step: a tmpfs whose size is changed while it is in use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SIZE = "2g"


class SmallDisk:
    """Mounted at `path`; skips the test where mounting is not allowed (it needs root)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", path], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"no disk of its own can be mounted here: {done.stderr.strip()}")

    def leave(self, free_bytes: int) -> None:
        """From now on only so much is free."""
        page = os.sysconf("SC_PAGE_SIZE")
        for _ in range(50):  # it may have grown since it was looked at: then it can't be made so small
            size = self._used() + free_bytes // page * page
            if self._resize(str(max(size, page))):
                return
        raise AssertionError("the disk could not be made smaller")

    def free(self) -> None:
        """There is room again."""
        assert self._resize(SIZE)

    def unmount(self) -> None:
        """Away with it and all that it holds."""
        subprocess.run(["umount", "-l", self.path], check=True)

    def _used(self) -> int:
        found = os.statvfs(self.path)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _resize(self, size: str) -> bool:
        command = ["mount", "-o", f"remount,size={size}", self.path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
