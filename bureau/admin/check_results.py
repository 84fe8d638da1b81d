"""What an examination finds: how a thing is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        told: What was found.
        fix: What to do; empty if it is well.
    """

    health: Health
    subject: str
    told: str
    fix: str = ""
