"""Metro 2 files made by others: they say what their JSON says, and come out as they went in."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.files.metro2 import (
    Reader,
    Segment,
    Severity,
    blank,
)
from bureau_client.files.metro2.incoming import record_findings
from tests.unit.client.metro2_files import read_all, rules
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
# Their headers say a file made on 1999-05-10 of data of 2002-08-20.
CONTRADICTIONS = {"M2-HEADER-DATE"}


def snake(name: str) -> str:
    field = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return NAMES.get(field, field)


def as_json(value: object) -> object:
    """A value of ours as the JSON of others spells it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.strftime("%Y-%m-%dT00:00:00Z")
    return value


def compare(segment: Segment, expected: Mapping[str, Any]) -> None:
    for name, wanted in expected.items():
        if name in WORDS:
            continue
        if segment.kind == "TRAILER":
            continue
        field = snake(name)
        if segment.kind == "N1" and field == "postal_code":
            field = "employer_postal_code"
        got = as_json(segment.values[field])
        if isinstance(wanted, int) and isinstance(got, str):
            got = int(got or 0)
        assert got == wanted, (segment.kind, field)


@pytest.mark.parametrize("name", ["unpacked_fixed_file", "packed_file"])
def test_files_of_others_say_what_their_json_says(name: str) -> None:
    raw = vectors.read(f"metro2/{name}.dat")
    expected = vectors.load(f"metro2/{name}.json")
    head, account, trailer = [record for record, _ in read_all(raw)]
    compare(head.first, expected["header"])
    (data,) = expected["data"]
    for kind, said in data.items():
        segments = account.all(kind.upper())
        for segment, one in zip(segments, said if isinstance(said, list) else [said], strict=True):
            compare(segment, one)
    counts = [value for name, value in expected["trailer"].items() if name.startswith("total")]
    counts.insert(4, expected["trailer"]["blockCount"])
    ours = [
        int(str(trailer.first.values[field.name]))
        for field in trailer.first.layout.fields
        if field.kind == "count"
    ]
    assert sorted(ours) == sorted(counts)
    assert {rule for rule in rules(read_all(raw)) if rule.startswith("M2-")} == CONTRADICTIONS


@pytest.mark.parametrize("name", ["unpacked_fixed_file", "packed_file"])
def test_files_of_others_come_out_as_they_went_in(name: str) -> None:
    """Byte for byte: from the bytes of the records, and from the values alone."""
    raw = vectors.read(f"metro2/{name}.dat")
    records = list(Reader(io.BytesIO(raw)))
    assert b"".join(record.block + record.raw for record in records) == raw
    for record in records:
        for segment in record.segments:
            rebuilt = blank(segment.kind, segment.numbers).with_values(**segment.values)
            for field, ours, theirs in zip(
                segment.layout.fields, rebuilt.parts, segment.parts, strict=True
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
    checked = read_all(raw)
    found = {finding.rule for finding in checked[0][1] if finding.rule.startswith("M2-")}
    assert found == (CONTRADICTIONS if "header" in name else set())
    assert set(rules(checked[1:])) <= {"M2-HEADER", "M2-TRAILER"}


@pytest.mark.parametrize("kind", ["J1", "J2", "K1", "K2", "K3", "K4", "L1", "N1"])
def test_single_segments_of_others_can_be_read(kind: str) -> None:
    raw = vectors.read(f"metro2/{kind.lower()}_segment.dat").replace(b"\n", b"")
    segment = Segment(kind, raw)
    assert segment.read[1] == []
    kept = {name: value for name, value in segment.values.items() if value not in {None, ""}}
    assert segment.with_values(**kept).raw == raw


@given(st.data())
def test_others_files_do_not_make_it_stumble(data: st.DataObject) -> None:
    """Cut, changed, put together: findings; and what has none becomes records."""
    names = ["unpacked_fixed_file", "packed_file", "packed_base_segment", "trailer_record"]
    raw = bytearray(vectors.read(f"metro2/{data.draw(st.sampled_from(names))}.dat"))
    pieces = st.binary(max_size=8) | st.sampled_from([b"9999", b"0000", b"\xff\xff\0\0", b"0426"])
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 40))] = data.draw(pieces)
    raw += vectors.read(f"metro2/{data.draw(st.sampled_from(names))}.dat")
    for record, findings in read_all(bytes(raw)):
        assert all(finding.rule and finding.expected and finding.fix for finding in findings)
        if record.kind == "BASE" and not any(
            finding.severity is Severity.ERROR for finding in findings
        ):
            assert isinstance(record_findings(record, [], "USD", date(2026, 1, 1)), list)
