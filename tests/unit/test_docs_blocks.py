"""Every fenced block of the documents is executed by a test, or says why it is not.

The page lists of tests/documents.py say which test runs a page. A block that none runs is
preceded by a comment, `<!-- not run: the reason -->`, or shows the region of a source file.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bureau.config import Settings
from tests.documents import RUN, WITH_CODE, fences

# Languages that the tests run, on the pages that they run.
EXECUTED = {"python", "console"}
# Languages that are no commands: output and drawings, settings.
SHOWN = {"text", "toml"}


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    for fence in fences(page):
        assert not fence.is_indented, (
            f"{fence}: the tests see no indented block; let it begin a line"
        )
        assert fence.language, f"{fence}: name the language of the block"
        is_run = page in RUN and fence.language in EXECUTED
        is_explained = fence.mark.startswith("not run: ") and len(fence.mark.split()) > 4
        is_region = re.fullmatch(r"\S+\.go: \w+", fence.mark) and fence.language == "go"
        if fence.language in SHOWN:
            continue
        assert is_run or is_explained or is_region, (
            f"{fence}: no test runs this block of {fence.language}; make it `console` or `python` "
            "on a page of RUN in tests/documents.py, or put `<!-- not run: reason -->` above it"
        )
        assert not (is_run and fence.mark.startswith("not run")), f"{fence}: a test does run it"


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_toml_is_settings(page: Path) -> None:
    for fence in fences(page):
        if fence.language == "toml":
            assert set(tomllib.loads(fence.code)) <= set(Settings.model_fields), str(fence)
