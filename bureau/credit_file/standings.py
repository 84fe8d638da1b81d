"""Where a person stands against the consortium's standard of credit. The bureau never
decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bureau.codes import has
from bureau.credit_file.facility_state import is_open
from bureau.credit_file.reader import CreditFile, FiledTradeline
from bureau.credit_file.report import Scope, lines_in
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1 import codes_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.standard_pb2 import StandardOfCredit, StandardStanding


def add_standings(report: Report, db: Connection, file: CreditFile, scope: Scope) -> None:
    """Says where the subject of a report stands, if there is a standard."""
    if not has(scope.sections, codes_pb2.SECTION_SUMMARY):
        return
    row = db.one(q.standard_at, now_us=file.now_us, log_size=file.log_size)
    if row is not None:
        standard = StandardOfCredit.FromString(Envelope.FromString(row[0]).payload)
        report.standings.extend(standings(standard, lines_in(file, scope)))


def standings(
    standard: StandardOfCredit, lines: Sequence[FiledTradeline]
) -> Iterator[StandardStanding]:
    """Where a person stands against each cap of a standard, by the tradelines that the
    reader may see. Pure. Whether an exposure is too high for an income the lender finds
    out: the bureau knows no incomes. It knows no rates of exchange either: what is owed
    in other currencies is counted beside the cap, and is never within it.
    """
    unsecured = [line for line in lines if is_open(line) and not line.snapshot.secured]
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
        (classification_of(standard, line.snapshot.days_past_due) for line in lines),
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
    """The five-tier classification that the standard gives to days past due; 0 if none
    of its bands has them.
    """
    found = [b.classification for b in standard.bands if b.min_days_past_due <= days_past_due]
    return found[-1] if found else 0
