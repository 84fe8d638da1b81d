"""Accounts of Metro 2 files as records, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bureau_client import AccountStatus, Month, Party, PartyRole, PortfolioType, Snapshot
from bureau_client.errors import InvalidRequest
from bureau_client.files import Metro2Source, check_file
from bureau_client.files.metro2 import (
    Finding,
    Metro2Record,
    Person,
    Segment,
    Severity,
    account_of,
    blank,
    persons_of,
    records_of,
)
from bureau_client.files.metro2.sales import read_sales
from bureau_client.models.codes import Classification, DeletionReason, FacilityActionKind
from bureau_client.models.records import Deletion, FacilityAction
from tests.unit.client.metro2_files import DAY, base, file_of, late, read_all, rules


def test_an_account_becomes_records() -> None:
    joint = blank("J2").with_values(
        surname="ROE", first_name="RICHARD", ecoa_code="2", social_security_number="000654321"
    )
    gone = blank("J1").with_values(surname="POE", first_name="P", ecoa_code="Z")
    segments = [
        late(),
        joint,
        gone,
        blank("K1").with_values(original_creditor_name="OLD BANK"),
        blank("L1").with_values(change_indicator="1", new_consumer_account_number="A-9"),
    ]
    record = Metro2Record(2, "BASE", tuple(segments))
    assert [segment.values["surname"] for segment in persons_of(record)] == ["DOE", "ROE"]
    snapshot, action = records_of(record, ["a" * 32, "b" * 32], "USD")
    assert isinstance(snapshot, Snapshot)
    assert snapshot.parties == (Party("a" * 32), Party("b" * 32, PartyRole.JOINT))
    assert (snapshot.month, snapshot.status) == (Month(2024, 5), AccountStatus.PAST_DUE_30)
    assert (snapshot.balance_minor, snapshot.days_past_due) == (1000_00, 30)
    assert (snapshot.original_creditor, snapshot.portfolio_type) == (
        "OLD BANK",
        PortfolioType.REVOLVING,
    )
    raw_codes = {code.scheme: code.value for code in snapshot.raw_codes}
    assert raw_codes["metro2.account_status"] == "71"
    assert raw_codes["metro2.payment_history_profile"] == "0" * 24
    assert isinstance(action, FacilityAction)
    assert (action.kind, action.new_account_ref) == (FacilityActionKind.RENUMBER, "A-9")
    yen = records_of(record, ["a" * 32, "b" * 32], "JPY")[0]
    assert isinstance(yen, Snapshot)
    assert yen.balance_minor == 1000


@pytest.mark.parametrize(
    ("status", "reason"), [("DA", DeletionReason.INACCURATE), ("DF", DeletionReason.FRAUD)]
)
def test_a_deletion_is_a_deletion(status: str, reason: DeletionReason) -> None:
    record = Metro2Record(2, "BASE", (base(account_status=status),))
    assert persons_of(record) == []
    assert records_of(record, [], "USD") == [Deletion(account_ref="A-1", reason=reason)]


PERSON = Person("DOE", "JANE", "000123456", city="LANSING", state="MI")


def exported(**changes: Any) -> tuple[list[Segment], list[Finding]]:
    said: dict[str, Any] = {
        "account_ref": "A-1",
        "month": Month(2024, 5),
        "parties": (Party("a" * 32),),
        "portfolio_type": PortfolioType.REVOLVING,
        "account_type": "18",
        "currency": "USD",
        "open_date": date(2020, 2, 29),
        "status": AccountStatus.CURRENT,
        "balance_minor": 1000_00,
        "credit_limit_minor": 5000_00,
    }
    return account_of(
        Snapshot(**(said | changes)),
        {"a" * 32: PERSON},
        currency="USD",
        identification_number="F-1",
        as_of=DAY,
    )


def test_records_come_back_from_a_file() -> None:
    segments, findings = exported()
    assert findings == []
    assert rules(read_all(file_of(segments))) == {}
    (back,) = records_of(Metro2Record(2, "BASE", tuple(segments)), ["a" * 32], "USD")
    assert isinstance(back, Snapshot)
    assert (back.balance_minor, back.credit_limit_minor) == (1000_00, 5000_00)


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"balance_minor": 1000_50}, Severity.WARNING),
        ({"balance_minor": -5_00}, Severity.WARNING),
        ({"balance_minor": 10**11}, Severity.ERROR),
        ({"currency": "CNY"}, Severity.ERROR),
        ({"parties": (Party("b" * 32),)}, Severity.ERROR),
        ({"account_ref": "A" * 31}, Severity.ERROR),
    ],
)
def test_what_the_format_cannot_say_is_said(changes: dict[str, Any], severity: Severity) -> None:
    segments, findings = exported(**changes)
    assert [finding.severity for finding in findings] == [severity]
    assert bool(segments) is (severity is Severity.WARNING)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"interest_rate_ppm": 90_000}, "interest_rate_ppm"),
        ({"classification": Classification.LOSS}, "classification"),
        ({"restructured": True}, "restructured"),
        ({"days_past_due": 12}, "days_past_due"),
        ({"secured": True}, "secured"),
        ({"parties": (Party("a" * 32, start_date=DAY),)}, "parties"),
    ],
)
def test_what_the_format_has_no_field_for_is_said(changes: dict[str, Any], field: str) -> None:
    segments, (finding,) = exported(**changes)
    assert (finding.field, finding.severity) == (field, Severity.WARNING)
    assert segments


def test_a_name_that_does_not_fit_is_named() -> None:
    _, (finding,) = exported(account_ref="A" * 31)
    assert finding.field == "BASE.consumer_account_number"


def source(tmp_path: Path, *accounts: Sequence[Segment], **options: Any) -> Metro2Source:
    path = tmp_path / "may.dat"
    path.write_bytes(file_of(*accounts))
    return Metro2Source(path, **options)


SOLD = blank("K2").with_values(purchased_sold_indicator="2", purchased_sold_name="BIG BUYER")
SALES = "account_ref,new_member_id,new_account_ref\n"


def of_sale(**changes: Any) -> Segment:
    """A card that was sold on 15 May: it is transferred, and nothing is owed."""
    fields: dict[str, Any] = {
        "account_status": "05",
        "payment_rating": "0",
        "current_balance": 0,
        "scheduled_monthly_payment": 0,
        "date_closed": date(2024, 5, 15),
    }
    return base(**(fields | changes))


def test_a_sold_account_becomes_a_transfer(tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(f"{SALES}A-1,buyer,B-7\n")
    record = Metro2Record(2, "BASE", (of_sale(), SOLD))
    for buyers, names in ((read_sales(sales), ("buyer", "B-7")), ({}, ("", ""))):
        _, sale = records_of(record, ["a" * 32], "USD", buyers)
        assert isinstance(sale, FacilityAction)
        assert (sale.kind, sale.account_ref) == (FacilityActionKind.TRANSFER, "A-1")
        assert (sale.new_member_id, sale.new_account_ref) == names
        # The month after repeats it: it says the same closing date.
        assert sale.effective_time.date() == date(2024, 5, 15)
    (row,) = source(tmp_path, [of_sale(), SOLD], sales=sales).check()
    assert (row.record_count, row.violations) == (2, ())
    assert not [one for one in row.warnings if one.rule.startswith("M2-SALE")]


@pytest.mark.parametrize(
    ("segments", "rule", "field", "count"),
    [
        (
            [of_sale(consumer_account_number="A-2"), SOLD],
            "M2-SALE-BUYER",
            "K2.purchased_sold_name",
            2,
        ),
        ([base(), SOLD], "M2-SALE-BALANCE", "BASE.current_balance", 1),
        ([of_sale()], "M2-SALE-K2", "K2.purchased_sold_indicator", 1),
    ],
)
def test_a_sale_that_is_not_imported_whole_is_named(
    tmp_path: Path, segments: list[Segment], rule: str, field: str, count: int
) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(f"{SALES}A-1,buyer,B-7\n")
    (row,) = source(tmp_path, segments, sales=sales).check()
    warnings = [(one.rule, one.field) for one in row.warnings if one.rule.startswith("M2-SALE")]
    assert warnings == [(rule, field)]
    assert (row.record_count, row.violations) == (count, ())


def test_what_k2_says_of_purchases_and_deletions_is_no_sale() -> None:
    bought = blank("K2").with_values(purchased_sold_indicator="1", purchased_sold_name="A")
    for segments in ((of_sale(), bought), (of_sale(account_status="DA"), SOLD)):
        subjects = [] if len(persons_of(Metro2Record(2, "BASE", segments))) == 0 else ["a" * 32]
        assert len(records_of(Metro2Record(2, "BASE", segments), subjects, "USD")) == 1


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ("A-1,buyer\n", "line 2, cells"),
        ("A-1,buyer,\n", "line 2, new_account_ref"),
        ("A-1,buyer,B-7\nA-1,other,B-8\n", "line 3, account_ref"),
    ],
)
def test_a_wrong_file_of_sales_is_refused(tmp_path: Path, lines: str, field: str) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES + lines)
    with pytest.raises(InvalidRequest) as caught:
        source(tmp_path, [base()], sales=sales)
    assert field in {violation.field for violation in caught.value.violations}


RENUMBERED = blank("L1").with_values(change_indicator="1")


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ([base(consumer_account_number="A 1")], "BASE.consumer_account_number"),
        ([base(special_comment="m")], "BASE.special_comment"),
        (
            [
                base(),
                blank("J1").with_values(
                    surname="DOE", first_name="J", ecoa_code="2", social_security_number="000123456"
                ),
            ],
            "BASE.parties",
        ),
        ([base(), RENUMBERED], "BASE.new_account_ref"),
        ([base(date_of_account_information=date(2999, 1, 31))], "BASE.date_of_account_information"),
    ],
)
def test_what_the_bureau_would_refuse_is_found_in_the_file(
    tmp_path: Path, account: Sequence[Segment], field: str
) -> None:
    """Before anything is sent: a file that checks is a file that is taken."""
    (reject,) = check_file(source(tmp_path, account)).rejects
    assert {violation.field for violation in reject.violations} == {field}


def test_rejects_can_be_mended_with_an_editor(tmp_path: Path) -> None:
    """A record a line, and no counts in the trailer that mending would change."""
    wrong = base(account_status="71", consumer_account_number="A-2", payment_rating="0")
    short = Segment("", b"0100" + base().raw[4:100])
    file = source(tmp_path, [base()], [wrong], [short])
    rejects = tmp_path / "rejects.dat"
    rejected = check_file(file).rejects
    file.write_rejects(rejected, rejects)
    again = check_file(Metro2Source(rejects))
    assert [[v.rule for v in reject.violations] for reject in again.rejects] == [
        [v.rule for v in reject.violations] for reject in rejected
    ]
    head, late_one, _, trailer = rejects.read_bytes().splitlines()
    start = sum(
        field.length for field in wrong.layout.fields[: wrong.layout.index["account_status"]]
    )
    mended = late_one[:start] + b"11 " + late_one[start + 3 :]
    whole = b"0426" + base(consumer_account_number="A-3").raw[4:]
    rejects.write_bytes(b"\r\n".join([head, mended, whole, trailer]) + b"\r\n")
    assert not check_file(Metro2Source(rejects)).rejects
