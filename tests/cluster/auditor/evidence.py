"""The auditor's evidence: plain data, so that every check is pure.

Collected once, after everything has healed (`collect.py`); a test makes it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bureau_keys.checkpoint import Checkpoint, open_checkpoint
from bureau_keys.note import parse_vkey
from bureau_keys.signing import VerifyKey
from tests.cluster.auditor.statements import SentStatement, by_statement
from tests.cluster.history import Operation
from tests.cluster.timeline import Event


class Entry(NamedTuple):
    """A leaf of the log, as a database has it."""

    entry_key: int
    leaf_index: int
    kind: str
    signer: str
    request_id: str
    digest: bytes
    answer_digest: bytes
    salt: bytes
    commitment: bytes
    time_us: int
    envelope: bytes


class StoredInquiry(NamedTuple):
    """A report that was asked for, denied or replayed.

    Attributes:
        entry_key: Key of its entry.
        log_size: The log size that the report was read at; negative without a new report.
        create_us: Time of the inquiry, as reports show it.
    """

    subject_id: str
    member_id: str
    inquiry_id: str
    consent_id: str
    entry_key: int | None
    log_size: int = 0
    create_us: int = 0

    @property
    def granted(self) -> bool:
        """True where a report was given."""
        return self.entry_key is not None and self.log_size >= 0


class StoredConsent(NamedTuple):
    """A consent's row."""

    consent_id: str
    subject_id: str
    grantee: str
    max_uses: int
    use_count: int
    state: int
    entry_key: int
    data_life_us: int = 0


class StoredSubmission(NamedTuple):
    """A submission's row, with how many records it says and how many are there."""

    submission_key: int
    submission_id: str
    member_id: str
    record_count: int
    records: int


class StoredAction(NamedTuple):
    """A facility action among the records.

    Attributes:
        entry_key: Key of the entry of its submission.
        kind: Code of the kind.
        month: yyyymm in which it took effect.
        buyer: Member id of the buyer, of a TRANSFER to a member.
        number: The buyer's reference of the account.
    """

    entry_key: int
    submission_id: str
    member_id: str
    tradeline_id: str
    kind: int
    month: int = 0
    buyer: str = ""
    number: str = ""


class StoredRecord(NamedTuple):
    """A month of an account, or a deletion of one or of all its months, among the records.

    Attributes:
        entry_key: Key of the entry of its submission.
        people: Ids of the people who owe the account.
        deletes: True for a deletion.
        month: yyyymm; 0 for a deletion of all months.
        is_open: True if the account can still be owed on.
        certified: True if its furnisher certified it.
        owing: Ids of the people who owe it themselves: guarantors do not.
        open_date: yyyymmdd.
        creditor: Name of the original creditor.
        first_delinquency: yyyymmdd; 0 for none.
    """

    entry_key: int
    record_index: int
    member_id: str
    tradeline_id: str
    people: frozenset[str]
    deletes: bool
    month: int
    is_open: bool = True
    balance_minor: int = 0
    past_due_minor: int = 0
    days_past_due: int = 0
    certified: bool = False
    owing: frozenset[str] = frozenset()
    account_ref: str = ""
    open_date: int = 0
    account_type: str = ""
    creditor: str = ""
    currency: str = "USD"
    first_delinquency: int = 0


class LineNotice(NamedTuple):
    """A notice that a lender froze, restored or closed a line."""

    leaf_index: int
    kind: str
    tradeline_id: str


class StoredAlert(NamedTuple):
    """An alert's row."""

    entry_key: int
    ordinal: int
    member_id: str
    subject_id: str
    consent_id: str
    kind: int


class StoredKey(NamedTuple):
    """A key of a subject: in force from one time until another."""

    key_id: str
    subject_id: str
    start_us: int
    end_us: int
    repudiated: int

    def state(self, now_us: int) -> str:
        """Return the state of the key at a time, in a word."""
        if self.repudiated:
            return "repudiated"
        if self.start_us <= now_us < self.end_us:
            return "in force"
        return "waits" if now_us < self.start_us < self.end_us else "ended"


class StoredLink(NamedTuple):
    """A link of a subject's chain of events."""

    subject_id: str
    number: int
    leaf_index: int
    hash: bytes


@dataclass(frozen=True)
class Database:
    """One server's tables, whole.

    Attributes:
        effects: By kind of entry, the entries that have their effect.
        cosignatures: Size, witness and line of each cosignature kept.
        lost: Rows that name an entry which is not there, in words.
        head: Size and right edge of the log, by its own row.
    """

    name: str
    entries: list[Entry]
    inquiries: list[StoredInquiry] = field(default_factory=list)
    consents: list[StoredConsent] = field(default_factory=list)
    submissions: list[StoredSubmission] = field(default_factory=list)
    actions: list[StoredAction] = field(default_factory=list)
    records: list[StoredRecord] = field(default_factory=list)
    alerts: list[StoredAlert] = field(default_factory=list)
    keys: list[StoredKey] = field(default_factory=list)
    links: list[StoredLink] = field(default_factory=list)
    checkpoints: list[tuple[int, str]] = field(default_factory=list)
    cosignatures: list[tuple[int, str, str]] = field(default_factory=list)
    effects: dict[str, set[int]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    head: tuple[int, bytes] = (0, b"")

    @cached_property
    def leaf_of(self) -> dict[int, int]:
        """Leaf indices by entry key."""
        return {entry.entry_key: entry.leaf_index for entry in self.entries}

    @cached_property
    def by_statement(self) -> dict[tuple[str, str], list[Entry]]:
        """Entries by signer and request id."""
        entries_of: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            entries_of.setdefault((entry.signer, entry.request_id), []).append(entry)
        return entries_of


class Delivered(NamedTuple):
    """An alert as a node gives it out."""

    cursor: int
    leaf_index: int
    consent_id: str
    kind: str


class SeenFile(NamedTuple):
    """A subject's own file, as a node gives it out.

    Attributes:
        events: Number of events in the subject's chain.
        chain: Head of the chain, hexadecimal.
        holds: Ids of the holds in force.
        tradelines: Ids of the accounts.
        balances: By account, the balance of its newest month.
        actions: By account, the submissions of its facility actions.
    """

    log_size: int
    events: int
    chain: str
    holds: frozenset[str] = frozenset()
    tradelines: frozenset[str] = frozenset()
    actions: Mapping[str, tuple[str, ...]] = {}
    balances: Mapping[str, int] = {}


@dataclass(frozen=True)
class Node:
    """The answers of one node.

    Attributes:
        newest: Its newest checkpoint.
        checkpoints: Every checkpoint that it lists.
        leaves: Every leaf's commitment.
        submissions: What it lists to each member, by id.
        receipts: By signer and request id: the receipt, or the reason why there is none.
        replays: By inquiry: the report's digest, or the reason why there is none.
        disclosed: By subject: the inquiries that got a report, by id, as the subject sees.
        decisions: By subject: the decisions about them, by id, as the subject sees.
        files: By subject: their own file.
        notices: By subject, the accounts of which they have a notice that they were erased.
        returned: By subject: the accounts of which they have a notice that deleted data
            returned, once for each notice.
        noticed: By subject: the leaf and the kind of each notice of an event of their chain.
        lines: By subject: the notices of what lenders did to lines.
        deadlines: By subject: the dispute or complaint and the time of each notice of a deadline.
        erased: The accounts whose erasures it lists to an auditor.
        keys: By id of every key that workers made for a subject: True if it may read.
        alerts: By member, from the beginning.
        proofs: Consistency between two sizes.
        failures: What could not be read at all.
    """

    name: str
    newest: str = ""
    checkpoints: list[str] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    submissions: dict[str, list[str]] = field(default_factory=dict)
    receipts: dict[tuple[str, str], str] = field(default_factory=dict)
    replays: dict[str, str] = field(default_factory=dict)
    disclosed: dict[str, list[str]] = field(default_factory=dict)
    decisions: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, SeenFile] = field(default_factory=dict)
    notices: dict[str, set[str]] = field(default_factory=dict)
    returned: dict[str, list[str]] = field(default_factory=dict)
    noticed: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    lines: dict[str, list[LineNotice]] = field(default_factory=dict)
    deadlines: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    keys: dict[str, bool] = field(default_factory=dict)
    alerts: dict[str, list[Delivered]] = field(default_factory=dict)
    proofs: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """All of it.

    Attributes:
        origin: The log's.
        log_key: Verifier key of its checkpoints.
        operators: Who may change members, as the log names signers.
        auditors: Who replays reports for the evidence, as the log names signers.
        operations: The histories of all workers.
        events: The time line.
        kept: Checkpoints kept apart from the database, by where they lie.
        witnesses: Verifier key of each witness, by name.
        cosigned: The newest checkpoint that each has cosigned, as the log signed it.
        forks: What witnesses have against the log, in words.
    """

    origin: str
    log_key: str
    operations: list[Operation]
    events: list[Event] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)
    operators: frozenset[str] = frozenset({"members/operator"})
    auditors: frozenset[str] = frozenset()
    kept: dict[str, str] = field(default_factory=dict)
    witnesses: dict[str, str] = field(default_factory=dict)
    cosigned: dict[str, str] = field(default_factory=dict)
    forks: list[str] = field(default_factory=list)

    @cached_property
    def statements(self) -> list[SentStatement]:
        """Every statement that was signed, with all that was done with it."""
        return by_statement(self.operations)

    @cached_property
    def verifier(self) -> VerifyKey:
        """The log's key."""
        return parse_vkey(self.log_key).key

    @cached_property
    def leaves(self) -> list[bytes]:
        """The leaves that the first database stores."""
        return [entry.commitment for entry in self.databases[0].entries] if self.databases else []

    def open(self, note: str) -> Checkpoint:
        """A checkpoint that the log signed.

        Raises:
            KeysError: It did not.
        """
        return open_checkpoint(note, self.origin, self.verifier)
