"""What a run of the bench ran on: figures of two runs are compared only where these agree."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sysconfig
from pathlib import Path

from tests.bench import process

ROOT = Path(__file__).parents[2]


def head(size: str) -> dict[str, str]:
    """Return the head of `build/bench.json`.

    Args:
        size: How much was measured.
    """
    return {
        "size": size,
        "interpreter": interpreter(),
        "cores": f"{len(process.ALL_CORES)}, {platform.machine()}: servers on "
        f"{min(process.SERVER_CORE)}, callers on {min(process.LOAD_CORE)}",
        "database": f"SQLite {sqlite3.sqlite_version}; PostgreSQL in the part `nodes`",
        "commit": commit(),
    }


def interpreter() -> str:
    """Return the interpreter's version and how it was built.

    One without profile-guided optimisation costs a tenth of the reports, and a sixth of bulk.
    """
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    build = [
        words
        for option, words in (
            ("--enable-optimizations", "profile-guided optimisation"),
            ("--with-lto", "link-time optimisation"),
            ("--disable-gil", "free threading"),
        )
        if option in options
    ]
    described = " and ".join(build) or "no optimisation beyond the compiler's"
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.python_compiler()}, built with {described}"
    )


def commit() -> str:
    """Return the checked-out commit, and whether files differ from it; empty without git."""

    def git(*words: str) -> str:
        command = ("git", "-C", os.fspath(ROOT), *words)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (", with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
