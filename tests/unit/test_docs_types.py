"""The Python code of the documents passes `mypy --strict`, page by page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.documents import ANALYST, BUREAU_PAGES, ERRORS, ROOT, SANDBOX_PAGES, blocks, pages

FIRST = BUREAU_PAGES[0]
# Pages whose code needs no names of the first page.
ALONE = {FIRST, ERRORS, ANALYST, *SANDBOX_PAGES}


def code_of(page: Path) -> str:
    return "".join(block.code for block in blocks(page, "python"))


def test_code_passes_mypy_strict(tmp_path: Path) -> None:
    files = []
    for page in pages():
        if code := code_of(page):
            file = tmp_path / f"{page.stem.replace('-', '_').lower()}_page.py"
            file.write_text(code if page in ALONE else code_of(FIRST) + code, "utf-8")
            files.append(str(file))
    assert len(files) > len(SANDBOX_PAGES)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--strict", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
