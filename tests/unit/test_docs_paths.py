"""The documents lead each reader: docs/index.md has one path for each, and the menu mirrors it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.documents import DOCS, ROOT, links

INDEX = DOCS / "index.md"
ROOT_PAGES: dict[str, str] = runpy.run_path(str(DOCS / "site_pages.py"))["ROOT_PAGES"]
# Readers as the openings of pages name them, and how such an opening begins.
READERS = ("engineer", "analyst", "people", "person", "operator", "auditor", "contributor")
OPENING = re.compile(rf"For [^:.]*\b({'|'.join(READERS)})s?\b[^:.]*[:.] \S")


def paths() -> dict[str, list[str]]:
    """The pages of each reader in the menu; decisions are pages of their list."""
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    return {
        reader: [path for part in parts for path in _pages_of(part) if "adr/0" not in path]
        for section in menu[1:]
        for reader, parts in section.items()
    }


def _pages_of(part: object) -> list[str]:
    if isinstance(part, str):
        return [part]
    assert isinstance(part, dict)
    return [
        page
        for value in part.values()
        for each in (value if isinstance(value, list) else [value])
        for page in _pages_of(each)
    ]


def linked(text: str) -> list[str]:
    """The pages that a text links to, as the menu names them."""
    named = re.findall(r"\]\(([^)#]+)", text)
    return [ROOT_PAGES.get(name.removeprefix("../"), name) for name in named]


PATHS = paths()


def test_every_page_belongs_to_one_reader() -> None:
    belonging = [page for pages in PATHS.values() for page in pages]
    assert len(belonging) == len(set(belonging))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("adr/0")}
    missing = pages - decisions - {"index.md"} | set(ROOT_PAGES.values())
    assert missing - set(belonging) == set(), (
        "give the page a place in the path of one reader: in docs/index.md and in mkdocs.yml"
    )


@pytest.mark.parametrize("reader", PATHS)
def test_the_start_page_leads_as_the_menu_does(reader: str) -> None:
    text = INDEX.read_text("utf-8")
    assert f"\n## {reader}\n" in text, f"docs/index.md has no path for {reader}"
    section = text.split(f"\n## {reader}\n")[1].split("\n## ")[0]
    own = [page for page in linked(section) if page in PATHS[reader]]
    assert own == PATHS[reader]
    # A few to read in order; the others are to look up.
    steps = re.findall(r"^\d+\. \[", section, re.MULTILINE)
    assert 1 <= len(steps) <= 7
    (table,) = re.findall(r"\| you \|.*?\n\n", text, re.DOTALL)
    assert PATHS[reader][0] in linked(table)


def test_the_readme_leads_to_the_first_page_of_each_reader() -> None:
    targets = {link.partition("#")[0] for link in links(ROOT / "README.md")}
    named = {name.removeprefix("docs/") for name in targets}
    named |= {ROOT_PAGES.get(name, "") for name in targets}
    assert {pages[0] for pages in PATHS.values()} <= named


@pytest.mark.parametrize(
    "page", [*sorted(DOCS.glob("*.md")), DOCS / "adr/index.md"], ids=lambda page: page.name
)
def test_a_page_opens_with_its_readers_and_what_they_get(page: Path) -> None:
    if page == INDEX:
        return
    paragraphs = page.read_text("utf-8").split("\n\n")
    opening = next(each for each in paragraphs[1:] if not each.startswith("<!--"))
    assert OPENING.match(opening), (
        f"{page.name} begins with its readers and what they get: 'For operators: …', with one of "
        f"{', '.join(READERS)}"
    )
