"""Completion of values in a shell: from what is kept, never by a call, and never with an error."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from bureau.cli.app import app_of
from bureau_client.cli import lender, wallet
from bureau_keys.command_line.completion import FILE, KINDS, MOST_BYTES, MOST_IDS, TAKING, kept_from
from bureau_keys.command_line.contexts import Contexts
from bureau_keys.option_names import command_in_progress
from tests.unit.test_command_lines import COMMANDS

CONSENT, SUBJECT = "0b1f7a52-8c1e-4c5f-9a36-2f5f7c1d9e10", "5f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "profile"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BUREAU_PROFILE", str(folder))
    monkeypatch.setenv("BUREAU_WALLET", str(folder))
    return folder


def show(folder: Path, *rows: dict[str, Any]) -> None:
    """Show rows by a command of a profile."""
    command = typer.main.get_command(lender.app).commands["members"]  # type: ignore[attr-defined]
    command_in_progress(command.make_context("members", ["--profile", str(folder)]))
    assert [*kept_from(rows)] == [*rows]


def completed(app: typer.Typer, *words: str) -> list[str]:
    """Return the values that complete the last word."""
    *typed, incomplete = words
    context: Any = None
    command: Any = typer.main.get_command(app)
    context = command.make_context("program", typed, resilient_parsing=True)
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, rest, parent=context, resilient_parsing=True)
    options = [option for option in command.params if {*option.opts} & {typed[-1]}]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    typed_arguments = [one for one in arguments if context.params.get(one.name) is not None]
    [parameter] = options or [arguments[len(typed_arguments)]]
    return [item.value for item in parameter.shell_complete(context, incomplete)]


def test_ids_that_were_shown_complete_what_takes_them(profile: Path) -> None:
    show(profile, {"member_id": "acme", "consent_id": CONSENT, "subject_id": SUBJECT})
    show(profile, {"grantee": "brook"})
    assert completed(lender.app, "query", "5") == [SUBJECT]
    assert completed(lender.app, "query", "--consent", "") == [CONSENT]
    assert completed(lender.app, "act", "A", "transfer", "--new-member", "b") == ["brook"]
    assert completed(wallet.app, "grant", "") == ["brook", "acme"]
    assert completed(wallet.app, "revoke", "0b") == [CONSENT]
    assert completed(lender.app, "inquiries", "--subject", "x") == []
    file = profile / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_words_languages_and_contexts_complete(profile: Path, tmp_path: Path) -> None:
    assert completed(lender.app, "query", "--purpose", "credit") == ["credit-application"]
    assert completed(app_of([]), "member", "add", "--role", "s") == ["subscriber"]
    assert completed(lender.app, "members", "--output", "json") == ["json", "jsonl"]
    assert completed(wallet.app, "file", "--language", "") == ["en", "zh"]
    path = tmp_path / "config/creditbureau/bureau-lender.toml"
    path.parent.mkdir(parents=True)
    Contexts(path, "", {"test": {}, "live": {}}).save()
    assert completed(lender.app, "members", "--context", "t") == ["test"]
    assert completed(lender.app, "context", "use", "") == ["live", "test"]


def test_what_is_wrong_suggests_nothing(profile: Path) -> None:
    file = profile / FILE
    for content in (b"", b"[]", b'{"subject": 7}', b'{"subject": ["5\\u001b[2J", 5]}', b"\xff"):
        file.write_bytes(content)
        assert completed(lender.app, "query", "5") == []
    file.write_bytes(b" " * (MOST_BYTES + 1))
    assert completed(lender.app, "query", "5") == []
    file.unlink()
    # A pipe that nobody writes to would hold the shell.
    os.mkfifo(file)
    assert completed(lender.app, "query", "5") == []


@pytest.mark.parametrize(
    "value", ["\\$(touch x)", "`touch x`", "a;touch x", "a b", "-rf", "a" * 129, "a\n"]
)
def test_what_a_shell_would_run_is_neither_kept_nor_offered(profile: Path, value: str) -> None:
    show(profile, {"member_id": value, "subject_id": SUBJECT})
    file = profile / FILE
    assert json.loads(file.read_bytes()) == {"subject": [SUBJECT]}
    file.write_text(json.dumps({"member": [value]}), "utf-8")
    assert completed(wallet.app, "grant", "") == []


def test_the_newest_ids_are_kept(profile: Path) -> None:
    show(profile, *({"subject_id": f"{number:032x}"} for number in range(MOST_IDS)))
    show(profile, {"subject_id": SUBJECT})
    kept = json.loads((profile / FILE).read_bytes())["subject"]
    assert (kept[0], kept[1], len(kept)) == (SUBJECT, f"{MOST_IDS - 1:032x}", MOST_IDS)
    show(profile / "nowhere", {"subject_id": SUBJECT})


def test_every_value_that_has_words_or_ids_completes() -> None:
    for program, words, command in COMMANDS:
        known = getattr(command.callback, "known_words", {})
        for option in command.params:
            takes_id = option.name in KINDS or option.name in TAKING
            is_flag = getattr(option, "is_flag", False)
            if (takes_id or option.name in known) and not is_flag and option.name != "name":
                assert option._custom_shell_complete is not None, (program.name, words, option.name)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_words_from_the_program(shell: str, profile: Path) -> None:
    show(profile, {"subject_id": SUBJECT})
    line = "bureau-lender query 5"
    asked = {
        "_BUREAU_LENDER_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": "2",
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    program = Path(sys.executable).with_name("bureau-lender")
    done = subprocess.run(
        [program],
        env=os.environ | asked,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert (SUBJECT in done.stdout, done.stderr) == (True, "")
