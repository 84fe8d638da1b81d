"""The words for the contract's patterns: for all of them, and for no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bureau import field_rules
from bureau.errors import Refusal
from bureau.pattern_words import WORDS, words_of
from creditbureau.v1.consent_pb2 import Consent

PROTOS = Path(__file__).parents[2] / "protos" / "creditbureau"
PATTERN = re.compile(r'pattern\s*[=:]\s*"((?:[^"\\]|\\.)*)"')
NOT_IN = re.compile(r"not_in\s*[=:]\s*\[?\s*(\d+)")


def declared() -> set[str]:
    texts = (path.read_text("utf-8") for path in PROTOS.rglob("*.proto"))
    return {pattern.replace("\\\\", "\\") for text in texts for pattern in PATTERN.findall(text)}


def test_every_pattern_of_the_contract_has_words() -> None:
    assert set(WORDS) == declared()


def test_enums_forbid_the_unspecified_value_alone() -> None:
    texts = (path.read_text("utf-8") for path in PROTOS.rglob("*.proto"))
    assert {value for text in texts for value in NOT_IN.findall(text)} == {"0"}


@pytest.mark.parametrize("pattern", sorted(WORDS))
def test_words_show_no_expression(pattern: str) -> None:
    assert not re.search(r"[\^$\[\]{}\\]", words_of(pattern))


def test_a_refusal_says_what_a_field_must_be() -> None:
    with pytest.raises(Refusal) as refused:
        field_rules.check(Consent(subject_id="nobody", grantee="Acme"))
    shown = {one.field: one.message for one in refused.value.violations}
    assert shown["subject_id"] == "must be a subject id: 32 characters of 0 to 9 and a to f"
    assert shown["grantee"].startswith("must be a member id: ")
    assert shown["mode"] == "must be given"
