"""People who let lenders monitor them, and what these are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bureau_client import (
    Action,
    ActionReason,
    Alert,
    AlertKind,
    FacilityAction,
    FacilityActionKind,
    Frequency,
    FrequencyUnit,
    Initiator,
    Month,
    Purpose,
    Wallet,
)
from tests.service.scenario import ALL_SECTIONS, DAY, Scenario, account

MAY, JUNE, JULY = Month(2026, 5), Month(2026, 6), Month(2026, 7)


def monitored(scenario: Scenario, *names: str, **changes: Any) -> Wallet:
    """Somebody who lets lenders monitor them."""
    person = scenario.person()
    for name in names:
        monitor(person, name, **changes)
    return person


def monitor(person: Wallet, name: str, **changes: Any) -> str:
    terms: dict[str, Any] = {
        "purposes": [Purpose.ACCOUNT_REVIEW],
        "sections": ALL_SECTIONS,
        "history_months": 36,
        "frequency": Frequency(FrequencyUnit.MONTH, 5),
        "expire": 90 * DAY,
    }
    return person.grant(name, [Action.MONITOR], **(terms | changes)).consent_id


def waiting(scenario: Scenario, name: str, person: Wallet) -> list[Alert]:
    """The alerts on a person that are there for a member."""
    alerts: list[Alert] = []
    end = marker(scenario, name)
    for alert in scenario.lenders[name].alerts():
        if alert.subject_id == end:
            return alerts
        if alert.subject_id == person.subject_id:
            alerts.append(alert)
    raise AssertionError("a stream of alerts has no end")


def marker(scenario: Scenario, name: str) -> str:
    """Lets one last alert come, about somebody else."""
    last = monitored(scenario, name)
    other = next(lender for lender in scenario.lenders if lender != name)
    scenario.submit(other, account(last, "marker", MAY))
    return last.subject_id


def kinds(alerts: list[Alert]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


def freeze(scenario: Scenario, name: str, ref: str, kind: FacilityActionKind) -> None:
    action = FacilityAction(
        account_ref=ref,
        kind=kind,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.DELINQUENCY_ELSEWHERE,),
        effective_time=scenario.now() - timedelta(seconds=1),
    )
    scenario.submit(name, action)
