"""From a line of a report back to its furnisher's own signature, offline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from bureau_keys.envelope import digest, parse_canonical, peek, verify_envelope
from bureau_keys.errors import BadProof, KeysError, RecordMismatch, WrongAnswer
from bureau_keys.evidence import EvidencePiece
from bureau_keys.key_history import LoggedKey, keys_at
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.payment_profile import AMOUNTS, NO_DATA, character_of, month_before, months_between
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_signer
from creditbureau.v1 import codes_pb2, record_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import FacilityAction, Record, SubmissionManifest, TradelineSnapshot
from creditbureau.v1.report_pb2 import Report, Tradeline, TradelineAction

# Fields that a tradeline copies from its furnisher's record of the newest month.
QUOTED = sorted(
    set(Tradeline.DESCRIPTOR.fields_by_name) & set(TradelineSnapshot.DESCRIPTOR.fields_by_name)
)
# Fields that an action of a tradeline copies from its furnisher's record.
ACTED = sorted(
    set(TradelineAction.DESCRIPTOR.fields_by_name) & set(FacilityAction.DESCRIPTOR.fields_by_name)
)


class Due(NamedTuple):
    """A part of a tradeline that evidence must prove.

    Attributes:
        month: yyyymm; 0 for a facility action.
        submission_id: Submission of the action's record; empty for a month.
        record_index: Index of the action's record in the submission.
    """

    tradeline_id: str
    month: int
    submission_id: str = ""
    record_index: int = 0


# Fields of a report that the bureau computes, or takes from statements that do not come with it.
UNPROVED = (
    "summary",
    "inquiries",
    "omissions",
    "attributes",
    "holds",
    "disputes",
    "standings",
    "flags",
    "subject_statement",
    "notices",
)


def evidence_due(report: Report, level: int) -> set[Due]:
    """Return the parts that evidence of a level must prove: each month for which the report
    has a value, and each facility action.

    Args:
        report: A verified report; its sections are those of its consent.
        level: EvidenceLevel that was asked for.
    """
    opened = {codes_pb2.SECTION_EVIDENCE, codes_pb2.SECTION_TRADELINES} <= {*report.sections}
    if level <= reporting_pb2.EVIDENCE_LEVEL_NONE or not opened:
        return set()
    due = {Due(line.tradeline_id, line.month) for line in report.tradelines}
    if level == reporting_pb2.EVIDENCE_LEVEL_ALL:
        for line in report.tradelines:
            due |= {
                Due(line.tradeline_id, month_before(line.history.newest_month, age))
                for age, character in enumerate(line.history.profile)
                if character != NO_DATA
            }
            due |= {
                Due(line.tradeline_id, 0, action.record.submission_id, action.record.record_index)
                for action in line.actions
            }
    return due


def check_complete(report: Report, pieces: Iterable[EvidencePiece], level: int) -> None:
    """Check that evidence proves every part that its level names, each from its own record.

    Raises:
        WrongAnswer: The evidence of a part is missing, one account is shown as two, or one is
            shown as sold without a TRANSFER.
    """
    pieces = list(pieces)
    for line in report.tradelines:
        if line.sold_month and line.sold_month not in map(_month_of_transfer, line.actions):
            raise WrongAnswer(
                f"tradeline {line.tradeline_id} has no TRANSFER of {line.sold_month}, in which it"
                " is shown as sold"
            )
    for due in sorted(evidence_due(report, level) - set(map(_proves, pieces))):
        what = f"in {due.month}" if due.month else f"of action {due.submission_id}"
        raise WrongAnswer(f"the evidence for tradeline {due.tradeline_id} {what} is missing")
    members = {line.tradeline_id: line.member_id for line in report.tradelines}
    shown: dict[tuple[str, object], str] = {}
    for piece in pieces:
        account = parse_canonical(Record, piece.record).account_ref
        for proved in (digest(piece.manifest), piece.record_index), account:
            key = members.get(piece.tradeline_id, ""), proved
            if shown.setdefault(key, piece.tradeline_id) != piece.tradeline_id:
                raise WrongAnswer(
                    f"tradelines {shown[key]} and {piece.tradeline_id} show one account"
                )


def unproved_parts(report: Report, proven: Collection[str], level: int) -> tuple[str, ...]:
    """Return the parts of a verified report that are the bureau's word alone.

    Args:
        proven: Ids of the tradelines whose furnisher's signature was verified.
        level: EvidenceLevel that was asked for.
    """
    ids = {line.tradeline_id for line in report.tradelines}
    whole = level == reporting_pb2.EVIDENCE_LEVEL_ALL and ids <= set(proven)
    parts = [] if ids <= set(proven) else ["tradelines"]
    if not whole:
        parts += ["history"] * any(line.history.profile for line in report.tradelines)
        parts += ["actions"] * any(line.actions for line in report.tradelines)
    filled = {field.name for field, _ in report.ListFields()}
    return (*parts, *(name for name in UNPROVED if name in filled))


def _month_of_transfer(action: TradelineAction) -> int:
    """Return the month (yyyymm) in which a TRANSFER took effect; 0 for another action."""
    if action.kind != record_pb2.FACILITY_ACTION_KIND_TRANSFER:
        return 0
    try:
        effective = action.effective_time.ToDatetime()
    except (OverflowError, ValueError):
        return 0  # not in the years 1 to 9999
    return effective.year * 100 + effective.month


def _proves(piece: EvidencePiece) -> Due:
    if piece.month:
        return Due(piece.tradeline_id, piece.month)
    manifest = peek(piece.manifest, SubmissionManifest)
    return Due(piece.tradeline_id, 0, manifest.header.request_id, piece.record_index)


class EvidenceCheck:
    """Checks the evidence for one report; each manifest is verified once."""

    def __init__(
        self, report: Report, keys: Mapping[str, Iterable[LoggedKey]], trust: Trust
    ) -> None:
        """Take a verified report.

        Args:
            keys: The furnishers' keys, proved by the log, by member id.
            trust: The log's origin and key.
        """
        self._report = report
        self._keys = keys
        self._trust = trust
        self._lines = {line.tradeline_id: line for line in report.tradelines}
        self._verified: dict[tuple[str, bytes, bytes], SubmissionManifest] = {}

    def check(self, piece: EvidencePiece) -> str:
        """Check that a tradeline says what its furnisher signed; return the tradeline's id.

        Raises:
            WrongAnswer: The report has no tradeline for the evidence.
            RecordMismatch: The tradeline differs from the record that its furnisher signed.
            KeysError: The furnisher's keys are missing, or its signature does not verify.
        """
        line = self._lines.get(piece.tradeline_id)
        if line is None:
            raise WrongAnswer(
                f"evidence is for tradeline {piece.tradeline_id}, which is not in the report"
            )
        label = f"tradeline {line.tradeline_id}, {piece.month or 'an action'}"
        if line.member_id not in self._keys:
            raise BadProof(f"{label}: the keys of its furnisher {line.member_id} are missing")
        try:
            record = proved_record(piece, self._manifest(piece, line.member_id))
        except KeysError as error:
            error.args = (f"{label}: {error}",)
            raise
        if piece.receipt.leaf_index >= self._report.log_size:
            raise WrongAnswer(f"{label}: its record was logged after the report's log size")
        mismatches = (
            differences(self._report, line, record.snapshot)
            if piece.month
            else _of_action(_action_of(line, piece), record.action)
        )
        for name, value, expected in mismatches:
            raise RecordMismatch(f"{label}: {name} is {value!r}, its furnisher signed {expected!r}")
        return line.tradeline_id

    def _manifest(self, piece: EvidencePiece, member_id: str) -> SubmissionManifest:
        manifest = piece.manifest.SerializeToString(deterministic=True)
        receipt = piece.receipt.SerializeToString(deterministic=True)
        known = self._verified.get((member_id, manifest, receipt))
        if known is None:
            known = verified_manifest(piece, member_id, self._keys[member_id], self._trust)
            self._verified[member_id, manifest, receipt] = known
        return known


def signed_record(
    piece: EvidencePiece, member_id: str, keys: Iterable[LoggedKey], trust: Trust
) -> Record:
    """Return the record that a furnisher signed for one account and month, or for an action.

    Args:
        piece: The record, its manifest, and the proofs.
        member_id: The furnisher.
        keys: The furnisher's keys, with the log indices between which they count.
        trust: The log's origin and key.

    Raises:
        KeysError: The furnisher's manifest does not include the record, or the log does
            not include the manifest.
    """
    return proved_record(piece, verified_manifest(piece, member_id, keys, trust))


def verified_manifest(
    piece: EvidencePiece, member_id: str, keys: Iterable[LoggedKey], trust: Trust
) -> SubmissionManifest:
    """Return the manifest of a piece of evidence, which a furnisher signed.

    Raises:
        KeysError: The furnisher did not sign it, or the log does not include it.
    """
    check_receipt(piece.receipt, piece.manifest, trust, "submission")
    counting = keys_at(keys, piece.receipt.leaf_index)
    manifest, _ = verify_envelope(piece.manifest, SubmissionManifest, counting)
    signer = member_signer(member_id)
    if manifest.header.signer != signer:
        raise BadProof(f"{manifest.header.signer} signed the manifest, expected {signer}")
    return manifest


def proved_record(piece: EvidencePiece, manifest: SubmissionManifest) -> Record:
    """Return the record of a piece of evidence, which a verified manifest includes.

    Raises:
        KeysError: The manifest does not include the record, or the record is of another month.
    """
    verify_inclusion(
        leaf_hash(piece.record),
        piece.record_index,
        manifest.record_count,
        piece.proof,
        manifest.records_root,
    )
    record = parse_canonical(Record, piece.record)
    if piece.month and (not record.HasField("snapshot") or record.snapshot.month != piece.month):
        raise BadProof(f"the record is not a snapshot of {piece.month}")
    if not piece.month and not record.HasField("action"):
        raise BadProof("the record is not a facility action")
    return record


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


def _action_of(line: Tradeline, piece: EvidencePiece) -> TradelineAction:
    due = _proves(piece)
    for action in line.actions:
        record = action.record
        if (record.submission_id, record.record_index) == (due.submission_id, due.record_index):
            return action
    raise WrongAnswer(f"tradeline {line.tradeline_id} has no action of the record in its evidence")


def _of_action(
    shown: TradelineAction, signed: FacilityAction
) -> Iterator[tuple[str, object, object]]:
    for name in ACTED:
        value, expected = getattr(shown, name), getattr(signed, name)
        optional = shown.DESCRIPTOR.fields_by_name[name].has_presence
        if value != expected or (optional and shown.HasField(name) != signed.HasField(name)):  # type: ignore[arg-type]
            yield f"actions.{name}", value, expected
