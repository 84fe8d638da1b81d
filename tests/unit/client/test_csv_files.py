"""CSV files of records: what is written is read, and nothing else is."""

from __future__ import annotations

import csv
import dataclasses
import gc
import io
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client import InvalidRequest, Party, PartyRole, SubmissionKind
from bureau_client.cli.files import OBJECTS_BETWEEN_COLLECTIONS, rare_collections
from bureau_client.files import CsvSource, Reject, check_file, csv_source, importing
from bureau_client.files.csv_records import columns, read_rows, write_row
from bureau_client.files.exporting import people_columns, read_people
from bureau_client.files.importing import refuse
from bureau_client.files.places import Places
from tests.unit.client.fakes import SUBJECT, snapshot
from tests.unit.client.test_sdk_records import snapshots


def table(*rows: Any) -> Any:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [column.name for column in columns()])
    writer.writeheader()
    writer.writerows(rows)
    stream.seek(0)
    return stream


@given(snapshots)
def test_what_is_written_is_read_again(record: Any) -> None:
    parties = tuple(Party(party.subject_id, party.role) for party in record.parties)
    record = dataclasses.replace(record, parties=parties)
    (row,) = read_rows(table(write_row(record)))
    assert all(violation.rule == "DATE_ORDER" for violation in row.violations)
    assert row.violations or row.snapshot == record


def test_only_the_required_columns_are_needed() -> None:
    required = [column.name for column in columns() if column.required]
    cells = write_row(snapshot())
    text = ",".join(required) + "\n" + ",".join(cells[name] for name in required) + "\n"
    (row,) = read_rows(io.StringIO(text))
    assert row.snapshot == snapshot()


def test_a_header_that_does_not_fit_names_every_column() -> None:
    with pytest.raises(InvalidRequest) as caught:
        list(read_rows(io.StringIO("account_ref,balance\n")))
    wrong = {v.field: v.rule for v in caught.value.violations}
    assert wrong["balance"] == "UNKNOWN_COLUMN"
    assert wrong["month"] == "MISSING_COLUMN"


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("month", "May 2024", "2024-05"),
        ("balance_minor", "12.50", "minor units"),
        ("balance_minor", "1_000", "not an integer"),
        ("balance_minor", "１２", "not an integer"),
        ("balance_minor", "9" * 30, "must lie in"),
        ("balance_minor", "9" * 5000, "not an integer"),
        ("status", "bad", "past-due-30"),
        ("open_date", "01/02/2020", "2024-05-31"),
        ("open_date", "2999-01-01", "in the future"),
        ("month", "2999-01", "in the future"),
        ("close_date", "1999-01-01", "before open_date"),
        ("open_date", "20200131", "2024-05-31"),
        ("open_date", "2020-W05-1", "2024-05-31"),
        ("open_date", "2020-02-30", "2024-05-31"),
        ("secured", "maybe", "true"),
        ("role", "joint;maker", "2 entries for 1"),
        ("currency", "yuan", "ISO 4217"),
        ("subject_id", "123", "32 lower-case hex"),
        ("account_ref", "", "empty"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column(column: Any, text: Any, says: Any) -> None:
    good = write_row(snapshot())
    first, second = read_rows(table(good, good | {column: text}))
    assert first.snapshot is not None
    assert second.snapshot is None
    assert second.line == 3
    assert column in {violation.field for violation in second.violations}
    assert any(says in violation.message for violation in second.violations)


def test_several_persons_stand_in_one_row() -> None:
    cells = write_row(snapshot()) | {"subject_id": f"{SUBJECT};{'0' * 32}", "role": "maker; joint"}
    (row,) = read_rows(table(cells))
    assert row.snapshot is not None
    assert [party.role for party in row.snapshot.parties] == [PartyRole.MAKER, PartyRole.JOINT]


# --- files that are no such files -----------------------------------------------------

HEADER = ",".join(column.name for column in columns())
MONTH = write_row(snapshot())["month"]
GOOD = ",".join(write_row(snapshot())[column.name] for column in columns())


def file(tmp_path: Path, *lines: str | bytes) -> CsvSource:
    path = tmp_path / "records.csv"
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return CsvSource(path)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (GOOD + ",more", "WRONG_COUNT"),
        # The account and month of the line before.
        (GOOD, "DUPLICATE_RECORD"),
        # Cut off in the middle of an amount: 1000 is not taken for 100000.
        (GOOD.rpartition(",")[0], "WRONG_COUNT"),
        (GOOD.encode().replace(b"A-1", b"A-\xff"), "BAD_TEXT"),
        (GOOD.replace("A-1", "A-\0"), "BAD_TEXT"),
    ],
)
def test_a_line_of_another_form_is_left_out(tmp_path: Path, line: str | bytes, rule: str) -> None:
    checked = check_file(file(tmp_path, HEADER, GOOD, line, GOOD.replace("A-1", "A-3")))
    assert checked.record_count == 2
    (reject,) = checked.rejects
    assert (reject.row.place, reject.violations[0].rule) == (3, rule)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "is missing"),
        ([HEADER.replace(",", ";")], "commas"),
        ([HEADER + ",month"], "is there 2 times"),
        ([HEADER.encode("utf-16")], "not UTF-8"),
        ([HEADER, '"' + GOOD, GOOD], "not CSV at line"),
        ([HEADER, "x" * 200_000], "not CSV at line"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, lines: list[str | bytes], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        check_file(file(tmp_path, *lines))


def test_spreadsheets_marks_and_line_ends_are_read(tmp_path: Path) -> None:
    source = file(tmp_path, b"\xef\xbb\xbf" + HEADER.encode() + b"\r", GOOD + "\r", "\r")
    assert check_file(source).record_count == 1


@given(st.data())
def test_no_file_makes_it_stumble(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    raw = bytearray(f"{HEADER}\n{GOOD}\n{GOOD}\n".encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidRequest):
        checked = check_file(file(tmp_path_factory.getbasetemp(), bytes(raw)))
        assert all(
            violation.message for reject in checked.rejects for violation in reject.violations
        )


def test_rejects_are_mended_in_the_file_that_says_why(tmp_path: Path) -> None:
    """The column with the reasons may stay; bytes come back as they were."""
    wrong = GOOD.replace("A-1", "A-2").encode().replace(b"A-2", b"A-2\xff")
    source = file(tmp_path, HEADER, GOOD, wrong, GOOD.replace(MONTH, "May"))
    rejects = tmp_path / "rejects.csv"
    checked = check_file(source)
    source.write_rejects(
        [Reject(reject.row, reject.violations) for reject in checked.rejects], rejects
    )
    raw = rejects.read_bytes()
    assert b"A-2\xff" in raw
    assert b"is not a month" in raw
    rejects.write_bytes(raw.replace(b"A-2\xff", b"A-2").replace(b",May,", f",{MONTH},".encode()))
    mended = check_file(CsvSource(rejects))
    assert (mended.record_count, len(mended.rejects)) == (2, 0)


def test_memory_does_not_grow_with_the_wrong_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_VIOLATIONS", 500)

    def peak(rows: int) -> int:
        lines = (GOOD.replace("A-1", f"A-{row}") for row in range(rows))
        source = file(tmp_path, HEADER, *(line.replace(MONTH, "May") for line in lines))
        gc.collect()
        tracemalloc.start()
        try:
            checked = check_file(source)
            places = [reject.row.place for reject in checked.rejects]
            assert places == list(range(2, rows + 2))
            source.write_rejects(checked.rejects, tmp_path / "rejects.csv")
            assert len(refuse(source, checked).violations) == 500
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(1_500)
    # In memory these rows would be some 8 MB.
    assert peak(4_500) - few < 1_000_000


@given(st.lists(st.integers(0, 5_000)), st.sets(st.integers(0, 5_000)))
def test_places_are_a_set_in_order(added: list[int], removed: set[int]) -> None:
    places = Places()
    for number in added:
        places.add(number)
    assert places & removed == set(added) & removed
    assert places | removed == set(added) | removed
    places -= removed
    expected = sorted(set(added) - removed)
    assert (list(places), len(places)) == (expected, len(expected))
    assert not any(stranger in places for stranger in (-1, 10**9, "1"))
    with pytest.raises(ValueError, match="-1 is no place"):
        places.add(-1)


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_an_account_and_month_is_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """However many rows are looked up together, each double names the first line."""
    monkeypatch.setattr(csv_source, "ROWS_AT_ONCE", at_once)
    other = GOOD.replace("A-1", "A-2")
    source = file(tmp_path, HEADER, GOOD, GOOD, other, other.replace(MONTH, "May"), GOOD, other)
    checked = check_file(source)
    rejects = {reject.row.place: reject.violations[0].message for reject in checked.rejects}
    assert rejects.keys() == {3, 5, 6, 7}
    for line, first_line in [(3, 2), (6, 2), (7, 4)]:
        assert f"in line {first_line} too" in rejects[line]
    assert [row.place for row in source.read(None, no_ids)] == [2, 4]


def test_only_the_file_that_was_checked_is_read(tmp_path: Path) -> None:
    source = file(tmp_path, HEADER, GOOD)
    assert [row.place for row in source.read(None, no_ids)] == [2]
    assert list(source.read(SubmissionKind.CORRECTION, no_ids)) == []
    # A line that was never checked does not go to the bureau.
    file(tmp_path, HEADER, GOOD, GOOD)
    with pytest.raises(InvalidRequest, match=r"records\.csv was changed after it was checked"):
        list(source.read(None, no_ids))
    check_file(source)
    assert [row.place for row in source.read(None, no_ids)] == [2]


@pytest.mark.parametrize("read", [1, 500, 1001])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, read: int) -> None:
    """No row of the changed file is sent, a sound one neither."""
    lines = [HEADER, *[GOOD.replace("A-1", f"A-{n}") for n in range(1, 1002)]]
    source = file(tmp_path, *lines)
    check_file(source)
    rows = source.read(None, no_ids)
    known = [next(rows) for _ in range(read)]
    lines.insert(800, GOOD.replace("A-1", "B-1"))
    source.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InvalidRequest, match="changed after it was checked"):
        known.extend(rows)
    accounts = [record.account_ref for row in known for record in row.records]
    assert accounts == [f"A-{n}" for n in range(1, len(known) + 1)]


@pytest.mark.parametrize("objects", [700, OBJECTS_BETWEEN_COLLECTIONS + 1])
def test_an_import_leaves_the_garbage_collector_as_it_was(objects: int) -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(objects, 10, 10)
        with rare_collections():
            assert gc.get_threshold()[0] == max(objects, OBJECTS_BETWEEN_COLLECTIONS)
        assert gc.get_threshold() == (objects, 10, 10)
    finally:
        gc.set_threshold(*before)


def no_ids(_: object) -> list[str]:
    """The subject ids of a file that has them already."""
    raise AssertionError


# --- persons --------------------------------------------------------------------------

PERSON = f"{SUBJECT},DOE,JANE,000123456"


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        (people_columns()[:4], PERSON.replace("DOE", ""), "surname: is empty"),
        (people_columns()[:4], PERSON + ",x", "too many"),
        ([*people_columns()[:4], "date_of_birth"], PERSON + ",1980", "not a date"),
        ([*people_columns()[:4], "shoe_size"], PERSON + ",44", "is unknown"),
        (people_columns()[:3], PERSON, "is missing"),
    ],
)
def test_a_wrong_file_of_persons_is_refused(
    tmp_path: Path, header: list[str], line: str, says: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"{','.join(header)}\n{line}\n")
    with pytest.raises(InvalidRequest, match=says):
        read_people(path)
