"""Codes of decisions that lenders take on reports."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class DecisionOutcome(Code):
    """Outcome of a decision about an application or about an existing credit line."""

    UNSPECIFIED = 0
    APPROVE = 1  # granted as asked for
    DECLINE = 2
    REFER = 3  # a person at the lender decides
    COUNTER_OFFER = 4  # a lower limit or another price is offered
    KEEP = 5  # the existing line stays as it is
    FREEZE = 6  # nothing more can be drawn
    RESTORE = 7  # a frozen line is opened again
    REDUCE = 8  # the limit is lowered
    INCREASE = 9  # the limit is raised

    @property
    def is_adverse(self) -> bool:
        """Mark of an outcome that needs a reason (Regulation B, 12 CFR 1002.2(c))."""
        return self in ADVERSE


ADVERSE = frozenset(
    {
        DecisionOutcome.DECLINE,
        DecisionOutcome.COUNTER_OFFER,
        DecisionOutcome.FREEZE,
        DecisionOutcome.REDUCE,
    }
)
