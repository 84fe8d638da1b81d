"""Erasures that were signed: the accounts and the statements that the bureau may lack."""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.message import DecodeError

from bureau.store import checks
from bureau.store.database import Connection
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure


class SignedErasures(NamedTuple):
    """Everything that signed erasures name. Their signatures are verified as they are replayed.

    Attributes:
        accounts: Ids of the accounts.
        rests: The parts of statements that are kept, by leaf index.
    """

    accounts: set[str]
    rests: dict[int, bytes]

    @classmethod
    def of(cls, stored: Connection) -> SignedErasures:
        """Read all erasures."""
        erasures = cls(set(), {})
        for (envelope,) in stored.all(checks.erasures):
            try:
                message = peek(Envelope.FromString(envelope), Erasure)
            except (KeysError, DecodeError, TypeError):
                continue  # the walk of the log finds that it is not what was signed
            erasures.accounts.update(account.tradeline_id for account in message.accounts)
            erasures.rests.update(
                (statement.leaf_index, statement.rest) for statement in message.statements
            )
        return erasures
