"""The institutions admitted to the bureau."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bureau_client.models.codes import MemberState, Purpose, ReciprocityLevel, Role


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A signing key and its validity.

    Attributes:
        key_id: Hex SHA-256 of the key's DER SubjectPublicKeyInfo.
        public_key: Ed25519, 32 bytes.
        valid_from_index: First log index at which its signatures are valid.
        valid_to_index: First log index at which they are no longer valid; None while
            the key is in use.
    """

    key_id: str
    public_key: bytes = field(repr=False)
    valid_from_index: int
    valid_to_index: int | None

    def valid_at(self, leaf_index: int) -> bool:
        """Return True if a signature that entered the log at this index is valid."""
        return self.valid_from_index <= leaf_index and (
            self.valid_to_index is None or leaf_index < self.valid_to_index
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, as the bureau describes it.

    Attributes:
        group: Name of the group (a bank and its card arm) that the member belongs to.
        directory_quota: Directory evaluations a day; None if hidden from the caller.
        certificate_fingerprints: Fingerprints of the certificates in force; shown to the
            member itself only.
        reciprocity: Level of access to other members' records; UNSPECIFIED if hidden from
            the caller.
        encoded: The serialised member, on request with the signed statements that `verify`
            checks its keys against.
    """

    member_id: str
    display_name: str
    state: MemberState
    roles: tuple[Role, ...]
    purposes: tuple[Purpose, ...]
    jurisdiction: str
    group: str
    keys: tuple[MemberKey, ...]
    create_time: datetime | None
    directory_quota: int | None
    certificate_fingerprints: tuple[str, ...]
    reciprocity: ReciprocityLevel
    encoded: bytes = field(repr=False)


class Vouched(NamedTuple):
    """A member whose keys were verified, and the operators who vouched for them.

    Attributes:
        is_operator: True if signed statements make the member an operator.
    """

    member: Member
    vouchers: tuple[Member, ...]
    is_operator: bool
