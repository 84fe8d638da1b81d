"""Furnished and returned values, compared field by field.

A report must show every account that was furnished of its subject up to its month, once, with each
value as furnished, and nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bureau_client.models.codes import AccountStatus
from bureau_client.models.months import Month
from bureau_client.models.records import Snapshot
from bureau_client.models.tradelines import HistoryMonth, Tradeline
from bureau_client.study.furnishing import SECTIONS, Answered, Exchange
from bureau_keys.payment_profile import AMOUNTS, NO_DATA, PROFILE

# Fields of a record that a report shows under the same name, as of the newest month.
SAME_FIELDS = (
    "month",
    "portfolio_type",
    "account_type",
    "currency",
    "open_date",
    "credit_limit_minor",
    "original_amount_minor",
    "term_months",
    "secured",
    "status",
    "balance_minor",
    "amount_due_minor",
    "amount_paid_minor",
    "amount_past_due_minor",
    "days_past_due",
    "close_date",
    "close_reason",
    "first_delinquency_date",
    "classification",
    "compliance_condition",
    "restructured",
    "original_creditor",
)
# Fields that a report shows in another form: the account by its records, the parties as the
# subject's role and a number.
OTHER_FORM = ("account_ref", "parties")
# Fields that no report shows; they are in its evidence, the signed records themselves.
NOT_RETURNED = (
    "interest_rate_ppm",
    "payments_missed",
    "last_payment_date",
    "charge_off_amount_minor",
    "special_comment",
    "payment_rating",
    "application_ref",
    "raw_codes",
    "certified",
)
# Differences that the message of an error names; `ReturnedDiffers.comparison` has all.
NAMED = 20

Account = tuple[str, str]
Months = dict[Month, Snapshot]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that was returned otherwise than furnished.

    Attributes:
        application: Reference of the application.
        lender: Lender that furnished the account; empty for a whole report.
        account_ref: Its reference of the account; empty if no record of it was furnished.
        month: The month; None for the whole account.
        furnished: Value as furnished, as text.
        returned: Value as returned, as text.
    """

    application: str
    lender: str
    account_ref: str
    month: Month | None
    field: str
    furnished: str
    returned: str

    def __str__(self) -> str:
        row = " ".join(filter(None, (self.lender, self.account_ref, str(self.month or ""))))
        return (
            f"report of application {self.application}, {row or 'the whole report'}: {self.field} "
            f"was furnished as {self.furnished} and returned as {self.returned}"
        )


@dataclass(slots=True)
class Comparison:
    """The result of the comparison.

    Attributes:
        reports: Number of reports.
        tradelines: Number of their tradelines.
        values: Number of values compared.
        differences: Every value that differs.
    """

    reports: int = 0
    tradelines: int = 0
    values: int = 0
    differences: list[Difference] = field(default_factory=list)

    def require_equal(self) -> None:
        """Raise ReturnedDiffers if a value differs.

        Raises:
            ReturnedDiffers: A value differs.
        """
        if self.differences:
            raise ReturnedDiffers(self)


class ReturnedDiffers(ValueError):
    """Reports show other values than were furnished: no figure of them is to be trusted.

    Attributes:
        comparison: The comparison with all differences.
    """

    def __init__(self, comparison: Comparison) -> None:
        differences = comparison.differences
        named = [f"\n  {difference}" for difference in differences[:NAMED]]
        if len(differences) > NAMED:
            named.append(f"\n  and {len(differences) - NAMED} more")
        super().__init__(
            f"{len(differences)} of {comparison.values} returned values differ from the furnished "
            "ones:" + "".join(named)
        )
        self.comparison = comparison


def compare(exchanged: Exchange) -> Comparison:
    """Compare every report of an exchange with the records that were furnished."""
    accounts: dict[Account, Months] = defaultdict(dict)
    of_subject: dict[str, set[Account]] = defaultdict(set)
    for one in exchanged.furnished.values():
        account = one.lender, one.snapshot.account_ref
        accounts[account][one.snapshot.month] = one.snapshot
        for party in one.snapshot.parties:
            of_subject[party.subject_id].add(account)
    result = Comparison()
    for answered in exchanged.answered:
        subject_id = exchanged.subject_of[answered.application.person]
        known = {
            account: {
                month: snapshot
                for month, snapshot in accounts[account].items()
                if month <= answered.application.month
            }
            for account in of_subject[subject_id]
        }
        expected = {account: months for account, months in known.items() if months}
        _Report(answered, subject_id, expected, exchanged, result).compare()
    return result


@dataclass(slots=True)
class _Report:
    """A report in comparison.

    Attributes:
        expected: Furnished months of each account that the report must show.
    """

    answered: Answered
    subject_id: str
    expected: Mapping[Account, Months]
    exchanged: Exchange
    result: Comparison

    def compare(self) -> None:
        report, missing = self.answered.report, dict(self.expected)
        self.result.reports += 1
        self._check(("", ""), None, "subject_id", self.subject_id, report.subject_id)
        self._check(("", ""), None, "member_id", self.answered.application.lender, report.member_id)
        # The consents open these sections alone; every report omits the others.
        omitted = tuple(one for one in report.omissions if one.section in SECTIONS)
        self._check(("", ""), None, "omissions", (), omitted)
        for line in report.tradelines:
            self.result.tradelines += 1
            account = self._account(line)
            months = missing.pop(account, None)
            if months is None:
                shown = "" if account in self.expected else "an account not furnished"
                self._check(account, None, "tradeline", None, shown or "a second tradeline")
            else:
                self._compare_line(account, line, months)
        for account in missing:
            self._check(account, None, "tradeline", "an account", None)

    def _account(self, line: Tradeline) -> Account:
        """Return the account of a tradeline, by the record that the report names."""
        record = None if line.record is None else self.exchanged.furnished.get(line.record)
        if record is None:
            return line.member_id, ""
        return record.lender, record.snapshot.account_ref

    def _compare_line(self, account: Account, line: Tradeline, months: Months) -> None:
        newest = max(months)
        snapshot = months[newest]
        (party,) = (one for one in snapshot.parties if one.subject_id == self.subject_id)
        self._check(account, newest, "member_id", account[0], line.member_id)
        self._check(account, newest, "role", party.role, line.role)
        self._check(account, newest, "party_count", len(snapshot.parties), line.party_count)
        for name in SAME_FIELDS:
            self._check(account, newest, name, getattr(snapshot, name), getattr(line, name))
        shown = {} if line.history is None else {one.month: one for one in line.history.months()}
        every = {min(months) + index for index in range(newest - min(months) + 1)}
        for month in sorted(every | shown.keys()):
            for name, furnished, returned in _month_values(months.get(month), shown.get(month)):
                self._check(account, month, f"history.{name}", furnished, returned)

    def _check(
        self, account: Account, month: Month | None, name: str, furnished: object, returned: object
    ) -> None:
        self.result.values += 1
        if furnished != returned:
            application = self.answered.application.reference
            self.result.differences.append(
                Difference(application, *account, month, name, str(furnished), str(returned))
            )


def _month_values(
    snapshot: Snapshot | None, shown: HistoryMonth | None
) -> Iterator[tuple[str, object, object]]:
    """Yield name, furnished and returned value of each field of a month of a history."""
    yield "status", _character(snapshot), None if shown is None else shown.status
    for name in AMOUNTS:
        furnished = 0 if snapshot is None else getattr(snapshot, name)
        yield name, furnished, None if shown is None else getattr(shown, name)


def _character(snapshot: Snapshot | None) -> str:
    """Return the payment history character of a month; of one that was not furnished, no data."""
    if snapshot is None:
        return NO_DATA
    if not snapshot.balance_minor and snapshot.status is AccountStatus.CURRENT:
        return "E"
    return PROFILE[int(snapshot.status)]
