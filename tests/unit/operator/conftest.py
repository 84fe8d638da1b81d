"""One bureau is used for real; each test gets a copy of what it left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bureau.testing import running_bureau
from tests.unit.operator.lived_in import LivedIn, live_in


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> LivedIn:
    folder = tmp_path_factory.mktemp("used")
    with running_bureau(folder / "bureau") as bureau:
        return live_in(bureau, folder)


@pytest.fixture
def lived_in(used: LivedIn, tmp_path: Path) -> LivedIn:
    folder = tmp_path / "bureau"
    shutil.copytree(used.folder, folder)
    return replace(used, folder=folder)
