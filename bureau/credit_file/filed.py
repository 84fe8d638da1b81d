"""The credit file of one subject as values: tradelines, actions, inquiries. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bureau.credit_file.delinquencies import Delinquency
from bureau.credit_file.history import TrailEntry
from bureau_keys.liability import Liability
from creditbureau.v1.record_pb2 import (
    FACILITY_ACTION_KIND_RENUMBER as RENUMBER,
)
from creditbureau.v1.record_pb2 import FacilityAction, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory


class FiledAction(NamedTuple):
    """A facility action and the reference of its record.

    Attributes:
        account_ref: The furnisher's reference of the account, as the record has it.
    """

    action: FacilityAction
    record: RecordRef
    account_ref: str = ""


class Sale(NamedTuple):
    """The sale of an account that its furnisher has not taken back.

    Attributes:
        action: The TRANSFER.
        month: yyyymm in which the TRANSFER took effect.
        is_on_file: True if the buyer's line is on the file.
    """

    action: FiledAction
    month: int
    is_on_file: bool


class FiledTradeline(NamedTuple):
    """A tradeline: the subject's role, the history and the newest snapshot.

    Attributes:
        snapshot: The effective snapshot of the newest month.
        record: Reference of the snapshot's record.
        steps: Reads the records of the account that name the subject, in order of the log.
        actions: Facility actions while the subject was on the account, newest first.
        left: True if the account's newest month no longer names the subject.
        delinquencies: Delinquencies in the months that name the subject, oldest first.
        account_ref: The furnisher's reference, as the record of the newest month has it.
        sale: The sale of the account; None if it was not sold.
        came_back: True if the account was sold, and is its furnisher's again.
        may_furnish: True if the furnisher may still report the account.
        opened_key: Entry key of the submission that opened the account: of two accounts, the
            one with the lower key was on file first.
        liability: The subject's liability, where the version of reports counts by it (`marks`).
        stale: StaleReason of an open account that is no longer reported (`marks`).
        secured_by_kind: True for an account that a collateral secures by what it is (`marks`).
    """

    tradeline_id: str
    member_id: str
    role: int
    history: PaymentHistory
    snapshot: TradelineSnapshot
    record: RecordRef
    steps: Callable[[], list[TrailEntry]]
    actions: list[FiledAction]
    left: bool = False
    delinquencies: tuple[Delinquency, ...] = ()
    account_ref: str = ""
    sale: Sale | None = None
    came_back: bool = False
    may_furnish: bool = True
    opened_key: int = 0
    liability: Liability = Liability.OWES
    stale: int = 0
    secured_by_kind: bool = False

    @property
    def is_owed(self) -> bool:
        """True for a debt of the subject's own."""
        return self.liability is Liability.OWES

    @property
    def is_present(self) -> bool:
        """True for a debt of the subject's own that it owes to this furnisher, and whose newest
        month is current.
        """
        return self.is_owed and not self.stale and self.sale is None

    @property
    def is_secured(self) -> bool:
        """True for an account that a collateral secures, by its record or by its kind."""
        return self.secured_by_kind or self.snapshot.secured

    def refs(self) -> set[str]:
        """Return the references that the account has, and had before it was renumbered."""
        refs = {self.account_ref}
        for filed in self.actions:
            if filed.action.kind == RENUMBER:
                refs |= {filed.account_ref, filed.action.new_account_ref}
        return refs - {""}


class FiledInquiry(NamedTuple):
    """A hard inquiry on the file."""

    inquiry_id: str
    member_id: str
    consent_id: str
    purpose: int
    kind: int
    outcome: int
    create_us: int
    leaf_index: int


class CreditFile(NamedTuple):
    """The credit file of one subject, as of a log size and a time.

    Attributes:
        groups: Groups of furnishers by member id; of no furnisher unless a line may be
            frozen.
    """

    subject_id: str
    log_size: int
    now_us: int
    tradelines: list[FiledTradeline]
    inquiries: list[FiledInquiry]
    groups: Mapping[str, str] = MappingProxyType({})


def role_of(subject_id: str, snapshot: TradelineSnapshot) -> int:
    """Return a subject's role in an account; 0 if the snapshot does not name the subject."""
    for party in snapshot.parties:
        if party.subject_id == subject_id:
            return party.role
    return 0
