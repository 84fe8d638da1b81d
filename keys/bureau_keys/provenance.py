"""From a line of a report back to its furnisher's own signature, offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bureau_keys.envelope import parse_canonical, verify_envelope
from bureau_keys.errors import BadProof
from bureau_keys.key_history import LoggedKey
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.payment_profile import NO_DATA, character_of, month_before, months_between
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import Record, SubmissionManifest, TradelineSnapshot
from creditbureau.v1.report_pb2 import Evidence, Report, Tradeline

# What a tradeline says of its newest month in its furnisher's own words.
QUOTED = sorted(
    set(Tradeline.DESCRIPTOR.fields_by_name) & set(TradelineSnapshot.DESCRIPTOR.fields_by_name)
)
AMOUNTS = ("balance_minor", "amount_due_minor", "amount_paid_minor", "amount_past_due_minor")


def evidence_due(report: Report, level: int) -> set[tuple[str, int]]:
    """The tradelines and months (yyyymm) that evidence of a level must cover: each
    that the report says something of.

    Args:
        level: EvidenceLevel that was asked for.
    """
    opened = {codes_pb2.SECTION_EVIDENCE, codes_pb2.SECTION_TRADELINES} <= {*report.sections}
    if level <= reporting_pb2.EVIDENCE_LEVEL_NONE or not opened:
        return set()
    due = {(line.tradeline_id, line.month) for line in report.tradelines}
    if level == reporting_pb2.EVIDENCE_LEVEL_ALL:
        for line in report.tradelines:
            due |= {
                (line.tradeline_id, month_before(line.history.newest_month, age))
                for age, character in enumerate(line.history.profile)
                if character != NO_DATA
            }
    return due


def signed_snapshot(
    piece: Evidence, member_id: str, keys: Iterable[LoggedKey], trust: Trust
) -> TradelineSnapshot:
    """What a furnisher signed of one account and month.

    Args:
        keys: The furnisher's, with when they count.

    Raises:
        KeysError: The record is not in what the furnisher signed, or that not in the log.
    """
    if piece.receipt.kind != "submission":
        raise BadProof("the receipt is of no submission")
    check_receipt(piece.receipt, piece.manifest, trust)
    index = piece.receipt.leaf_index
    counting = {at.key.key_id: at.key for at in keys if at.counts_at(index)}
    manifest, _ = verify_envelope(piece.manifest, SubmissionManifest, counting)
    if manifest.header.signer != f"members/{member_id}":
        raise BadProof("another furnisher signed it")
    verify_inclusion(
        leaf_hash(piece.record),
        piece.record_index,
        manifest.record_count,
        list(piece.proof),
        manifest.records_root,
    )
    record = parse_canonical(Record, piece.record)
    if not record.HasField("snapshot") or record.snapshot.month != piece.month:
        raise BadProof("the record is of another month")
    return record.snapshot


def differences(
    report: Report, line: Tradeline, signed: TradelineSnapshot
) -> Iterator[tuple[str, object, object]]:
    """Where a tradeline says something else than the signed record of one of its months:
    the field, what the report tells, what was signed.
    """
    roles = {party.subject_id: party.role for party in signed.parties}
    if report.subject_id not in roles:
        yield "subject", report.subject_id, ", ".join(roles)
        return
    if signed.month == line.month:
        yield from _of_newest(line, signed)
        if line.role != roles[report.subject_id]:
            yield "role", line.role, roles[report.subject_id]
        if line.party_count != len(signed.parties):
            yield "party_count", line.party_count, len(signed.parties)
    history = line.history
    age = months_between(signed.month, history.newest_month) if history.profile else -1
    if not 0 <= age < len(history.profile):
        return
    if history.profile[age] != character_of(signed):
        yield f"history.profile[{age}]", history.profile[age], character_of(signed)
    for name in AMOUNTS:
        told, wanted = getattr(history, name)[age], getattr(signed, name)
        if told != wanted:
            yield f"history.{name}[{age}]", told, wanted


def _of_newest(line: Tradeline, signed: TradelineSnapshot) -> Iterator[tuple[str, object, object]]:
    for name in QUOTED:
        told, wanted = getattr(line, name), getattr(signed, name)
        optional = line.DESCRIPTOR.fields_by_name[name].has_presence
        if told != wanted or (optional and line.HasField(name) != signed.HasField(name)):  # type: ignore[arg-type]
            yield name, told, wanted
