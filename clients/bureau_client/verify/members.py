"""Checks that an entitled signer registered a member's keys in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bureau_client._codec.members import read_member
from bureau_client._codec.scalars import moment_at
from bureau_client.models.codes import MemberState, Purpose, Role
from bureau_client.models.members import Member
from bureau_client.verify.checks import verifying
from bureau_keys.key_history import (
    STILL,
    LoggedKey,
    SignedMember,
    check_described,
    logged_keys,
    operators,
    signed_members,
    signers_of,
)
from bureau_keys.profile import Trust
from creditbureau.v1 import members_pb2


def verify_member(encoded: bytes, trust: Trust, vouchers: Iterable[Member] = ()) -> Member:
    """Read a member and check each of its keys against the log.

    Its name, roles, purposes, group and state are those that operators signed. Every key needs
    a logged statement that registers it, signed by the operator whose
    first key is pinned, by another operator that it admitted, or by the member with an
    earlier key. So the bureau's server alone cannot add a key.

    Args:
        encoded: `Member.encoded` of a member that was read with its statements.
        trust: The log's origin and key, and the operator's first key.
        vouchers: The operators who signed these statements, read with their own
            statements; needed once the operator has another key than its first.

    Raises:
        VerificationFailed: A statement is not in the log, its signer is not entitled, or
            no statement registers a key; or the member is shown otherwise than as signed.
    """
    with verifying("The member"):
        message = members_pb2.Member.FromString(encoded)
        others = [members_pb2.Member.FromString(voucher.encoded) for voucher in vouchers]
        keys = logged_keys([message, *others], trust)[message.member_id]
        signed = signed_members([message, *others], trust)[message.member_id]
        check_described(message, signed)
        member = with_signed_values(read_member(message), signed)
    return with_proved_keys(member, keys)


def with_signed_values(member: Member, signed: SignedMember) -> Member:
    """Return a member with the values that operators signed."""
    return replace(
        member,
        display_name=signed.display_name,
        state=MemberState(signed.state),
        create_time=moment_at(signed.admit_us),
        roles=tuple(map(Role, signed.roles)),
        purposes=tuple(map(Purpose, signed.purposes)),
        jurisdiction=signed.jurisdiction,
        group=signed.group,
    )


def with_proved_keys(member: Member, keys: Iterable[LoggedKey]) -> Member:
    """Return a member whose keys end where the log proves that they end."""
    ends = [None if key.end == STILL else key.end for key in keys]
    proved = [replace(key, valid_to_index=end) for key, end in zip(member.keys, ends, strict=True)]
    return replace(member, keys=tuple(proved))


def vouchers_of(encoded: bytes) -> set[str]:
    """Return the other members that signed the statements about a member."""
    with verifying("The member"):
        message = members_pb2.Member.FromString(encoded)
        return signers_of(message) - {message.member_id}


def is_operator(encoded: bytes, trust: Trust, vouchers: Iterable[Member] = ()) -> bool:
    """Return true if the statements about a member make it an operator."""
    with verifying("The member"):
        message = members_pb2.Member.FromString(encoded)
        others = [members_pb2.Member.FromString(voucher.encoded) for voucher in vouchers]
        return message.member_id in operators([message, *others], trust)
