"""Submits records, and reads submissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Sized
from dataclasses import replace
from typing import Literal, TypeAlias

from bureau_client._codec.submissions import read_submission, read_warning
from bureau_client._operations import arguments, methods
from bureau_client._operations.batches import Entry, batches, digest, entries, sign_batch
from bureau_client._operations.context import SigningContext
from bureau_client._operations.cosigning import as_needed
from bureau_client._operations.members import check_with_member
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import DISORDER, Order, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses, verify_reply_receipt
from bureau_client.errors import BureauError, InvalidRequest, NotFound, VerificationFailed
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.members import Member
from bureau_client.models.progress import Progress
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import Record
from bureau_client.models.submissions import RecordWarning, Rejection, Submission, SubmitResult
from bureau_client.models.violations import Violation
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys import contradictions
from bureau_keys.envelope import verify_envelope
from bureau_keys.key_history import keys_at
from bureau_keys.signer_name import member_id_of
from creditbureau.v1 import furnishing_pb2, record_pb2
from creditbureau.v1.envelope_pb2 import Envelope

OnInvalid: TypeAlias = Literal["raise", "skip"]

LABEL = "The list of submissions"
NEWEST_FIRST = Order[Submission](name=lambda submission: submission.leaf_index)
_LABEL = re.compile(r"[ -~]{0,128}")
_RECORD = re.compile(r"records\[([0-9]{1,9})\]")


def submit(
    context: SigningContext,
    records: Iterable[Record],
    *,
    kind: SubmissionKind,
    label: str,
    on_invalid: OnInvalid,
    idempotency_key: str,
) -> Operation[SubmitResult]:
    """Submit records batch by batch; each batch is stored whole or not at all."""
    arguments.code(kind, "kind")
    if not _LABEL.fullmatch(label):
        message = "must be at most 128 printable ASCII characters"
        raise arguments.refuse("label", "BAD_TEXT", message)
    started = context.clock()
    total = len(records) if isinstance(records, Sized) else None
    submissions: list[Submission] = []
    rejected: list[Rejection] = []
    warnings: list[RecordWarning] = []
    done = 0
    try:
        for batch in batches(entries(records)):
            sound, unsound = _split(batch)
            if unsound and on_invalid == "raise":
                raise _refuse([v for rejection in unsound for v in rejection.violations])
            rejected += unsound
            submission = yield from _submit(
                context, sound, kind, label, on_invalid, rejected, warnings, idempotency_key
            )
            submissions += [submission] if submission else []
            done += len(batch)
            yield Progress(done, total, context.clock() - started)
        # Once witnesses cosign the last submission, they have cosigned the earlier ones too.
        for position, submission in reversed(list(enumerate(submissions))):
            submissions[position] = yield from _witnessed(context, submission)
    except BureauError as error:
        error.partial = SubmitResult(tuple(submissions), tuple(rejected), _merge(warnings))
        raise
    rejected.sort(key=lambda rejection: rejection.index)
    return SubmitResult(tuple(submissions), tuple(rejected), _merge(warnings))


def _refuse(violations: Sequence[Violation]) -> InvalidRequest:
    """Return the exception for records that the SDK itself finds invalid."""
    contradictory = violations[0].rule in contradictions.rules()
    return InvalidRequest(
        "No record of the batch was sent",
        reason="CONTRADICTION" if contradictory else "INVALID_FIELD",
        violations=violations,
        fix='Correct the fields, or pass on_invalid="skip" to submit the rest',
    )


def _merge(warnings: Iterable[RecordWarning]) -> tuple[RecordWarning, ...]:
    """Return one warning a rule for all batches, in the order of the batches."""
    merged: dict[str, RecordWarning] = {}
    for warning in warnings:
        before = merged.get(warning.rule)
        indexes = (*before.indexes, *warning.indexes) if before else warning.indexes
        merged[warning.rule] = replace(warning, indexes=indexes)
    return tuple(merged.values())


def _witnessed(context: SigningContext, submission: Submission) -> Operation[Submission]:
    assert submission.receipt is not None, "a new submission has its receipt"
    receipt = yield from as_needed(context, submission.receipt)
    return replace(submission, receipt=receipt)


def _is_done(violations: Iterable[Violation]) -> bool:
    """Return True if a record may be refused because it took effect before: what an action or a
    deletion asks for, as the number that a renumbering gives, is done once.
    """
    fields = (violation.field.partition("].")[2] for violation in violations)
    return all(field.startswith(("action.", "deletion.")) for field in fields)


def _stored_before(context: SigningContext, request_id: str) -> Operation[Submission | None]:
    """Return what was submitted under a request id; None if nothing was, or the id is empty."""
    if not request_id:
        return None
    try:
        return (yield from get_submission(context, request_id))
    except NotFound:
        return None


def _split(batch: Iterable[Entry]) -> tuple[list[Entry], list[Rejection]]:
    sound: list[Entry] = []
    unsound: list[Rejection] = []
    for entry in batch:
        if entry.violations:
            unsound.append(Rejection(entry.index, entry.record, tuple(entry.violations)))
        else:
            sound.append(entry)
    return sound, unsound


def _submit(
    context: SigningContext,
    batch: list[Entry],
    kind: SubmissionKind,
    label: str,
    on_invalid: OnInvalid,
    rejected: list[Rejection],
    warnings: list[RecordWarning],
    idempotency_key: str,
) -> Operation[Submission | None]:
    """Submit a batch, then without the refused records.

    Under an idempotency key the request id follows from the records, so that every run finds what
    an earlier one stored, and other records are never taken for them.
    """

    def id_of(part: Sequence[Entry]) -> str:
        name = f"{idempotency_key}/{kind.name}/{digest(part)}"
        return context.signer.request_id(name) if idempotency_key else ""

    whole, refused = batch, dict[int, list[Violation]]()
    while batch:
        wanted_id = id_of(batch)
        before = yield from _stored_before(context, wanted_id)
        if before is not None:
            return before
        request, request_id = sign_batch(context.signer, batch, kind, label, wanted_id)
        try:
            reply = yield from call(methods.SUBMIT_RECORDS, request, request_id)
        except BureauError as error:
            by_record, others = _by_record(error.violations, batch)
            error.violations = (
                tuple(v for violations in by_record.values() for v in violations) + others
            )
            if on_invalid == "raise" or not by_record or others:
                raise
            refused |= by_record
            # What an earlier run did is refused now: that run may have stored it with the rest.
            done = {index for index, violations in refused.items() if _is_done(violations)}
            part = [entry for entry in whole if entry.index in done or entry.index not in refused]
            before = (yield from _stored_before(context, id_of(part))) if done else None
            rejected += [
                Rejection(entry.index, entry.record, tuple(by_record[entry.index]))
                for entry in batch
                if entry.index in by_record
            ]
            if before is not None:
                rejected[:] = [each for each in rejected if each.index not in done]
                return before
            batch = [entry for entry in batch if entry.index not in by_record]
        else:
            submission = _accepted(context, reply, request, request_id, len(batch))
            warnings += _warnings(reply, batch)
            return submission
    return None


def _warnings(
    reply: furnishing_pb2.SubmitRecordsResponse, batch: Sequence[Entry]
) -> list[RecordWarning]:
    """Read the warnings about a batch."""
    return [read_warning(message, [entry.index for entry in batch]) for message in reply.warnings]


def _by_record(
    violations: Iterable[Violation], batch: Sequence[Entry]
) -> tuple[dict[int, list[Violation]], tuple[Violation, ...]]:
    """Group violations by the record's index in `submit`; return also those of no record."""
    by_record: dict[int, list[Violation]] = {}
    others: list[Violation] = []
    for violation in violations:
        match = _RECORD.match(violation.field)
        if match is None or int(match[1]) >= len(batch):
            others.append(violation)
            continue
        index = batch[int(match[1])].index
        path = f"records[{index}]{violation.field[match.end() :]}"
        by_record.setdefault(index, []).append(Violation(path, violation.rule, violation.message))
    return by_record, tuple(others)


def _accepted(
    context: SigningContext,
    reply: furnishing_pb2.SubmitRecordsResponse,
    request: furnishing_pb2.SubmitRecordsRequest,
    request_id: str,
    record_count: int,
) -> Submission:
    receipt = verify_reply_receipt(context, reply.receipt, request.manifest, kind="submission")
    submission = reply.submission
    if (submission.submission_id, submission.record_count) != (request_id, record_count):
        raise VerificationFailed(
            f"The bureau answered about submission {submission.submission_id} of "
            f"{submission.record_count} records; {request_id} of {record_count} was sent",
            reason="WRONG_ANSWER",
            request_id=request_id,
        )
    manifest = request.manifest.SerializeToString(deterministic=True)
    with verifying("The submission"):
        return read_submission(submission, manifest=manifest, receipt=receipt)


def get_submission(context: SigningContext, submission_id: str) -> Operation[Submission]:
    """Return a submission, with its signed manifest and its receipt."""
    submission_id = arguments.request_id(submission_id, "submission_id")
    request = furnishing_pb2.GetSubmissionRequest(submission_id=submission_id)
    reply = yield from call(methods.GET_SUBMISSION, request)
    receipt = yield from verify_receipt_and_witnesses(
        context, reply.receipt, reply.manifest, kind="submission"
    )
    submission = reply.submission
    check_equal("The submission's id", submission.submission_id, submission_id)
    return (yield from _verified(context, submission, reply.manifest, receipt))


def list_submissions(context: SigningContext, limit: int | None) -> Operation[list[Submission]]:
    """List the caller's submissions, newest first, each with its manifest, verified.

    Raises:
        VerificationFailed: A submission is shown otherwise than as its manifest was signed.
    """

    def page(token: str) -> Operation[tuple[Sequence[Submission], str]]:
        request = furnishing_pb2.ListSubmissionsRequest(page_token=token)
        reply = yield from call(methods.LIST_SUBMISSIONS, request)
        check_size(LABEL, reply.submissions)
        check_equal("The number of manifests", len(reply.manifests), len(reply.submissions))
        submissions: list[Submission] = []
        for shown, logged in zip(reply.submissions, reply.manifests, strict=True):
            receipt = verify_reply_receipt(
                context, logged.receipt, logged.envelope, kind="submission"
            )
            submission = yield from _verified(context, shown, logged.envelope, receipt)
            submissions.append(submission)
        return submissions, reply.next_page_token

    return (yield from collect(LABEL, page, as_it_is, NEWEST_FIRST, limit))


def _verified(
    context: SigningContext,
    shown: furnishing_pb2.Submission,
    manifest: Envelope,
    receipt: Receipt,
) -> Operation[Submission]:
    """Return a submission of the caller, shown as the caller signed it.

    Args:
        receipt: The receipt of the manifest, verified.

    Raises:
        VerificationFailed: The caller did not sign the manifest, or the submission is shown
            otherwise.
    """

    def check(member: Member) -> record_pb2.SubmissionManifest:
        signing = keys_at(logged_keys_of(member), receipt.leaf_index)
        with verifying("The manifest"):
            return verify_envelope(manifest, record_pb2.SubmissionManifest, signing)[0]

    signed, _ = yield from check_with_member(context, member_id_of(context.signer.name), check)
    with verifying("The submission"):
        submission = read_submission(
            shown, manifest=manifest.SerializeToString(deterministic=True), receipt=receipt
        )
    header = signed.header
    check_equal("The manifest's bureau", header.audience, context.trust.origin)
    check_equal("The manifest's signer", header.signer, context.signer.name)
    check_equal("The submission's id", submission.submission_id, header.request_id)
    check_equal("The number of records", submission.record_count, signed.record_count)
    check_equal("The kind", submission.kind, SubmissionKind(signed.kind))
    check_equal("The label", submission.label, signed.label)
    check_equal("The leaf", submission.leaf_index, receipt.leaf_index)
    new = submission.new_tradeline_count
    if not 0 <= new <= submission.record_count:
        check_equal("The number of new accounts", new, f"0 to {submission.record_count}")
    created = submission.create_time
    if created is None or abs(created - receipt.log_time) > DISORDER:
        check_equal("The time of the submission", created, receipt.log_time)
    return submission
