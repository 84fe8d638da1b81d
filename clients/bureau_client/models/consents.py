"""Consents as signed by their subjects, and their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bureau_client.models.codes import (
    Action,
    ConsentEventKind,
    ConsentMode,
    ConsentState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Frequency:
    """A number of uses per calendar unit: `Frequency(FrequencyUnit.MONTH, 5)`."""

    unit: FrequencyUnit
    value: int

    def __str__(self) -> str:
        return f"{self.value} a {self.unit.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedDeletion:
    """The confirmation of a consent's grantee that everything it received is deleted.

    Attributes:
        report_count: Number of reports, all of them deleted.
        delete_time: Time at which the last of them was deleted: the grantee's word.
        confirm_time: Time of the confirmation in the log.
        is_late: True if it was confirmed after `Consent.delete_by_time`.
        statement: The signed confirmation, a serialised DSSE envelope.
        receipt: Proof that it is in the log.
    """

    report_count: int
    delete_time: datetime
    confirm_time: datetime
    is_late: bool
    statement: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One consent: the signed text, and the state that the signed changes lead to.

    Attributes:
        consent_id: Id of the consent, for `query`.
        grantee: The member that the consent is for.
        portfolio_types: Allowed kinds of facility; empty for all.
        history_months: Months of payment history in a report; 0 for none.
        expire_time: End of validity, exclusive.
        max_uses: Largest number of reports in all, with replays under a mode other than STORE;
            0 for no limit.
        frequency: Largest number of reports per period; None for no limit.
        data_life: Time that the grantee may keep the report; zero unless STORE.
        use_count: Uses so far, reports and replays under a mode other than STORE: the bureau's
            count, which no party signs.
        update_time: Time of the last change by a signed statement.
        note: The subject's note with the last change.
        consent_request_id: The request of the grantee that the consent answers; empty for none.
        replaces: The earlier consent that this one replaced; empty for none.
        arrangement_id: Id of the arrangement, that of its first consent: it stays the same when a
            newer consent replaces this one, and `query` takes it in place of a consent's id.
        delete_by_time: Time by which the grantee must have deleted everything that it received: the
            data life after the consent was revoked or expired. None before, without a data life,
            and if nothing was received.
        deletion: The grantee's signed confirmation that everything is deleted; None without one.
        envelope: The signed consent, a serialised DSSE envelope.
        receipt: Proof that the last change, or without one the grant, is in the log.
        proved: True if the state follows from signed statements. False if the words of a change
            were erased: its signature is gone with them, and the change is the bureau's word.
    """

    consent_id: str
    subject_id: str
    grantee: str
    actions: tuple[Action, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    portfolio_types: tuple[PortfolioType, ...]
    history_months: int
    start_time: datetime
    expire_time: datetime
    max_uses: int
    frequency: Frequency | None
    data_life: timedelta
    mode: ConsentMode
    state: ConsentState
    use_count: int
    create_time: datetime
    update_time: datetime
    note: str
    consent_request_id: str
    replaces: str
    arrangement_id: str
    delete_by_time: datetime | None
    deletion: ConfirmedDeletion | None
    envelope: bytes = field(repr=False)
    receipt: Receipt = field(repr=False)
    proved: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Consents of one person for one member that replaced one another.

    Attributes:
        arrangement_id: Id of the arrangement, that of its first consent.
        consents: The consents, newest first.
    """

    arrangement_id: str
    consents: tuple[Consent, ...]

    @property
    def newest(self) -> Consent:
        """The consent that no other has replaced."""
        return self.consents[0]

    @property
    def state(self) -> ConsentState:
        """State of the newest consent."""
        return self.newest.state


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """A change of a consent that a member holds.

    Attributes:
        cursor: Position of the change; continues a stream after it.
        event_time: Time of the change in the log; of EXPIRED, the end of the consent.
        leaf_index: Leaf of the statement that caused the change; None for EXPIRED.
        note: The person's note with the change: any text of up to 512 characters.
        repudiated: True if the consent was revoked because its key was repudiated.
        consent: The consent as it is now, which may have changed again; `delete_by_time` says
            by when everything received under it must be deleted.
    """

    cursor: str
    kind: ConsentEventKind
    event_time: datetime
    leaf_index: int | None
    note: str
    repudiated: bool
    consent: Consent
