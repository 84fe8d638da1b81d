"""Records: what is checked before sending, and the bytes that are signed."""

from __future__ import annotations

import dataclasses
import tomllib
from datetime import UTC, date, datetime
from importlib.resources import files
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client import (
    AccountStatus,
    ActionReason,
    CloseReason,
    Deletion,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
    Party,
    PartyRole,
    PortfolioType,
    RawCode,
    RecordRef,
    Snapshot,
)
from bureau_client._codec.records import encode_record, read_record
from bureau_client._operations import batches
from bureau_client.models import record_checks
from bureau_client.models.codes import DeletionReason
from bureau_client.models.record_checks import check_record
from bureau_keys.envelope import parse_canonical
from creditbureau.v1 import record_pb2
from tests.unit.client.fakes import SUBJECT, snapshot

SALT = bytes(range(32))
# Fewest and most days past due in a status.
DAYS = tomllib.loads((files("bureau_keys") / "contradictions.toml").read_text("utf-8"))["days"]
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what must be refused

amounts = st.integers(0, 10**15)
days = st.dates(date(1900, 1, 1), date(2999, 12, 31))
any_snapshots = st.builds(
    Snapshot,
    account_ref=st.text("abc123-_#", min_size=1, max_size=64),
    month=st.builds(Month, st.integers(1950, 2900), st.integers(1, 12)),
    parties=st.lists(
        st.builds(
            Party,
            st.text("0123456789abcdef", min_size=32, max_size=32),
            st.sampled_from([role for role in PartyRole if role]),
            st.none() | days,
        ),
        min_size=1,
        max_size=16,
        unique_by=attrgetter("subject_id"),
    ).map(tuple),
    portfolio_type=st.sampled_from([code for code in PortfolioType if code]),
    account_type=st.text("0123456789ABC", min_size=2, max_size=2),
    currency=st.sampled_from(["CNY", "EUR", "USD"]),
    open_date=days,
    status=st.sampled_from([code for code in AccountStatus if code]),
    balance_minor=st.integers(-(10**15), 10**15),
    credit_limit_minor=st.none() | amounts,
    original_amount_minor=st.none() | amounts,
    amount_past_due_minor=amounts,
    days_past_due=st.integers(0, 9999),
    secured=st.booleans(),
    close_date=st.none() | days,
    close_reason=st.sampled_from(CloseReason),
)


def agreeing(record: Snapshot) -> Snapshot:
    """The same snapshot without the contradictions that the bureau refuses."""
    owed = max(record.balance_minor, 0)
    past_due, days = min(record.amount_past_due_minor, owed), record.days_past_due % 30
    if bounds := DAYS.get(record.status.name):
        days = min(max(record.days_past_due, bounds[0]), bounds[1])
    elif record.status is AccountStatus.TRANSFERRED or record.status.name.startswith("PAID_"):
        owed, past_due, days = 0, 0, 0
    return dataclasses.replace(
        record,
        balance_minor=min(record.balance_minor, owed),
        amount_past_due_minor=past_due,
        days_past_due=days,
    )


snapshots = any_snapshots.map(agreeing)


@given(snapshots)
def test_what_is_right_passes_and_says_the_same_on_the_wire(record: Any) -> None:
    assert check_record(record, 0) == []
    parsed = parse_canonical(record_pb2.Record, encode_record(record, SALT))
    signed = parsed.snapshot
    assert (parsed.salt, parsed.account_ref) == (SALT, record.account_ref)
    assert Month.from_number(signed.month) == record.month
    assert [p.subject_id for p in signed.parties] == [p.subject_id for p in record.parties]
    assert signed.balance_minor == record.balance_minor
    assert signed.HasField("credit_limit_minor") == (record.credit_limit_minor is not None)
    assert signed.credit_limit_minor == (record.credit_limit_minor or 0)
    assert signed.status == record.status
    assert signed.secured == record.secured
    assert read_record(encode_record(record, SALT)) == record


def test_every_field_of_the_contract_reaches_the_wire() -> None:
    record = snapshot(
        parties=(Party(SUBJECT, PartyRole.JOINT, date(2021, 1, 1)),),
        credit_limit_minor=1,
        original_amount_minor=1,
        term_months=1,
        interest_rate_ppm=1,
        secured=True,
        amount_due_minor=1,
        amount_paid_minor=1,
        amount_past_due_minor=1,
        days_past_due=1,
        payments_missed=1,
        restructured=True,
        close_date=date(2026, 1, 1),
        close_reason=CloseReason.PAID_OFF,
        first_delinquency_date=date(2026, 1, 1),
        last_payment_date=date(2026, 1, 1),
        charge_off_amount_minor=1,
        classification=1,
        compliance_condition=1,
        special_comment="M",
        payment_rating="0",
        original_creditor="x",
        application_ref="x",
        raw_codes=(RawCode("metro2.account_status", "11"),),
    )
    parsed = record_pb2.Record.FromString(encode_record(record, SALT)).snapshot
    names = {field.name for field, _ in parsed.ListFields()}
    assert names == set(parsed.DESCRIPTOR.fields_by_name)
    assert read_record(encode_record(record, SALT)) == record


@pytest.mark.parametrize(
    "record",
    [
        Deletion(account_ref="A-1", reason=DeletionReason.INACCURATE, month=Month(2026, 5)),
        Deletion(account_ref="A-1", reason=DeletionReason.INACCURATE),
        FacilityAction(
            account_ref="A-1",
            kind=FacilityActionKind.LIMIT_CHANGE,
            initiator=Initiator.SUBJECT,
            reasons=(ActionReason.AT_REQUEST,),
            effective_time=datetime(2026, 5, 4, tzinfo=UTC),
            record_refs=(RecordRef("0f" * 16, 3),),
            credit_limit_minor=0,
        ),
    ],
)
def test_every_kind_of_record_is_read_back(record: Deletion | FacilityAction) -> None:
    encoded = encode_record(record, SALT)
    assert read_record(encoded) == record
    assert encoded[batches.SALTED :] == encode_record(record, b"")


def test_a_batch_is_known_without_the_salts() -> None:
    def digest(*balances: int) -> str:
        records = [snapshot(balance_minor=balance) for balance in balances]
        return batches.digest(list(batches.entries(records)))

    digests = [digest(*balances) for balances in ((1, 2), (2, 1), (1,), (1, 2, 2), ())]
    assert len(set(digests)) == len(digests)
    assert digest(1, 2) == digests[0]


@pytest.mark.parametrize("encoded", [b"", b"\xff", b"not a record"])
def test_what_is_no_record_is_a_value_error(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="record"):
        read_record(encoded)


@pytest.mark.parametrize(
    ("field", "value", "rule", "says"),
    [
        ("balance_minor", 12.5, "INVALID_FIELD", "float"),
        ("balance_minor", True, "INVALID_FIELD", "bool"),
        ("balance_minor", "12", "INVALID_FIELD", "minor units"),
        ("balance_minor", 10**15 + 1, "AMOUNT_RANGE", "lie in"),
        ("amount_due_minor", -1, "AMOUNT_RANGE", "lie in"),
        ("credit_limit_minor", -1, "AMOUNT_RANGE", "lie in"),
        ("currency", "yuan", "UNKNOWN_CURRENCY", "ISO 4217"),
        ("currency", None, "UNKNOWN_CURRENCY", "ISO 4217"),
        ("account_type", "1", "INVALID_FIELD", "18"),
        ("status", AccountStatus.UNSPECIFIED, "UNKNOWN_ENUM", "AccountStatus"),
        ("status", PortfolioType.OPEN, "UNKNOWN_ENUM", "AccountStatus"),
        ("status", 1, "UNKNOWN_ENUM", "AccountStatus"),
        ("month", 202601, "INVALID_FIELD", "Month"),
        ("open_date", None, "INVALID_FIELD", "datetime.date"),
        ("open_date", datetime(2026, 1, 1, tzinfo=UTC), "INVALID_FIELD", "datetime.date"),
        ("close_date", "2026-01-01", "INVALID_FIELD", "datetime.date"),
        ("secured", 1, "INVALID_FIELD", "True or False"),
        ("parties", (), "TOO_MANY_ITEMS", "1 to 16"),
        ("raw_codes", (RawCode("a", "b"),) * 17, "TOO_MANY_ITEMS", "16"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(field: Any, value: Any, rule: Any, says: Any) -> None:
    (violation,) = check_record(snapshot(**{field: value}), 7)
    assert violation.field == f"records[7].snapshot.{field}"
    assert violation.rule == rule
    assert says in violation.message


WEIRD = st.sampled_from([None, 0, -1, 1.5, True, "", "x", 10**16, (), AccountStatus.CURRENT, NAIVE])


@given(snapshots, st.sampled_from([f.name for f in dataclasses.fields(Snapshot)]), WEIRD)
def test_the_short_way_never_passes_what_the_long_way_refuses(
    record: Snapshot, field: str, value: Any
) -> None:
    if field == "parties" and not isinstance(value, tuple):
        return
    if field == "raw_codes" and not isinstance(value, tuple):
        return
    changed = dataclasses.replace(record, **{field: value})
    if record_checks._plainly_right(changed):
        assert list(record_checks._snapshot(changed, "x")) == []


def test_nobody_is_on_an_account_twice() -> None:
    (violation,) = check_record(snapshot(parties=(Party(SUBJECT), Party(SUBJECT))), 0)
    assert violation.field == "records[0].snapshot.parties"


@pytest.mark.parametrize("account_ref", ["", "A 1"])
def test_a_renumbering_needs_a_number(account_ref: str) -> None:
    action = FacilityAction(
        account_ref="A-1",
        kind=FacilityActionKind.RENUMBER,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.POLICY_CHANGE,),
        effective_time=datetime(2026, 1, 1, tzinfo=UTC),
        new_account_ref=account_ref,
    )
    (violation,) = check_record(action, 0)
    assert violation.field == "records[0].action.new_account_ref"


def test_parties_are_named_by_their_place() -> None:
    wrong = snapshot(
        parties=(Party(SUBJECT), Party("4401012345678"), Party("0" * 32, PartyRole(0)))
    )
    assert [v.field for v in check_record(wrong, 0)] == [
        "records[0].snapshot.parties[1].subject_id",
        "records[0].snapshot.parties[2].role",
    ]


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = snapshot(account_ref="has space", balance_minor=1.0, currency="", days_past_due=-1)
    assert len(check_record(wrong, 0)) == 4


def test_actions_and_deletions_are_checked_and_encoded() -> None:
    action = FacilityAction(
        account_ref="A-1",
        kind=FacilityActionKind.LIMIT_CHANGE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.INCOME_CHANGE,),
        effective_time=datetime(2026, 1, 1, tzinfo=UTC),
        record_refs=(RecordRef("00000000-0000-4000-8000-000000000000", 3),),
        credit_limit_minor=0,
    )
    assert check_record(action, 0) == []
    parsed = parse_canonical(record_pb2.Record, encode_record(action, SALT))
    assert parsed.action.HasField("credit_limit_minor")
    assert parsed.action.record_refs[0].record_index == 3
    naive = dataclasses.replace(action, effective_time=NAIVE, reasons=())
    assert {v.field for v in check_record(naive, 2)} == {
        "records[2].action.effective_time",
        "records[2].action.reasons",
    }
    deletion = Deletion(account_ref="A-1", reason=DeletionReason.FRAUD, month=Month(2026, 1))
    assert check_record(deletion, 0) == []
    parsed = parse_canonical(record_pb2.Record, encode_record(deletion, SALT))
    assert parsed.deletion.month == 202601


def test_what_is_no_record_is_said_so() -> None:
    (violation,) = check_record({"account_ref": "A"}, 3)  # type: ignore[arg-type]
    assert violation.field == "records[3]"
    assert "dict" in violation.message
