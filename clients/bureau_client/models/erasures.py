"""Erasures: what the bureau's operator erased, by its own signed statement."""

from __future__ import annotations

from dataclasses import dataclass, field

from bureau_client.models.months import Month
from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True)
class ErasedAccount:
    """An account whose records were erased.

    Attributes:
        tradeline_id: Id of the account in reports.
        subject_ids: The subjects that the account ever named.
    """

    tradeline_id: str
    subject_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One signed, logged statement of the operator, verified.

    Attributes:
        erasure_id: Request id of the statement.
        member_id: Furnisher of the erased accounts; empty if statements were erased.
        subject_id: Subject for whose sake it was erased; empty if the accounts were too old.
        before_month: Month before which the accounts were last reported; None with a subject.
        accounts: The erased accounts.
        leaf_indices: Log indices of the statements whose words were erased.
        leaf_index: Log index of the erasure itself.
        statement: The signed statement, a serialised DSSE envelope.
        receipt: Proof that the statement is in the log.
    """

    erasure_id: str
    member_id: str
    subject_id: str
    before_month: Month | None
    accounts: tuple[ErasedAccount, ...]
    leaf_indices: tuple[int, ...]
    leaf_index: int
    statement: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)
