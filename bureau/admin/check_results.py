"""Results of an examination: the health of a subject, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """The health of a subject."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        finding: The finding.
        fix: The operator's next step; empty if the subject is well.
    """

    health: Health
    subject: str
    finding: str
    fix: str = ""
