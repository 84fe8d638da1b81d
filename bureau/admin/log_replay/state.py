"""The state of a replay: its two databases, its findings, and the entry that is replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from bureau.admin.findings import Checked, Erased
from bureau.admin.log_replay.signed_erasures import SignedErasures
from bureau.codes import CodeSet
from bureau.context import Caller
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.errors import Refusal
from bureau.journeys.member import StoredMember
from bureau.ledger.entry_keys import moment_of
from bureau.ledger.log import LoggedEntry
from bureau.ledger.units import Transaction
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.signer_name import member_id_of, subject_id_of


@dataclass(slots=True)
class ReplayState:
    """The state of a replay. The replay of a statement reads and changes it.

    Attributes:
        stored: The database that is checked.
        db: The scratch database, which the replay fills.
        operator_key: The operator's first key, which members pin.
        signed_erasures: Everything that signed erasures name.
        checked: Takes the findings.
        erased: Traces of erasures among the entries so far.
        entry: The entry that is replayed.
        unit_us: The time of the entry's unit of work.
        new_key: Gives the keys of the accounts that the entry opens.
        subjects: Subjects whose chains of events the entry extends.
    """

    stored: Connection
    db: Connection
    operator_key: bytes
    signed_erasures: SignedErasures
    checked: Checked
    erased: Erased = field(default_factory=Erased)
    entry: LoggedEntry = field(init=False)
    unit_us: int = field(init=False)
    new_key: Callable[[], int] = field(init=False)
    subjects: set[str] = field(init=False)

    def begin(self, entry: LoggedEntry) -> None:
        """Begin with an entry of the log, or once more with the same one."""
        self.entry = entry
        # A node's clock may be behind the log's time; the entry's key has the node's.
        self.unit_us = min(entry.time_us, moment_of(entry.entry_key))
        self.new_key = count(entry.entry_key + 1).__next__
        self.subjects = {subject_id_of(entry.signer)} - {""}

    def found(self, what: str) -> None:
        """Add a finding about the entry."""
        self.checked.found(what, self.entry.leaf_index)

    def transaction(self) -> Transaction:
        """Return the transaction of the entry's unit of work."""
        return Transaction(self.db, self.unit_us, self.entry.entry_key, self.new_key)

    def caller(self) -> Caller:
        """Return the member that signed the entry, as it was admitted at that time.

        Raises:
            Refusal: SIGNER_MISMATCH if there was no such member.
        """
        return self.member(member_id_of(self.entry.signer))

    def member(self, member_id: str) -> Caller:
        """Return a member, as it was admitted at the time of the entry.

        Raises:
            Refusal: SIGNER_MISMATCH if there was no such member.
        """
        row = self.db.one(q.member_by_id, member_id=member_id)
        if row is None:
            raise Refusal("SIGNER_MISMATCH", f"no member {member_id} was admitted by then")
        stored = StoredMember(*row)
        return Caller(
            stored.member_id,
            CodeSet(stored.roles),
            CodeSet(stored.purposes),
            stored.jurisdiction,
        )

    def stored_inquiries(self) -> list[StoredInquiry]:
        """Read the inquiries that are stored under the entry, in their order."""
        rows = self.stored.all(
            q.inquiries_of_entry, entry_key=self.entry.entry_key, after=0, limit=1 << 31
        )
        return [StoredInquiry(*row) for row in rows]
