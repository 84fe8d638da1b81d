"""From a line of a report back to its furnisher's own signature, offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bureau_keys.envelope import parse_canonical, verify_envelope
from bureau_keys.errors import BadProof, KeysError, RecordMismatch, WrongAnswer
from bureau_keys.key_history import LoggedKey
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.payment_profile import NO_DATA, character_of, month_before, months_between
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_signer
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import Record, SubmissionManifest, TradelineSnapshot
from creditbureau.v1.report_pb2 import Evidence, Report, Tradeline

# Fields that a tradeline copies from its furnisher's record of the newest month.
QUOTED = sorted(
    set(Tradeline.DESCRIPTOR.fields_by_name) & set(TradelineSnapshot.DESCRIPTOR.fields_by_name)
)
AMOUNTS = ("balance_minor", "amount_due_minor", "amount_paid_minor", "amount_past_due_minor")


def evidence_due(report: Report, level: int) -> set[tuple[str, int]]:
    """Return the tradelines and months (yyyymm) that evidence of a level must cover: each
    month for which the report has a value.

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


def check_complete(report: Report, pieces: Iterable[Evidence], level: int) -> None:
    """Check that evidence covers each tradeline and month that its level names.

    Raises:
        WrongAnswer: The evidence of a tradeline's month is missing.
    """
    due = evidence_due(report, level) - {(piece.tradeline_id, piece.month) for piece in pieces}
    for tradeline_id, month in sorted(due):
        raise WrongAnswer(f"the evidence for tradeline {tradeline_id} in {month} is missing")


def check_evidence(
    report: Report, piece: Evidence, keys: Mapping[str, Iterable[LoggedKey]], trust: Trust
) -> str:
    """Check that a tradeline says what its furnisher signed.

    Args:
        report: A verified report.
        piece: The evidence for one tradeline and month.
        keys: The furnishers' keys, proved by the log, by member id.
        trust: The log's origin and key.

    Returns:
        The tradeline's id.

    Raises:
        WrongAnswer: The report has no tradeline for the evidence.
        RecordMismatch: The tradeline differs from the record that its furnisher signed.
        KeysError: The furnisher's keys are missing, or its signature does not verify.
    """
    line = tradeline_of(report, piece)
    label = f"tradeline {line.tradeline_id}, {piece.month}"
    if line.member_id not in keys:
        raise BadProof(f"{label}: the keys of its furnisher {line.member_id} are missing")
    try:
        signed = signed_snapshot(piece, line.member_id, keys[line.member_id], trust)
    except KeysError as error:
        error.args = (f"{label}: {error}",)
        raise
    for name, value, expected in differences(report, line, signed):
        raise RecordMismatch(f"{label}: {name} is {value!r}, its furnisher signed {expected!r}")
    return line.tradeline_id


def tradeline_of(report: Report, piece: Evidence) -> Tradeline:
    """Return the tradeline that a piece of evidence is for.

    Raises:
        WrongAnswer: The report has no tradeline of this id.
    """
    for line in report.tradelines:
        if line.tradeline_id == piece.tradeline_id:
            return line
    raise WrongAnswer(f"evidence is for tradeline {piece.tradeline_id}, which is not in the report")


def signed_snapshot(
    piece: Evidence, member_id: str, keys: Iterable[LoggedKey], trust: Trust
) -> TradelineSnapshot:
    """Return the record that a furnisher signed for one account and month.

    Args:
        piece: The record, its manifest, and the proofs.
        member_id: The furnisher.
        keys: The furnisher's keys, with the log indices between which they count.
        trust: The log's origin and key.

    Raises:
        KeysError: The furnisher's manifest does not include the record, or the log does
            not include the manifest.
    """
    if piece.receipt.kind != "submission":
        raise BadProof(
            f"the receipt's kind is {piece.receipt.kind or 'missing'}, expected submission"
        )
    check_receipt(piece.receipt, piece.manifest, trust)
    index = piece.receipt.leaf_index
    counting = {at.key.key_id: at.key for at in keys if at.counts_at(index)}
    manifest, _ = verify_envelope(piece.manifest, SubmissionManifest, counting)
    signer = member_signer(member_id)
    if manifest.header.signer != signer:
        raise BadProof(f"{manifest.header.signer} signed the manifest, expected {signer}")
    verify_inclusion(
        leaf_hash(piece.record),
        piece.record_index,
        manifest.record_count,
        list(piece.proof),
        manifest.records_root,
    )
    record = parse_canonical(Record, piece.record)
    if not record.HasField("snapshot") or record.snapshot.month != piece.month:
        raise BadProof(f"the record is not a snapshot of {piece.month}")
    return record.snapshot


def differences(
    report: Report, line: Tradeline, signed: TradelineSnapshot
) -> Iterator[tuple[str, object, object]]:
    """Yield each field in which a tradeline differs from the signed record of one of its
    months, with the report's value and the signed value.
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
        value, expected = getattr(history, name)[age], getattr(signed, name)
        if value != expected:
            yield f"history.{name}[{age}]", value, expected


def _of_newest(line: Tradeline, signed: TradelineSnapshot) -> Iterator[tuple[str, object, object]]:
    for name in QUOTED:
        value, expected = getattr(line, name), getattr(signed, name)
        optional = line.DESCRIPTOR.fields_by_name[name].has_presence
        if value != expected or (optional and line.HasField(name) != signed.HasField(name)):  # type: ignore[arg-type]
            yield name, value, expected
