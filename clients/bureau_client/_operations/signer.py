"""The signer of statements: name, key and clock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from bureau_client._codec.scalars import micros_of
from bureau_client._operations.operation import Clock
from bureau_keys.envelope import new_header
from bureau_keys.signer_name import SignerName
from bureau_keys.signing import StatementKey
from creditbureau.v1.envelope_pb2 import Header

# Namespace of the request ids that are made from an idempotency key (RFC 9562, version 5).
IDEMPOTENT_REQUESTS = UUID("7f3f0c52-2a5b-5a53-9a0e-6d0f6a7d1c11")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs statements in one name, for one bureau.

    Attributes:
        name: The name in the header of its statements.
        audience: The bureau's log origin.
        key: The signing key.
        clock: Source of the issue time, read once per statement.
    """

    name: SignerName
    audience: str
    key: StatementKey
    clock: Clock

    def header(self) -> Header:
        """Return a new header: new request id, issued now."""
        return new_header(self.audience, self.name, micros_of(self.clock()))

    def request_id(self, name: str) -> str:
        """Return the request id that every run makes for a name."""
        return str(uuid5(IDEMPOTENT_REQUESTS, f"{self.audience}/{self.name}/{name}"))
