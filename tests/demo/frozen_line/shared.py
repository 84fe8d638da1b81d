"""The second act: the same months with the shared bureau, through the SDK alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bureau_client import (
    AlertKind,
    Decision,
    DisputeOutcome,
    DisputeReason,
    FacilityActionKind,
    FlagKind,
    Purpose,
    RecordRef,
    Report,
    SubmissionKind,
    Tradeline,
)
from bureau_client.agent.actions import ActionTerms
from bureau_client.agent.line_agent import LineAgent
from bureau_client.models.lines import Line
from bureau_client.models.records import Snapshot
from bureau_client.models.reports import Dispute
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.inputs import inputs_document
from bureau_client.risk.policy import load_policy
from tests.demo.frozen_line import story
from tests.demo.frozen_line.cast import Cast
from tests.demo.frozen_line.records import CARD_REF, FEBRUARY, JANUARY, MARCH, card, cash, loan
from tests.demo.frozen_line.timeline import Act, Telling
from tests.demo.frozen_line.words import action_words, decision_words, outcome_words, reason_words

FOLDER = Path(__file__).parent
APPEAL_ROUTE = "appeals@meridian.example"


def policies() -> tuple[ActivePolicy, ActivePolicy]:
    """Activate the policy for applications, common to all lenders, and that for lines."""
    application = activate(load_policy(FOLDER / "application.json"))
    return application, activate(load_policy(FOLDER / "line.json"))


def line_agent(cast: Cast, policy: ActivePolicy, state_file: Path) -> LineAgent:
    """Return the agent of Cards, which knows one line."""
    line = Line(
        subject_id=cast.wallet.subject_id,
        account_ref=CARD_REF,
        consent_id=cast.reviewing.consent_id,
    )
    return LineAgent(
        cast.lenders[story.CARDS],
        policy,
        lambda subject_id: [line] if subject_id == line.subject_id else [],
        state_file,
        ActionTerms(appeal_route=APPEAL_ROUTE),
        clock=cast.bureau.now,
    )


@dataclass(slots=True)
class Story:
    """The second act while it goes on.

    Attributes:
        agent: The agent of Cards, which reviews the line on each alert.
        policy: The policy for applications.
        line_policy: The policy that the agent applies.
        inputs: Inputs of each decision beside the report, by inquiry id: for the auditor.
    """

    cast: Cast
    agent: LineAgent
    policy: ActivePolicy
    line_policy: ActivePolicy
    inputs: dict[str, bytes] = field(default_factory=dict)
    telling: Telling = field(init=False)

    def __post_init__(self) -> None:
        self.telling = Telling("shared", self._exposure)

    def act(self) -> Act:
        """Tell the story from its first day to its last."""
        self._begin()
        self._furnish_late()
        self._freeze()
        self._decline()
        dispute = self._read_and_dispute()
        self._correct(dispute)
        self._restore()
        self._lend_within_the_cap()
        return self.telling.act()

    def _begin(self) -> None:
        """1. The same lines as in the first act; consents, and a standard for all lenders."""
        self._submit(story.CARDS, card(self._subject_id, JANUARY))
        self._submit(story.CASH, cash(self._subject_id, JANUARY))
        day = story.BEGIN.date()
        self.telling.tell(
            day,
            story.PERSON,
            "begin",
            card=story.CARD_LIMIT,
            card_owed=story.CARD_BALANCE,
            cash=story.CASH_LIMIT,
            cash_owed=story.CASH_BALANCE,
        )
        self.telling.tell(day, story.PERSON, "consents", "good")
        self.telling.tell(day, story.BUREAU, "standard", cap=story.CAP)

    def _furnish_late(self) -> None:
        """2. A payment is booked to somebody else's account, as in the first act."""
        self._move_to(story.LATE)
        for month, days in ((FEBRUARY, 30), (MARCH, 60)):
            self._submit(story.CARDS, card(self._subject_id, month))
            self._submit(story.CASH, cash(self._subject_id, month, days))
        self.telling.tell(story.LATE.date(), story.CASH, "furnished", "bad", paid=story.PAID)

    def _freeze(self) -> None:
        """3. The agent of Cards freezes the line, with its reasons; the divergence is flagged."""
        self._move_to(story.FROZEN)
        self._review(FacilityActionKind.FREEZE)
        day = story.FROZEN.date()
        (action,) = self._line(story.CARDS).actions
        details = action_words(action)
        self.telling.tell(day, story.CARDS, "agent_freezes", "plain", details=details)
        alert = next(
            alert
            for alert in self.cast.lenders[story.CASH].alerts()
            if alert.kind is AlertKind.GROUP_DIVERGENCE
        )
        self.telling.tell(
            day, story.BUREAU, "divergence", "bad", details=[lambda tag: alert.texts[tag]]
        )

    def _decline(self) -> None:
        """4. Under the common standard the other lenders do not lend on half of the picture."""
        for moment, member_id, asked, key in (
            (story.ASKED, story.CASH, story.CASH_REQUEST, "cash_declines"),
            (story.ASKED_ELSEWHERE, story.HARBOUR, story.HARBOUR_REQUEST, "harbour_declines"),
        ):
            self._move_to(moment)
            decision, report = self._apply(member_id, asked)
            assert FlagKind.GROUP_DIVERGENCE in {flag.kind for flag in report.flags}
            self.telling.tell(
                moment.date(),
                member_id,
                key,
                asked=asked,
                outcome=outcome_words(decision),
                details=reason_words(decision, self.policy.policy, report),
            )

    def _read_and_dispute(self) -> Dispute:
        """5. The person reads who decided what, and disputes the record that it rests on."""
        self._move_to(story.DISPUTED)
        day, wallet = story.DISPUTED.date(), self.cast.wallet
        details = [decision_words(recorded) for recorded in reversed(wallet.decisions())]
        self.telling.tell(day, story.PERSON, "reads", "good", details=details)
        dispute = wallet.dispute(
            self._line(story.CASH).tradeline_id,
            field="status",
            reason=DisputeReason.WRONG_STATUS,
            month=MARCH,
            narrative=f"I paid on {story.PAID}. The receipt is attached at the branch.",
        )
        assert dispute.due_time is not None, "a dispute has a deadline"
        self.telling.tell(
            day,
            story.PERSON,
            "disputes",
            month=str(MARCH),
            paid=story.PAID,
            due=dispute.due_time.date(),
        )
        return dispute

    def _correct(self, dispute: Dispute) -> None:
        """6. The furnisher corrects both months, and answers."""
        self._move_to(story.CORRECTED)
        furnisher = self.cast.lenders[story.CASH]
        right = [cash(self._subject_id, month) for month in (FEBRUARY, MARCH)]
        (correction,) = furnisher.submit(right, kind=SubmissionKind.CORRECTION).submissions
        answered = furnisher.answer_dispute(
            dispute.dispute_id,
            DisputeOutcome.MODIFIED,
            narrative="Your payment was booked to another account. We are sorry.",
            correction=RecordRef(correction.submission_id, 1),
        )
        outcome = answered.outcome.text_in
        self.telling.tell(story.CORRECTED.date(), story.CASH, "corrects", "good", outcome=outcome)

    def _restore(self) -> None:
        """7. The agent of Cards restores the line."""
        self._review(FacilityActionKind.RESTORE)
        newest, *_ = self._line(story.CARDS).actions
        self.telling.tell(
            story.CORRECTED.date(),
            story.CARDS,
            "agent_restores",
            "good",
            details=action_words(newest),
        )

    def _lend_within_the_cap(self) -> None:
        """8. The third lender lends, up to the common cap, and reports it."""
        self._move_to(story.ASKED_AGAIN)
        decision, report = self._apply(story.HARBOUR, story.HARBOUR_REQUEST)
        assert decision.limit is not None, "an offer has a limit"
        self.telling.tell(
            story.ASKED_AGAIN.date(),
            story.HARBOUR,
            "harbour_offers",
            "good",
            asked=story.HARBOUR_REQUEST,
            lent=decision.limit,
            outcome=outcome_words(decision),
            details=reason_words(decision, self.policy.policy, report),
        )
        self._move_to(story.CHECKED)
        self._submit(story.HARBOUR, loan(self._subject_id, decision.limit))
        self.telling.tell(
            story.CHECKED.date(),
            story.PERSON,
            "shared_end",
            "good",
            days=str((story.CORRECTED - story.FROZEN).days),
            owed=self._exposure(),
            cap=story.CAP,
        )

    def _apply(self, member_id: str, asked_minor: int) -> tuple[Decision, Report]:
        """Apply to a lender: it inquires, decides under the policy, and records the decision."""
        lender, consent = self.cast.lenders[member_id], self.cast.applying(member_id)
        report = lender.query(
            self._subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
        )
        inputs = inputs_document({"requested_limit": asked_minor})
        decision = self.policy.decide(report, inputs)
        lender.record_decision(decision)
        self.inputs[report.request_id] = inputs
        return decision, report

    def _review(self, kind: FacilityActionKind) -> None:
        """Let the agent of Cards follow its alerts until it has acted on the line."""
        alerts = self.cast.lenders[story.CARDS].alerts()
        for review in self.agent.run(alerts):
            (line,) = review.lines
            self.inputs[review.inquiry_id] = inputs_document(line.inputs)
            if line.action is kind:
                return

    def _line(self, member_id: str) -> Tradeline:
        """Return a lender's line, as the person sees it in the signed file."""
        (line,) = (
            line for line in self.cast.wallet.file().tradelines if line.member_id == member_id
        )
        return line

    def _exposure(self) -> int:
        """Return what the person owes to all lenders, by the signed file."""
        return sum(line.balance_minor or 0 for line in self.cast.wallet.file().tradelines)

    def _submit(self, member_id: str, snapshot: Snapshot) -> None:
        self.cast.lenders[member_id].submit([snapshot])

    def _move_to(self, moment: datetime) -> None:
        self.cast.bureau.move_to(moment)

    @property
    def _subject_id(self) -> str:
        return self.cast.wallet.subject_id
