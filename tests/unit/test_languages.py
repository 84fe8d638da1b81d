"""The command lines talk to people in their language: English or Chinese."""

from __future__ import annotations

import ast
import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from bureau_client import ConsentState, errors
from bureau_client.cli import common, lender, wallet
from bureau_client.cli.output import Output, emit_many
from bureau_client.cli.show import show_report
from bureau_keys.command_line.common_options import EXIT_HELP
from bureau_keys.command_line.languages import LANGUAGES
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import run
from bureau_keys.command_line.texts import catalogue, help_for_people, speaking, tr
from tests.unit.client.fakes import FakeBureau
from tests.unit.client.test_sdk_cli import query
from tests.unit.test_command_lines import GROUPS

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "bureau.cli": ROOT / "bureau/cli",
    "bureau_client.cli": ROOT / "clients/bureau_client/cli",
    "bureau_keys.command_line": ROOT / "keys/bureau_keys/command_line",
    "bureau_portal": ROOT / "clients/bureau_portal",
    "bureau_witness": ROOT / "witness/bureau_witness",
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def _no_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "BUREAU_LANGUAGE", "BUREAU_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def left(program: Program, *words: str) -> int:
    app = lender.app if program is lender.PROGRAM else wallet.app
    with pytest.raises(SystemExit) as ended:
        run(app, program, common.explain, words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def texts_in(folder: Path) -> Iterator[str]:
    """Yield the texts that the code of a folder translates by `tr`."""
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
                [text, *_] = node.args
                yield from (
                    one.value
                    for one in ast.walk(text)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )


def helps_of(group: Any) -> Iterator[str]:
    """Yield every text of the help of a program."""
    for command in (group, *getattr(group, "commands", {}).values()):
        if command is not group:
            yield from helps_of(command)
        for one in (command, *command.get_params(typer.Context(command))):
            if getattr(one, "help", None):
                yield one.help


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_of_a_command_is_in_every_catalogue(package: str) -> None:
    for language in LANGUAGES[1:]:
        known = {
            *catalogue("bureau_keys.command_line", language),
            *catalogue(package, language),
        }
        missing = {text for text in texts_in(PACKAGES[package]) if text.strip()} - known
        assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_a_translation_keeps_the_fields_of_its_text(package: str) -> None:
    for language in LANGUAGES[1:]:
        for text, translated in catalogue(package, language).items():
            fields = sorted(re.findall(r"\{\d[^}]*\}", text))
            assert sorted(re.findall(r"\{\d[^}]*\}", translated)) == fields, text
            assert CHINESE.search(translated) or not CHINESE.search(text), text


@pytest.mark.parametrize("program", GROUPS, ids=lambda program: program.name)
def test_the_help_is_whole_in_every_language(program: Program) -> None:
    for language in LANGUAGES[1:]:
        with speaking(language):
            assert CHINESE.search(tr(EXIT_HELP))
            paragraphs = [part for text in helps_of(GROUPS[program]) for part in text.split("\n\n")]
            # A list of words is what is typed: it is the same in every language.
            sentences = {part for part in paragraphs if not re.fullmatch(r"[a-z, -]+", part)}
            english = {part for part in sentences if not CHINESE.search(help_for_people(part))}
            assert not english


def test_help_and_errors_are_in_the_language_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert left(wallet.PROGRAM, "consents", "--help") == 0
    assert "List the consents" in (english := capsys.readouterr().out)
    assert not CHINESE.search(english)
    for words in (("--language", "zh", "consents", "--help"), ("consents", "--help")):
        assert left(wallet.PROGRAM, *words) == 0
        shown = capsys.readouterr().out
        assert "列出您给予的授权" in shown
        assert "bureau-wallet consents\n" in shown
        monkeypatch.setenv("LC_MESSAGES", "zh_CN.UTF-8")
    assert left(wallet.PROGRAM, "consnets") == 2
    assert "您是否想输入 'consents'？" in capsys.readouterr().err
    monkeypatch.setenv("LC_MESSAGES", "en_US.UTF-8")
    assert left(wallet.PROGRAM, "consents", "--profil", "x") == 2
    assert "Did you mean '--profile'?" in capsys.readouterr().err
    assert left(wallet.PROGRAM, "--language", "zh", "consents", "--profil", "x") == 2
    assert "您是否想输入 '--profile'？" in capsys.readouterr().err
    # The texts are not changed for the next command of the process.
    assert left(wallet.PROGRAM, "--language", "en", "consents", "--help") == 0
    assert capsys.readouterr().out == english


def test_a_refusal_is_explained_in_the_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise errors.NotFound("no such consent", reason="NOT_FOUND", request_id="r-1")

    monkeypatch.setattr(lender, "open_lender", refuse)
    command = ("members", "--profile", "p")
    assert left(lender.PROGRAM, *command, "--language", "zh") == 4
    shown = capsys.readouterr().err
    assert CHINESE.search(shown)
    assert "r-1" in shown
    assert left(lender.PROGRAM, *command) == 4
    assert "error: No such consent. (request r-1)" in capsys.readouterr().err


def test_tables_name_columns_and_codes_and_data_stay_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @dataclasses.dataclass
    class Row:
        consent_id: str
        state: ConsentState

    row = Row("c-1", ConsentState.REVOKED)
    with speaking("zh"):
        emit_many([row], Output.TABLE)
        assert capsys.readouterr().out.split() == [
            *("授权编号", "状态", "c-1"),
            ConsentState.REVOKED.text_in("zh"),
        ]
        emit_many([row], Output.CSV)
    assert capsys.readouterr().out == "consent_id,state\nc-1,REVOKED\n"
    emit_many([row], Output.TABLE)
    assert capsys.readouterr().out.split() == ["consent", "id", "state", "c-1", "REVOKED"]


@pytest.fixture
def bureau() -> FakeBureau:
    return FakeBureau()


def test_a_report_is_shown_in_the_language(bureau: FakeBureau) -> None:
    report = query(bureau)
    shown = {}
    for language in ("zh-CN", "en"):
        console = Console(file=io.StringIO(), width=200)
        show_report(report, console, language)
        assert isinstance(console.file, io.StringIO)
        shown[language] = console.file.getvalue()
    assert "信用报告" in shown["zh-CN"]
    assert "Facilities" not in shown["zh-CN"]
    assert "Facilities" in shown["en"]
    assert not CHINESE.search(shown["en"])
