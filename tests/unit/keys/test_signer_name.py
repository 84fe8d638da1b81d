"""Names of signers: built and read in one place."""

from __future__ import annotations

import pytest

from bureau_keys.signer_name import (
    BUREAU,
    member_id_of,
    member_signer,
    subject_id_of,
    subject_signer,
)


def test_a_name_is_read_as_it_was_built() -> None:
    assert member_signer("acme") == "members/acme"
    assert subject_signer("0" * 32) == "subjects/" + "0" * 32
    assert member_id_of(member_signer("acme")) == "acme"
    assert subject_id_of(subject_signer("0" * 32)) == "0" * 32


@pytest.mark.parametrize("name", [BUREAU, "", "acme", "member/acme", "operators/acme"])
def test_a_name_of_another_kind_has_no_id(name: str) -> None:
    assert member_id_of(name) == subject_id_of(name) == ""


def test_a_member_is_no_subject() -> None:
    assert subject_id_of(member_signer("acme")) == member_id_of(subject_signer("acme")) == ""
