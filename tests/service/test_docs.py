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
from tests.documents import DOCS, ROOT, blocks, pages
from tests.reader import Reader

# The first makes a bureau and names; each other page goes on from there, with the
# bureau as the pages before it have left it.
FIRST = DOCS / "first-report.md"
PAGES = (
    FIRST,
    ROOT / "README.md",
    DOCS / "sdk.md",
    DOCS / "consents.md",
    DOCS / "consent-requests.md",
    DOCS / "rights.md",
    DOCS / "complaints.md",
    DOCS / "monitoring.md",
    DOCS / "risk.md",
    DOCS / "files.md",
    DOCS / "record-rules.md",
    DOCS / "texts.md",
    DOCS / "decisions.md",
    DOCS / "backtests.md",
    DOCS / "study.md",
    DOCS / "auditors.md",
    DOCS / "operating.md",
    DOCS / "witnesses.md",
)
# The page with a bureau of its own.
SANDBOX = DOCS / "sandbox.md"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    reader = Reader(folder, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_page_does_what_it_says(
    page: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages, in order, with one bureau. A failure names page and line."""
    monkeypatch.chdir(reader.folder)
    if page is not FIRST:
        reader.names = dict(reader.known)
    reader.follow(page)
    if page is FIRST:
        reader.known = dict(reader.names)


def test_the_analysts_path_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page needs no bureau but its own, and its pictures are those that its code makes."""
    monkeypatch.chdir(tmp_path)
    Reader(tmp_path).follow(analyst_pictures.PAGE)
    for name, draw in analyst_pictures.PICTURES.items():
        committed = (analyst_pictures.IMAGES / name).read_text("utf-8")
        assert words_of(committed) == words_of(draw(tmp_path)), name


def test_the_sandbox_does_what_its_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has a bureau of its own, and a test for pytest, which runs as a lender's would."""
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, sandbox=f"127.0.0.1:{free_port()}")
    try:
        reader.follow(SANDBOX)
    finally:
        reader.leave()
    (tests,) = [block for block in blocks(SANDBOX, "python") if "(credit_bureau: " in block.code]
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
    pages_with_code = {page for page in pages() if blocks(page, "python", "console")}
    # Those need no bureau of the first page; that of the errors is run by tests/unit/test_docs.py.
    assert pages_with_code - {DOCS / "errors.md", analyst_pictures.PAGE, SANDBOX} == set(PAGES)
