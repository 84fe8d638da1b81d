"""Commit inquiries under the locks of their consents: each step for all that wait together.

Here everything is checked again that the subject decides. Inquiries about different people change
no row in common, so a statement of the database reads or writes for all of them; a second inquiry
about a person is committed after the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from bureau import tracing
from bureau.context import Bureau
from bureau.credit_file.build_report import BuiltReport, named_consent
from bureau.credit_file.consent_events import count_each_use
from bureau.credit_file.consent_state import HeldConsent, check_inquiry
from bureau.credit_file.freeze import check_freeze, people_on_hold
from bureau.credit_file.report_versions import current_rules
from bureau.errors import Refusal
from bureau.journeys.monitoring import alert_each_inquiry
from bureau.ledger.units import Committed, JointWork, RecordedDenial, Transaction
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.consent_history import REPLACED
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import report_pb2
from creditbureau.v1.reporting_pb2 import Inquiry


class ConsentChanged(Refusal):
    """The consent was granted or replaced between the reading of the file and the commit."""

    def __init__(self, how: str) -> None:
        super().__init__("CONFLICT", f"the consent {how}: send the request again")


@dataclass(frozen=True, slots=True, eq=False)
class InquiryWork(JointWork[None]):
    """The unit of work of an inquiry: it runs under its consent's lock.

    It is refused with CONFLICT if the consent of the arrangement that the inquiry names was
    granted or replaced meanwhile, and denied with the consent's reasons and HOLD.

    Attributes:
        report: The report; None without a consent of this subject for this member.
        now_us: The time as of which the report was built.
    """

    bureau: Bureau
    opened: VerifiedStatement[Inquiry]
    report: BuiltReport | None
    now_us: int

    @property
    def about(self) -> str:
        """The subject: what an inquiry changes concerns no other."""
        return self.opened.message.subject_id

    @classmethod
    def do_together(
        cls, works: Sequence[Self], txs: Sequence[Transaction]
    ) -> list[RecordedDenial | Refusal | None]:
        """Commit inquiries about different people: see `JointWork`."""
        bureau, db, now_us = works[0].bureau, txs[0].db, txs[0].now_us
        inquiries = [_LockedInquiry(work, tx) for work, tx in zip(works, txs, strict=True)]
        # 1. The keys and the clock.
        fresh = _each(inquiries, _LockedInquiry.recheck)
        # 2. The consents under their locks: from here on no other node changes them.
        with tracing.steps([one.tx.span for one in fresh], "consent"):
            locked = _lock_consents(db, fresh)
        # 3. The consents allow it, and no freeze stops it.
        covered = _each(locked, _LockedInquiry.check_consent, RecordedDenial)
        people = sorted(one.work.about for one in covered)
        db.lock_in(q.share_subjects, people)
        on_hold = people_on_hold(db, people, now_us)
        held_up = [one for one in covered if one.work.about in on_hold]
        _each(held_up, _LockedInquiry.check_freeze, RecordedDenial)
        # 4. The reports keep to these consents.
        answered = _each([one for one in covered if not one.outcome], _LockedInquiry.check_report)
        # 5. The uses and the inquiries, those that are denied, too.
        count_each_use([(one.tx, one.consent) for one in answered if one.consent])
        logged = [one for one in inquiries if not isinstance(one.outcome, Refusal)]
        db.execute_many(q.add_inquiry, [one.row() for one in logged])
        hard = [one for one in answered if one.message.purpose in bureau.policy.hard_purposes]
        alert_each_inquiry([(one.tx, one.work.about, one.member_id) for one in hard], bureau.policy)
        return [one.outcome for one in inquiries]


def commit_inquiry(
    bureau: Bureau, opened: VerifiedStatement[Inquiry], report: BuiltReport, now_us: int
) -> Committed[None]:
    """Commit an inquiry under its consent's lock.

    Raises:
        Refusal: The reasons of `InquiryWork` and of the ledger.
    """
    return bureau.ledger.commit(opened.signed, InquiryWork(bureau, opened, report, now_us))


def inquiry_row(
    bureau: Bureau,
    tx: Transaction,
    opened: VerifiedStatement[Inquiry],
    now_us: int,
    *,
    consent_id: str = "",
    report: BuiltReport | None = None,
    denial_reason: str = "",
) -> dict[str, object]:
    """Return the row of an inquiry, by which the subject sees it.

    Args:
        now_us: The time as of which it was answered.
        consent_id: The consent that the inquiry names; empty for the id in the statement.
        report: The report; None for a denied inquiry.
        denial_reason: Why it was denied; empty with a report.
    """
    inquiry = opened.message
    hard = inquiry.purpose in bureau.policy.hard_purposes
    return {
        "subject_id": inquiry.subject_id,
        "member_id": member_id_of(opened.header.signer),
        "inquiry_id": opened.signed.request_id,
        "consent_id": consent_id or inquiry.consent_id,
        "purpose": inquiry.purpose,
        "kind": report_pb2.INQUIRY_KIND_HARD if hard else report_pb2.INQUIRY_KIND_SOFT,
        "outcome": report.inquiry_outcome if report else report_pb2.INQUIRY_OUTCOME_DENIED,
        "denial_reason": denial_reason,
        "create_us": now_us,
        "entry_key": tx.entry_key,
        "log_size": report.log_size if report else -1,
        "rules_version": report.rules_version if report else current_rules(bureau.policy).name,
        "level": report.level if report else 0,
        "report_digest": report.digest if report else None,
    }


@dataclass(slots=True, eq=False)
class _LockedInquiry:
    """An inquiry in the writer's transaction, and what came of it so far.

    Attributes:
        consent_id: The consent that it names, by its own id or by that of its arrangement.
        consent: That consent, locked; None if there is none.
        outcome: Why it goes no further.
    """

    work: InquiryWork
    tx: Transaction
    consent_id: str = ""
    consent: HeldConsent | None = None
    outcome: Refusal | RecordedDenial | None = None

    @property
    def message(self) -> Inquiry:
        """The signed inquiry."""
        return self.work.opened.message

    @property
    def member_id(self) -> str:
        """The member that inquires."""
        return member_id_of(self.work.opened.header.signer)

    def recheck(self) -> None:
        """Check the key that signed it, and its time."""
        self.work.opened.recheck_key_and_time(self.tx)
        self.tx.subjects.add(self.work.about)

    def check_consent(self) -> None:
        """Check that its consent allows it."""
        about, purpose = self.work.about, self.message.purpose
        check_inquiry(self.consent, self.member_id, about, purpose, self.tx.now_us)

    def check_freeze(self) -> None:
        """Check that no freeze stops it."""
        check_freeze(
            self.tx.db,
            self.work.bureau.policy,
            self.work.about,
            self.member_id,
            self.message.purpose,
            self.tx.now_us,
            lock=True,
        )

    def check_report(self) -> None:
        """Check that its report keeps to its consent; the leaf covers the report."""
        report = self.work.report
        if report is None or report.consent_id != self.consent_id:
            raise ConsentChanged("was granted meanwhile")
        self.tx.answer_digest = report.digest

    def row(self) -> dict[str, object]:
        """Return its row."""
        denial = self.outcome.refusal if isinstance(self.outcome, RecordedDenial) else None
        work = self.work
        return inquiry_row(
            work.bureau,
            self.tx,
            work.opened,
            work.now_us,
            consent_id=self.consent_id,
            report=None if denial else work.report,
            denial_reason=denial.reason if denial else "",
        )


def _each(
    inquiries: Sequence[_LockedInquiry],
    step: Callable[[_LockedInquiry], None],
    outcome: Callable[[Refusal], Refusal | RecordedDenial] = lambda refusal: refusal,
) -> list[_LockedInquiry]:
    """Take a step for each inquiry; return those that go on.

    Args:
        outcome: Makes the outcome of an inquiry from the step's refusal.
    """
    going = []
    for inquiry in inquiries:
        try:
            step(inquiry)
        except Refusal as refusal:
            # Without the frames of this thread, which refer to the inquiry.
            inquiry.outcome = outcome(refusal.with_traceback(None))
        else:
            going.append(inquiry)
    return going


def _lock_consents(db: Connection, inquiries: Sequence[_LockedInquiry]) -> list[_LockedInquiry]:
    """Lock the consents that inquiries name; return the inquiries but those whose consent is
    replaced at this moment.
    """
    reports = [one.work.report for one in inquiries if one.work.report]
    rows = db.all_in(q.lock_consents, sorted({report.consent_id for report in reports}))
    locked = {row[0]: HeldConsent(*row) for row in rows}

    def take(one: _LockedInquiry) -> None:
        consent = locked.get(one.work.report.consent_id) if one.work.report else None
        if consent and consent.state != REPLACED:
            # Not replaced since the report was built: then the name still leads to it.
            one.consent_id, one.consent = consent.consent_id, consent
            return
        named_id = one.message.consent_id
        named = named_consent(db, named_id)
        one.consent_id = named.consent_id if named else named_id
        row = db.one(q.lock_consent, consent_id=one.consent_id)
        one.consent = HeldConsent(*row) if row else None
        if one.consent and one.consent.state == REPLACED and one.consent_id != named_id:
            raise ConsentChanged("is being replaced")

    return _each(inquiries, take)
