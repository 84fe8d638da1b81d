"""Field rules by columns: the verdict is protovalidate's, whatever records hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from bureau import field_columns, field_rules
from bureau.credit_file.record_rules import RECORDS, SNAPSHOTS
from bureau.field_columns import ColumnRules, Columns
from creditbureau.v1 import codes_pb2
from creditbureau.v1.codes_pb2 import RawCode
from creditbureau.v1.field_rules import FIELD_RULES
from creditbureau.v1.notice_pb2 import Notice
from creditbureau.v1.record_pb2 import (
    FacilityAction,
    ParsedRecordBatch,
    Party,
    Record,
    RecordRef,
    TradelineSnapshot,
)

PARTY = Party(subject_id="0" * 32, role=codes_pb2.PARTY_ROLE_INDIVIDUAL)
SNAPSHOT = TradelineSnapshot(
    month=202405,
    parties=[PARTY],
    portfolio_type=codes_pb2.PORTFOLIO_TYPE_REVOLVING,
    account_type="18",
    currency="USD",
    open_date=20200131,
    status=codes_pb2.ACCOUNT_STATUS_CURRENT,
    raw_codes=[RawCode(scheme="metro2.account_status", value="11")],
)
RECORD = Record(salt=bytes(32), account_ref="A-1", snapshot=SNAPSHOT)

TEXT = st.text(max_size=70) | st.text(st.characters(max_codepoint=127), max_size=70)


def _rules(field: FieldDescriptor) -> Mapping[str, Any]:
    return FIELD_RULES[field.full_name.rpartition(".")[0]].get(field.name, {})


def _edges(field: FieldDescriptor) -> list[Any]:
    """The values on both sides of a field's bounds, and of its lengths."""
    rules = _rules(field)
    numbers = [
        rules[name] + step for name in ("gte", "lte") if name in rules for step in (-1, 0, 1)
    ]
    lengths = [
        rules[name] + step for name in ("len", "max_len") if name in rules for step in (-1, 0, 1)
    ]
    filler = b"\0" if field.type == FieldDescriptor.TYPE_BYTES else "é"
    return [*numbers, *(filler * length for length in lengths)]


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Any value of a field's type, and those that its rules are about."""
    kinds: dict[int, st.SearchStrategy[Any]] = {
        FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        FieldDescriptor.TYPE_ENUM: st.integers(-2, 40),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
        FieldDescriptor.TYPE_STRING: TEXT,
    }
    rules = _rules(field)
    kind = kinds[field.type]
    if pattern := rules.get("pattern"):
        # Also with a line's end, before which `$` matches in Python.
        right = st.from_regex(pattern, alphabet=st.characters(max_codepoint=127))
        kind |= right | right.map(lambda text: text + "\n")
    edges = _edges(field)
    return kind | st.sampled_from(edges) if edges else kind


def _changed(message: Message) -> st.SearchStrategy[Message]:
    """Messages with arbitrary values in a few fields, and the valid ones of `message` otherwise."""
    plain: list[Any] = [field for field in message.DESCRIPTOR.fields if field.message_type is None]

    def put(changes: dict[str, Any]) -> Message:
        changed = type(message)()
        changed.CopyFrom(message)
        for name, value in changes.items():
            setattr(changed, name, value)
        return changed

    fields = st.lists(st.sampled_from(plain), max_size=3, unique_by=lambda field: field.name)
    values = fields.flatmap(
        lambda chosen: st.fixed_dictionaries({field.name: _values(field) for field in chosen})
    )
    return values.map(put)


def _some(message: Message, most: int) -> st.SearchStrategy[list[Message]]:
    """Mostly one or two messages; sometimes none, or one more than a list may have."""
    few = st.lists(_changed(message), max_size=2)
    return few | st.sampled_from([[message] * most, [message] * (most + 1)])


@st.composite
def snapshots(draw: st.DrawFn) -> TradelineSnapshot:
    snapshot = draw(_changed(SNAPSHOT))
    assert isinstance(snapshot, TradelineSnapshot)
    if draw(st.booleans()):
        del snapshot.parties[:]
        snapshot.parties.extend(draw(_some(PARTY, 16)))  # type: ignore[arg-type]
    if draw(st.booleans()):
        del snapshot.raw_codes[:]
        snapshot.raw_codes.extend(draw(_some(SNAPSHOT.raw_codes[0], 16)))  # type: ignore[arg-type]
    return snapshot


@given(st.lists(snapshots(), max_size=3))
def test_snapshots_are_judged_as_by_protovalidate(batch: list[TradelineSnapshot]) -> None:
    expected = all(map(field_rules.check_all, batch))
    assert SNAPSHOTS.hold(Columns(batch)) is expected


@given(st.lists(_changed(RECORD), max_size=3))
def test_records_are_judged_as_by_protovalidate(batch: list[Record]) -> None:
    """Without what they hold, which is valid here."""
    expected = all(map(field_rules.check_all, batch))
    assert RECORDS.hold(Columns(batch)) is expected


@pytest.mark.parametrize(
    "name", [field.name for field in TradelineSnapshot.DESCRIPTOR.fields if not field.message_type]
)
@given(st.data())
def test_each_field_of_a_snapshot_is_judged(name: str, data: st.DataObject) -> None:
    snapshot = TradelineSnapshot()
    snapshot.CopyFrom(SNAPSHOT)
    field: Any = TradelineSnapshot.DESCRIPTOR.fields_by_name[name]
    setattr(snapshot, name, data.draw(_values(field)))
    batch = [SNAPSHOT, snapshot]
    assert SNAPSHOTS.hold(Columns(batch)) is field_rules.check_all(snapshot)


def test_a_batch_has_no_rules_but_those_of_its_records() -> None:
    assert not FIELD_RULES[ParsedRecordBatch.DESCRIPTOR.full_name]


@pytest.mark.parametrize("message", [FacilityAction, RecordRef, Record])
def test_a_rule_that_no_column_decides_is_refused(message: Any) -> None:
    """protovalidate judges each of these messages."""
    with pytest.raises(ValueError, match="column"):
        ColumnRules(message.DESCRIPTOR)


@pytest.mark.parametrize(
    "message",
    [
        Timestamp.DESCRIPTOR,
        Notice.DESCRIPTOR,
        Notice.DESCRIPTOR.nested_types_by_name["TextsEntry"],
    ],
    ids=lambda message: message.full_name,
)
def test_a_message_that_the_table_does_not_know_is_refused(message: Descriptor) -> None:
    """It may have rules: only files of records are in the table."""
    with pytest.raises(ValueError, match=f"{message.full_name}: the contract's table"):
        ColumnRules(message)


def test_a_list_of_messages_that_the_table_does_not_know_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {name: rules for name, rules in FIELD_RULES.items() if not name.endswith(".RawCode")}
    monkeypatch.setattr(field_columns, "FIELD_RULES", known)
    with pytest.raises(ValueError, match=r"RawCode: the contract's table"):
        ColumnRules(TradelineSnapshot.DESCRIPTOR)


@pytest.mark.parametrize(
    ("field", "rules"),
    [
        ("parties", {"min_items": 1}),
        ("close_reason", {"not_in": [0]}),
        ("close_reason", {"defined_only": False, "not_in": [0]}),
        ("term_months", {"gte": 0}),
        ("original_creditor", {"min_len": 1}),
        ("original_creditor", {"max_len": 64, "min_len": 1}),
    ],
)
def test_a_part_of_rules_that_columns_check_together_is_refused(
    field: str, rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = TradelineSnapshot.DESCRIPTOR.full_name
    changed = {**FIELD_RULES, name: {**FIELD_RULES[name], field: rules}}
    monkeypatch.setattr(field_columns, "FIELD_RULES", changed)
    with pytest.raises(ValueError, match=rf"\.{field}: .* cannot be checked by columns"):
        ColumnRules(TradelineSnapshot.DESCRIPTOR)
