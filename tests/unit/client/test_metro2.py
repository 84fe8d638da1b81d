"""Metro 2 files: others' and our own, whole and broken."""

from __future__ import annotations

import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client import AccountStatus, Month, Party, PartyRole, PortfolioType, Snapshot
from bureau_client.codes import DeletionReason, FacilityActionKind
from bureau_client.files.metro2 import (
    BadValue,
    Finding,
    Framing,
    Metro2Record,
    Numbers,
    Person,
    Reader,
    Reporter,
    Segment,
    Severity,
    account_of,
    blank,
    header,
    persons_of,
    records_of,
    repacked,
    validate,
    write,
)
from bureau_client.files.metro2.layout import Field, layouts, table_of
from bureau_client.files.metro2.values import read
from bureau_client.files.metro2.values import write as write_value
from bureau_client.records import Deletion, FacilityAction
from tests.unit.keys import vectors

NAMES = {
    "trans_union_program_identifier": "transunion_program_identifier",
    "account_type": "account_type",
    "actual_payment_amount": "actual_payment",
    "compliance_condition_code": "compliance_condition",
    "date_account_information": "date_of_account_information",
    "date_first_delinquency": "date_of_first_delinquency",
    "date_last_payment": "date_of_last_payment",
    "date_birth": "date_of_birth",
    "first_line_address": "first_line_of_address",
    "second_line_address": "second_line_of_address",
    "zip_code": "postal_code",
    "purchased_indicator": "purchased_sold_indicator",
    "purchased_name": "purchased_sold_name",
    "specialized_payment_indicator": "specialized_payment_indicator",
    "first_line_employer_address": "first_line_of_employer_address",
    "second_line_employer_address": "second_line_of_employer_address",
}
WORDS = {"blockDescriptorWord", "recordDescriptorWord"}
DAY = date(2024, 5, 31)


def read_all(raw: bytes, **options: Any) -> list[tuple[Metro2Record, list[Finding]]]:
    return list(validate(io.BytesIO(raw), **options))


def rules(found: Sequence[tuple[Metro2Record, list[Finding]]]) -> Counter[str]:
    return Counter(finding.rule for _, findings in found for finding in findings)


def base(**changes: Any) -> Segment:
    """A card that is in order."""
    said: dict[str, Any] = {
        "processing_indicator": "1",
        "correction_indicator": "0",
        "identification_number": "FURNISHER-1",
        "consumer_account_number": "A-1",
        "portfolio_type": "R",
        "account_type": "18",
        "date_opened": date(2020, 2, 29),
        "credit_limit": 5000,
        "highest_credit": 1200,
        "terms_duration": "REV",
        "terms_frequency": "M",
        "scheduled_monthly_payment": 25,
        "actual_payment": 25,
        "account_status": "11",
        "payment_history_profile": "0" * 24,
        "current_balance": 1000,
        "date_of_account_information": DAY,
        "surname": "DOE",
        "first_name": "JANE",
        "social_security_number": "000123456",
        "date_of_birth": date(1980, 12, 31),
        "telephone_number": "5551234567",
        "ecoa_code": "1",
        "country_code": "US",
        "first_line_of_address": "1 HIGH STREET",
        "city": "LANSING",
        "state": "MI",
        "postal_code": "48901",
    }
    return blank("BASE").with_values(**(said | changes))


def late(**changes: Any) -> Segment:
    """The same card, 30 days late."""
    said: dict[str, Any] = {
        "account_status": "71",
        "amount_past_due": 25,
        "date_of_first_delinquency": date(2024, 4, 20),
    }
    return base(**(said | changes))


def file_of(*accounts: Sequence[Segment], framing: Framing | None = None) -> bytes:
    out = io.BytesIO()
    write(out, header(Reporter("RIVERBANK"), DAY, DAY), accounts, framing)
    return out.getvalue()


# --- others' files ------------------------------------------------------------------


def snake(name: str) -> str:
    found = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return NAMES.get(found, found)


def told(value: object) -> object:
    """A value of ours as the twins write it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.strftime("%Y-%m-%dT00:00:00Z")
    return value


def compare(segment: Segment, twin: Mapping[str, Any]) -> None:
    for name, wanted in twin.items():
        if name in WORDS:
            continue
        if segment.kind == "TRAILER":
            continue
        at = snake(name)
        if segment.kind == "N1" and at == "postal_code":
            at = "employer_postal_code"
        got = told(segment.values[at])
        if isinstance(wanted, int) and isinstance(got, str):
            got = int(got or 0)
        assert got == wanted, (segment.kind, at)


@pytest.mark.parametrize("name", ["unpacked_fixed_file", "packed_file"])
def test_files_of_others_say_what_their_twins_say(name: str) -> None:
    raw = vectors.read(f"metro2/{name}.dat")
    twin = vectors.load(f"metro2/{name}.json")
    head, account, trailer = [record for record, _ in read_all(raw)]
    compare(head.first, twin["header"])
    (data,) = twin["data"]
    for kind, said in data.items():
        segments = account.all(kind.upper())
        for segment, one in zip(segments, said if isinstance(said, list) else [said], strict=True):
            compare(segment, one)
    counts = [told for name, told in twin["trailer"].items() if name.startswith("total")]
    counts.insert(4, twin["trailer"]["blockCount"])
    ours = [
        int(str(trailer.first.values[field.name]))
        for field in trailer.first.layout.fields
        if field.kind == "count"
    ]
    assert sorted(ours) == sorted(counts)
    assert not [rule for rule in rules(read_all(raw)) if rule.startswith("M2-")]


@pytest.mark.parametrize("name", ["unpacked_fixed_file", "packed_file"])
def test_files_of_others_come_out_as_they_went_in(name: str) -> None:
    """Byte for byte: from the bytes of the records, and from the values alone."""
    raw = vectors.read(f"metro2/{name}.dat")
    records = list(Reader(io.BytesIO(raw)))
    assert b"".join(record.block + record.raw for record in records) == raw
    for record in records:
        for segment in record.segments:
            made = blank(segment.kind, segment.numbers).with_values(**segment.values)
            for field, ours, theirs in zip(
                segment.layout.fields, made.parts, segment.parts, strict=True
            ):
                # Zeros and blanks both say that nothing is said.
                silent = segment.values.get(field.name) in {None, ""} or field.kind == "reserved"
                assert silent or ours == theirs, (segment.kind, field.name)


@pytest.mark.parametrize(
    "name", ["base_segment", "packed_base_segment", "header_record", "packed_header_record"]
)
def test_single_records_of_others_can_be_read(name: str) -> None:
    raw = vectors.read(f"metro2/{name}.dat")
    # Their lines are folded.
    raw = raw if name.startswith("packed") else raw.replace(b"\n", b"")
    found = read_all(raw)
    assert [at.rule for at in found[0][1] if at.rule.startswith("M2-")] == []
    assert set(rules(found[1:])) <= {"M2-HEADER", "M2-TRAILER"}


@pytest.mark.parametrize("kind", ["J1", "J2", "K1", "K2", "K3", "K4", "L1", "N1"])
def test_single_segments_of_others_can_be_read(kind: str) -> None:
    raw = vectors.read(f"metro2/{kind.lower()}_segment.dat").replace(b"\n", b"")
    segment = Segment(kind, raw)
    assert segment.read[1] == []
    kept = {name: value for name, value in segment.values.items() if value not in {None, ""}}
    assert segment.with_values(**kept).raw == raw


# --- our own ------------------------------------------------------------------------


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("numbers", list(Numbers))
def test_every_form_holds_the_same(numbers: Numbers, blocked: bool) -> None:
    account = [late(), blank("J1").with_values(surname="ROE", first_name="RICHARD", ecoa_code="2")]
    packed = numbers is not Numbers.CHARACTER
    made = repacked(account, numbers) if packed else account
    raw = file_of(made, framing=Framing(packed=packed, blocked=blocked))
    found = read_all(raw)
    assert rules(found) == {}
    assert found[1][0].first.numbers is numbers
    assert found[1][0].first.values == account[0].values
    assert found[1][0].segments[1].values == account[1].values


def test_lines_between_records_are_no_records() -> None:
    raw = file_of([base()])
    records = list(Reader(io.BytesIO(raw)))
    lines = b"\r\n".join(record.raw for record in records) + b"\r\n\x1a"
    assert [r.raw for r in Reader(io.BytesIO(lines))] == [r.raw for r in records]


def test_a_block_holds_many_records() -> None:
    records = [record.raw for record in Reader(io.BytesIO(file_of([base()], [late()])))]
    body = b"".join(records)
    raw = Framing(blocked=True).word(len(body) + 4) + body
    assert [record.raw for record in Reader(io.BytesIO(raw))] == records
    # The block ends in the middle of a record.
    wrong = Framing(blocked=True).word(len(body) - 6) + body
    assert rules(read_all(wrong)).total() >= 1


FIELDS = [
    field
    for layout in layouts().values()
    for field in layout.fields
    if field.kind in {"money", "count", "date", "time", "digits", "text"}
]


@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(FIELDS))
    numbers = data.draw(st.sampled_from(list(Numbers)))
    digits = st.text("0123456789", min_size=field.length, max_size=field.length)
    printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "money": st.integers(0, 10**field.length - 1),
        "count": st.integers(0, 10**field.length - 1),
        "date": st.dates(date(1000, 1, 1)),
        "time": st.datetimes(datetime(1000, 1, 1)).map(  # noqa: DTZ001, the format has no zone
            lambda at: at.replace(microsecond=0)
        ),
        "digits": digits,
        "text": st.text(printable, max_size=field.length),
    }
    value = data.draw(kinds[field.kind])
    raw = write_value(field, value, numbers)
    packed = numbers is not Numbers.CHARACTER
    assert len(raw) == (field.packed_length if packed else field.length)
    wanted = value.rstrip(" ") if isinstance(value, str) else value
    assert read(field, raw, numbers) == wanted


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("BASE", "current_balance", 10**9),
        ("BASE", "current_balance", -1),
        ("BASE", "surname", "A" * 26),
        ("BASE", "surname", "Müller"),
        ("BASE", "surname", "A\nB"),
    ],
)
def test_what_does_not_fit_is_not_cut(kind: str, name: str, value: Any) -> None:
    with pytest.raises(BadValue):
        blank(kind).with_values(**{name: value})


# --- broken files -------------------------------------------------------------------


def put(segment: Segment, name: str, raw: bytes) -> Segment:
    parts = list(segment.parts)
    parts[segment.layout.index[name]] = raw
    return Segment(segment.kind, b"".join(parts), segment.numbers)


@pytest.mark.parametrize(
    ("name", "raw", "rule"),
    [
        ("date_opened", b"02302020", "M2-DATE"),
        ("date_opened", b"06312020", "M2-DATE"),
        ("date_opened", b"2020-1-1", "M2-DATE"),
        ("date_opened", b"00000000", "M2-REQUIRED"),
        ("current_balance", b"    12.50", "M2-NUMBER"),
        ("current_balance", b"-00000100", "M2-NUMBER"),
        ("current_balance", b" " * 9, "M2-NUMBER"),
        ("account_status", b"12", "M2-CODE"),
        ("account_status", b"  ", "M2-REQUIRED"),
        ("ecoa_code", b"4", "M2-CODE"),
        ("special_comment", b"ZZ", "M2-CODE"),
        ("payment_history_profile", b"0" * 23 + b"9", "M2-HISTORY"),
        ("payment_history_profile", b"0" * 12 + b" " * 12, "M2-HISTORY"),
        ("social_security_number", b"123-45-67", "M2-DIGITS"),
        ("surname", b"DO\x00E".ljust(25), "M2-TEXT"),
        ("terms_duration", b"X12", "M2-CODE"),
    ],
)
def test_a_wrong_field_is_found(name: str, raw: bytes, rule: str) -> None:
    (_, (_, found), _) = read_all(file_of([put(base(), name, raw)]))
    (finding,) = [at for at in found if at.field == f"BASE.{name}"]
    assert finding.rule == rule
    assert finding.record == 2
    assert finding.expected
    assert finding.fix
    if layouts()["BASE"][name].personal and raw.strip():
        assert finding.got == "•••"


def test_all_days_of_the_calendar_are_days() -> None:
    for month, last in enumerate([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], start=1):
        day = date(2020, month, last)
        assert base(date_opened=day).values["date_opened"] == day


def test_a_day_that_has_not_come_is_found() -> None:
    raw = file_of([base()])
    assert rules(read_all(raw, today=DAY)) == {}
    assert rules(read_all(raw, today=date(2024, 5, 30))) == {"M2-FUTURE": 1}


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "M2-EMPTY"),
        (b"hello", "M2-WORD"),
        (b"\xf0\xf4\xf2\xf6" + b"\xc8" * 422, "M2-EBCDIC"),
        (b"0426HEADER", "M2-TRUNCATED"),
        (b"0004", "M2-WORD"),
        (b"0020HEADER" + b" " * 10, "M2-LENGTH"),
        (b"\xff" * 4000, "M2-WORD"),
    ],
)
def test_what_is_no_file_is_said(raw: bytes, rule: str) -> None:
    assert rule in rules(read_all(raw))


def test_parts_that_are_missing_are_said() -> None:
    records = list(Reader(io.BytesIO(file_of([base()], [base(consumer_account_number="A-2")]))))
    head, first, second, trailer = (record.raw for record in records)
    assert rules(read_all(first + second + trailer)) == {"M2-HEADER": 1}
    assert rules(read_all(head + first + second)) == {"M2-TRAILER": 1}
    assert rules(read_all(head + first + trailer))["M2-TRAILER-COUNT"] > 0
    assert rules(read_all(head + first + trailer + second))["M2-ORDER"] == 1
    assert rules(read_all(head + head + first + second + trailer))["M2-ORDER"] == 1
    assert rules(read_all(head + first + first + trailer)) == {"M2-DUPLICATE": 1}
    # A record without an end: what is behind it is not guessed at.
    assert rules(read_all(head + first + second[:100])) == {"M2-TRUNCATED": 1}


def test_what_follows_the_base_segment_is_known_or_found() -> None:
    odd = Segment("", b"Z9" + b"x" * 50)
    (_, (record, found), _) = read_all(file_of([base(), odd]))
    assert [at.rule for at in found] == ["M2-SEGMENT"]
    short = Segment("", blank("J1").raw[:60])
    (_, (record, found), _) = read_all(file_of([base(), short]))
    assert [at.rule for at in found] == ["M2-SEGMENT"]
    assert record.first.values["surname"] == "DOE"


@given(st.data())
def test_no_file_makes_it_stumble(data: st.DataObject) -> None:
    """Bytes changed, cut out, doubled: findings, never a traceback."""
    packed = data.draw(st.booleans())
    account = repacked([late()], Numbers.DECIMAL) if packed else [late()]
    raw = bytearray(file_of(account, framing=Framing(packed, data.draw(st.booleans()))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    raw = raw[:cut] + raw[data.draw(st.integers(cut, len(raw))) :]
    for record, found in read_all(bytes(raw)):
        for finding in found:
            assert finding.rule
            assert finding.expected
        if record.kind == "BASE" and not any(at.severity is Severity.ERROR for at in found):
            ids = ["0" * 32] * len(persons_of(record))
            assert records_of(record, ids, "USD")


# --- what fields say of one another -------------------------------------------------

CASES = tomllib.loads(Path(__file__).with_name("metro2_cases.toml").read_text("utf-8"))


def changes(text: str) -> dict[str, Any]:
    """The changes that a case names, by the kinds of the fields."""
    found: dict[str, Any] = {}
    for name, _, value in (word.partition("=") for word in text.split()):
        kind = layouts()["BASE"][name].kind
        of: dict[str, Callable[[str], Any]] = {"money": int, "date": date.fromisoformat}
        found[name] = None if value == "-" else of.get(kind, str)(value)
    return found


def test_every_rule_has_its_cases() -> None:
    assert {entry["id"] for entry in table_of("rules")["rule"]} == {
        case["rule"] for cases in CASES.values() for case in cases
    }


@pytest.mark.parametrize("case", CASES["account"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_itself_is_found(case: dict[str, str]) -> None:
    for text, found in ((case["breaks"], True), (case["holds"], False)):
        assert (case["rule"] in rules(read_all(file_of([base(**changes(text))])))) is found


@pytest.mark.parametrize("case", CASES["month"], ids=lambda case: case["rule"])
def test_an_account_that_contradicts_the_month_before_is_found(case: dict[str, str]) -> None:
    before = base(**changes(case["before"]))
    bankrupt = blank("J1").with_values(
        surname="ROE", first_name="R", ecoa_code="2", consumer_information_indicator="A"
    )
    for text, found in ((case["breaks"], True), (case["holds"], False)):
        raw = file_of([base(**changes(text))])
        previous = io.BytesIO(file_of([before]))
        assert (case["rule"] in rules(read_all(raw, previous=previous))) is found
        if case["rule"].startswith("PHP"):
            # A bankruptcy of anybody on the account takes these rules away.
            previous = io.BytesIO(file_of([before, bankrupt]))
            assert case["rule"] not in rules(read_all(raw, previous=previous))


# --- records ------------------------------------------------------------------------


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
    segments, found = exported()
    assert found == []
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
    segments, found = exported(**changes)
    assert [at.severity for at in found] == [severity]
    assert bool(segments) is (severity is Severity.WARNING)


def test_memory_does_not_grow_with_the_file() -> None:
    """A reader holds a block, whatever the file's size."""

    class Endless(io.RawIOBase):
        """A header and a million accounts, made as they are read."""

        left = 1_000_000 * 426
        most = 0

        def read(self, size: int = -1) -> bytes:
            self.most = max(self.most, size)
            self.left -= size
            return account * (size // 426 + 1) if self.left > 0 else b""

    account = base().with_values().raw
    account = b"0426" + account[4:]
    stream = Endless()
    for record in islice(Reader(stream), 1000):  # type: ignore[arg-type]
        assert record.kind == "BASE"
    assert stream.most < 100_000
    assert stream.left > 0


def test_layouts_have_their_lengths() -> None:
    wanted = {"J1": 100, "J2": 200, "K1": 34, "K2": 34, "K3": 40, "K4": 30, "L1": 54, "N1": 146}
    for kind, layout in layouts().items():
        assert layout.length == wanted.get(kind, 426)
        assert layout.packed_length == wanted.get(kind, 366)
        assert all(isinstance(field, Field) for field in layout.fields)
