"""Read what inquiries ask for, as they wait together: each step for all of them.

A step costs less in a row than between the steps of one inquiry after another
(docs/performance.md), and what several of them need is read by one query. An inquiry that waits
alone is read in the same way. What befalls one of them befalls no other: one that is refused goes
no further, and one that would keep the others waiting is left to the thread of its own call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from bureau import signed_statement, tracing
from bureau.call_batches import WaitingCall
from bureau.context import Bureau, Caller
from bureau.credit_file.build_report import (
    BuiltReport,
    check_size,
    finish,
    named_consents,
    shape,
)
from bureau.credit_file.consent_proof import prove_consents
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.reader import tradeline_rows
from bureau.credit_file.report_inputs import Asked, read_inputs
from bureau.credit_file.report_rules import (
    ReportInputs,
    ReportRequest,
    ReportRules,
    ShapedReport,
)
from bureau.credit_file.report_versions import current_rules
from bureau.errors import Refusal
from bureau.ledger.units import Unit
from bureau.signed_statement import VerifiedStatement
from bureau.store import queries as q
from bureau.store.database import Connection
from bureau.store.errors import StorageError
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_ALL, ConsentProof, Inquiry

A = TypeVar("A")
B = TypeVar("B")

# Bytes of the histories and trails of accounts that are read together: of one person some forty
# accounts of two years, of all some fifty people with three of them. What is more is read by
# itself, beside the others.
LARGE_FILE_BYTES, TOGETHER_BYTES = 32 * 1024, 128 * 1024


@dataclass(slots=True, eq=False)
class OpenInquiry(WaitingCall):
    """An inquiry, and what was read for it so far.

    Attributes:
        first_step: First step of the page of evidence; 0 for the report.
        error: The reason for which it goes no further.
        set_aside: True if it is left to the thread of its own call.
        opened: The verified statement.
        request: What it asks for.
        report: The report; None without a consent of this subject for this member.
        consent: The proof of the consent.
        unit: Its unit of work in the writer's queue.
    """

    caller: Caller
    envelope: Envelope
    first_step: int
    error: Exception | None = None
    set_aside: bool = False
    opened: VerifiedStatement[Inquiry] | None = None
    request: ReportRequest | None = None
    report: BuiltReport | None = None
    consent: ConsentProof | None = None
    unit: Unit[None] | None = None

    @property
    def goes_on(self) -> bool:
        """True unless it was refused, or is left to its own call."""
        return self.error is None and not self.set_aside


def read_inquiries(
    bureau: Bureau, inquiries: Sequence[OpenInquiry], now_us: int, *, alone: bool
) -> None:
    """Read inquiries from one snapshot.

    An inquiry that is refused gets its `error`: the refusals of `verify_statement`; CLOCK_SKEW,
    EXPIRED_REQUEST, PURPOSE_NOT_PERMITTED, QUOTA_EXCEEDED, BAD_PAGE_TOKEN, LIMIT_REACHED.

    Args:
        alone: The inquiry keeps no other waiting: it is not set aside.
    """
    try:
        with bureau.database.snapshot() as db:
            reading = _Reading(bureau, db, now_us, current_rules(bureau.policy), alone)
            # 1. Open and verify.
            verified = _each([(one, one.envelope) for one in inquiries], reading.verify)
            # 2. Find the consents. Without one of this subject for this member no credit file is
            #    read.
            asked = reading.under_consents([each for each in verified if not each[0].first_step])
            # 3. Read the inputs of the reports, as of the log's size.
            inputs = reading.inputs_of(asked)
            # 4. Build the reports.
            shaped = _each(inputs, reading.shape)
            built = _each(shaped, reading.finish)
            # 5. Prove the consents.
            reading.prove([(one, own.consent) for one, own in built])
    except Exception as error:  # noqa: BLE001  (each call raises it again)
        for inquiry in inquiries:
            if inquiry.goes_on and alone:
                inquiry.error = error
            elif inquiry.goes_on:
                inquiry.set_aside = True  # it may be another's fault


@dataclass(frozen=True, slots=True)
class _Reading:
    """The steps of a reading.

    Attributes:
        db: The snapshot.
        now_us: The time as of which it reads, microseconds since 1970.
    """

    bureau: Bureau
    db: Connection
    now_us: int
    rules: ReportRules
    alone: bool

    def verify(self, one: OpenInquiry, envelope: Envelope) -> ReportRequest:
        """Open an inquiry and verify it."""
        opened = one.opened = signed_statement.verify_statement(
            self.db,
            self.bureau.origin,
            envelope,
            Inquiry,
            kind="inquiry",
            signer=one.caller.signer,
        )
        signed_statement.check_fresh_or_accepted(self.db, opened, self.now_us)
        if opened.message.purpose not in one.caller.purposes:
            raise Refusal("PURPOSE_NOT_PERMITTED", "the member is not admitted for this purpose")
        self.bureau.misses.check(one.caller.member_id, self.now_us)
        one.request = ReportRequest(
            opened.header.request_id,
            opened.signed.digest,
            opened.message.subject_id,
            opened.message.purpose,
            opened.message.evidence,
            one.first_step,
        )
        if one.request.evidence == EVIDENCE_LEVEL_ALL and not (self.alone or one.first_step):
            one.set_aside = True
        return one.request

    def under_consents(
        self, requested: Sequence[tuple[OpenInquiry, ReportRequest]]
    ) -> list[tuple[OpenInquiry, Asked]]:
        """Return the inquiries that name a consent of their subject for their member."""
        consent_ids = [one.opened.message.consent_id for one, _ in requested if one.opened]
        with _step("consent", requested):
            named = named_consents(self.db, consent_ids)
        return [
            (one, Asked(request, consent))
            for (one, request), consent in zip(requested, named, strict=True)
            if consent
            and consent.grantee == one.caller.member_id
            and consent.subject_id == request.subject_id
        ]

    def inputs_of(
        self, asked: Sequence[tuple[OpenInquiry, Asked]]
    ) -> list[tuple[OpenInquiry, ReportInputs]]:
        """Read the inputs of reports; set aside what is too large to be read together."""
        with _step("read", asked):
            rows = tradeline_rows(self.db, {each.request.subject_id for _, each in asked})
            total = 0
            for one, each in asked:
                size = _size_of(rows[each.request.subject_id])
                fits = size <= LARGE_FILE_BYTES and total + size <= TOGETHER_BYTES
                one.set_aside = not (fits or self.alone)
                total += size * fits
            going = [(one, each) for one, each in asked if one.goes_on]
            inputs = read_inputs(
                self.db,
                self.bureau.origin,
                self.bureau.policy,
                [each for _, each in going],
                {each.request.subject_id: rows[each.request.subject_id] for _, each in going},
                self.now_us,
            )
        return [(one, own) for (one, _), own in zip(going, inputs, strict=True)]

    def shape(self, _: OpenInquiry, inputs: ReportInputs) -> tuple[ReportInputs, ShapedReport]:
        """Shape a report."""
        return inputs, shape(inputs, self.rules)

    def finish(self, one: OpenInquiry, shaped: tuple[ReportInputs, ShapedReport]) -> ReportInputs:
        """Make a report's bytes, and read its evidence."""
        one.report = finish(self.db, *shaped, self.rules)
        check_size(one.report.payload)
        return shaped[0]

    def prove(self, built: Sequence[tuple[OpenInquiry, HeldConsent]]) -> None:
        """Read the proofs of consents."""
        proofs = prove_consents(self.db, [consent for _, consent in built])
        for one, consent in built:
            one.consent = proofs[consent.consent_id]


def _each(
    stage: Sequence[tuple[OpenInquiry, A]], step: Callable[[OpenInquiry, A], B]
) -> list[tuple[OpenInquiry, B]]:
    """Take a step for each inquiry, in the context of its call; return those that go on, with what
    the step returned.
    """
    results = []
    for inquiry, value in stage:
        try:
            result = inquiry.context.run(step, inquiry, value)
        except StorageError:
            raise
        except Refusal as refusal:
            # Without the frames of this thread, which refer to the inquiry and to its call.
            refusal.__cause__ = refusal.__context__ = None
            inquiry.error = refusal.with_traceback(None)
        except Exception as error:  # noqa: BLE001  (its call raises it again)
            inquiry.error = error
        else:
            if inquiry.goes_on:
                results.append((inquiry, result))
    return results


def _step(name: str, stage: Sequence[tuple[OpenInquiry, A]]) -> AbstractContextManager[object]:
    """Record a step that is taken for all inquiries at once."""
    return tracing.steps([inquiry.context.run(tracing.current) for inquiry, _ in stage], name)


def _size_of(rows: Sequence[q.TradelineAndRecord]) -> int:
    return sum(len(row.history) + len(row.trail) for row in rows)
