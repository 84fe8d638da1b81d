"""A population from a CSV file of real accounts: one line for each account, months as columns.

`docs/study.md` has the form. Amounts are in units of the currency, with up to two decimals.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bureau_client.errors import InvalidRequest
from bureau_client.files.csv_tables import Line, open_table, read_lines
from bureau_client.models.codes import AccountStatus, PartyRole, PortfolioType
from bureau_client.models.months import Month
from bureau_client.models.record_checks import MAX_AMOUNT_MINOR
from bureau_client.models.records import Party, Snapshot
from bureau_client.models.violations import Violation
from bureau_client.study.furnishing import AGENT
from bureau_client.study.population import AccountMonth, Application, Population

REQUIRED = ("account_id", "credit_limit", "outcome")
OPTIONAL = ("person_id", "lender_id", "currency")
# Columns of each month, for example `bill_2005-09`.
MONTHLY = ("bill", "payment", "status")
MONTH_COLUMN = re.compile(r"(bill|payment|status)_([0-9]{4}-[0-9]{2})")
CURRENCY = "USD"
# Months that a consent to furnish covers.
MOST_MONTHS = 58
# Whole months past due, and the status; from 6 on the last one.
STATUSES = (
    AccountStatus.CURRENT,
    AccountStatus.PAST_DUE_30,
    AccountStatus.PAST_DUE_60,
    AccountStatus.PAST_DUE_90,
    AccountStatus.PAST_DUE_120,
    AccountStatus.PAST_DUE_150,
    AccountStatus.PAST_DUE_180,
)
DAYS_A_MONTH = 30
OUTCOMES = {"0": False, "1": True, "": None}
# Lenders of accounts that name none: each is asked for credit by the other one's customers.
DEALT = ("lender-01", "lender-02")
# Violations that an error lists.
LISTED = 100

_REFERENCE = re.compile(r"[!-~]{1,64}")
_LENDER = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class CardMonth:
    """A month of a revolving account."""

    account_ref: str
    parties: tuple[tuple[str, PartyRole], ...]
    month: Month
    open_date: date
    currency: str
    credit_limit_minor: int
    bill_minor: int
    payment_minor: int
    months_late: int

    def snapshot(self, subject_of: Mapping[str, str]) -> Snapshot:
        """Return the record that the lender furnishes.

        Args:
            subject_of: Subject id of each person.
        """
        return Snapshot(
            account_ref=self.account_ref,
            month=self.month,
            parties=tuple(Party(subject_of[person], role) for person, role in self.parties),
            portfolio_type=PortfolioType.REVOLVING,
            account_type="18",
            currency=self.currency,
            open_date=self.open_date,
            status=STATUSES[min(self.months_late, len(STATUSES) - 1)],
            balance_minor=self.bill_minor,
            credit_limit_minor=self.credit_limit_minor,
            amount_paid_minor=self.payment_minor,
            days_past_due=self.months_late * DAYS_A_MONTH,
            payments_missed=self.months_late,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the file.

    Attributes:
        lender: Lender of the account; empty if the file names none.
        bad: Outcome; None if it is not known.
        months: Months of the account; empty if it has no values.
    """

    account_ref: str
    person: str
    lender: str
    bad: bool | None
    months: tuple[CardMonth, ...]


def read_population(path: Path) -> Population:
    """Read a population from a file.

    Raises:
        InvalidRequest: The header or lines are wrong; `violations` names each line and column.
        OSError: The file cannot be read.
    """
    months = _months(path)
    accounts: list[Account] = []
    wrong: list[Violation] = []
    columns = [f"{kind}_{month}" for month in months for kind in MONTHLY]
    with open_table(path) as stream:
        # Further columns, for example of sex or age, are not read and never furnished.
        others = [name for name in _header(path) if name not in {*REQUIRED, *columns}]
        lines = read_lines(stream, [*REQUIRED, *columns], [*OPTIONAL, *others], "docs/study.md")
        for line in lines:
            account, violations = _account(line, months)
            wrong += [
                Violation(f"line {line.number}, {one.field}", one.rule, one.message)
                for one in violations
            ]
            if account is not None:
                accounts.append(account)
    wrong += _file_violations(accounts)
    if wrong:
        raise InvalidRequest(
            f"{path} has {len(wrong)} wrong cells",
            reason="INVALID_FIELD",
            violations=wrong[:LISTED],
            fix="Write each cell as docs/study.md describes its column",
        )
    return _population(path, accounts, months)


def _header(path: Path) -> list[str]:
    with open_table(path) as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def _months(path: Path) -> list[Month]:
    """Return the months of the columns, in order, without a gap.

    Raises:
        InvalidRequest: The file has no month, a gap between months, or too many.
    """
    names = [match for name in _header(path) if (match := MONTH_COLUMN.fullmatch(name))]
    months = sorted({Month.parse(match[2]) for match in names})
    if not months or months[-1] - months[0] + 1 != len(months) or len(months) > MOST_MONTHS:
        listed = ", ".join(map(str, months)) or "none"
        raise InvalidRequest(
            f"The months of {path} are: {listed}",
            reason="INVALID_FIELD",
            fix=f"Write the columns {', '.join(f'{kind}_2005-09' for kind in MONTHLY)} for 1 to "
            f"{MOST_MONTHS} months without a gap",
        )
    return months


def _account(line: Line, months: Sequence[Month]) -> tuple[Account | None, list[Violation]]:
    """Read a line; an account without violations, otherwise None with them."""
    cells, wrong = line.cells, list(line.violations)
    if wrong:
        return None, wrong
    reference = cells["account_id"]
    if _REFERENCE.fullmatch(reference) is None:
        wrong.append(_wrong("account_id", reference, "1 to 64 visible ASCII characters"))
    lender, currency = cells.get("lender_id", ""), cells.get("currency", "") or CURRENCY
    if lender and (_LENDER.fullmatch(lender) is None or lender == AGENT):
        wrong.append(
            _wrong("lender_id", lender, "lower-case letters, digits and hyphens, a letter first")
        )
    if re.fullmatch("[A-Z]{3}", currency) is None:
        wrong.append(_wrong("currency", currency, "an ISO 4217 code, for example USD"))
    if cells["outcome"] not in OUTCOMES:
        wrong.append(_wrong("outcome", cells["outcome"], "1 for bad, 0 for good, or nothing"))
    limit = _amount(cells, "credit_limit", wrong, least=0)
    shown = [month for month in months if any(cells[f"{kind}_{month}"] for kind in MONTHLY)]
    person = cells.get("person_id", "") or reference
    values = [(month, *_month_values(cells, month, wrong)) for month in shown]
    if wrong:
        return None, wrong
    card_months = tuple(
        CardMonth(
            account_ref=reference,
            parties=((person, PartyRole.INDIVIDUAL),),
            month=month,
            # The file has no day of the opening: the first day of the first month that it has.
            open_date=date(shown[0].year, shown[0].month, 1),
            currency=currency,
            credit_limit_minor=limit,
            bill_minor=bill,
            payment_minor=payment,
            months_late=late,
        )
        for month, bill, payment, late in values
    )
    return Account(reference, person, lender, OUTCOMES[cells["outcome"]], card_months), []


def _month_values(
    cells: Mapping[str, str], month: Month, wrong: list[Violation]
) -> tuple[int, int, int]:
    """Return bill, payment and months past due of a month."""
    status = cells[f"status_{month}"]
    if re.fullmatch(r"-?[0-9]{1,2}", status) is None:
        wrong.append(_wrong(f"status_{month}", status, "months past due; 0 or below for none"))
        status = "0"
    bill = _amount(cells, f"bill_{month}", wrong, least=-MAX_AMOUNT_MINOR)
    return bill, _amount(cells, f"payment_{month}", wrong, least=0), max(int(status), 0)


def _amount(cells: Mapping[str, str], name: str, wrong: list[Violation], *, least: int) -> int:
    """Return the minor units of an amount in units of its currency."""
    try:
        minor = Decimal(cells[name]) * 100
        if minor == int(minor) and least <= minor <= MAX_AMOUNT_MINOR:
            return int(minor)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    wanted = "an amount with up to two decimals" + ("" if least < 0 else ", 0 or more")
    wrong.append(_wrong(name, cells[name], wanted))
    return 0


def _wrong(name: str, cell: str, wanted: str) -> Violation:
    return Violation(name, "INVALID_FIELD", f"is {cell!r}; write {wanted}")


def _file_violations(accounts: Sequence[Account]) -> Iterator[Violation]:
    """Find faults between lines: accounts twice, lenders of some only, several currencies."""
    names = Counter((account.lender, account.account_ref) for account in accounts)
    for (_, reference), count in names.items():
        if count > 1:
            yield Violation("account_id", "DUPLICATE_RECORD", f"{reference} is in {count} lines")
    if len({bool(account.lender) for account in accounts}) > 1:
        yield Violation("lender_id", "INVALID_FIELD", "is empty in some lines; write all or none")
    currencies = {month.currency for account in accounts for month in account.months}
    if len(currencies) > 1:
        message = f"is {', '.join(sorted(currencies))}; amounts of one study are in one currency"
        yield Violation("currency", "CURRENCY_MISMATCH", message)


def _population(path: Path, accounts: Sequence[Account], months: Sequence[Month]) -> Population:
    files: dict[tuple[str, Month], list[AccountMonth]] = defaultdict(list)
    applications: list[Application] = []
    dealt: dict[str, int] = {}
    for account in accounts:
        lender = asked = account.lender
        if not lender:
            # All accounts of a person are at one of the two; the person asks the other one.
            side = dealt.setdefault(account.person, len(dealt) % len(DEALT))
            lender, asked = DEALT[side], DEALT[1 - side]
        for month in account.months:
            files[lender, month.month].append(month)
        if account.bad is not None and account.months:
            name = f"{lender}/{account.account_ref}"
            applications.append(Application(account.person, asked, name, months[-1], account.bad))
    return Population(
        source=f"{len(accounts):,} accounts of {path.name}",
        bad_means="the outcome 1 of the account in the file",
        people=tuple(dict.fromkeys(account.person for account in accounts)),
        months=tuple(months),
        files=dict(files),
        applications=tuple(applications),
    )
