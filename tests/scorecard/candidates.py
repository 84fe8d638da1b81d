"""The attributes that the reference scorecard may use, with their reasons.

None has a currency, so that the scorecard serves every currency; none is of the person: age,
place and income are no attributes of a report. None looks back further than 12 months into
payments: at the first reports of the training the bureau has no more, so that a longer window
would mean less there than later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

DELINQUENT = "regb.delinquent_elsewhere"
OTHER = "regb.other"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An attribute that may become a characteristic.

    Attributes:
        key: Key of the attribute.
        worse: Direction in which the risk only rises.
        reason: Code of the reason; `specify` is the text of the reason `regb.other`.
        basis: Entries of the report that the reason rests on.
    """

    key: str
    worse: Literal["higher", "lower"]
    reason: str
    specify: dict[str, str] = field(default_factory=dict)
    basis: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Return the candidate's part of a characteristic."""
        fields = {
            "reason": self.reason,
            "specify": self.specify,
            "basis": self.basis,
        }
        return {name: value for name, value in fields.items() if value}


def late(months: int) -> dict[str, Any]:
    """Return the selection of the months past due."""
    return {"select": "delinquent_months", "months": months}


def _other(
    key: str, worse: Literal["higher", "lower"], en: str, zh: str, **basis: Any
) -> Candidate:
    return Candidate(key, worse, OTHER, {"en": en, "zh": zh}, basis)


OPEN, LINES = "open_balances", "line_balances"

CANDIDATES = (
    Candidate("tradelines_now_30_plus", "higher", DELINQUENT, basis=late(1)),
    Candidate("worst_status_3m", "higher", DELINQUENT, basis=late(3)),
    Candidate("worst_status_6m", "higher", DELINQUENT, basis=late(6)),
    Candidate("worst_status_12m", "higher", DELINQUENT, basis=late(12)),
    Candidate("months_30_plus_6m", "higher", DELINQUENT, basis=late(6)),
    Candidate("months_30_plus_12m", "higher", DELINQUENT, basis=late(12)),
    _other(
        "utilisation",
        "higher",
        "Balances are high in proportion to credit limits",
        "余额占信用额度的比例偏高",
        select=LINES,
    ),
    _other(
        "highest_line_utilisation",
        "higher",
        "The balance of an account is high in proportion to its credit limit",
        "某一账户余额占其信用额度的比例偏高",
        select=LINES,
    ),
    _other(
        "lines_over_90_percent",
        "higher",
        "Credit lines are almost fully drawn",
        "授信额度已几乎用尽",
        select=LINES,
    ),
    _other(
        "utilisation_change_5m",
        "higher",
        "Balances rise in proportion to credit limits",
        "余额占信用额度的比例上升",
        select=LINES,
    ),
    _other(
        "payment_ratio_3m",
        "lower",
        "Payments are low in proportion to balances",
        "还款额占余额的比例偏低",
        select=LINES,
    ),
    _other(
        "months_without_payment_12m",
        "higher",
        "Months passed without a payment on a balance",
        "有余额而未还款的月数较多",
        select=LINES,
    ),
    _other(
        "months_paid_in_full_12m",
        "lower",
        "Balances are seldom paid in full",
        "较少全额还清余额",
        select=LINES,
    ),
    _other(
        "restructured_tradelines",
        "higher",
        "The terms of an account were eased because of missed payments",
        "某一账户因逾期而调整过还款条件",
        select=OPEN,
    ),
    _other(
        "concurrent_unsecured_lenders",
        "higher",
        "Many lenders grant unsecured credit at the same time",
        "同时提供无担保授信的机构较多",
        select=OPEN,
    ),
    _other(
        "opened_12m",
        "higher",
        "Many accounts were opened within a year",
        "一年内新开账户较多",
        select="recently_opened",
        months=12,
    ),
    Candidate("oldest_account_age", "lower", "regb.limited_experience"),
    Candidate("inquiries_6m", "higher", "regb.inquiries"),
)
