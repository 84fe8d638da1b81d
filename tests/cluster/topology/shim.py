"""The library that is preloaded into a process to inject faults: see `shim.c`.

Compiled once a run with the compiler at hand. Where there is none, the faults that need it
are skipped, with a word.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
# clock_offset_ns, flush_delay_us, disk_full
LAYOUT = struct.Struct("=qqq")


def compile_shim(folder: Path) -> Path | None:
    """The library, made in a folder; None where there is no compiler.

    Raises:
        subprocess.CalledProcessError: The compiler refuses it.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "shim.so"
    words = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(library))
    subprocess.run([compiler, *words, str(SOURCE), "-ldl"], check=True, capture_output=True)
    library.chmod(0o755)
    return library


class Shim:
    """One process's page: how wrong its clock and how bad its disk is."""

    def __init__(self, library: Path, page: Path) -> None:
        """Args:
        library: As compiled.
        page: The file that the process maps; made here.
        """
        page.write_bytes(bytes(mmap.PAGESIZE))
        page.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(library), "CLUSTER_SHIM": str(page)}
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.clock_offset_s = 0.0
        self.flush_delay_s = 0.0
        self.disk_full = False

    def become(
        self, *, clock_offset_s: float = 0.0, flush_delay_s: float = 0.0, disk_full: bool = False
    ) -> None:
        """Changes what the process sees, at once; without a word all is well again."""
        self.clock_offset_s = clock_offset_s
        self.flush_delay_s = flush_delay_s
        self.disk_full = disk_full
        packed = LAYOUT.pack(int(clock_offset_s * 1e9), int(flush_delay_s * 1e6), disk_full)
        self._page[: LAYOUT.size] = packed

    def close(self) -> None:
        """Lets the page go."""
        self._page.close()
