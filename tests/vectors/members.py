"""Members, the statements that made them what they are, and the keys that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import (
    Admission,
    CredentialChange,
    KeyPossession,
    LoggedStatement,
    Member,
    MemberChange,
    MemberKey,
)
from tests.vectors.cast import OPERATOR, TRUST, Log, encoded, header, key, trust_of

FURNISHER, OPERATING = codes_pb2.ROLE_FURNISHER, codes_pb2.ROLE_OPERATOR


def possession(member_id: str, own: SigningKey, **changes: Any) -> Envelope:
    """Return a proof that a member holds a key."""
    name = f"possession/{member_id}/{own.verify_key.key_id}"
    proof = KeyPossession(
        header=header(f"members/{member_id}", name, **changes), public_key=own.verify_key.raw
    )
    return seal(proof, own)


@dataclass(slots=True)
class Consortium:
    """Members as their statements make them, in one log."""

    log: Log = field(default_factory=Log)
    members: dict[str, Member] = field(default_factory=dict)

    def say(self, about: str, kind: str, statement: Any, own: SigningKey, entered: str = "") -> int:
        """Sign and log a statement about a member; return its index."""
        envelope, receipt = self.log.say(entered or kind, statement, own)
        member = self.members.setdefault(about, Member(member_id=about))
        member.statements.append(LoggedStatement(envelope=envelope, receipt=receipt))
        return receipt.leaf_index

    def admit(
        self,
        member_id: str,
        own: SigningKey,
        role: codes_pb2.Role.ValueType = FURNISHER,
        by: str = "operator",
        signed: SigningKey = OPERATOR,
        **changes: Any,
    ) -> int:
        proof = changes.pop("proof", None) or possession(member_id, own)
        name = f"admission/{member_id}"
        admission = Admission(
            header=header(f"members/{by}", name, **changes),
            member_id=member_id,
            roles=[role],
            keys=[proof],
        )
        index = self.say(member_id, "admission", admission, signed)
        self.show(member_id, own, index)
        return index

    def add_key(
        self, member_id: str, own: SigningKey, by: str, signed: SigningKey, entered: str = ""
    ) -> int:
        name = f"add/{member_id}/{own.verify_key.key_id}"
        change = CredentialChange(
            header=header(f"members/{by}", name),
            member_id=member_id,
            add_key=possession(member_id, own),
        )
        index = self.say(member_id, "credential", change, signed, entered)
        self.show(member_id, own, index)
        return index

    def withdraw_key(self, member_id: str, own: SigningKey, by: str, signed: SigningKey) -> int:
        name = f"withdraw/{member_id}/{own.verify_key.key_id}"
        change = CredentialChange(
            header=header(f"members/{by}", name),
            member_id=member_id,
            withdraw_key=own.verify_key.key_id,
        )
        index = self.say(member_id, "credential", change, signed)
        for shown in self.members[member_id].keys:
            if shown.key_id == own.verify_key.key_id:
                shown.valid_to_index = index
        return index

    def show(self, member_id: str, own: SigningKey, start: int) -> None:
        """Let a member show a key."""
        self.members.setdefault(member_id, Member(member_id=member_id)).keys.append(
            MemberKey(
                key_id=own.verify_key.key_id, public_key=own.verify_key.raw, valid_from_index=start
            )
        )


def consortium() -> Consortium:
    """Return the operator and acme, whose first key was replaced."""
    all_of = Consortium()
    all_of.admit("operator", OPERATOR, OPERATING)
    all_of.admit("acme", key("acme"))
    all_of.add_key("acme", key("acme/2"), "acme", key("acme"))
    return all_of


def vectors() -> list[dict[str, Any]]:
    cases = {
        "the operator and a member with two keys": (consortium(), True),
        "a key that was withdrawn": (_withdrawn(), True),
        "an operator whom the first one admitted": (_second_operator(), True),
        "the operator's key, replaced": (_replaced_root(), True),
        "a key that no statement registers": (_smuggled(), False),
        "a key that counts from before it was registered": (_backdated(), False),
        "a key whose end is left out": (_without_end(), True),
        "an admission by a member that is no operator": (_by_member(), False),
        "a statement for another bureau": (_for_another_bureau(), False),
        "a proof of possession by another member": (_borrowed_proof(), False),
        "a receipt of another kind": (_other_kind(), False),
        "a statement that is not in the log": (_not_logged(), False),
        "an operator that is one no more": (_dismissed(), False),
        "a statement by a key that was withdrawn": (_after_withdrawal(), False),
        "a statement about another member": (_about_another(), False),
    }
    return [_vector(name, all_of, valid) for name, (all_of, valid) in cases.items()]


# The keys that follow from each valid vector: key id, first index, index of the end or 0.
def _vector(name: str, all_of: Consortium, valid: bool) -> dict[str, Any]:
    from bureau_keys.key_history import STILL, logged_keys  # noqa: PLC0415

    vector: dict[str, Any] = {
        "name": name,
        "members": [encoded(member) for member in all_of.members.values()],
        "trust": trust_of(TRUST),
        "valid": valid,
    }
    if valid:
        vector["keys"] = {
            member_id: [
                {
                    "key_id": key.key.key_id,
                    "from": key.start,
                    "to": 0 if key.end == STILL else key.end,
                }
                for key in keys
            ]
            for member_id, keys in logged_keys(all_of.members.values(), TRUST).items()
        }
    return vector


def _withdrawn() -> Consortium:
    all_of = consortium()
    all_of.withdraw_key("acme", key("acme"), "acme", key("acme/2"))
    return all_of


def _second_operator() -> Consortium:
    all_of = consortium()
    all_of.admit("deputy", key("deputy"), OPERATING)
    all_of.admit("brook", key("brook"), by="deputy", signed=key("deputy"))
    return all_of


def _replaced_root() -> Consortium:
    all_of = consortium()
    all_of.add_key("operator", key("operator/2"), "operator", OPERATOR)
    all_of.withdraw_key("operator", OPERATOR, "operator", key("operator/2"))
    all_of.admit("brook", key("brook"), signed=key("operator/2"))
    return all_of


def _smuggled() -> Consortium:
    all_of = consortium()
    all_of.show("acme", key("thief"), 1)
    return all_of


def _backdated() -> Consortium:
    all_of = consortium()
    all_of.members["acme"].keys[1].valid_from_index = 1
    return all_of


def _without_end() -> Consortium:
    # What the statements say counts, not what the member shows.
    all_of = _withdrawn()
    all_of.members["acme"].keys[0].valid_to_index = 0
    return all_of


def _by_member() -> Consortium:
    all_of = consortium()
    all_of.admit("brook", key("brook"), by="acme", signed=key("acme"))
    return all_of


def _for_another_bureau() -> Consortium:
    all_of = consortium()
    all_of.admit("brook", key("brook"), audience="other.example/log")
    return all_of


def _borrowed_proof() -> Consortium:
    all_of = consortium()
    all_of.admit("brook", key("brook"), proof=possession("acme", key("brook")))
    return all_of


def _other_kind() -> Consortium:
    all_of = consortium()
    all_of.add_key("acme", key("acme/3"), "acme", key("acme"), entered="admission")
    return all_of


def _not_logged() -> Consortium:
    all_of = consortium()
    all_of.admit("brook", key("brook"))
    logged = all_of.members["brook"].statements[0]
    logged.envelope.CopyFrom(
        seal(
            Admission(
                header=header("members/operator", "another"),
                member_id="brook",
                roles=[FURNISHER],
                keys=[possession("brook", key("brook"))],
            ),
            OPERATOR,
        )
    )
    return all_of


def _dismissed() -> Consortium:
    all_of = consortium()
    all_of.admit("deputy", key("deputy"), OPERATING)
    change = MemberChange(
        header=header("members/operator", "dismissal"), member_id="deputy", roles=[FURNISHER]
    )
    all_of.say("deputy", "member-change", change, OPERATOR)
    all_of.admit("brook", key("brook"), by="deputy", signed=key("deputy"))
    return all_of


def _after_withdrawal() -> Consortium:
    all_of = _withdrawn()
    all_of.add_key("acme", key("acme/3"), "acme", key("acme"))
    return all_of


def _about_another() -> Consortium:
    all_of = consortium()
    moved = all_of.members["acme"].statements.pop()
    all_of.members["acme"].keys.pop()
    all_of.members["brook"] = Member(member_id="brook", statements=[moved])
    return all_of
