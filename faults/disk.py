"""A disk that can be full: a small file system of its own, if the harness may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path


class Disk:
    """A folder for the database; a small file system of its own if the harness may mount one."""

    def __init__(self, folder: str, size: int) -> None:
        self.folder = Path(folder) / "disk"
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder)]
        self.is_small = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self._filling = self.folder / "filling"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filling.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def clear(self) -> None:
        """Give the space back."""
        self._filling.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        if self.is_small:
            subprocess.run(["umount", str(self.folder)], check=True)
