"""Text of others on a terminal, in JSON and in a spreadsheet."""

import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bureau_keys.printable import HARMFUL, json_text, printable
from bureau_keys.spreadsheet import text_cell
from bureau_keys.terminal import Terminal

ROOT = Path(__file__).parents[3]
# Modules that print; everything else hands them values.
PRINTING = ("bureau/cli", "clients/bureau_client/cli", "witness/bureau_witness", "tests/demo")
HOSTILE = "Bank \x1b[31m\x1b]8;;http://evil.example\x07(red)\x9b2J\u202e\u200b\x7f\r\U000e0041"


def harmful(text: str) -> list[str]:
    return [
        character
        for character in text
        if unicodedata.category(character) in HARMFUL and character not in "\n\t"
    ]


def test_every_control_and_format_character_is_escaped() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert len(harmful(every)) > 2000
    assert harmful(printable(every)) == []


def test_words_lines_and_tabs_stay_as_they_are() -> None:
    text = "José 李雷 يوسف\n\tZażółć – “ok” 👍"
    assert printable(text) == text
    assert printable("a\x1bb\u202e") == r"a\x1bb\u202e"


def test_json_keeps_its_values_and_has_no_control_characters() -> None:
    value = {"name": HOSTILE, "other": ["李雷", 1]}
    assert harmful(json_text(value, indent=1)) == []
    assert json.loads(json_text(value)) == value


def drawn(part: RenderableType, **options: Any) -> str:
    shown = io.StringIO()
    Terminal(file=shown, width=200, **options).print(part)
    return shown.getvalue()


def table(cell: RenderableType) -> Table:
    table = Table(box=None)
    table.add_column("name")
    table.add_row(cell)
    return table


@pytest.mark.parametrize(
    "part", [HOSTILE, Text(HOSTILE), Text.assemble(("error", "bold"), HOSTILE)], ids=type
)
@pytest.mark.parametrize("around", [lambda part: part, table], ids=["alone", "in a table"])
def test_a_console_prints_no_control_character_of_a_text(
    part: RenderableType, around: Callable[[RenderableType], RenderableType]
) -> None:
    shown = drawn(around(part))
    assert harmful(shown) == []
    assert r"\x1b[31m" in shown.replace("\n", "")


def test_the_consoles_own_colours_stay() -> None:
    assert "\x1b[1" in drawn(Text("ours", "bold"), force_terminal=True)


def test_no_command_line_prints_past_the_terminal() -> None:
    direct = re.compile(
        r"sys\.std(out|err)\.write|\bprint\(|typer\.echo|click\.echo|(?<!\w)Console\(|json\.dump\("
    )
    files = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in PRINTING
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if direct.search(line) and ".print(" not in line and "record=True" not in line
    ]
    assert files == []


@pytest.mark.parametrize("start", "=+-@\t\r\n＝＋－＠")
def test_a_cell_that_starts_a_formula_is_made_text(start: str) -> None:
    assert text_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("separator", ";,|\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
@pytest.mark.parametrize("start", "=+-@＝＋－＠")
def test_no_separator_in_a_cell_starts_a_formula(separator: str, start: str) -> None:
    """Each spreadsheet has the separator of its country, and splits a file of commas by it."""
    file = io.StringIO()
    csv.writer(file).writerow(["first", text_cell(f'a{separator}{start}1{separator}"{start}2')])
    for cell in file.getvalue().split(separator):
        assert not cell.lstrip('"').startswith(start)


@pytest.mark.parametrize("text", ["", "plain", "1-2", "'=1", " a", "a@b", "a; b", "a,b\nc", "1;2"])
def test_another_cell_stays_as_it_is(text: str) -> None:
    assert text_cell(text) == text
