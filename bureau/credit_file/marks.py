"""Mark the tradelines of a credit file that are no present debts of the person, and those that a
collateral secures by what they are. Pure.

All of them stay in reports as they were furnished; every figure reads the marks.
"""

from __future__ import annotations

from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.staleness import stale_reason
from bureau.policy import Policy
from bureau_keys.collateral import is_secured_by_kind
from bureau_keys.liability import LIABILITIES, Liability


def marked(file: CreditFile, policy: Policy) -> CreditFile:
    """Return a credit file whose tradelines have their liability, reason of staleness and
    collateral.

    A tradeline that has its marks already stays the same object.
    """
    return file._replace(
        tradelines=[_marked(line, policy, file.now_us) for line in file.tradelines]
    )


def unmarked(file: CreditFile, _: Policy) -> CreditFile:
    """Return a credit file as it is: version 2026-11 of reports counted every tradeline, and
    read the collateral from the record alone.
    """
    return file


def _marked(line: FiledTradeline, policy: Policy, now_us: int) -> FiledTradeline:
    liability = Liability.OWES_NOTHING if line.left else LIABILITIES[line.role]
    stale = stale_reason(line, policy, now_us)
    secured = is_secured_by_kind(line.snapshot)
    if (line.liability, line.stale, line.secured_by_kind) == (liability, stale, secured):
        return line
    return line._replace(liability=liability, stale=stale, secured_by_kind=secured)
