"""Reads the contract's members."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_or_none
from bureau_client.models.codes import MemberState, Purpose, ReciprocityLevel, Role
from bureau_client.models.members import Member, MemberKey
from creditbureau.v1 import members_pb2


def read_member(message: members_pb2.Member) -> Member:
    """Read a member."""
    return Member(
        member_id=message.member_id,
        display_name=message.display_name,
        state=MemberState(message.state),
        roles=tuple(map(Role, message.roles)),
        purposes=tuple(map(Purpose, message.purposes)),
        jurisdiction=message.jurisdiction,
        group=message.group,
        keys=tuple(map(_key, message.keys)),
        create_time=moment_or_none(message.create_time),
        directory_quota=message.directory_quota or None,
        certificate_fingerprints=tuple(message.certificate_fingerprints),
        reciprocity=ReciprocityLevel(message.reciprocity),
        encoded=message.SerializeToString(deterministic=True),
    )


def _key(message: members_pb2.MemberKey) -> MemberKey:
    return MemberKey(
        key_id=message.key_id,
        public_key=message.public_key,
        valid_from_index=message.valid_from_index,
        valid_to_index=message.valid_to_index or None,
    )
