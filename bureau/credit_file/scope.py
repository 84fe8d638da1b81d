"""The scope of a report: the parts of a credit file that a consent opens. Pure."""

from __future__ import annotations

from typing import NamedTuple

from bureau.codes import EMPTY, CodeSet
from bureau.credit_file.filed import CreditFile, FiledTradeline
from creditbureau.v1 import codes_pb2


class Scope(NamedTuple):
    """The parts of a credit file that a report may hold.

    Attributes:
        portfolio_types: Kinds of facility; empty for all kinds.
        history_months: Months of payment history, counted back from a tradeline's newest.
    """

    sections: CodeSet
    portfolio_types: CodeSet
    history_months: int


# The scope of the subject's own file.
WHOLE_FILE = Scope(
    sections=CodeSet.of(code for code in codes_pb2.Section.values() if code),
    portfolio_types=EMPTY,
    history_months=120,
)


def lines_in(file: CreditFile, scope: Scope) -> list[FiledTradeline]:
    """Return the tradelines of the kinds that a scope opens."""
    return [
        line
        for line in file.tradelines
        if not scope.portfolio_types or (line.snapshot.portfolio_type in scope.portfolio_types)
    ]


def months_in(scope: Scope) -> int:
    """Count the months of payment history that a scope opens."""
    return scope.history_months * (codes_pb2.SECTION_PAYMENT_HISTORY in scope.sections)
