"""All command lines have the same style: a walk over every command of the five programs."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from bureau.cli import app as operator
from bureau.cli.app import app_of
from bureau.cli.exit_codes import explained
from bureau_client.cli import common, lender, wallet
from bureau_keys.command_line.exit_codes import MEANINGS, OF_ERROR, Exit, Stop
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import run
from bureau_keys.errors import LockedKey
from bureau_portal import cli as portal
from bureau_witness import cli as witness

ROOT = Path(__file__).parents[2]
APPS: dict[Program, tuple[typer.Typer, Any]] = {
    operator.PROGRAM: (app_of([]), explained),
    lender.PROGRAM: (lender.app, common.explain),
    wallet.PROGRAM: (wallet.app, common.explain),
    portal.PROGRAM: (portal.app, common.explain),
    witness.PROGRAM: (witness.app, witness.explain),
}
GROUPS = {program: typer.main.get_command(app) for program, (app, _) in APPS.items()}
# Commands that print no data: they serve, write files, or change something and say so on stderr.
CONTEXTS = {"context use", "context remove"}
NO_DATA = {
    "bureau": {
        *("init", "serve", "renew", "dev", "dev restore", "dev reset", "member profile"),
        *("member suspend", "member resume", "member keys add", "member keys withdraw"),
        *("member cert renew", "member cert withdraw", "log accept-fork", "db migrate"),
        *("db partition",),
        *("db backup", "db restore", "db erase", "report-key prepare", "report-key rotate"),
        *("report-key drop", "standard publish", "health"),
        *CONTEXTS,
    },
    "bureau-lender": {
        *("portfolio", "query-many", "tables", "study", "policy sign", "forget-checkpoint"),
        *CONTEXTS,
    },
    "bureau-wallet": {
        *("create", "binding", "statement", "rotate-key", "approve-key", "forget-checkpoint"),
        *("notices watch", "notices forward"),
        *CONTEXTS,
    },
    "bureau-portal": {"", *CONTEXTS},
    "bureau-witness": {"serve", "log add", *CONTEXTS},
}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command with its words; a group that runs by itself is one, too."""
    if not hasattr(group, "commands") or group.invoke_without_command:
        yield " ".join(path), group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


COMMANDS = [
    (program, words, command)
    for program, group in GROUPS.items()
    for words, command in commands(group)
]


def options_of(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


# Examples


@pytest.mark.parametrize("program", GROUPS, ids=lambda program: program.name)
def test_every_command_has_examples_and_each_is_a_command_that_parses(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUREAU_PROFILE", "profile")
    monkeypatch.setenv("BUREAU_WALLET", "wallet")
    walked = {words for of, words, _ in COMMANDS if of is program}
    examples = program.examples()
    assert examples.keys() == walked
    for words, listed in examples.items():
        assert listed, words
        for example in listed:
            name, *typed = shlex.split(example)
            assert name == program.name
            assert typed[: len(words.split())] == words.split(), example
            for word in typed:
                exist(tmp_path, word)
            parse(GROUPS[program], name, typed)


def exist(folder: Path, word: str) -> None:
    """Make the file or folder that an example names, if it is one."""
    if word.endswith("/"):
        (folder / word).mkdir(exist_ok=True)
    elif re.fullmatch(r"[\w-]+\.(csv|dat|json|toml|pem|bin|backup)", word):
        (folder / word).touch()


def parse(command: Any, name: str, words: list[str]) -> None:
    """Parse the words of a command, down to its last group; nothing runs."""
    context = command.make_context(name, words)
    while hasattr(command, "commands") and (rest := [*context._protected_args, *context.args]):
        name, command, words = command.resolve_command(context, rest)
        context = command.make_context(name, words, parent=context)


def test_the_help_of_a_command_shows_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for program, words in (
        (lender.PROGRAM, "dispute answer"),
        (operator.PROGRAM, "db erase"),
        (portal.PROGRAM, ""),
    ):
        assert left(program, *words.split(), "--help") == Exit.OK
        shown = capsys.readouterr().out
        for example in program.examples()[words]:
            assert f"\n  {example}\n" in shown


def left(program: Program, *words: str) -> int:
    """Run a command in this process; return its exit code."""
    app, explain = APPS[program]
    with pytest.raises(SystemExit) as ended:
        run(app, program, explain, words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


# Options of all


@pytest.mark.parametrize("program", GROUPS, ids=lambda program: program.name)
def test_every_program_prints_its_version(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(program, "--version") == Exit.OK
    assert capsys.readouterr().out == f"{program.name} {version('creditbureau')}\n"


def test_every_command_that_prints_data_takes_its_form() -> None:
    without = {
        program.name: {
            words
            for of, words, command in COMMANDS
            if of is program and "--output" not in options_of(command)
        }
        for program in GROUPS
    }
    assert without == NO_DATA
    for program, words, command in COMMANDS:
        for option in command.params:
            if option.name == "output":
                assert set(option.opts) == {"--output", "-o"}, (program.name, words)
                shown = option.type_descriptor.choices
                assert [choice.value for choice in shown] == ["table", "json", "jsonl", "csv"]


# Errors and exit codes


@pytest.mark.parametrize(
    ("program", "words", "shown"),
    [
        (lender.PROGRAM, "membres", "No such command 'membres'. Did you mean 'members'"),
        (wallet.PROGRAM, "dispute opne", "No such command 'opne'. Did you mean 'open'?"),
        (operator.PROGRAM, "member lsit", "No such command 'lsit'. Did you mean 'list'?"),
        (witness.PROGRAM, "log ad", "No such command 'ad'. Did you mean 'add'?"),
        (portal.PROGRAM, "--prot 1", "No such option: --prot. Did you mean '--port'?"),
        (operator.PROGRAM, "member add --rol x", "No such option: --rol. Did you mean '--role'?"),
        (
            lender.PROGRAM,
            "members --profil x",
            "No such option: --profil. Did you mean '--profile'?",
        ),
        (lender.PROGRAM, "members --profile x -o jsn", "Did you mean 'json"),
        (
            wallet.PROGRAM,
            "grant acme --wallet w --profile p --action inqire",
            "Did you mean 'inquire'?",
        ),
        (operator.PROGRAM, "member add acme --role furnsher", "Did you mean 'furnisher'?"),
        (witness.PROGRAM, "show --output tabel", "Did you mean 'table'?"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_the_nearest_one(
    program: Program, words: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(program, *words.split()) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    first, usage, more = err.splitlines()
    assert first.startswith("error: ")
    assert shown in first
    assert usage.startswith(f"usage: {program.name}")
    assert more.startswith(f"`{program.name}")


@pytest.mark.parametrize("program", GROUPS, ids=lambda program: program.name)
def test_an_error_of_any_command_has_its_exit_code_and_one_form(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[tuple[Exception, Exit]] = [
        (Stop(Exit.PARTIAL, "half of it", "Do the rest."), Exit.PARTIAL),
        (FileNotFoundError(2, "No such file or directory", "x.toml"), Exit.NOT_FOUND),
        (FileExistsError("x exists: name a new one"), Exit.CONFLICT),
        (OSError(28, "No space left on device"), Exit.UNAVAILABLE),
        (ValueError("is no month"), Exit.INVALID),
        (LockedKey("the passphrase is wrong"), Exit.AUTH),
    ]
    command = GROUPS[program]
    monkeypatch.setattr(typer.main, "get_command", lambda _: command)
    for error, code in cases:

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(command, "invoke", fail)
        words = () if program is portal.PROGRAM else ("x",)
        monkeypatch.setenv("BUREAU_PROFILE", "profile")
        assert left(program, *words) == code, error
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert not isinstance(error, Stop) or err.endswith("\nDo the rest.\n")


def test_a_fault_of_the_program_is_no_error_of_a_command() -> None:
    for _, explain in APPS.values():
        assert explain(ZeroDivisionError()) is None


def test_every_exit_code_has_a_meaning_in_the_help_and_in_the_documents() -> None:
    assert MEANINGS.keys() == set(Exit)
    text = (ROOT / "docs/command-lines.md").read_text("utf-8")
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^\| {code:d} \| {re.escape(meaning)}", text, re.MULTILINE), code
    assert {code for _, code in OF_ERROR} <= set(Exit)


def test_every_command_and_every_option_says_what_it_is_for() -> None:
    for program, words, command in COMMANDS:
        assert command.help, (program.name, words)
        for option in command.params:
            assert option.help, (program.name, words, option.name)


# Files of examples


def test_the_examples_are_sorted_into_files_that_packages_ship() -> None:
    for program in GROUPS:
        [path] = ROOT.rglob(f"{program.name}.toml")
        assert tomllib.loads(path.read_text("utf-8")) == program.examples()
