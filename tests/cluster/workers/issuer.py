"""An issuer of cards: it furnishes one for each person, and its line agent reviews them on alerts.

The agent is the SDK's own, and the fault `kill-agent` kills this process: the next one continues
with the same state file.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from bureau_client import (
    AccountStatus,
    Action,
    Alert,
    BureauError,
    ConsentState,
    DeadlineExceeded,
    Decision,
    Lender,
    Month,
    Outcome,
    Party,
    PortfolioType,
    Receipt,
    Report,
    Snapshot,
    SubmitResult,
)
from bureau_client.agent.actions import ActionTerms
from bureau_client.agent.line_agent import LineAgent
from bureau_client.agent.reviews import LineReview, Review
from bureau_client.models.lines import Line
from bureau_client.models.many import Inquiry
from bureau_client.models.records import Record
from tests.cluster import history
from tests.cluster.history import Operation, now_ns
from tests.cluster.workers.agent_journal import AgentJournal
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.card_policy import card_policy
from tests.cluster.workers.journal import Why, why
from tests.cluster.workers.people import PEOPLE_OF_AN_AGENT, QUIET_PEOPLE
from tests.cluster.workers.receipts import particulars_of_report, receipt_of_submission
from tests.cluster.workers.watcher import LAST_STREAMS, LISTEN, note_alert

STATE = "agent.sqlite"
TERMS = ActionTerms(appeal_route="appeals@issuer.example", review_days=30)
PAUSE_S = 0.5
MAX_CONSENTS = 300


def run(base: WorkerBase) -> None:
    """Reviews until the run is over and nothing more comes; settles what is unknown."""
    worker = Issuer(base)
    base.started()
    empty = 0
    while empty < LAST_STREAMS:
        is_over = base.over
        empty = empty + 1 if worker.hears_nothing() and is_over else 0
    worker.journal.close()


class Issuer:
    """The issuer at work, in one of its processes."""

    def __init__(self, base: WorkerBase) -> None:
        self.base = base
        sent = history.sent_path_of(base.folder, base.name)
        self.journal = AgentJournal(base.name, base.journal.history, sent=sent)
        self._lender = AgentLender(base, self.journal)
        self._listener = Lender(base.profile(), policy=LISTEN)
        agents = len(base.topology.of_kind("agent"))
        self._customers = agents * (PEOPLE_OF_AN_AGENT - QUIET_PEOPLE)
        self._cards: set[str] = set()
        self.journal.recover(history.path_of(base.folder, base.name), self._lender)

    def hears_nothing(self) -> bool:
        """Let the agent follow one stream of alerts; return True if it ends without any."""
        begin, heard, failed = now_ns(), list[Alert](), Why()
        try:
            self._open_cards()
            state = self.base.folder / STATE
            with LineAgent(self._lender, card_policy(), self._lines, state, TERMS) as agent:
                for review in agent.run(self._alerts(begin, heard)):
                    self._note(review)
        except BureauError as error:
            failed = why(error)
            time.sleep(PAUSE_S)
        outcome = history.Outcome.FAILED if failed else history.Outcome.OK
        about = {"stream": begin, "alerts": len(heard)}
        operation = Operation(
            self.base.name, "watch", "", outcome, begin, now_ns(), about=about, **failed
        )
        self.journal.history.add(operation)
        return not heard and not failed

    def _alerts(self, stream: int, heard: list[Alert]) -> Iterator[Alert]:
        alerts = self._listener.alerts()
        while alert := self._next(alerts):
            heard.append(alert)
            note_alert(self.base, stream, alert)
            yield alert

    def _next(self, alerts: Iterator[Alert]) -> Alert | None:
        """Return the next alert; None if the stream brings no more."""
        try:
            return next(alerts, None)
        except DeadlineExceeded:
            return None

    def _open_cards(self) -> None:
        """Furnish a card for each person who allows it; the same one in every process.

        Raises:
            BureauError: The consents cannot be read.
        """
        if len(self._cards) == self._customers:
            return
        for consent in self._lender.consents(limit=MAX_CONSENTS):
            subject_id = consent.subject_id
            if Action.FURNISH in consent.actions and subject_id not in self._cards:
                card = _card(subject_id)
                submitted = self.journal.attempt(
                    "submit",
                    self._lender,
                    partial(
                        self._lender.submit_unnoted, [card], idempotency_key=f"card/{subject_id}"
                    ),
                    receipt=receipt_of_submission,
                    accounts=[card.account_ref],
                )
                if submitted:
                    self._cards.add(subject_id)

    def _lines(self, subject_id: str) -> Sequence[Line]:
        """Return the line of a person who has a card, under a consent that is active if one is."""
        reviews = [
            consent
            for consent in self._lender.consents(subject_id)
            if Action.INQUIRE in consent.actions and subject_id in self._cards
        ]
        reviews.sort(key=lambda consent: consent.state is not ConsentState.ACTIVE)
        return [
            Line(
                subject_id=subject_id,
                account_ref=_card(subject_id).account_ref,
                consent_id=consent.consent_id,
            )
            for consent in reviews[:1]
        ]

    def _note(self, review: Review) -> None:
        about = {
            "alert": review.alert_id,
            "subject": review.subject_id,
            "state": str(review.state),
            "inquiry": review.inquiry_id,
            "problem": review.problem,
            "lines": [_line(line) for line in review.lines],
        }
        now = now_ns()
        self.journal.history.add(
            Operation(self.base.name, "review", "", history.Outcome.OK, now, now, about=about)
        )


class AgentLender(Lender):
    """The client of the agent, which writes down what the agent sends."""

    def __init__(self, base: WorkerBase, journal: AgentJournal) -> None:
        super().__init__(base.profile(), policy=HURRIED, before_send=journal.heard)
        self._journal = journal

    def query_many(
        self, inquiries: Iterable[Inquiry], **options: Any
    ) -> Generator[Outcome[Inquiry, Report], None, None]:
        """Query the reports of the agent's inquiries, one after another."""
        for inquiry in inquiries:
            report = self._journal.carry_out(
                "query",
                self,
                partial(self._query_one, inquiry, **options),
                receipt=lambda report: report.receipt,
                more=particulars_of_report,
                alert=inquiry.reference,
                consent=inquiry.consent_id,
                subject=inquiry.subject_id,
                purpose=inquiry.purpose.name,
                member=self.member_id,
            )
            yield Outcome(inquiry, report)

    def record_decision(self, decision: Decision, *, idempotency_key: str = "") -> Receipt:
        """Record a decision."""
        return self._journal.carry_out(
            "decide",
            self,
            lambda: super(AgentLender, self).record_decision(
                decision, idempotency_key=idempotency_key
            ),
            receipt=lambda receipt: receipt,
            subject=decision.subject_id,
            inquiry=decision.inquiry_id,
        )

    def submit(self, records: Iterable[Record], **options: Any) -> SubmitResult:
        """Submit the agent's actions."""
        actions = list(records)
        return self._journal.carry_out(
            "submit",
            self,
            partial(self.submit_unnoted, actions, **options),
            receipt=receipt_of_submission,
            accounts=[action.account_ref for action in actions],
        )

    def submit_unnoted(self, records: Sequence[Record], **options: Any) -> SubmitResult:
        """Submit records, for who writes it down."""
        return super().submit(records, **options)

    def _query_one(self, inquiry: Inquiry, **options: Any) -> Report:
        (outcome,) = super().query_many([inquiry], **options)
        return outcome.answer


def _card(subject_id: str) -> Snapshot:
    """Return the newest month of a person's card."""
    return Snapshot(
        account_ref=f"card-{subject_id[:16]}",
        month=Month.of(datetime.now(UTC).date()) - 1,
        parties=(Party(subject_id),),
        portfolio_type=PortfolioType.REVOLVING,
        account_type="18",
        currency="USD",
        open_date=date(2020, 1, 31),
        status=AccountStatus.CURRENT,
        balance_minor=400_00,
        credit_limit_minor=1_000_00,
        amount_due_minor=20_00,
    )


def _line(line: LineReview) -> dict[str, Any]:
    return {
        "tradeline": line.tradeline_id,
        "outcome": line.outcome.name if line.outcome else "",
        "action": line.action.name if line.action else "",
        "decision": line.decision_leaf,
        "submission": line.submission_id,
        "problem": line.problem,
    }
