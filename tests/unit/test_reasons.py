"""The table of reasons is the contract's: each of its reasons, with the status that its
comment declares, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import grpc
import pytest

from bureau.errors import REASONS, FieldViolation, Refusal
from creditbureau.v1 import error_pb2
from creditbureau.v1.reason import Reason

PREFIX = "REASON_"
PROTOS = Path(__file__).parents[2] / "protos" / "creditbureau" / "v1"

# Everything that is worth a retry of the same bytes; QUOTA_EXCEEDED is, where the
# refusal itself says when.
WORTH_A_RETRY = {
    "OVERLOADED",
    "STORAGE_FULL",
    "DATABASE_UNAVAILABLE",
    "SHUTTING_DOWN",
    "CONFLICT",
    "NODE_UNFIT",
}

_ENUM = re.compile(r"^enum Reason \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_VALUE = re.compile(
    r"((?:^ *//.*\n)*)^ *REASON_([A-Z_]+) = (\d+);", re.MULTILINE
)  # its comment, name and number
_STATUS = re.compile(r"([A-Z_]+)\. ")
_MENTIONS = re.compile(r"Reasons:((?:[A-Za-z_,:() ;]|\n|//)*)\.")


def declared() -> dict[Reason, tuple[int, str]]:
    """Number and status of each reason, as the contract's text says."""
    enum = _ENUM.search((PROTOS / "error.proto").read_text("utf-8"))
    assert enum
    numbers: dict[Reason, tuple[int, str]] = {}
    for comment, name, number in _VALUE.findall(enum[1]):
        if name == "UNSPECIFIED":
            continue
        status = _STATUS.match(comment.strip().removeprefix("//").strip())
        assert status, f"the comment of {name} names no status"
        numbers[name] = (int(number), status[1])
    return numbers


DECLARED = declared()


def test_the_text_is_the_contract_that_is_served() -> None:
    numbers = {PREFIX + name: number for name, (number, _) in DECLARED.items()}
    assert numbers | {"REASON_UNSPECIFIED": 0} == dict(error_pb2.Reason.items())


def test_the_type_has_every_reason_of_the_contract() -> None:
    assert set(get_args(Reason)) == set(DECLARED)


def test_the_table_has_every_reason_and_no_other() -> None:
    assert set(REASONS) == set(DECLARED)


@pytest.mark.parametrize("name", DECLARED)
def test_a_reason_has_the_status_that_its_comment_declares(name: Reason) -> None:
    assert REASONS[name].status == DECLARED[name][1]
    assert REASONS[name].status in grpc.StatusCode.__members__


@pytest.mark.parametrize("name", DECLARED)
def test_a_reason_says_what_to_do(name: Reason) -> None:
    fix = REASONS[name].fix
    assert fix == fix.strip()
    assert fix[0].isupper()
    assert fix.endswith(".")


def test_a_retry_is_advised_where_it_helps() -> None:
    assert {name for name, rule in REASONS.items() if rule.retry_after_s} == WORTH_A_RETRY


@pytest.mark.parametrize("name", DECLARED)
def test_a_refusal_is_made_of_its_reason(name: Reason) -> None:
    refusal = Refusal(name, "what happened")
    rule = REASONS[name]
    assert (refusal.reason, refusal.status, refusal.fix) == (name, rule.status, rule.fix)
    assert refusal.retry_after_s == rule.retry_after_s
    assert Refusal(name, "", retry_after_s=7).retry_after_s == 7
    of_field = Refusal.of_field(name, "a.b", "what is wrong")
    assert of_field.violations == (FieldViolation("a.b", name.lower(), "what is wrong"),)


def test_a_refusal_needs_a_reason_of_the_contract() -> None:
    for name in ("", "UNSPECIFIED", "REASON_INTERNAL", "internal"):
        with pytest.raises(KeyError):
            Refusal(name, "what happened")  # type: ignore[arg-type]


def test_methods_name_reasons_that_exist() -> None:
    named = {
        reason
        for path in PROTOS.glob("*.proto")
        for list_ in _MENTIONS.findall(path.read_text("utf-8"))
        for reason in re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", list_)
    }
    assert {"NOT_FOUND", "CONSENT_REQUIRED", "QUOTA_EXCEEDED", "HOLD"} <= named
    assert named <= set(DECLARED)


def test_every_method_names_its_reasons() -> None:
    methods = [
        (name, comment)
        for path in PROTOS.glob("*.proto")
        for comment, name in re.findall(
            r"((?:^  //.*\n)*)^  rpc (\w+)", path.read_text("utf-8"), re.MULTILINE
        )
    ]
    assert len(methods) > 40
    assert not [name for name, comment in methods if not _MENTIONS.search(comment)]
