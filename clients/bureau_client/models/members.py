"""The institutions admitted to the bureau."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bureau_client.models.codes import MemberState, Purpose, ReciprocityLevel, Role


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A signing key and when it counts.

    Attributes:
        key_id: Hex SHA-256 of the key's DER SubjectPublicKeyInfo.
        public_key: Ed25519, 32 bytes.
        valid_from_index: First log index at which its signatures count.
        valid_to_index: First log index at which they no longer count; None while
            the key is in use.
    """

    key_id: str
    public_key: bytes = field(repr=False)
    valid_from_index: int
    valid_to_index: int | None

    def valid_at(self, leaf_index: int) -> bool:
        """Whether a signature counts that entered the log at this index."""
        return self.valid_from_index <= leaf_index and (
            self.valid_to_index is None or leaf_index < self.valid_to_index
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as the bureau shows it.

    Attributes:
        group: Members of one group (a bank and its card arm) share it.
        directory_quota: Directory evaluations a day; None where it is not the
            caller's to see.
        certificate_fingerprints: Of the certificates in force; only for the
            member itself.
        reciprocity: What it has earned to see of others; UNSPECIFIED where it is not
            the caller's to know.
        encoded: The member with the signed statements that made it what it is,
            where they were asked for; what `verify` checks keys against.
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
        is_operator: Whether its statements make it one.
    """

    member: Member
    vouchers: tuple[Member, ...]
    is_operator: bool
