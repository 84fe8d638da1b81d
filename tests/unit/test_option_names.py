"""Errors of all command lines name the option that was typed: a walk over all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import typer

from bureau.admin.bureau_folder import InitOptions
from bureau.admin.operator import CallError
from bureau.cli.app import app_of, command_of
from bureau.cli.exit_codes import Exit, explain
from bureau.config import Settings
from bureau_client import Auditor, InvalidRequest, Lender, Wallet
from bureau_client.cli import lender, remedies, wallet
from bureau_client.files import Metro2Source
from bureau_client.models.violations import Violation
from bureau_keys.command_line.context_commands import SETTINGS
from bureau_keys.option_names import SETS, option_of, sets, spelling
from bureau_portal import cli as portal
from bureau_witness import cli as witness
from bureau_witness.wrong_values import checked_listen, checked_log, checked_name
from creditbureau.v1 import (
    complaint_pb2,
    consent_pb2,
    consent_request_pb2,
    dispute_pb2,
    erasure_pb2,
    hold_pb2,
    log_pb2,
    members_pb2,
    notices_pb2,
    record_pb2,
    reporting_pb2,
    subjects_pb2,
)

# Options of files, forms and work on this machine: no call and no statement has them.
LOCAL = frozenset(
    {
        *("folder", "profile", "wallet", "output", "passphrase_file", "file", "out", "save", "to"),
        *("dry_run", "skip_invalid", "rejects", "format", "form", "summary", "people", "binding"),
        *("packed", "blocked", "newline", "describe", "applicants", "lines", "acknowledge"),
        *("seconds", "policy", "state", "scorecard", "review_days", "other", "reports", "inputs"),
        *("notice", "letterhead", "language", "champion", "challenger", "outcomes", "observe"),
        *("loss_given_default", "seed", "draws", "own", "json_file", "accounts", "lenders"),
        *("months", "outcome_months", "names", "reporter", "identification", "reporter_address"),
        *("reporter_telephone", "equifax_program", "experian_program", "transunion_program"),
        *("innovis_program", "dns", "ip", "log_format", "csr", "no_purposes", "offline", "ask"),
        *("from_size", "trust", "unprepared", "yes", "records"),
        *(
            "ahead",
            "every",
            "follow",
            "wait",
            "version",
            "host",
            "port",
            "tls_certificate",
            "tls_key",
        ),
        *("context_name", "use", "notice_language", *(f"set_{name}" for name in SETTINGS)),
        *("install_completion", "show_completion"),
        *("everything", "token_file", "webhook", "live", "files", "staff"),
    }
)
CONTRACT = (
    *(
        complaint_pb2,
        consent_pb2,
        consent_request_pb2,
        dispute_pb2,
        erasure_pb2,
        hold_pb2,
        log_pb2,
        members_pb2,
        notices_pb2,
        record_pb2,
    ),
    *(reporting_pb2, subjects_pb2),
)
Explained = Callable[[Any, str], str]


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command
    if not hasattr(group, "commands") or (not path and group.invoke_without_command):
        yield path, group


def refused_by_the_sdk(command: Any, field: str) -> str:
    """Return the text of a command line of the SDK whose call refuses a field."""

    def call(**_: Any) -> None:
        wrong = Violation(field, "INVALID_FIELD", "is wrong")
        raise InvalidRequest("The request was not sent", violations=[wrong])

    command.callback = call
    with pytest.raises(InvalidRequest) as refused:
        command.invoke(typer.Context(command))
    return remedies.explained(refused.value)


def refused_on_this_machine(command: Any, field: str) -> str:
    """Return the text of a program that calls no bureau, about a wrong field."""

    def call(**_: Any) -> None:
        raise LookupError

    command.callback = call
    with pytest.raises(LookupError):
        command.invoke(typer.Context(command))
    return f"{option_of(field)}: is wrong"


def refused_by_the_bureau(command: Any, field: str) -> str:
    """Return the text of an operator's command whose call the bureau refuses for a field."""

    def call(**_: Any) -> None:
        wrong = f"{field}: is wrong"
        raise CallError("INVALID_ARGUMENT", "INVALID_FIELD", wrong, "", [wrong])

    command.callback = call
    with pytest.raises(CallError) as refused:
        command.invoke(typer.Context(command))
    return "\n".join(explain(refused.value))


APPS: list[tuple[str, Callable[[], typer.Typer], Explained]] = [
    ("bureau-lender", lambda: lender.app, refused_by_the_sdk),
    ("bureau-wallet", lambda: wallet.app, refused_by_the_sdk),
    ("bureau", lambda: app_of([]), refused_by_the_bureau),
    ("bureau-portal", lambda: portal.app, refused_on_this_machine),
    ("bureau-witness", lambda: witness.app, refused_on_this_machine),
]


def walk() -> Iterator[tuple[str, Any, Any, Explained]]:
    """Yield every option and argument of every command, with what explains its errors."""
    for program, app, explained in APPS:
        for name, command in commands(typer.main.get_command(app())):
            for option in command.params:
                yield f"{program} {name} {spelling(option)}", command, option, explained


def test_an_error_about_what_an_option_sets_names_the_option() -> None:
    for words, command, option, explained in walk():
        if option.name in LOCAL:
            continue
        for field in sets(option.name):
            for path in (field, f"{field}[0].value", f"records[0].action.{field}"):
                shown = explained(command, path)
                assert f"{spelling(option)}: is wrong" in shown, (words, path, shown)
                assert (
                    f" {field}:" not in f" {shown}".replace("\n", " ") or spelling(option) == field
                ), words


def test_no_two_options_of_a_command_set_the_same() -> None:
    for words, command, option, _ in walk():
        others = [other for other in command.params if other is not option]
        shared = {field for other in others for field in sets(other.name)} & {*sets(option.name)}
        assert not shared, (words, shared)


def test_every_option_sets_what_errors_name_or_stays_on_this_machine() -> None:
    known = {
        field.name
        for module in CONTRACT
        for message in module.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
    }
    for client in (Lender, Wallet, Auditor):
        for method in vars(client).values():
            if isinstance(method, FunctionType):
                known |= inspect.signature(method).parameters.keys()
    known |= inspect.signature(Metro2Source).parameters.keys()
    for check in (checked_name, checked_listen, checked_log):
        known |= inspect.signature(check).parameters.keys()
    known |= Settings.model_fields.keys() | {field.name for field in fields(InitOptions)}
    unknown = {
        (words, field)
        for words, _, option, _ in walk()
        if option.name not in LOCAL
        for field in sets(option.name)
        if field not in known
    }
    assert not unknown
    assert not LOCAL & SETS.keys()
    names = {option.name for _, _, option, _ in walk()}
    assert names >= LOCAL | SETS.keys(), (LOCAL | SETS.keys()) - names


def test_a_setting_is_an_option_where_it_was_typed_and_a_name_of_the_file_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*words: object) -> str:
        with pytest.raises(SystemExit) as ended:
            command_of([*map(str, words)])()
        assert ended.value.code == Exit.INVALID
        return capsys.readouterr().err

    assert "--origin: has characters" in shown("init", tmp_path / "new", "--origin", "http://x")
    assert "--member-days: " in shown("init", tmp_path / "new", "--member-days", 0)
    (tmp_path / "bureau.toml").write_text('origin = "http://x"\n')
    assert "error: origin: has characters" in shown("serve", "--dir", tmp_path)
