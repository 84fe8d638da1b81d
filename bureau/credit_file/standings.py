"""Standings: a subject's figures beside the caps of the consortium's standard of credit.
Pure. The bureau never decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bureau.credit_file.facility_state import is_open
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.scope import Scope, lines_in
from creditbureau.v1 import codes_pb2
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.standard_pb2 import StandardOfCredit, StandardStanding


def add_standings(
    report: Report, standard: StandardOfCredit | None, file: CreditFile, scope: Scope
) -> None:
    """Add the subject's standings if a standard of credit is in force."""
    if standard is not None and codes_pb2.SECTION_SUMMARY in scope.sections:
        report.standings.extend(standings(standard, lines_in(file, scope)))


def standings(
    standard: StandardOfCredit, lines: Sequence[FiledTradeline]
) -> Iterator[StandardStanding]:
    """Compare a subject's own tradelines, less stale ones, with each cap of a standard.

    The bureau knows no incomes, so the lender compares exposure with income. The bureau
    knows no exchange rates either: accounts in other currencies than the standard's are
    counted in a standing of their own, which is never within the cap.

    Args:
        lines: The tradelines that the reader may see.
    """
    present = [line for line in lines if line.is_present]
    unsecured = [line for line in present if is_open(line) and not line.is_secured]
    owed = [line for line in unsecured if line.snapshot.balance_minor > 0]
    ours = [line for line in owed if line.snapshot.currency == standard.currency]
    exposure = sum(line.snapshot.balance_minor for line in ours)
    if others := len(owed) - len(ours):
        yield StandardStanding(
            standard_version=standard.version,
            rule="unsecured_accounts_in_other_currencies",
            limit=0,
            value=others,
            within=False,
        )
    values = {
        "max_unsecured_exposure_minor": min(exposure, (1 << 63) - 1),
        "max_concurrent_lenders": len({line.member_id for line in unsecured}),
    }
    for rule, value in values.items():
        limit = getattr(standard, rule)
        yield StandardStanding(
            standard_version=standard.version,
            rule=rule,
            limit=limit,
            value=value,
            within=value <= limit,
        )
    worst = max(
        (classification_of(standard, line.snapshot.days_past_due) for line in present),
        default=0,
    )
    if standard.bands and worst:
        yield StandardStanding(
            standard_version=standard.version,
            rule="classification",
            limit=standard.bands[0].classification,
            value=worst,
            within=worst <= standard.bands[0].classification,
        )


def classification_of(standard: StandardOfCredit, days_past_due: int) -> int:
    """Return the classification of days past due by the standard's bands; 0 below the
    first band.
    """
    classifications = [
        b.classification for b in standard.bands if b.min_days_past_due <= days_past_due
    ]
    return classifications[-1] if classifications else 0
