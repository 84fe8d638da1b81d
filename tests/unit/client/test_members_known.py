"""Members that a client knows, while several of its operations run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from bureau_client import VerificationFailed
from bureau_client._operations import members
from bureau_client.models.members import Vouched

# Stands for the call that fetches a member.
FETCH = object()


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Any:
    def fetched(_trust: object, member_id: str) -> Generator[object, None, str]:
        yield FETCH
        return f"{member_id} fetched"

    monkeypatch.setattr(members, "vouched_member", fetched)
    return SimpleNamespace(trust=None, members={})


def result_of(operation: Generator[Any, Any, Any]) -> Any:
    """Run an operation to its end."""
    try:
        while True:
            next(operation)
    except StopIteration as end:
        return end.value


def all_of(known: Mapping[str, Vouched]) -> dict[str, Vouched]:
    return {member_id: known[member_id] for member_id in ("acme", "birch")}


def test_a_member_that_another_operation_forgets_is_still_checked_with(context: Any) -> None:
    context.members["acme"] = "acme known"
    operation = members.check_with_members(context, ["birch", "acme"], all_of)
    assert next(operation) is FETCH
    del context.members["acme"]  # a check of another operation failed with it
    assert result_of(operation) == {"acme": "acme known", "birch": "birch fetched"}


def test_two_operations_may_forget_one_member(context: Any) -> None:
    context.members |= {"acme": "acme known", "birch": "birch known"}

    def refused(known: Mapping[str, Any]) -> dict[str, Any]:
        context.members.pop("acme", None)  # by the other operation
        if known["acme"] == "acme known":
            raise VerificationFailed("not by this key", reason="BAD_SIGNATURE", fix="none")
        return all_of(known)

    operation = members.check_with_members(context, ["acme", "birch"], refused)
    assert result_of(operation) == {"acme": "acme fetched", "birch": "birch fetched"}
