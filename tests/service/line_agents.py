"""A lender whose line agent follows alerts, and the people whom it monitors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bureau_client import (
    AccountStatus,
    Action,
    Alert,
    Frequency,
    FrequencyUnit,
    Month,
    Purpose,
    Tradeline,
    Wallet,
)
from bureau_client.agent.actions import ActionTerms
from bureau_client.agent.line_agent import LineAgent
from bureau_client.models.lines import Line
from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.policy import Policy, read_policy, reference_policies
from bureau_client.risk.scorecard import Scorecard, read_scorecard, reference_scorecards
from tests.service.scenario import ALL_SECTIONS, DAY, Scenario, account
from tests.service.watching import marker, monitor

# The first month of the accounts, two before the newest that has ended: the agent's command has the
# machine's clock, and an account of years ago is not reported any more.
FIRST = Month.of(datetime.now(UTC).date()) - 3
TERMS = ActionTerms(appeal_route="appeals@acme.example", review_days=30)
LATE: dict[str, Any] = {"status": AccountStatus.PAST_DUE_60, "days_past_due": 65}


@cache
def lines_policy() -> ActivePolicy:
    """The reference policy, but a line is frozen while any account of the person is late."""
    document = json.loads(reference_policies()["card-lines-US"])
    losses = next(each for each in document["inputs"] if each["name"] == "losses")
    losses |= {
        "key": "tradelines_now_30_plus",
        "reason": "regb.delinquent_elsewhere",
        "basis": {"select": "delinquent_months", "months": 1, "days": 30},
    }
    case = next(each for each in document["golden"] if each["inputs"]["losses"])
    case["expect"]["reasons"] = ["regb.delinquent_elsewhere"]
    return activate(read_policy(json.dumps(document)))


def own_scorecard() -> Scorecard:
    """A scorecard of acme's own: an account that is late now costs 100 of 600 points."""
    late = {
        "key": "tradelines_now_30_plus",
        "worse": "higher",
        "bins": [{"up_to": 0, "points": 600}, {"points": 500}],
        "missing": 600,
        "neutral": 600,
        "reason": "regb.delinquent_elsewhere",
    }
    (reference,) = reference_scorecards().values()
    document = json.loads(reference.document)
    changes = {"name": "acme-own", "base_points": 0, "characteristics": [late]}
    return read_scorecard(json.dumps(document | changes))


def scored_policy() -> Policy:
    """The policy that freezes a line for a low score by the scorecard."""
    scorecard = own_scorecard()
    document = json.loads(lines_policy().policy.document)
    (index,) = (i for i, each in enumerate(document["inputs"]) if each["name"] == "losses")
    document["inputs"][index] = {
        "name": "losses",
        "source": "score",
        "key": scorecard.name,
        "type": "integer",
        "unit": "points",
        "minimum": 500,
        "maximum": 600,
        "missing": "default",
        "default": 600,
        "neutral": 600,
        "worse": "lower",
    }
    digest = scorecard.digest.hex()
    document["scorecards"] = [
        {"name": scorecard.name, "version": scorecard.version, "digest": digest}
    ]
    (table,) = (node["content"] for node in document["graph"]["nodes"] if "content" in node)
    table["rules"][0]["outcome_losses"] = "< 550"
    for case in document["golden"]:
        case["figures"] = {"tradelines_now_30_plus": case["inputs"].pop("losses")}
    return read_policy(json.dumps(document))


class Lines(dict[str, list[Line]]):
    """The lines of acme's customers by person."""

    def __call__(self, subject_id: str) -> list[Line]:
        return self.get(subject_id, [])


def review_consent(person: Wallet, name: str) -> str:
    """A consent to inquire for the review of accounts; its id."""
    return person.grant(
        name,
        [Action.INQUIRE],
        [Purpose.ACCOUNT_REVIEW],
        ALL_SECTIONS,
        history_months=36,
        frequency=Frequency(FrequencyUnit.MONTH, 5),
        expire=90 * DAY,
    ).consent_id


def customer(scenario: Scenario, lines: Lines) -> Wallet:
    """A person with a line at acme, which monitors them, and a card at brook."""
    person = scenario.person()
    scenario.submit("acme", account(person, "line", FIRST))
    scenario.submit("brook", account(person, "card", FIRST))
    monitor(person, "acme")
    lines[person.subject_id] = [
        Line(
            subject_id=person.subject_id,
            account_ref=account(person, "line", FIRST).account_ref,
            consent_id=review_consent(person, "acme"),
        )
    ]
    return person


def fall_late(scenario: Scenario, person: Wallet, month: Month = FIRST + 1) -> None:
    scenario.submit("brook", account(person, "card", month, **LATE))


def recover(scenario: Scenario, person: Wallet, month: Month = FIRST + 2) -> None:
    scenario.submit("brook", account(person, "card", month))


def agent_of(scenario: Scenario, lines: Lines, state: Path) -> LineAgent:
    return LineAgent(
        scenario.lenders["acme"], lines_policy(), lines, state, TERMS, clock=scenario.now
    )


def waiting_alerts(scenario: Scenario) -> Iterator[Alert]:
    """The alerts that wait for acme, up to now and with a last one about another person."""
    last = marker(scenario, "acme")
    for alert in scenario.lenders["acme"].alerts():
        yield alert
        if alert.subject_id == last:
            return


def line_of(person: Wallet) -> Tradeline:
    """The person's line at acme, as their own file shows it."""
    (line,) = (line for line in person.file().tradelines if line.member_id == "acme")
    return line
