"""Tables and numbers of the documents are those of the code: methods, exit codes, limits."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bureau import field_rules, main, signed_statement
from bureau.config import Settings
from bureau.errors import REASONS
from bureau.journeys import submit
from bureau.ledger import batch_run, commit_queue, units
from bureau.party_limits import MOST_OF_SUBMISSION, PartyLimits
from bureau.quotas import Quotas
from bureau.rpc import guard, server, unread_answers
from bureau.rpc.http import connection, entrance, handshakes, reading
from bureau.rpc.http.messages import JSON_FACTOR
from bureau.rpc.methods import METHODS
from bureau_client import Auditor, Lender, Wallet
from bureau_keys import pseudonym
from bureau_keys.command_line.common_options import EXIT_HELP
from bureau_keys.command_line.exit_codes import Exit
from tests.documents import DOCS, pages

SDK, ERRORS, OPERATING, COMMAND_LINES = (
    (DOCS / name).read_text("utf-8")
    for name in ("sdk.md", "errors.md", "operating.md", "command-lines.md")
)
# Attributes of every client, which the page explains in other sections.
OF_EVERY_CLIENT = {"close", "from_profile", "last_request_id", "member_id", "origin", "subject_id"}
MIB, GIB, SECOND_US = 1024**2, 1024**3, 1_000_000


def section(text: str, heading: str) -> str:
    """The text from a heading to the next one of its level or above."""
    level = heading.partition(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", text.split(f"\n{heading}\n")[1], flags=re.MULTILINE)[
        0
    ]


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row of the tables of a text, by the first cell."""
    lines = re.findall(r"^\| (.+?) \|$", text, re.MULTILINE)
    cells = [re.split(r" \| ", line) for line in lines]
    return {first: rest for first, *rest in cells}


# Methods


@pytest.mark.parametrize("client", [Lender, Wallet, Auditor])
def test_the_table_of_a_client_has_its_methods(client: type[Any]) -> None:
    table = section(SDK, f"## {client.__name__}").split("\n### ")[0]
    named = [name for cell in rows(table) for name in re.findall(r"`(\w+)`", cell)]
    public = {name for name in dir(client) if not name.startswith("_")}
    assert len(named) == len(set(named))
    methods = public - OF_EVERY_CLIENT | ({"subject_id"} if client is Lender else set())
    assert set(named) == methods


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_is_said_not_to_be_served_is_not(page: Any) -> None:
    text = page.read_text("utf-8")
    for name in re.findall(r"`([\w/.]+)`[^.|]{0,60}\bnot (?:yet )?served", text):
        assert not any(method.endswith(name.replace(".", "/")) for method in METHODS), name
    assert not re.search(r"still refuses|does not take (?:them|it) yet", text)


def test_the_first_page_says_that_every_method_is_served() -> None:
    # Every method of the contract has a servicer: bureau.rpc.methods reads them all.
    text = (DOCS / "index.md").read_text("utf-8")
    assert "every method of\n[the contract](contract.md)" in text
    assert set(Settings.model_fields["services"].default) == {
        name.partition("/")[0] for name in METHODS
    }


# Exit codes


def test_the_exit_codes_are_those_of_every_command_line() -> None:
    table = {int(code) for code in rows(section(COMMAND_LINES, "## Exit codes")) if code.isdigit()}
    assert table == set(map(int, Exit))
    assert set(map(int, re.findall(r"\d+", EXIT_HELP))) == table


# Settings and limits


def test_the_settings_have_their_defaults() -> None:
    table = rows(section(OPERATING, "## Settings"))
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, bool) or name in {"folder", "origin"}:
            continue
        if isinstance(default, int | float) or (
            isinstance(default, str) and default and name != "passphrase_file"
        ):
            assert table[f"`{name}`"][0].strip("`") == f"{default}".removesuffix(".0"), name


def test_the_limits_of_one_party_have_their_defaults() -> None:
    table = rows(section(OPERATING, "### Limits of one party"))
    wanted = {f"`{name}`": str(value) for name, value in PartyLimits().model_dump().items()}
    assert {name: table[name][0] for name in wanted} == wanted


def test_the_quotas_have_their_defaults() -> None:
    table = rows(section(OPERATING, "## Quotas"))
    for party, quota in Quotas().model_dump().items():
        statements, sizes = table[f"`{party}`"]
        assert statements == (
            f"{quota['statements_per_minute']:,}; {quota['statements_per_day']:,}"
        ), party
        assert sizes == f"{size(quota['bytes_per_minute'])}; {size(quota['bytes_per_day'])}", party


def size(count: int) -> str:
    return f"{count // GIB} GiB" if count >= GIB else f"{count // MIB} MiB"


def test_the_fixed_limits_are_those_of_the_code() -> None:
    table = rows(section(OPERATING, "## Limits"))
    floor_ms = round((guard.MIN_DEADLINE_S + guard.NETWORK_ALLOWANCE_S) * 1000)
    for name, words in {
        "age of a statement": (
            f"{signed_statement.MAX_AGE_US // SECOND_US // 60} minutes",
            f"{signed_statement.MAX_AHEAD_US // SECOND_US} s ahead",
        ),
        "records in a submission; bytes in a record": (
            f"{MOST_OF_SUBMISSION:,}; {submit.MAX_RECORD_BYTES:,}",
        ),
        "violations in an answer; looked for": (
            f"{field_rules.MAX_VIOLATIONS}",
            f"{field_rules.MAX_VIOLATION_BYTES // 1000} KB",
            f"{field_rules.MAX_FOUND:,}",
        ),
        "evaluations in a call; a day": (f"{pseudonym.MAX_BATCH};",),
        "a request on its way": (f"{guard.READ_TIMEOUT_S:g} s",),
        "writes that wait": (f"{commit_queue.MAX_WAITING:,};",),
        "units in a commit": (
            f"{commit_queue.MAX_BATCH}, none begun after {batch_run.MAX_RUN_S:g} s;",
            f"{units.LARGE_UNIT_BYTES // 1024} KiB or more by itself",
        ),
        "calls in one process": ("eight for each of `calls`",),
        "bytes of large requests at work": (
            f"{main.REQUEST_BYTES // MIB} MiB,",
            f"{main.MEMBER_REQUEST_BYTES // MIB} MiB of one member",
        ),
        "deadline": (
            f"under {floor_ms} ms",
            f"{guard.MIN_DEADLINE_S * 1000:g} ms of work",
            f"{guard.NETWORK_ALLOWANCE_S * 1000:g} ms for the network",
        ),
    }.items():
        for text in words:
            assert text in table[name][0], name
    assert server.CALLS_PER_WORKER == 8
    assert f"{floor_ms} ms" in REASONS["DEADLINE"].fix
    decision = (DOCS / "adr/0004-limits-of-the-grpc-server.md").read_text("utf-8")
    assert f"under {floor_ms} ms" in decision


def test_the_limits_of_unread_answers_are_those_of_the_code() -> None:
    call, limit = unread_answers.CALL_BYTES // 1024, main.MEMBER_UNREAD_BYTES // MIB
    row = f"| answers that a member has not read, each with {call} KiB for its call | {limit} MiB,"
    assert row in OPERATING
    assert f"has {unread_answers.READ_S:g} s |" in OPERATING


def test_the_limits_of_the_http_port_are_those_of_the_code() -> None:
    text = section((DOCS / "http.md").read_text("utf-8"), "## Limits")
    for limit in (
        f"handshake | {handshakes.HANDSHAKE_S:g} s |",
        f"| {handshakes.MAX_OF_ADDRESS}; {handshakes.MAX_HANDSHAKES}, in each process;",
        f"whole head | {connection.IDLE_S:g} s;",
        f"wait behind it | {reading.READ_S:g} s;",
        f"under one certificate | {connection.MAX_OF_CERTIFICATE};",
        f"connections of all | {connection.MAX_CONNECTIONS} to each process;",
        f"age of a connection | {connection.MAX_AGE_S / 60:g} min",
        f"running calls get {connection.AGE_GRACE_S:g} s",
        f"head of a request | {entrance.MAX_HEAD_BYTES // 1024} KiB",
        {2: "before it is parsed | twice the method's"}[JSON_FACTOR],
    ):
        assert limit in text, limit
