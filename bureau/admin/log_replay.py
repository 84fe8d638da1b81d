"""Replay of a log: every statement is taken once more, by the journey that took it, into an
empty database.

A statement is replayed at its own time, under its own entry key, and by the policy that was
in force. What the replay stores is what the statements give: the tables of the bureau must
equal it. A journey that refuses a statement on the replay says that the bureau should never
have taken it: its signature does not verify under a key that was in force, its signer had no
right to it, or a consent did not allow it.

What was erased cannot be replayed. A signed erasure must name it; its rows are taken over as
they are, and from there on what is shown to members and subjects by way of it is not proved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

from bureau import signed_statement
from bureau.admin.findings import Checked, Erased
from bureau.admin.log_integrity import WalkedEntry
from bureau.admin.submission_integrity import StoredRecord, StoredSubmission
from bureau.clock import Clock
from bureau.codes import CodeSet
from bureau.context import Bureau, Caller
from bureau.credit_file import own_entries
from bureau.credit_file.accounts import tradeline_id
from bureau.credit_file.batch_records import BatchRecord
from bureau.credit_file.build_report import load_consent, rebuild_report
from bureau.credit_file.contributions import level_of
from bureau.credit_file.report_rules import ReportRequest
from bureau.credit_file.stored_inquiry import StoredInquiry
from bureau.credit_file.subject_state import (
    ADDITION,
    ANSWER,
    DELETING,
    LIFT,
    OBJECTION,
    OPENING,
    PLACEMENT,
    REPUDIATION,
    STATEMENT,
    SubjectEvent,
)
from bureau.errors import Refusal
from bureau.journeys import (
    consent,
    decision,
    directory,
    dispute,
    erasure,
    hold,
    member,
    portfolio,
    query,
    replay,
    repudiation,
    standard,
    subject,
    submit,
)
from bureau.ledger.commit_queue import (
    Committed,
    RecordedDenial,
    T,
    Transaction,
    Work,
    subjects_of,
)
from bureau.ledger.entry_keys import moment_of
from bureau.ledger.event_chains import ALL, NewEvent, extend_chains
from bureau.ledger.log import LoggedEntry, LogProof, SignedStatement
from bureau.party_limits import NO_LIMITS
from bureau.policy import Policy
from bureau.store import checks
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.rows import rows_of
from bureau.store.scratch import ScratchDatabase
from bureau_keys.denial import denial_digest
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.merkle import leaf_hash
from bureau_keys.portfolio import ReportTree
from bureau_keys.profile import Trust
from bureau_keys.pseudonym import Evaluator
from bureau_keys.signer_name import (
    member_id_of,
    member_signer,
    subject_id_of,
    subject_signer,
)
from bureau_keys.signing import SigningKey
from creditbureau.v1 import record_pb2
from creditbureau.v1.consent_pb2 import ConsentChange
from creditbureau.v1.dispute_pb2 import DisputeAnswer
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.record_pb2 import Record, SubmissionManifest
from creditbureau.v1.reporting_pb2 import Inquiry

ACCOUNTS, RECORDS, SUBMISSIONS = rows_of("tradeline"), rows_of("record"), rows_of("submission")
ERASURES, MEMBER_KEYS = rows_of("erasure"), rows_of("member_key")
ALERTS, EVENTS, NOTICES = rows_of("alert"), rows_of("subject_event"), rows_of("notice")
INQUIRIES = rows_of("inquiry", ("entry_key", "subject_id"))
KIND_OF_EVENT: dict[int, EntryKind] = {
    PLACEMENT: "hold",
    LIFT: "hold-lift",
    OPENING: "dispute",
    ADDITION: "dispute-addition",
    ANSWER: "dispute-answer",
    STATEMENT: "subject-statement",
    REPUDIATION: "key-repudiation",
    OBJECTION: "key-repudiation",
}
# Kinds that act on a credit file: after an erasure the file may lack what they act on.
ON_FILES: frozenset[EntryKind] = frozenset(
    {"dispute", "dispute-addition", "dispute-answer", "portfolio-inquiry", "subject-statement"}
)


@dataclass(slots=True)
class LogClock(Clock):
    """The clock of a replay: it shows the time of the statement that is replayed.

    Attributes:
        time_us: That time.
    """

    time_us: int = 0

    def now_us(self) -> int:
        """Return the time of the statement."""
        return self.time_us


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


class LogReplay:
    """A bureau that takes a log's statements again.

    Attributes:
        erased: Traces of erasures among the entries so far.
    """

    def __init__(
        self,
        stored: Connection,
        scratch: ScratchDatabase,
        trust: Trust,
        policy: Policy,
        checked: Checked,
    ) -> None:
        """Prepare an empty bureau.

        Args:
            stored: The database that is checked.
            scratch: The empty database that the replay fills.
            policy: The policy in force, with the retired ones.
            checked: Takes the findings.
        """
        self.erased = Erased()
        self._stored = stored
        self._scratch = scratch
        self._db = scratch.connection
        self._signed = SignedErasures.of(stored)
        self._operator_key = trust.operator_key
        self._checked = checked
        self._clock = LogClock()
        self._batch: list[LoggedEntry] = []
        self._events: list[NewEvent] = []
        # Subjects whose chains of events the entry extends.
        self._subjects: set[str] = set()
        row = stored.one(q.first_event_leaf)
        begin = row[0] if row else None
        self._chains_begin = ALL if begin is None else begin
        self._db.execute(q.add_head, head_id=1, tree_size=0, frontier=b"", time_us=0)
        present = Bureau(
            origin=trust.origin,
            policy=policy,
            database=scratch,
            ledger=self,
            clock=self._clock,
            limits=NO_LIMITS,
            # Neither signs nor blinds anything that is kept.
            report_key=SigningKey.generate(),
            evaluator=Evaluator.from_seed(bytes(32)),
        )
        retired = sorted(policy.retired.values(), key=lambda old: old.version, reverse=True)
        # Those that give notices first: what another one leaves out is not missed.
        policies = sorted([policy, *retired], key=lambda each: not each.adverse_notice)
        self._bureaus = [replace(present, policy=each) for each in policies]

    # The ledger of the journeys ---------------------------------------------------

    def commit(self, statement: SignedStatement, work: Work[T]) -> Committed[T]:
        """Run a unit of work as the unit of the entry that is replayed.

        Raises:
            Refusal: The refusal that the unit raised or recorded.
        """
        entry = self._entry
        if (statement.signer, statement.request_id) != (entry.signer, entry.request_id):
            self._checked.found("its signer or its request id is not the signed one", self._index)
        tx = Transaction(self._db, self._unit_us, entry.entry_key, self._new_key)
        tx.subjects.update(subjects_of(statement))
        result = work(tx)
        self._subjects = tx.subjects
        if isinstance(result, RecordedDenial):
            raise result.refusal
        if tx.answer_digest != entry.answer_digest and self.erased.from_leaf is None:
            self._checked.found("its answer is not the one that was logged", self._index)
        return Committed(result, LogProof(entry, (), ""), replayed=False)

    # The replay -------------------------------------------------------------------

    def add(self, walked: WalkedEntry) -> None:
        """Replay the next entry of the log."""
        entry = self._entry = walked.entry
        self._index = entry.leaf_index
        # A node's clock may be behind the log's time; the entry's key has the node's.
        self._unit_us = min(entry.time_us, moment_of(entry.entry_key))
        self._clock.time_us = self._unit_us
        self._new_key = count(entry.entry_key + 1).__next__
        self._subjects = {subject_id_of(entry.signer)} - {""}
        if walked.envelope is not None:
            self._replay(walked.envelope)
        elif walked.erased:
            self._replay_erased()
        self._db.execute_many_tuples(
            q.add_statement,
            ("entry_key", "envelope"),
            [(entry.entry_key, walked.envelope.SerializeToString() if walked.envelope else b"")],
        )
        self._batch.append(entry)
        if self._chains_begin <= entry.leaf_index:
            self._events.append(
                NewEvent(entry.leaf_index, leaf_hash(entry.commitment), self._subjects)
            )
        if walked.ends_batch:
            self._end_batch()

    def _end_batch(self) -> None:
        """Give the batch's entries their leaves, as the log does at the end of a batch."""
        self._db.execute_many_tuples(q.add_entry, LoggedEntry._fields, self._batch)
        extend_chains(self._db, self._events)
        self._events.clear()
        newest = self._batch[-1]
        self._db.execute(
            q.move_head, new_size=newest.leaf_index + 1, new_frontier=b"", new_us=newest.time_us
        )
        self._batch.clear()
        self._scratch.flush()

    def _replay(self, envelope: Envelope) -> None:
        """Replay a statement by the newest policy by which it gives what is stored."""
        refusal: Refusal | None = None
        for bureau in self._bureaus:
            refused = self._attempt(bureau, envelope)
            if refused is None and (len(self._bureaus) == 1 or self._tells_alike()):
                self._db.execute_raw("RELEASE SAVEPOINT replay")
                return
            refusal = refusal or refused
            self._db.execute_raw("ROLLBACK TO SAVEPOINT replay")
            self._db.execute_raw("RELEASE SAVEPOINT replay")
        if refusal is not None and refusal.reason == "HOLD" and self.erased.from_leaf is not None:
            # The account that exempts the member from the freeze may be among what was erased.
            refusal = self._attempt(_of_holders(self._bureaus[0]), envelope)
            if refusal is None:
                self._db.execute_raw("RELEASE SAVEPOINT replay")
                self._checked.unproved += 1
                return
            self._db.execute_raw("ROLLBACK TO SAVEPOINT replay")
            self._db.execute_raw("RELEASE SAVEPOINT replay")
        if refusal is None:
            self._attempt(self._bureaus[0], envelope)
            self._db.execute_raw("RELEASE SAVEPOINT replay")
        elif self.erased.from_leaf is not None and self._entry.kind in ON_FILES:
            self._take_over()
        else:
            self._checked.found(f"the bureau would refuse it: {refusal}", self._index)

    def _attempt(self, bureau: Bureau, envelope: Envelope) -> Refusal | None:
        """Replay a statement under a savepoint; return the refusal, if it is refused."""
        self._db.execute_raw("SAVEPOINT replay")
        kind = self._entry.kind
        try:
            REPLAYS[kind](self, bureau, envelope)  # type: ignore[index]
        except Refusal as refused:
            return refused
        except Exception as error:  # noqa: BLE001  (rows that were changed break any code)
            return Refusal("INTERNAL", f"{type(error).__name__}: {error}")
        return None

    def _tells_alike(self) -> bool:
        """Return True if the alerts, the notices and the version of the rules that a statement
        gave are those that are stored.
        """
        key = self._entry.entry_key
        both = self._db, self._stored
        alerts, again = (ALERTS.of_entry(db, key) for db in both)
        made_by, made_again_by = (
            [INQUIRIES.value(row, "rules_version") for row in INQUIRIES.of_entry(db, key)]
            for db in both
        )
        return (alerts, made_by) == (again, made_again_by) and all(
            NOTICES.one(self._stored, NOTICES.key_of(row)) == row
            for row in NOTICES.of_entry(self._db, key)
        )

    def _replay_erased(self) -> None:
        """Take over a statement that was erased, if a signed erasure names it."""
        self.erased.note(self._index)
        self.erased.leaves.add(self._index)
        rest = self._signed.rests.get(self._index)
        if rest is None:
            self._checked.found("it was erased, and no signed erasure names it", self._index)
        if self._entry.kind != "consent-change":
            self._take_over()
            return
        tx = Transaction(self._db, self._unit_us, self._entry.entry_key, self._new_key)
        try:
            change = ConsentChange.FromString(rest or b"")
            consent.apply_change(tx, subject_id_of(self._entry.signer), change)
        except (Refusal, DecodeError, KeyError) as refused:
            self._checked.found(f"what is left of it has no effect: {refused}", self._index)

    def _take_over(self) -> None:
        """Take over the event or the inquiries of an entry as they are stored."""
        key = self._entry.entry_key
        if event := EVENTS.one(self._stored, (key,)):
            self._take_over_event(*event)
        inquiries = [StoredInquiry(*row) for row in self._inquiries_of(self._entry)]
        if self._entry.kind == "portfolio-inquiry":
            tree = ReportTree([inquiry.report_digest or b"" for inquiry in inquiries])
            if tree.answer_digest != self._entry.answer_digest:
                self._checked.found("its reports are not the ones that were logged", self._index)
        for inquiry in inquiries:
            self._take_over_inquiry(inquiry)

    def _take_over_event(
        self,
        key: int,
        subject_id: str,
        kind: int,
        about: str,
        member_id: str,
        time_us: int,
        body: bytes,
    ) -> None:
        """Take over an event, if it may be the entry's, and do what it did."""
        entry = self._entry
        signer = member_signer(member_id) if kind == ANSWER else subject_signer(subject_id)
        if KIND_OF_EVENT.get(kind) != entry.kind or signer != entry.signer:
            self._checked.found("the event under it is not its own", self._index)
            return
        self._checked.unproved += 1
        self._subjects.add(subject_id)
        EVENTS.put(self._db, (key, subject_id, kind, about, member_id, time_us, body))
        tx = Transaction(self._db, self._unit_us, key, self._new_key)
        own_entries.fold(tx, subject_id, SubjectEvent(kind, about, member_id, time_us, body))
        if kind == ANSWER and DisputeAnswer.FromString(body).outcome in DELETING:
            row = own_entries.find_dispute(self._db, about)
            if row is not None:
                dispute.delete_disputed(tx, row)

    def _take_over_inquiry(self, inquiry: StoredInquiry) -> None:
        """Take over an inquiry of a portfolio, and count the use of its consent."""
        consent = load_consent(self._db, inquiry.consent_id)
        signer = member_signer(inquiry.member_id)
        if (
            consent is None
            or signer != self._entry.signer
            or (consent.subject_id, consent.grantee) != (inquiry.subject_id, inquiry.member_id)
        ):
            self._checked.found("an inquiry under it rests on no consent of its own", self._index)
            return
        self._checked.unproved += 1
        self._subjects.add(inquiry.subject_id)
        INQUIRIES.put(self._db, tuple(inquiry))
        self._db.execute(
            q.count_use,
            which=consent.consent_id,
            period=consent.period_at(self._unit_us),
            period_count=consent.uses_in_period(self._unit_us) + 1,
        )

    # Kinds of statements ----------------------------------------------------------

    def caller(self) -> Caller:
        """Return the member that signed the entry, as it was admitted at that time.

        Raises:
            Refusal: SIGNER_MISMATCH if there was no such member.
        """
        return self._member(member_id_of(self._entry.signer))

    def _member(self, member_id: str) -> Caller:
        row = self._db.one(q.member_by_id, member_id=member_id)
        if row is None:
            raise Refusal("SIGNER_MISMATCH", f"no member {member_id} was admitted by then")
        stored = member.StoredMember(*row)
        return Caller(
            stored.member_id,
            CodeSet(stored.roles),
            CodeSet(stored.purposes),
            stored.jurisdiction,
        )

    def admission(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay an admission; the first one is the operator's, by the key that members pin."""
        if self._index:
            member.admit_member(bureau, self.caller(), envelope)
            return
        member.bootstrap_operator(bureau, envelope)
        ((_, _, key, *_),) = MEMBER_KEYS.all(self._db)
        if key != self._operator_key:
            self._checked.found("the operator's first key is not the one that members pin", 0)

    def rotation(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay a rotation."""
        subject.rotate_key(bureau, self._carrier(), envelope)

    def approval(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay the approval of a key."""
        subject.approve_key(bureau, self._carrier(), envelope)

    def repudiation(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay the repudiation of a key, by a subject or by an attester."""
        by_member = member_id_of(self._entry.signer)
        caller = self.caller() if by_member else self._carrier()
        repudiation.repudiate_key(bureau, caller, envelope)

    def _carrier(self) -> Caller:
        """Return the agent that carried a subject's statement about a key, and signed nothing:
        the statement's notice names it.
        """
        subject_id = subject_id_of(self._entry.signer)
        notice = NOTICES.one(self._stored, (subject_id, self._entry.entry_key, 0))
        return self._member(str(NOTICES.value(notice, "member_id")) if notice else "")

    def erasure(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay an erasure: what it names is gone already, its notices are not."""
        caller = self.caller()
        opened = erasure.open_erasure(bureau, caller, envelope)

        def work(tx: Transaction) -> None:
            opened.recheck_key_and_time(tx)
            erasure.record_erasure(tx, caller, opened.message)

        bureau.ledger.commit(opened.signed, work)
        gone = set(self.erased.accounts.values())
        for account in opened.message.accounts:
            if account.tradeline_id not in gone:
                what = f"it names account {account.tradeline_id}, whose records are there"
                self._checked.found(what, self._index)
        for statement in opened.message.statements:
            if statement.leaf_index not in self.erased.leaves:
                what = f"it names entry {statement.leaf_index}, whose statement is there"
                self._checked.found(what, self._index)

    def inquiry(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay an inquiry: its row's inputs must give the report whose digest is in the log.

        Raises:
            Refusal: INTERNAL if they do not; the reasons of `commit_inquiry`.
        """
        entry, asked_by = self._entry, self.caller()
        opened = signed_statement.verify_statement(
            self._db, bureau.origin, envelope, Inquiry, kind="inquiry", signer=asked_by.signer
        )
        inquiry = opened.message
        if inquiry.purpose not in asked_by.purposes:
            raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
        row = self._stored.one(q.inquiry_of_entry, entry_key=entry.entry_key)
        consent = load_consent(self._db, inquiry.consent_id)
        if row is None:
            raise Refusal("INTERNAL", "the inquiry that it made is not there")
        if consent is None:
            raise Refusal("CONSENT_REQUIRED", "no consent has the id that it names")
        stored = StoredInquiry(*row)
        asked = ReportRequest(
            opened.header.request_id,
            opened.signed.digest,
            inquiry.subject_id,
            inquiry.purpose,
            0,  # evidence goes beside a report, not into it
        )
        level = level_of(self._db, asked_by.member_id, bureau.policy, stored.create_us)
        # Another node may have changed the level between the reading and the commit.
        for earned in (level, stored.level):
            report = rebuild_report(
                self._db,
                bureau.origin,
                bureau.policy,
                asked,
                consent,
                stored._replace(level=earned),
            )
            if report.digest == entry.answer_digest:
                break
        query.commit_inquiry(bureau, opened, report, stored.create_us)
        if report.digest != entry.answer_digest and self.erased.from_leaf is not None:
            INQUIRIES.put(self._db, row)

    def denial(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay a denied inquiry: its leaf covers the reason.

        Raises:
            Refusal: INTERNAL if the leaf covers no reason for which an inquiry is denied.
        """
        entry = self._entry
        opened = signed_statement.verify_statement(
            self._db,
            bureau.origin,
            envelope,
            Inquiry,
            kind="inquiry-denial",
            signer=self.caller().signer,
        )
        reasons = [
            reason for reason in query.DENIALS if denial_digest(reason) == entry.answer_digest
        ]
        row = self._stored.one(q.inquiry_of_entry, entry_key=entry.entry_key)
        if not reasons or row is None:
            raise Refusal("INTERNAL", "the inquiry, or the reason of its denial, is not there")

        def work(tx: Transaction) -> None:
            opened.recheck_key_and_time(tx)
            tx.subjects.add(opened.message.subject_id)
            answered_us = StoredInquiry(*row).create_us
            query.record_inquiry(bureau, tx, opened, answered_us, denial_reason=reasons[0])
            tx.answer_digest = entry.answer_digest

        bureau.ledger.commit(opened.signed, work)

    def replayed_report(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay the replay of a report: its leaf covers the report of the inquiry's leaf.

        Raises:
            Refusal: The reasons of `find_inquiry` and `commit_replay`.
        """
        caller = self.caller()
        opened = replay.verify_replay(self._db, bureau, caller, envelope)
        inquiry = replay.find_inquiry(self._db, caller, opened.message)
        replay.commit_replay(bureau, opened, inquiry, inquiry.report_digest or b"")

    def portfolio(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay an inquiry for a portfolio: the inputs of its rows must give the reports whose
        root is in the log.

        Raises:
            Refusal: INTERNAL if they do not; WRONG_STATE after an erasure; the reasons of
                `open_portfolio`.
        """
        entry, asked_by = self._entry, self.caller()
        opened = portfolio.open_portfolio(bureau, asked_by, envelope)
        rows = [StoredInquiry(*row) for row in self._inquiries_of(entry)]
        if self.erased.from_leaf is not None:
            raise Refusal("WRONG_STATE", "accounts of the member's customers were erased")
        inquiries: list[StoredInquiry] = []
        for row in rows:
            consent = load_consent(self._db, row.consent_id)
            if consent is None:
                raise Refusal("CONSENT_REQUIRED", "no consent has the id that an inquiry names")
            level = level_of(self._db, asked_by.member_id, bureau.policy, row.create_us)
            for earned in dict.fromkeys((level, row.level)):
                as_of = portfolio.AsOf(row.create_us, row.log_size, earned, row.rules_version)
                inquiry = portfolio.build_inquiry(self._db, bureau, opened, consent, as_of)
                if inquiry.report_digest == row.report_digest:
                    break
            inquiries.append(inquiry)
        portfolio.commit_portfolio(bureau, asked_by, opened, inquiries)

    def _inquiries_of(self, entry: LoggedEntry) -> list[q.InquiryColumns]:
        """Read the inquiries of an entry, in their order."""
        return self._stored.all(
            q.inquiries_of_entry, entry_key=entry.entry_key, after=0, limit=1 << 31
        )

    def submission(self, bureau: Bureau, envelope: Envelope) -> None:
        """Replay a submission; of one that is not whole, the records that are there.

        Raises:
            Refusal: ROOT_MISMATCH if neither its records nor their hashes are those that
                were signed.
        """
        caller, entry = self.caller(), self._entry
        opened = signed_statement.verify_statement(
            self._db,
            bureau.origin,
            envelope,
            SubmissionManifest,
            kind="submission",
            signer=caller.signer,
        )
        stored = StoredSubmission.read(self._stored, entry.entry_key)
        self._checked.records += len(stored.records)
        if batch := stored.batch(opened.message):
            # The rules of records hold at the entrance: later rules do not judge what is stored.
            signed = submit.open_batch(bureau, caller, envelope, batch)
            submit.commit_records(
                bureau, caller.member_id, signed.opened, signed.tiles, signed.lines
            )
            return
        tiles = stored.tiles(opened.message)
        if tiles is None:
            message = "neither its records nor their hashes are those that were signed"
            raise Refusal("ROOT_MISMATCH", message)
        for breach in stored.breaches(tiles):
            self._checked.found(breach, self._index)
        correction = opened.message.kind == record_pb2.SUBMISSION_KIND_CORRECTION
        sound = stored.sound(tiles)
        lines = [
            BatchRecord.of(
                record.record_index, Record.FromString(record.body), record.body, correction
            )
            for record in sound
        ]
        keys = dict.fromkeys(record.tradeline_key for record in sound)
        new = [key for key in keys if ACCOUNTS.one(self._db, (key,)) is None]
        self._new_key = iter(new).__next__
        submit.commit_records(bureau, caller.member_id, opened, tiles, lines)
        self._take_over_erased(stored, caller.member_id)

    def _take_over_erased(self, stored: StoredSubmission, member_id: str) -> None:
        """Take over the places of erased records, and count them by account."""
        for record in stored.erased():
            self.erased.note(self._index)
            self.erased.furnishers.add(member_id)
            self._note_account(record)
            self._checked.unproved += 1
            RECORDS.put(self._db, (self._entry.entry_key, *record))
            counted = ERASURES.one(self._db, (record.tradeline_key,))
            ERASURES.put(self._db, (record.tradeline_key, (counted[1] if counted else 0) + 1, 0))
        row = SUBMISSIONS.one(self._stored, (self._entry.entry_key,))
        if row and stored.erased():
            # The accounts that it opened may be among the erased ones.
            self._db.execute(
                checks.set_new_count,
                which=self._entry.entry_key,
                new_count=SUBMISSIONS.value(row, "new_tradeline_count"),
            )

    def _note_account(self, record: StoredRecord) -> None:
        """Note an account by the first of its erased records, which opened it."""
        if record.tradeline_key in self.erased.accounts:
            return
        opened = tradeline_id(self._entry.digest, record.record_index)
        self.erased.accounts[record.tradeline_key] = opened
        if opened not in self._signed.accounts:
            what = f"account {opened} was erased, and no signed erasure names it"
            self._checked.found(what, self._index)


def _of_holders(bureau: Bureau) -> Bureau:
    """Return a bureau in which a freeze takes every member for the holder of an account."""
    policy = replace(bureau.policy, freeze=bureau.policy.freeze.of_holders())
    return replace(bureau, policy=policy)


Replay: TypeAlias = Callable[[LogReplay, Bureau, Envelope], object]


def _by_member(journey: Callable[[Bureau, Caller, Envelope], object]) -> Replay:
    """Return the replay of a statement that a member signed."""
    return lambda replay, bureau, envelope: journey(bureau, replay.caller(), envelope)


def _by_subject(journey: Callable[[Bureau, Envelope], object]) -> Replay:
    """Return the replay of a statement that a subject signed."""
    return lambda _, bureau, envelope: journey(bureau, envelope)


REPLAYS: dict[EntryKind, Replay] = {
    "admission": LogReplay.admission,
    "attestation": _by_member(subject.attest_key),
    "consent": _by_subject(consent.commit_grant),
    "consent-change": _by_subject(consent.commit_change),
    "credential": _by_member(member.change_credential),
    "decision": _by_member(decision.record_decision),
    "dispute": _by_subject(dispute.open_dispute),
    "dispute-addition": _by_subject(dispute.add_to_dispute),
    "dispute-answer": _by_member(dispute.answer_dispute),
    "erasure": LogReplay.erasure,
    "evaluation": _by_member(directory.evaluate),
    "hold": _by_subject(hold.place_hold),
    "hold-lift": _by_subject(hold.lift_hold),
    "inquiry": LogReplay.inquiry,
    "inquiry-denial": LogReplay.denial,
    "key-approval": LogReplay.approval,
    "key-repudiation": LogReplay.repudiation,
    "key-rotation": LogReplay.rotation,
    "member-change": _by_member(member.change_member),
    "member-state": _by_member(member.set_member_state),
    "portfolio-inquiry": LogReplay.portfolio,
    "replay": LogReplay.replayed_report,
    "standard": _by_member(standard.publish),
    "submission": LogReplay.submission,
    "subject-statement": _by_subject(dispute.set_statement),
}
