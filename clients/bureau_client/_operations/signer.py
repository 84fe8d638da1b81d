"""The signer of statements: name, key and clock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from bureau_client._codec.scalars import timestamp_of
from bureau_client._operations.operation import Clock
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Header


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs statements in one name, for one bureau.

    Attributes:
        name: `members/<id>` or `subjects/<id>`.
        audience: The bureau's log origin.
        key: The signing key.
        clock: Source of the issue time, read once per statement.
    """

    name: str
    audience: str
    key: SigningKey
    clock: Clock

    def header(self) -> Header:
        """Return a new header: with a new request id, issued now."""
        return Header(
            audience=self.audience,
            signer=self.name,
            request_id=str(uuid4()),
            issue_time=timestamp_of(self.clock()),
            schema_version=1,
        )
