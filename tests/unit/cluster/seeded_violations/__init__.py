"""One violation after another, each planted in a run that kept its promises."""

from tests.unit.cluster.seeded_violations import (
    accounts,
    chains,
    complaints,
    consent_changes,
    consent_requests,
    consents,
    debts,
    decisions,
    erasures,
    freezes,
    keys,
    line_agent,
    log,
    service,
    thefts,
    whole,
    writes,
)
from tests.unit.cluster.seeded_violations.seeding import PLANTED, Plant

__all__ = [
    "PLANTED",
    "Plant",
    "accounts",
    "chains",
    "complaints",
    "consent_changes",
    "consent_requests",
    "consents",
    "debts",
    "decisions",
    "erasures",
    "freezes",
    "keys",
    "line_agent",
    "log",
    "service",
    "thefts",
    "whole",
    "writes",
]
