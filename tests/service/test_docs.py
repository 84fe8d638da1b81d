"""The documents' code runs, every Python block and console command, and prints what they say.

`first-report.md` makes a bureau by its own commands; the other pages go on from
there, as their readers do, each in the folder that it has left. `analyst.md` runs by itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bureau.testing import free_port
from tests.demo import analyst_pictures
from tests.documents import (
    ANALYST,
    BUREAU_PAGES,
    DOCS,
    RUN,
    SANDBOX_PAGES,
    blocks,
    pages,
)
from tests.reader import Reader

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    witness, bureau = (f"127.0.0.1:{free_port()}" for _ in range(2))
    reader = Reader(folder, bureau, witness, portal=free_port())
    yield reader
    reader.leave()


@pytest.fixture(scope="module")
def sandbox_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("sandbox"), sandbox=f"127.0.0.1:{free_port()}")
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", BUREAU_PAGES, ids=lambda page: page.stem)
def test_page_does_what_it_says(
    page: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages, in order, with one bureau. A failure names page and line."""
    monkeypatch.chdir(reader.folder)
    if page is not BUREAU_PAGES[0]:
        reader.names = dict(reader.known)
    reader.follow(page)
    if page is BUREAU_PAGES[0]:
        reader.known = dict(reader.names)


@pytest.mark.parametrize("page", SANDBOX_PAGES, ids=lambda page: page.stem)
def test_page_of_the_sandbox_does_what_it_says(
    page: Path, sandbox_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages, in order, with one sandbox."""
    monkeypatch.chdir(sandbox_reader.folder)
    sandbox_reader.names = {}
    sandbox_reader.follow(page)


def test_the_analysts_path_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page needs no bureau but its own, and its pictures are those that its code makes."""
    monkeypatch.chdir(tmp_path)
    Reader(tmp_path).follow(ANALYST)
    for name, draw in analyst_pictures.PICTURES.items():
        committed = (analyst_pictures.IMAGES / name).read_text("utf-8")
        assert words_of(committed) == words_of(draw(tmp_path)), name


def test_the_tests_of_the_sandbox_page_pass_as_a_lenders_would(tmp_path: Path) -> None:
    (tests,) = [
        block for block in blocks(DOCS / "sandbox.md", "python") if "(credit_bureau: " in block.code
    ]
    (tmp_path / "test_lender.py").write_text(tests.code)
    plugin = ["-p", "bureau.pytest_plugin", "-p", "no:cacheprovider"]
    # A folder of its own: in the common one pytest closes the root to other users, among them the
    # one that PostgreSQL runs as for the tests beside this one.
    plugin += ["--basetemp", str(tmp_path / "of-the-lender")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "test_lender.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{tests.code.count('def test_')} passed" in done.stdout


def words_of(svg: str) -> list[str]:
    """The texts of a picture: labels, names, figures of the axes."""
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_no_page_with_code_is_left_out() -> None:
    assert {page for page in pages() if blocks(page, "python", "console")} == set(RUN)
