"""Records as accounts of a Metro 2 file.

The format reports whole units of one currency, no negative balance, and persons by name
and number, which records do not have: the furnisher adds them. Data that the format cannot
hold becomes a finding; nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bureau_client.files.metro2.codebook import AMOUNTS, DAYS_PAST_DUE, to_metro2
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.segments import Segment, blank
from bureau_client.files.metro2.values import BadValue, Value
from bureau_client.models.codes import Classification, Code, PartyRole
from bureau_client.models.money import exponent_of
from bureau_client.models.records import Snapshot
from bureau_keys.collateral import is_secured_type
from bureau_keys.contradictions import Severity

NO_HISTORY = "B" * 24
_MAX_AMOUNT = 999_999_999
# Fields of records without a field in the format, with the value that loses nothing.
_WITHOUT_FIELD = {
    "interest_rate_ppm": 0,
    "payments_missed": 0,
    "restructured": False,
    "classification": Classification.UNSPECIFIED,
    "application_ref": "",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A person on an account, as the furnisher knows them.

    Attributes:
        first_name: Empty for a business.
        social_security_number: Nine digits.
        country: ISO 3166-1 alpha-2.
    """

    surname: str
    first_name: str
    social_security_number: str
    middle_name: str = ""
    date_of_birth: date | None = None
    telephone_number: str = ""
    country: str = "US"
    first_line_of_address: str = ""
    second_line_of_address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


def account_of(
    snapshot: Snapshot,
    people: Mapping[str, Person],
    *,
    currency: str,
    identification_number: str,
    as_of: date,
    history: str = NO_HISTORY,
) -> tuple[list[Segment], list[Finding]]:
    """Return the segments of one account.

    Args:
        snapshot: The snapshot to report.
        people: The persons by their subject ids.
        currency: ISO 4217 currency of the file.
        identification_number: The furnisher's identification number, at most 20
            characters.
        as_of: The date of account information.
        history: 24 characters, the first for the month before.

    Returns:
        The segments, none if a finding is an error; and findings on data that the format
        cannot hold.
    """
    findings: list[Finding] = []
    if snapshot.currency != currency:
        findings.append(_error("currency", snapshot.currency, currency, "Write a file of its own"))
    if not snapshot.status or not to_metro2(snapshot.status):
        findings.append(
            _error("status", snapshot.status.name, "a status of Metro 2", "Leave it out")
        )
    known = [people.get(party.subject_id) for party in snapshot.parties]
    for party, person in zip(snapshot.parties, known, strict=True):
        if person is None:
            findings.append(
                _error("parties", party.subject_id, "a person with a name", "Add the person")
            )
    base: dict[str, Value] = {
        "processing_indicator": "1",
        "correction_indicator": "0",
        "identification_number": identification_number,
        "consumer_account_number": snapshot.account_ref,
        "portfolio_type": to_metro2(snapshot.portfolio_type),
        "account_type": snapshot.account_type,
        "date_opened": snapshot.open_date,
        "terms_duration": _terms(snapshot),
        "terms_frequency": "M",
        "account_status": to_metro2(snapshot.status),
        "payment_rating": snapshot.payment_rating,
        "payment_history_profile": history,
        "special_comment": snapshot.special_comment,
        "compliance_condition": to_metro2(snapshot.compliance_condition),
        "date_of_account_information": as_of,
        "date_of_first_delinquency": snapshot.first_delinquency_date,
        "date_closed": snapshot.close_date,
        "date_of_last_payment": snapshot.last_payment_date,
    }
    unit = 10 ** exponent_of(snapshot.currency)
    for field, name in AMOUNTS.items():
        base[field] = _whole(name, getattr(snapshot, name) or 0, unit, findings)
    findings += _nameless(snapshot, known)
    findings += _lost(snapshot)
    if any(finding.severity is Severity.ERROR for finding in findings):
        # An account that is left out is named.
        return [], [_named(finding, snapshot.account_ref) for finding in findings]
    persons = [person for person in known if person is not None]
    roles = [party.role for party in snapshot.parties]
    try:
        segments = [
            blank("BASE").with_values(**base, **_person(persons[0], roles[0], address=True))
        ]
        for person, role in zip(persons[1:], roles[1:], strict=True):
            kind = "J1" if _address(person) == _address(persons[0]) else "J2"
            fields = _person(person, role, address=kind == "J2")
            segments.append(blank(kind).with_values(**fields))
        if snapshot.original_creditor:
            segments.append(
                blank("K1").with_values(original_creditor_name=snapshot.original_creditor)
            )
    except BadValue as bad:
        wrong = _error(bad.field, "", bad.expected, "Correct it, or shorten it")
        return [], [*findings, _named(wrong, snapshot.account_ref)]
    return segments, findings


def _nameless(snapshot: Snapshot, known: Sequence[Person | None]) -> Iterator[Finding]:
    """Yield an error for each person without a first name; a business has none."""
    for party, person in zip(snapshot.parties, known, strict=True):
        if person is not None and not person.first_name and party.role != PartyRole.BUSINESS:
            expected = "a first name, or the role of a business"
            yield _error("first_name", party.subject_id, expected, "Add the first name")


def _lost(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a warning for each value that the format has no field for."""
    expressible = dict(_WITHOUT_FIELD)
    expressible["days_past_due"] = DAYS_PAST_DUE.get(snapshot.status, 0)
    expressible["secured"] = is_secured_type(snapshot.account_type)
    for name, value in expressible.items():
        if (actual := getattr(snapshot, name)) != value:
            shown = actual.name if isinstance(actual, Code) else str(actual)
            yield _warning(name, shown, "nothing: the format has no field for it")
    if any(party.start_date for party in snapshot.parties):
        yield _warning("parties", "start_date", "nothing: the format has no field for it")


def _whole(name: str, minor: int, unit: int, findings: list[Finding]) -> int:
    """Return an amount in whole units; add a finding for a loss."""
    if minor < 0:
        expected = "zero: the format reports a credit balance as zero"
        findings.append(_warning(name, str(minor), expected))
        return 0
    whole, part = divmod(minor, unit)
    if part:
        findings.append(_warning(name, str(minor), f"whole units; {part} minor units are left out"))
    if whole > _MAX_AMOUNT:
        findings.append(_error(name, str(minor), "at most nine digits", "Leave the account out"))
    return whole


def _terms(snapshot: Snapshot) -> str:
    if snapshot.term_months:
        return f"{snapshot.term_months:03d}"
    return {"R": "REV", "C": "LOC", "O": "001"}.get(to_metro2(snapshot.portfolio_type), "")


def _person(person: Person, role: Code, *, address: bool) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "surname": person.surname,
        "first_name": person.first_name,
        "middle_name": person.middle_name,
        "social_security_number": person.social_security_number,
        "date_of_birth": person.date_of_birth,
        "telephone_number": person.telephone_number,
        "ecoa_code": to_metro2(role),
    }
    return fields | _address(person) if address else fields


def _address(person: Person) -> dict[str, Value]:
    return {
        "country_code": person.country,
        "first_line_of_address": person.first_line_of_address,
        "second_line_of_address": person.second_line_of_address,
        "city": person.city,
        "state": person.state,
        "postal_code": person.postal_code,
    }


def _named(finding: Finding, account_ref: str) -> Finding:
    got = f"{finding.got}, account {account_ref}" if finding.got else f"account {account_ref}"
    return replace(finding, got=got)


def _error(field: str, got: str, expected: str, fix: str) -> Finding:
    return Finding("M2-EXPORT", Severity.ERROR, 0, field, got, expected, fix)


def _warning(field: str, got: str, expected: str) -> Finding:
    return Finding(
        "M2-EXPORT",
        Severity.WARNING,
        0,
        field,
        got,
        expected,
        "Report it by other means if it matters",
    )
