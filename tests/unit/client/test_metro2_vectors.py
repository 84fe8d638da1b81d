"""Metro 2 files made by others: they say what their twins say, and come out as they went in."""

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
from bureau_client.files.metro2.incoming import record_errors
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


@given(st.data())
def test_others_files_do_not_make_it_stumble(data: st.DataObject) -> None:
    """Cut, changed, put together: findings; and what has none becomes records."""
    names = ["unpacked_fixed_file", "packed_file", "packed_base_segment", "trailer_record"]
    raw = bytearray(vectors.read(f"metro2/{data.draw(st.sampled_from(names))}.dat"))
    pieces = st.binary(max_size=8) | st.sampled_from([b"9999", b"0000", b"\xff\xff\0\0", b"0426"])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(pieces)
    raw += vectors.read(f"metro2/{data.draw(st.sampled_from(names))}.dat")
    for record, found in read_all(bytes(raw)):
        assert all(finding.rule and finding.expected and finding.fix for finding in found)
        if record.kind == "BASE" and not any(at.severity is Severity.ERROR for at in found):
            assert isinstance(record_errors(record, "USD", date(2026, 1, 1)), list)
