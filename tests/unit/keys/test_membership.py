"""Whose key counts: what the statements in the log say, from the pinned key on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from google.protobuf.message import Message

from bureau_keys.envelope import seal
from bureau_keys.errors import KeysError
from bureau_keys.key_history import STILL, LoggedKey, logged_keys, signers_of
from bureau_keys.note import note_vkey
from bureau_keys.profile import Trust
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.members_pb2 import (
    Admission,
    CredentialChange,
    KeyPossession,
    LoggedStatement,
    Member,
    MemberChange,
    MemberKey,
)
from tests.unit.client.fakes import ORIGIN, FakeLog

FURNISHER, OPERATOR = codes_pb2.ROLE_FURNISHER, codes_pb2.ROLE_OPERATOR


def header(signer: str) -> Header:
    return Header(
        audience=ORIGIN,
        signer=f"members/{signer}",
        request_id=str(uuid.uuid4()),
        schema_version=1,
    )


@dataclass
class Registry:
    """Members as their statements make them, with a log."""

    log: FakeLog = field(default_factory=FakeLog)
    root: SigningKey = field(default_factory=SigningKey.generate)
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def trust(self) -> Trust:
        return Trust(
            ORIGIN,
            note_vkey(ORIGIN, self.log.key.verify_key),
            self.root.verify_key.raw,
            (),
            bytes(32),
        )

    def say(self, about: str, kind: str, statement: Message, key: SigningKey) -> int:
        """Signs and logs a statement about a member; its index."""
        envelope = seal(statement, key)
        receipt = self.log.append(kind, envelope)
        member = self.members.setdefault(about, Member(member_id=about))
        member.statements.append(LoggedStatement(envelope=envelope, receipt=receipt))
        return receipt.leaf_index

    def possess(self, member_id: str, key: SigningKey) -> Envelope:
        proof = KeyPossession(header=header(member_id), public_key=key.verify_key.raw)
        return seal(proof, key)

    def admit(
        self, member_id: str, key: SigningKey, *, by: str, signed: SigningKey, role: int = FURNISHER
    ) -> int:
        admission = Admission(
            header=header(by),
            member_id=member_id,
            roles=[role],  # type: ignore[list-item]
            keys=[self.possess(member_id, key)],
        )
        index = self.say(member_id, "admission", admission, signed)
        self.show(member_id, key, index)
        return index

    def add_key(self, member_id: str, key: SigningKey, *, by: str, signed: SigningKey) -> int:
        change = CredentialChange(
            header=header(by), member_id=member_id, add_key=self.possess(member_id, key)
        )
        index = self.say(member_id, "credential", change, signed)
        self.show(member_id, key, index)
        return index

    def withdraw(self, member_id: str, key: SigningKey, *, by: str, signed: SigningKey) -> int:
        change = CredentialChange(
            header=header(by), member_id=member_id, withdraw_key=key.verify_key.key_id
        )
        return self.say(member_id, "credential", change, signed)

    def show(self, member_id: str, key: SigningKey, index: int) -> None:
        member_key = MemberKey(
            key_id=key.verify_key.key_id,
            public_key=key.verify_key.raw,
            valid_from_index=index,
        )
        self.members[member_id].keys.append(member_key)

    def keys(self, member_id: str) -> list[LoggedKey]:
        return logged_keys(self.members.values(), self.trust)[member_id]


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.admit("operator", registry.root, by="operator", signed=registry.root, role=OPERATOR)
    return registry


def test_from_the_pinned_key_on(registry: Registry) -> None:
    acme, later = SigningKey.generate(), SigningKey.generate()
    since = registry.admit("acme", acme, by="operator", signed=registry.root)
    own = registry.add_key("acme", later, by="acme", signed=acme)
    until = registry.withdraw("acme", acme, by="acme", signed=later)
    assert registry.keys("acme") == [
        LoggedKey(acme.verify_key, since, until),
        LoggedKey(later.verify_key, own, STILL),
    ]
    assert signers_of(registry.members["acme"]) == {"acme", "operator"}


def test_an_operator_with_another_key_and_a_second_operator(registry: Registry) -> None:
    newer, second, acme = (SigningKey.generate() for _ in range(3))
    registry.add_key("operator", newer, by="operator", signed=registry.root)
    registry.withdraw("operator", registry.root, by="operator", signed=newer)
    registry.admit("second", second, by="operator", signed=newer, role=OPERATOR)
    registry.admit("acme", acme, by="second", signed=second)
    assert [key.key for key in registry.keys("acme")] == [acme.verify_key]


def by_a_stranger(registry: Registry) -> None:
    registry.admit("acme", SigningKey.generate(), by="operator", signed=SigningKey.generate())


def by_itself(registry: Registry) -> None:
    acme = SigningKey.generate()
    registry.admit("acme", acme, by="acme", signed=acme)


def by_a_furnisher(registry: Registry) -> None:
    brook = SigningKey.generate()
    registry.admit("brook", brook, by="operator", signed=registry.root)
    registry.admit("acme", SigningKey.generate(), by="brook", signed=brook)


def by_one_who_is_operator_no_more(registry: Registry) -> None:
    second = SigningKey.generate()
    registry.admit("second", second, by="operator", signed=registry.root, role=OPERATOR)
    change = MemberChange(header=header("operator"), member_id="second", roles=[FURNISHER])
    registry.say("second", "member-change", change, registry.root)
    registry.admit("acme", SigningKey.generate(), by="second", signed=second)


def by_a_key_withdrawn_before(registry: Registry) -> None:
    newer = SigningKey.generate()
    registry.add_key("operator", newer, by="operator", signed=registry.root)
    registry.withdraw("operator", registry.root, by="operator", signed=newer)
    registry.admit("acme", SigningKey.generate(), by="operator", signed=registry.root)


def with_a_key_that_another_holds(registry: Registry) -> None:
    brook = SigningKey.generate()
    admission = Admission(
        header=header("operator"),
        member_id="acme",
        roles=[FURNISHER],
        keys=[registry.possess("brook", brook)],
    )
    index = registry.say("acme", "admission", admission, registry.root)
    registry.show("acme", brook, index)


def with_a_key_of_no_statement(registry: Registry) -> None:
    registry.admit("acme", SigningKey.generate(), by="operator", signed=registry.root)
    registry.show("acme", SigningKey.generate(), 1)


def with_a_key_that_counts_too_early(registry: Registry) -> None:
    registry.admit("acme", SigningKey.generate(), by="operator", signed=registry.root)
    registry.members["acme"].keys[0].valid_from_index = 0


def with_a_statement_out_of_the_log(registry: Registry) -> None:
    registry.admit("acme", SigningKey.generate(), by="operator", signed=registry.root)
    registry.members["acme"].statements[0].receipt.proof[0] = bytes(32)


def with_a_receipt_of_another_kind(registry: Registry) -> None:
    acme = SigningKey.generate()
    admission = Admission(
        header=header("operator"),
        member_id="acme",
        roles=[FURNISHER],
        keys=[registry.possess("acme", acme)],
    )
    registry.say("acme", "credential", admission, registry.root)


@pytest.mark.parametrize(
    "wrong",
    [
        by_a_stranger,
        by_itself,
        by_a_furnisher,
        by_one_who_is_operator_no_more,
        by_a_key_withdrawn_before,
        with_a_key_that_another_holds,
        with_a_key_of_no_statement,
        with_a_key_that_counts_too_early,
        with_a_statement_out_of_the_log,
        with_a_receipt_of_another_kind,
    ],
)
def test_nobody_else_counts(registry: Registry, wrong: Callable[[Registry], None]) -> None:
    wrong(registry)
    with pytest.raises(KeysError):
        registry.keys("acme")
