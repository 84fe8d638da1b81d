"""The founding scenario, as `make demo SCENARIO=frozen-line` runs it."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from tests.demo.frozen_line.timeline import LANGUAGES, texts

DEMO = (sys.executable, "-m", "tests.demo", "--scenario", "frozen-line")


class Page(HTMLParser):
    """The texts of a page by the language of the element that they are in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: dict[str, str] = dict.fromkeys(LANGUAGES, "")
        self._language = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "main":
            self._language = str(dict(attrs)["lang"])

    def handle_data(self, data: str) -> None:
        if self._language:
            self.texts[self._language] += data


def test_the_story_is_told_in_both_languages_and_verifies(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    command = [*DEMO, "--language", "zh", "--page", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    for words in ("24,200.00 USD", "15,000.00 USD", texts("zh")["page"]["verdict_ok"]):
        assert words in done.stdout
    page = Page(file.read_text("utf-8"))
    assert not page.tags & {"script", "link", "img", "iframe"}
    for language, shown in page.texts.items():
        tables = texts(language)
        for name in ("title", "today", "shared", "verdict_ok"):
            assert tables["page"][name] in shown
        for party in tables["parties"].values():
            assert party in shown or party == tables["parties"]["auditor"]
        # The line was frozen for a reason, which names the record and the day of review.
        assert f"{tables['page']['review']}: 2026-05-01" in shown
        assert f"{tables['page']['record']}: {tables['parties']['meridian-cash']}, 2026-03" in shown
        # As much as the common cap leaves, with the policy's own reason.
        assert "10,300.00 USD" in shown
        assert {"en": "the lenders have agreed on", "zh": "各授信机构约定的上限"}[language] in shown


@pytest.mark.parametrize("table", ["page", "parties", "events", "checks"])
def test_every_sentence_is_there_in_every_language_with_the_same_values(table: str) -> None:
    def values(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    english = texts("en")[table]
    for language in LANGUAGES:
        words = texts(language)[table]
        assert words.keys() == english.keys()
        for key, sentence in words.items():
            assert values(sentence) == values(english[key]), (language, key)
