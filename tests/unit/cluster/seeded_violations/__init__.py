"""One violation after another, each planted in a run that kept its promises."""

from tests.unit.cluster.seeded_violations import (
    chains,
    consents,
    decisions,
    erasures,
    keys,
    line_agent,
    log,
    service,
    whole,
    writes,
)
from tests.unit.cluster.seeded_violations.seeding import PLANTED, Plant

__all__ = [
    "PLANTED",
    "Plant",
    "chains",
    "consents",
    "decisions",
    "erasures",
    "keys",
    "line_agent",
    "log",
    "service",
    "whole",
    "writes",
]
