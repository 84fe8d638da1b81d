"""The pages for clients in other languages say what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

from bureau.admin.log_replay.kinds import REPLAYS
from bureau.rpc.guard import MIN_DEADLINE_S, NETWORK_ALLOWANCE_S
from bureau.signed_statement import MAX_AGE_US, MAX_AHEAD_US
from bureau_client import RetryPolicy
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import payload_type_of
from bureau_keys.payment_profile import PROFILE
from bureau_keys.profile import settings_text
from creditbureau.v1.codes_pb2 import AccountStatus
from tests.documents import DOCS, ROOT
from tests.interop.snippets import PAGE, filled
from tests.vectors.cast import TRUST
from tests.vectors.envelopes import PAYLOADS
from tests.vectors.files import FILES

WIRE = (DOCS / "wire-format.md").read_text("utf-8")


def test_the_code_of_the_page_is_the_programs() -> None:
    page = PAGE.read_text("utf-8")
    assert filled(page) == page
    shown = set(re.findall(r"^<!-- (\S+): (\w+) -->$", page, re.MULTILINE))
    marked = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / "tests" / "interop" / "go").glob("*.go")
        for name in re.findall(r"^// docs: begin (\w+)$", path.read_text("utf-8"), re.MULTILINE)
    }
    assert shown == marked


def test_the_wire_format_names_every_file_of_vectors() -> None:
    assert set(re.findall(r"`(\w+)\.json`", WIRE)) == FILES.keys()


def test_the_wire_format_spells_every_payload_type() -> None:
    types = dict(re.findall(r"^\| `(\w+)` \| `(application/\S+)` \|", WIRE, re.MULTILINE))
    assert types == {kind.DESCRIPTOR.name: payload_type_of(kind) for kind in PAYLOADS}


def test_the_wire_format_names_every_kind_of_leaf() -> None:
    kinds = set(re.findall(r"^\| `([a-z-]+)` \| `", section("### Kinds"), re.MULTILINE))
    assert kinds == set(get_args(EntryKind))


def test_the_check_looks_for_the_effect_of_every_kind_that_has_one_of_its_own() -> None:
    # The check of the database replays each of them.
    assert set(get_args(EntryKind)) == REPLAYS.keys()


def test_the_wire_format_has_every_character_of_the_payment_history() -> None:
    statuses = {
        f"ACCOUNT_STATUS_{status}": character
        for character, row in re.findall(r"^\| (\w) \| (`[A-Z0-9_, `]+) \|$", WIRE, re.MULTILINE)
        for status in re.findall(r"\w+", row)
    }
    assert {AccountStatus.Value(name): character for name, character in statuses.items()} == PROFILE


def test_the_wire_format_names_every_setting_of_a_profile() -> None:
    settings = re.findall(r"^\| `(\w+)` \|", section("## The profile folder"), re.MULTILINE)
    pinned = replace(TRUST, max_cosignature_age_seconds=1, issued_identifiers_only=True)
    written = settings_text("acme", [], [], pinned, "clock.json")
    assert settings == [line.partition(" = ")[0] for line in written.splitlines()]


def test_the_wire_format_has_the_numbers_of_the_code() -> None:
    policy, calls = RetryPolicy(), section("## Deadlines and retries")
    assert (
        f"a read {policy.read_seconds:g} s, a signed write {policy.write_seconds:g} s, "
        f"a batch {policy.bulk_seconds:g} s"
    ) in calls
    assert f"otherwise {policy.first_pause_seconds:g} s" in calls
    assert f"up to {policy.longest_pause_seconds:g} s" in calls
    assert (policy.attempts, "after six tries" in calls) == (6, True)
    assert f"takes {NETWORK_ALLOWANCE_S * 1000:g} ms off" in calls
    assert f"{MIN_DEADLINE_S * 1000:g} ms with `DEADLINE`" in calls
    ahead, age = MAX_AHEAD_US // 1_000_000, MAX_AGE_US // 60_000_000
    assert f"at most {ahead} s ahead" in section("## The header")
    assert f"at most {age} minutes old" in section("## The header")


def section(heading: str) -> str:
    """The text under a heading of the page, to the next of its level."""
    level = heading.split(maxsplit=1)[0]
    return WIRE.split(f"\n{heading}\n")[1].split(f"\n{level} ")[0]
