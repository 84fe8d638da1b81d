"""The form of Metro 2 files, whole and broken."""

from __future__ import annotations

import io
from datetime import date, datetime
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.files.metro2 import (
    BadValue,
    Framing,
    Numbers,
    Reader,
    Segment,
    Severity,
    blank,
    persons_of,
    records_of,
    repacked,
)
from bureau_client.files.metro2.layout import Field, layouts
from bureau_client.files.metro2.values import read
from bureau_client.files.metro2.values import write as write_value
from bureau_client.files.rejects import Rejects
from bureau_client.files.sources import Reject, Row
from tests.unit.client.metro2_files import DAY, base, file_of, late, read_all, rules


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("numbers", list(Numbers))
def test_every_form_holds_the_same(numbers: Numbers, blocked: bool) -> None:
    account = [late(), blank("J1").with_values(surname="ROE", first_name="RICHARD", ecoa_code="2")]
    packed = numbers is not Numbers.CHARACTER
    written = repacked(account, numbers) if packed else account
    raw = file_of(written, framing=Framing(packed=packed, blocked=blocked))
    checked = read_all(raw)
    assert rules(checked) == {}
    assert checked[1][0].first.numbers is numbers
    assert checked[1][0].first.values == account[0].values
    assert checked[1][0].segments[1].values == account[1].values


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
        "date": st.dates(date(1900, 1, 1)),
        "time": st.datetimes(datetime(1900, 1, 1)).map(  # noqa: DTZ001, the format has no zone
            lambda time: time.replace(microsecond=0)
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
        ("BASE", "date_opened", date(1899, 12, 31)),
    ],
)
def test_what_does_not_fit_is_not_cut(kind: str, name: str, value: Any) -> None:
    with pytest.raises(BadValue, match=f"{kind}.{name}"):
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
        ("date_opened", b"01010001", "M2-DATE"),
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
    (_, (_, findings), _) = read_all(file_of([put(base(), name, raw)]))
    (finding,) = [finding for finding in findings if finding.field == f"BASE.{name}"]
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
    assert rules(read_all(raw, today=date(2024, 5, 30))) == {
        "M2-FUTURE": 1,
        "M2-HEADER-DATE": 1,
    }


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
        (b"\xef\xbb\xbf" + file_of([base()]), "M2-MARK"),
        (b"\x01\x6e\0\0" + "HEADER".encode("cp037") + b"\x40" * 356, "M2-EBCDIC"),
    ],
)
def test_what_is_no_file_is_said(raw: bytes, rule: str) -> None:
    assert rule in rules(read_all(raw))


def test_parts_that_are_missing_are_said() -> None:
    records = list(Reader(io.BytesIO(file_of([base()], [base(consumer_account_number="A-2")]))))
    head, first, second, trailer = (record.raw for record in records)
    # A block fewer than the trailer counts, too.
    assert rules(read_all(first + second + trailer)) == {"M2-HEADER": 1, "M2-TRAILER-COUNT": 1}
    assert rules(read_all(head + first + second)) == {"M2-TRAILER": 1}
    assert rules(read_all(head + first + trailer))["M2-TRAILER-COUNT"] > 0
    assert rules(read_all(head + first + trailer + second))["M2-ORDER"] == 1
    assert rules(read_all(head + head + first + second + trailer))["M2-ORDER"] == 1
    assert rules(read_all(head + first + first + trailer)) == {"M2-DUPLICATE": 1}
    # A record without an end: what is behind it is not guessed at.
    assert rules(read_all(head + first + second[:100])) == {"M2-TRUNCATED": 1}


def test_a_count_that_the_trailer_leaves_blank_is_not_compared() -> None:
    *others, trailer = list(Reader(io.BytesIO(file_of([base()]))))
    before = b"".join(record.raw for record in others)
    checked = read_all(before + put(trailer.first, "total_status_11", b" " * 9).raw)
    assert rules(checked) == {"M2-TRAILER-BLANK": 1}
    # How many accounts there are, a trailer must say.
    checked = read_all(before + put(trailer.first, "total_base_records", b" " * 9).raw)
    assert rules(checked) == {"M2-TRAILER-COUNT": 1}
    assert checked[-1][1][0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("blocks", "expected"), [(b"2", {}), (b"3", {}), (b"9", {"M2-TRAILER-COUNT": 1})]
)
def test_blocks_are_counted_as_their_writer_cuts_them(
    blocks: bytes, expected: dict[str, int]
) -> None:
    """Two records in one block, and the trailer by itself: two blocks of three records."""
    head, account, trailer = list(Reader(io.BytesIO(file_of([base()]))))
    last = put(trailer.first, "block_count", blocks.rjust(9, b"0")).raw
    first = head.raw + account.raw
    framing = Framing(blocked=True)
    raw = framing.word(len(first) + 4) + first + framing.word(len(last) + 4) + last
    assert rules(read_all(raw)) == expected


def test_one_of_two_is_not_chosen() -> None:
    one = blank("K1").with_values(original_creditor_name="OLD BANK")
    two = blank("K1").with_values(original_creditor_name="OLDER BANK")
    assert rules(read_all(file_of([base(), one]))) == {}
    assert rules(read_all(file_of([base(), one, two]))) == {"M2-REPEATED": 1}


def test_an_account_too_long_for_its_descriptor_word_is_not_written() -> None:
    joint = blank("J1").with_values(surname="ROE", first_name="R", ecoa_code="2")
    with pytest.raises(BadValue, match="9999"):
        file_of([base(), *[joint] * 100])


def test_what_follows_the_base_segment_is_known_or_found() -> None:
    odd = Segment("", b"Z9" + b"x" * 50)
    (_, (record, findings), _) = read_all(file_of([base(), odd]))
    assert [finding.rule for finding in findings] == ["M2-SEGMENT"]
    short = Segment("", blank("J1").raw[:60])
    (_, (record, findings), _) = read_all(file_of([base(), short]))
    assert [finding.rule for finding in findings] == ["M2-SEGMENT"]
    assert record.first.values["surname"] == "DOE"


@given(st.data())
def test_no_file_makes_it_stumble(data: st.DataObject) -> None:
    """Bytes changed, cut out, doubled: findings, never a traceback, also of rejects on disk."""
    packed = data.draw(st.booleans())
    account = repacked([late()], Numbers.DECIMAL) if packed else [late()]
    raw = bytearray(file_of(account, framing=Framing(packed, data.draw(st.booleans()))))
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, len(raw) - 1))
        raw[index] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    raw = raw[:cut] + raw[data.draw(st.integers(cut, len(raw))) :]
    rejects, records = Rejects(), []
    for number, (record, findings) in enumerate(read_all(bytes(raw))):
        records.append(record.raw)
        rejects.add(Reject(Row(number, record), ()))
        for finding in findings:
            assert finding.rule
            assert finding.expected
        if record.kind == "BASE" and not any(
            finding.severity is Severity.ERROR for finding in findings
        ):
            ids = ["0" * 32] * len(persons_of(record))
            assert records_of(record, ids, "USD")
    assert [reject.row.original.raw for reject in rejects] == records


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
