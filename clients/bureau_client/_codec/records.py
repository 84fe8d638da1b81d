"""Writes records as the contract's messages, and reads them back for evidence."""

from __future__ import annotations

from operator import attrgetter

from google.protobuf.message import DecodeError

from bureau_client._codec.scalars import day_of, moment_of, month_of, number_of, timestamp_of
from bureau_client._codec.tradelines import read_reference
from bureau_client.models.codes import (
    AccountStatus,
    ActionReason,
    Classification,
    CloseReason,
    Code,
    ComplianceCondition,
    DeletionReason,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
)
from bureau_client.models.months import Month
from bureau_client.models.records import (
    Deletion,
    FacilityAction,
    Party,
    RawCode,
    Record,
    RecordRef,
    Snapshot,
)
from creditbureau.v1 import record_pb2

# Fields with the same name on both sides; not written if zero.
_PLAIN = (
    "account_type",
    "currency",
    "portfolio_type",
    "status",
    "balance_minor",
    "term_months",
    "interest_rate_ppm",
    "secured",
    "amount_due_minor",
    "amount_paid_minor",
    "amount_past_due_minor",
    "days_past_due",
    "payments_missed",
    "restructured",
    "close_reason",
    "charge_off_amount_minor",
    "classification",
    "compliance_condition",
    "special_comment",
    "payment_rating",
    "original_creditor",
    "application_ref",
)
_DAYS = ("open_date", "close_date", "first_delinquency_date", "last_payment_date")
_OPTIONAL = ("credit_limit_minor", "original_amount_minor")
# Those of the plain fields that are codes.
_CODES: dict[str, type[Code]] = {
    "portfolio_type": PortfolioType,
    "status": AccountStatus,
    "close_reason": CloseReason,
    "classification": Classification,
    "compliance_condition": ComplianceCondition,
}

_plain_values = attrgetter(*_PLAIN)
_day_values = attrgetter(*_DAYS)
_optional_values = attrgetter(*_OPTIONAL)


def encode_record(record: Record, salt: bytes) -> bytes:
    """Return the bytes that are signed: the deterministic serialisation of a Record.

    Args:
        record: A record without violations by `check_record`.
        salt: 32 random bytes, new for each record.
    """
    message = record_pb2.Record(salt=salt, account_ref=record.account_ref)
    if isinstance(record, Snapshot):
        _write_snapshot(record, message.snapshot)
        message.certified = record.certified
    elif isinstance(record, FacilityAction):
        message.action.CopyFrom(_action(record))
    else:
        message.deletion.CopyFrom(_deletion(record))
    return message.SerializeToString(deterministic=True)


def _write_snapshot(record: Snapshot, message: record_pb2.TradelineSnapshot) -> None:
    """Write a snapshot in place: copied, millions of records would take half as long again."""
    message.month = record.month.number
    for name, value in zip(_PLAIN, _plain_values(record), strict=True):
        if value:
            setattr(message, name, value)
    for name, day in zip(_DAYS, _day_values(record), strict=True):
        if day is not None:
            setattr(message, name, number_of(day))
    for name, amount in zip(_OPTIONAL, _optional_values(record), strict=True):
        if amount is not None:
            setattr(message, name, amount)
    for party in record.parties:
        written = message.parties.add()
        written.subject_id = party.subject_id
        written.role = party.role  # type: ignore[assignment] # the mirror's numbers are the contract's
        written.start_date = number_of(party.start_date)
    for code in record.raw_codes:
        message.raw_codes.add(scheme=code.scheme, value=code.value)


def _action(record: FacilityAction) -> record_pb2.FacilityAction:
    message = record_pb2.FacilityAction(
        kind=int(record.kind),  # type: ignore[arg-type]
        initiator=int(record.initiator),  # type: ignore[arg-type]
        reasons=map(int, record.reasons),  # type: ignore[arg-type]
        record_refs=map(_reference, record.record_refs),
        effective_time=timestamp_of(record.effective_time),
        review_by_date=number_of(record.review_by_date),
        appeal_route=record.appeal_route,
        new_account_ref=record.new_account_ref,
        new_member_id=record.new_member_id,
    )
    if record.credit_limit_minor is not None:
        message.credit_limit_minor = record.credit_limit_minor
    return message


def _reference(reference: RecordRef) -> record_pb2.RecordRef:
    return record_pb2.RecordRef(
        submission_id=reference.submission_id, record_index=reference.record_index
    )


def _deletion(record: Deletion) -> record_pb2.Deletion:
    return record_pb2.Deletion(
        month=0 if record.month is None else record.month.number,
        reason=int(record.reason),  # type: ignore[arg-type]
    )


def read_record(encoded: bytes) -> Record:
    """Read a record back from its bytes.

    Raises:
        ValueError: The bytes are not a record, or have a day or month that does not exist.
    """
    try:
        record = record_pb2.Record.FromString(encoded)
    except DecodeError as error:
        raise ValueError(f"the bytes are not a record: {error}") from None
    match record.WhichOneof("body"):
        case "snapshot":
            return _read_snapshot(record)
        case "action":
            return _read_action(record)
        case "deletion":
            return Deletion(
                account_ref=record.account_ref,
                reason=DeletionReason(record.deletion.reason),
                month=month_of(record.deletion.month),
            )
        case _:
            raise ValueError("the record has no body that this release knows")


def read_action(encoded: bytes) -> FacilityAction:
    """Read a facility action back from the bytes of its record.

    Raises:
        DecodeError: The bytes are not a record.
        ValueError: A date does not exist.
    """
    return _read_action(record_pb2.Record.FromString(encoded))


def _read_snapshot(record: record_pb2.Record) -> Snapshot:
    message = record.snapshot
    fields = {name: getattr(message, name) for name in _PLAIN}
    fields.update((name, day_of(getattr(message, name))) for name in _DAYS)
    for name in _OPTIONAL:
        is_there = message.HasField(name)  # type: ignore[arg-type] # the names are of fields
        fields[name] = getattr(message, name) if is_there else None
    fields.update((name, kind(fields[name])) for name, kind in _CODES.items())
    return Snapshot(
        account_ref=record.account_ref,
        month=Month.from_number(message.month),
        parties=tuple(
            Party(party.subject_id, PartyRole(party.role), day_of(party.start_date))
            for party in message.parties
        ),
        raw_codes=tuple(RawCode(code.scheme, code.value) for code in message.raw_codes),
        certified=record.certified,
        **fields,
    )


def _read_action(record: record_pb2.Record) -> FacilityAction:
    action = record.action
    return FacilityAction(
        account_ref=record.account_ref,
        kind=FacilityActionKind(action.kind),
        initiator=Initiator(action.initiator),
        reasons=tuple(map(ActionReason, action.reasons)),
        effective_time=moment_of(action.effective_time),
        record_refs=tuple(map(read_reference, action.record_refs)),
        review_by_date=day_of(action.review_by_date),
        appeal_route=action.appeal_route,
        credit_limit_minor=(
            action.credit_limit_minor if action.HasField("credit_limit_minor") else None
        ),
        new_account_ref=action.new_account_ref,
        new_member_id=action.new_member_id,
    )
