"""The events of a subject: every statement about them that the log holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Event:
    """A statement about the subject: of their own, of a member or of the operator.

    Attributes:
        number: Position in the subject's chain of events, from 1.
        kind: Kind of the entry, for example `consent` or `inquiry-denial`.
        signer: The signer, proved by the signature; empty without the statement.
        time: Time of the entry in the log, UTC.
        leaf_index: Index of the entry in the log.
        statement: The signed statement, a serialised DSSE envelope; empty where it was
            erased, and where it names other subjects.
        receipt: The receipt of the statement.
        proved: True if the signer signed the statement, and it is about the subject. False
            where the statement names other subjects, or none: then that it is about this one
            is the bureau's word; and where it was erased: then kind and time are, too.
    """

    number: int
    kind: str
    signer: str
    time: datetime
    leaf_index: int
    statement: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)
    proved: bool = False
