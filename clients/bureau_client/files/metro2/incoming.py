"""Accounts of a Metro 2 file as records to submit.

A month's account becomes a snapshot; status DA and DF, and an account without persons,
become deletions; an L1 segment becomes a renumbering. Amounts are whole units of the
currency in the file and minor units in records. Codes without a field in records become
raw codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from types import MappingProxyType

from bureau_client.files.metro2.codebook import (
    DAYS_PAST_DUE,
    DELETES,
    DELETES_FRAUD,
    FIELD_OF,
    from_metro2,
)
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.reader import Metro2Record
from bureau_client.files.metro2.sales import Buyer, is_sold, sale_findings, transfer_of
from bureau_client.files.metro2.segments import MASK, Segment
from bureau_client.models.codes import (
    AccountStatus,
    ActionReason,
    CloseReason,
    ComplianceCondition,
    DeletionReason,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
)
from bureau_client.models.money import exponent_of
from bureau_client.models.months import Month
from bureau_client.models.record_checks import check_order, check_record, find_warnings
from bureau_client.models.records import Deletion, FacilityAction, Party, RawCode, Record, Snapshot
from bureau_client.models.violations import Violation
from bureau_keys import contradictions
from bureau_keys.collateral import is_secured_type
from bureau_keys.contradictions import Severity

_PERSONS = ("BASE", "J1", "J2")
_LEAVES = "Z"
_NO_NUMBER = {"", "0" * 9}
# Fields without a field in records; they become raw codes.
_RAW = (
    "account_status",
    "compliance_condition",
    "payment_history_profile",
    "terms_duration",
    "terms_frequency",
    "interest_type_indicator",
    "consumer_information_indicator",
)
_NEW_ACCOUNT_NUMBER = {"1", "3"}
_BY_GRANTOR = "M"
NO_BUYERS: Mapping[str, Buyer] = MappingProxyType({})


def persons_of(record: Metro2Record) -> list[Segment]:
    """Return the segments of the persons on a reported account.

    Persons who leave the account (ECOA Z) are left out; a deletion has no persons.
    """
    if record.first.values.get("account_status") in {DELETES, DELETES_FRAUD}:
        return []
    return [
        segment for segment in record.all(*_PERSONS) if segment.values.get("ecoa_code") != _LEAVES
    ]


def number_of(person: Segment) -> str:
    """Return a person's social security number; empty if it is not reported."""
    number = str(person.values.get("social_security_number") or "")
    return "" if number in _NO_NUMBER else number


def without_number(record: Metro2Record) -> list[Finding]:
    """Return an error for each person without a social security number."""
    return [
        Finding(
            "M2-IDENTITY",
            Severity.ERROR,
            record.number,
            f"{person.kind}.social_security_number",
            MASK if person.values.get("social_security_number") else "",
            "the number of the person",
            "Report the number, or keep the account back",
        )
        for person in persons_of(record)
        if not number_of(person)
    ]


def records_of(
    record: Metro2Record,
    subject_ids: Sequence[str],
    currency: str,
    buyers: Mapping[str, Buyer] = NO_BUYERS,
) -> list[Record]:
    """Return the records to submit for one account.

    Args:
        record: An account without errors.
        subject_ids: Subject ids of the persons, in the order of `persons_of`.
        currency: ISO 4217 currency of the file's amounts.
        buyers: Buyers of sold accounts, by the seller's account numbers (`read_sales`).
    """
    base = record.first.values
    account_ref = str(base["consumer_account_number"])
    status = str(base["account_status"])
    if status in {DELETES, DELETES_FRAUD} or not subject_ids:
        fraud = status == DELETES_FRAUD
        reason = DeletionReason.FRAUD if fraud else DeletionReason.INACCURATE
        return [Deletion(account_ref=account_ref, reason=reason)]
    parties = tuple(
        Party(subject_id, from_metro2(PartyRole, person.values["ecoa_code"]))
        for person, subject_id in zip(persons_of(record), subject_ids, strict=True)
    )
    as_of = _day(record.first, "date_of_account_information")
    changes = [_renumbering(account_ref, change, as_of) for change in renumberings_of(record)]
    if is_sold(record):
        changes.append(transfer_of(record, account_ref, as_of, buyers))
    return [_snapshot(record, parties, currency), *changes]


def record_count_of(record: Metro2Record) -> int:
    """Return the number of records that an account becomes."""
    return 1 + len(renumberings_of(record)) + is_sold(record)


def record_findings(
    record: Metro2Record,
    known: Sequence[Finding],
    currency: str,
    today: date,
    buyers: Mapping[str, Buyer] = NO_BUYERS,
) -> list[Finding]:
    """Return the findings on the records of an account without errors.

    Used when the file is checked, before the directory is called: the persons' numbers
    take the place of their subject ids.

    Args:
        known: Findings on the account; a rule that one of them reports is not reported again.
    """
    stand_ins = [f"{int(number_of(person) or 0):032x}" for person in persons_of(record)]
    reported = {finding.record_rule for finding in known}
    account_ref = str(record.first.values["consumer_account_number"])
    findings = list(sale_findings(record, account_ref, buyers))
    for produced in records_of(record, stand_ins, currency, buyers):
        violations = (*check_record(produced, 0), *check_order(produced, 0, today))
        findings += [_finding(Severity.ERROR, record, violation) for violation in violations]
        if not violations:
            findings += [
                _finding(Severity.WARNING, record, violation)
                for violation in find_warnings(produced, 0)
                if violation.rule not in reported
            ]
    return findings


def _finding(severity: Severity, record: Metro2Record, violation: Violation) -> Finding:
    """Return the finding for a violation in a record, under the field of the file."""
    name = violation.field.rpartition(".")[2]
    field = f"BASE.{FIELD_OF.get(name, name)}"
    if rule := contradictions.rules().get(violation.rule):
        text = rule.texts["en"]
        expected = f"fields that agree: {name} {text.fault}"
        fix = text.fix[0].upper() + text.fix[1:]
        return Finding(rule.id, severity, record.number, field, "", expected, fix, rule.id)
    return Finding(
        "M2-RECORD",
        severity,
        record.number,
        field,
        "",
        f"a value that a record can hold; it {violation.message}",
        "Correct the field, or keep the account back",
    )


def renumberings_of(record: Metro2Record) -> list[Segment]:
    """Return the segments that give an account another number."""
    return [
        segment
        for segment in record.all("L1")
        if segment.values.get("change_indicator") in _NEW_ACCOUNT_NUMBER
    ]


def _snapshot(record: Metro2Record, parties: tuple[Party, ...], currency: str) -> Snapshot:
    base = record.first
    fields = base.values
    status = from_metro2(AccountStatus, fields["account_status"])
    portfolio = from_metro2(PortfolioType, fields["portfolio_type"])
    account_type = str(fields["account_type"])
    unit = 10 ** exponent_of(currency)
    as_of = _day(base, "date_of_account_information")
    terms = str(fields["terms_duration"])
    creditor = record.all("K1")
    return Snapshot(
        account_ref=str(fields["consumer_account_number"]),
        month=Month(as_of.year, as_of.month),
        parties=parties,
        portfolio_type=portfolio,
        account_type=account_type,
        currency=currency,
        open_date=_day(base, "date_opened"),
        status=status,
        balance_minor=_amount(base, "current_balance") * unit,
        credit_limit_minor=_amount(base, "credit_limit") * unit or None,
        original_amount_minor=_amount(base, "highest_credit") * unit or None,
        term_months=int(terms) if terms.isdigit() else 0,
        secured=is_secured_type(account_type),
        amount_due_minor=_amount(base, "scheduled_monthly_payment") * unit,
        amount_paid_minor=_amount(base, "actual_payment") * unit,
        amount_past_due_minor=_amount(base, "amount_past_due") * unit,
        days_past_due=DAYS_PAST_DUE.get(status, 0),
        close_date=_maybe_day(base, "date_closed"),
        close_reason=_close_reason(base, status),
        first_delinquency_date=_maybe_day(base, "date_of_first_delinquency"),
        last_payment_date=_maybe_day(base, "date_of_last_payment"),
        charge_off_amount_minor=_amount(base, "original_charge_off_amount") * unit,
        compliance_condition=from_metro2(ComplianceCondition, fields["compliance_condition"]),
        special_comment=str(fields["special_comment"]),
        payment_rating=str(fields["payment_rating"]),
        original_creditor=str(creditor[0].values["original_creditor_name"]) if creditor else "",
        raw_codes=tuple(
            RawCode(f"metro2.{name}", str(fields[name])) for name in _RAW if fields.get(name)
        ),
    )


def _renumbering(account_ref: str, change: Segment, as_of: date) -> FacilityAction:
    return FacilityAction(
        account_ref=account_ref,
        kind=FacilityActionKind.RENUMBER,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=datetime.combine(as_of, time(), UTC),
        new_account_ref=str(change.values["new_consumer_account_number"]),
    )


def _close_reason(base: Segment, status: AccountStatus) -> CloseReason:
    if base.values.get("date_closed") is None:
        return CloseReason.UNSPECIFIED
    if status == AccountStatus.TRANSFERRED:
        return CloseReason.TRANSFERRED
    if status in {AccountStatus.CHARGE_OFF, AccountStatus.PAID_CHARGE_OFF}:
        return CloseReason.CHARGED_OFF
    if base.values["compliance_condition"] == "XA":
        return CloseReason.BY_CONSUMER
    if base.values["special_comment"] == _BY_GRANTOR:
        return CloseReason.BY_GRANTOR
    return (
        CloseReason.PAID_OFF if status == AccountStatus.PAID_OR_CLOSED else CloseReason.UNSPECIFIED
    )


def _amount(base: Segment, name: str) -> int:
    amount = base.values[name]
    return amount if isinstance(amount, int) else 0


def _maybe_day(base: Segment, name: str) -> date | None:
    day = base.values[name]
    return day if isinstance(day, date) else None


def _day(base: Segment, name: str) -> date:
    day = _maybe_day(base, name)
    assert day is not None, f"{name} is required"
    return day
