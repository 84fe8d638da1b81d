"""Published vectors, where they are at hand: beside the repository, or where
CREDITBUREAU_VECTORS says. They are other people's and not part of the project.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("CREDITBUREAU_VECTORS", ROOT.parent / "shared" / "vectors"))


def files(folder: str) -> list[Any]:
    """A test parameter for each JSON file below a folder; one that is skipped where
    there are none.
    """
    paths = sorted((FOLDER / folder).rglob("*.json"))
    if not paths:
        return [pytest.param(None, id="absent", marks=_absent(folder))]
    return [pytest.param(path, id=str(path.relative_to(FOLDER / folder))) for path in paths]


def load(name: str) -> Any:
    """A file's JSON; skips the test where it is absent."""
    return json.loads(read(name))


def read(name: str) -> bytes:
    """A file's bytes; skips the test where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no published vectors {name} in {FOLDER}")
    return path.read_bytes()


def _absent(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skip(reason=f"no published vectors {folder} in {FOLDER}")
