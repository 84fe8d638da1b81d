"""The table of completions answers a shell as the parser does, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer._click.shell_completion import get_completion_class
from typer._completion_classes import completion_init

from bureau.cli.app import app_of
from bureau_client.cli import lender, wallet
from bureau_keys.command_line import quick_completion
from bureau_keys.command_line.completion_table import table_of
from bureau_portal import cli as portal
from bureau_witness import cli as witness

GROUPS = {
    "bureau": typer.main.get_command(app_of([])),
    "bureau-lender": typer.main.get_command(lender.app),
    "bureau-portal": typer.main.get_command(portal.app),
    "bureau-wallet": typer.main.get_command(wallet.app),
    "bureau-witness": typer.main.get_command(witness.app),
}
# Lines that the table answers, and lines that it leaves to the parser.
ANSWERED = [
    *("bureau ", "bureau d", "bureau dev ", "bureau dev --", "bureau member add --role s"),
    *("bureau --", "bureau db erase --yes --", "bureau member keys ", "bureau nothing"),
    *("bureau-lender ", "bureau-lender query --", "bureau-lender query --purpose credit"),
    *("bureau-lender --language zh dis", "bureau-lender members --output ", "bureau-wallet g"),
    *("bureau-wallet file --language ", "bureau-witness log ", "bureau-portal --"),
    *("bureau-lender query 5f --consent a --purpose ", "bureau-witness show -o j"),
]
LEFT = [
    *("bureau-lender query 5", "bureau-lender members --context ", "bureau-lender 'que"),
    *(
        "bureau-lender members --output=j",
        "bureau-lender nothing --",
        "bureau-lender query --what ",
    ),
]


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, Any]]:
    return {program: table_of(group, name=program) for program, group in GROUPS.items()}


@pytest.fixture(autouse=True)
def cache(
    tables: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for program, table in tables.items():
        quick_completion.keep(program, table)
    return tmp_path


def ask(monkeypatch: pytest.MonkeyPatch, shell: str, line: str) -> str:
    """Set the environment in which a shell asks; return the program."""
    program, *_ = line.split()
    monkeypatch.setenv(quick_completion.variable_of(program), f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - (not line.endswith(" "))))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    return program


def of_the_parser(shell: str, program: str) -> str:
    completion_init()
    kind: Any = get_completion_class(shell)
    answer: str = kind(GROUPS[program], {}, program, "").complete()
    return answer + "\n"


@pytest.mark.parametrize("shell", quick_completion.SHELLS)
@pytest.mark.parametrize("line", ANSWERED)
def test_the_table_answers_as_the_parser(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = ask(monkeypatch, shell, line)
    assert quick_completion.answer(program)
    assert capsys.readouterr().out == of_the_parser(shell, program)


@pytest.mark.parametrize("line", LEFT)
def test_what_the_table_does_not_know_is_left_to_the_parser(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not quick_completion.answer(ask(monkeypatch, "bash", line))
    assert capsys.readouterr().out == ""


def test_a_table_of_other_modules_or_a_broken_one_is_not_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ask(monkeypatch, "bash", "bureau-lender ")
    file = cache / "creditbureau/completion/bureau-lender.json"
    whole = file.read_text("utf-8")
    for content in (whole.replace("lender.py", "other.py"), whole[:-9], "[]", "", "\0"):
        file.write_text(content, "utf-8")
        assert not quick_completion.answer(program)
        assert quick_completion.is_asked(program)
    file.write_text(whole, "utf-8")
    assert quick_completion.answer(program)
    assert not quick_completion.is_asked(program)


def test_the_first_completion_keeps_the_table_and_the_next_imports_no_parser(cache: Path) -> None:
    for file in (cache / "creditbureau/completion").iterdir():
        file.unlink()
    asked = {"_BUREAU_WALLET_COMPLETE": "complete_bash", "COMP_WORDS": "bureau-wallet gr"}
    code = (
        "import atexit, sys; from bureau_keys.command_line.start import bureau_wallet; "
        "atexit.register(lambda: print('typer' in sys.modules)); bureau_wallet()"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | asked | {"COMP_CWORD": "1"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for _ in range(2)
    ]
    assert answers == [f"grant-request\ngrant\n{imported}\n" for imported in (True, False)]
