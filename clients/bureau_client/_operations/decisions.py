"""Decisions on reports: recorded by lenders; read by lenders, subjects and auditors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bureau_client._codec.decisions import read_recorded, write_decision
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.members import check_with_member
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import Conflict
from bureau_client.models.decisions import Decision, RecordedDecision
from bureau_client.models.members import Member
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.protocols import DecisionPolicy
from bureau_client.verify.checks import check_equal, verifying
from bureau_client.verify.decisions import verify_decided, verify_decision, verify_outcome
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.decision_checks import check_decision, decided_by
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_id_of, subject_id_of
from creditbureau.v1 import reporting_pb2, subjects_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

LABEL = "The list of decisions"
NEWEST_FIRST = Order[RecordedDecision](
    name=lambda recorded: recorded.receipt.leaf_index,
    time=lambda recorded: recorded.receipt.log_time,
)
# Those on one report, in order of the log.
OLDEST_FIRST = replace(NEWEST_FIRST, time=None, descending=False)


def record_decision(
    context: SigningContext, decision: Decision, idempotency_key: str = ""
) -> Operation[Receipt]:
    """Record a decision on a report that the member got; under one key, once."""
    arguments.subject_id(decision.subject_id)
    arguments.request_id(decision.inquiry_id, "inquiry_id")
    arguments.code(decision.outcome, "outcome")
    if decision.outcome.is_adverse and not decision.reasons:
        message = f"are missing: {decision.outcome.name} needs a reason"
        raise arguments.refuse("reasons", "INVALID_FIELD", message)
    header = context.signer.header()
    if idempotency_key:
        header.request_id = context.signer.request_id(f"decision/{idempotency_key}")
    sealed = seal(write_decision(decision, header), context.signer.key)
    request = reporting_pb2.RecordDecisionRequest(decision=sealed)
    try:
        reply = yield from call(methods.RECORD_DECISION, request, header.request_id)
    except Conflict as conflict:
        if not idempotency_key:
            raise
        return (yield from _recorded_before(context, decision, header.request_id, conflict))
    return (
        yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="decision")
    )


def _recorded_before(
    context: SigningContext, decision: Decision, request_id: str, conflict: Conflict
) -> Operation[Receipt]:
    """Return the receipt of a decision that an earlier run recorded under the request id.

    Raises:
        Conflict: The earlier decision is another one.
    """
    recorded = yield from list_own_decisions(context, decision.subject_id, None)
    for earlier in recorded:
        if earlier.decision_id == request_id and earlier.decision == decision:
            return earlier.receipt
    raise Conflict(
        "Another decision is recorded under this idempotency key",
        reason=conflict.reason,
        fix="Take a new key for a new decision",
        request_id=request_id,
    )


def list_own_decisions(
    context: SigningContext, subject_id: str, limit: int | None
) -> Operation[list[RecordedDecision]]:
    """List the member's own decisions, newest first, each verified."""
    about = arguments.subject_id(subject_id) if subject_id else ""

    def page(token: str) -> Operation[tuple[Sequence[LoggedStatement], str]]:
        request = reporting_pb2.ListOwnDecisionsRequest(subject_id=about, page_token=token)
        reply = yield from call(methods.LIST_OWN_DECISIONS, request)
        return reply.decisions, reply.next_page_token

    member_id = member_id_of(context.signer.name)
    return (yield from _list(context, page, limit, subject_id=about, member_id=member_id))


def list_decisions(context: SigningContext, limit: int | None) -> Operation[list[RecordedDecision]]:
    """List the decisions on reports about the subject, newest first, each verified."""

    def page(token: str) -> Operation[tuple[Sequence[LoggedStatement], str]]:
        request = subjects_pb2.ListDecisionsRequest(
            subject_request=subject_request(context, methods.LIST_DECISIONS.path),
            page_token=token,
        )
        reply = yield from call(methods.LIST_DECISIONS, request)
        return reply.decisions, reply.next_page_token

    subject_id = subject_id_of(context.signer.name)
    return (yield from _list(context, page, limit, subject_id=subject_id))


def check_outcome(
    context: Context,
    recorded: RecordedDecision,
    report: Report,
    policy: DecisionPolicy,
    inputs: bytes,
) -> Operation[None]:
    """Check that a decision is signed and logged, and follows from its report again.

    Raises:
        VerificationFailed: A signature, proof or digest does not verify, or the policy decides
            otherwise.
    """

    def check(member: Member) -> RecordedDecision:
        return verify_decision(recorded, member, context.trust)

    verified, _ = yield from check_with_member(context, recorded.member_id, check)
    verify_decided(verified, report)
    verify_outcome(verified.decision, report, policy, inputs)


def _list(
    context: Context,
    page: Callable[[str], Operation[tuple[Sequence[LoggedStatement], str]]],
    limit: int | None,
    *,
    subject_id: str,
    member_id: str = "",
) -> Operation[list[RecordedDecision]]:
    """List decisions, each verified."""

    def verified(token: str) -> Operation[tuple[Sequence[RecordedDecision], str]]:
        statements, next_token = yield from page(token)
        check_size(LABEL, statements)
        decisions = yield from verified_decisions(
            context, statements, subject_id=subject_id, member_id=member_id
        )
        return decisions, next_token

    return (yield from collect(LABEL, verified, as_it_is, NEWEST_FIRST, limit))


def verified_decisions(
    context: Context,
    statements: Iterable[LoggedStatement],
    *,
    subject_id: str,
    member_id: str,
) -> Operation[list[RecordedDecision]]:
    """Return decisions, each verified against the log and the keys of its member.

    Args:
        statements: Signed decisions with their receipts.
        subject_id: The subject that each decision must be about; empty for any.
        member_id: The member that must have signed each; empty for any.

    Raises:
        VerificationFailed: A decision is not in the log, no key of its member signed it, or
            it is about another subject or by another member.
    """
    decisions = []
    for logged in statements:
        yield from verify_receipt_and_witnesses(
            context, logged.receipt, logged.envelope, kind="decision"
        )
        with verifying("The decision"):
            signer = decided_by(logged)
        if member_id:
            check_equal("The member of the decision", signer, member_id)

        def check(member: Member, logged: LoggedStatement = logged) -> RecordedDecision:
            with verifying("The decision"):
                keys = logged_keys_of(member)
                message = check_decision(logged, keys, context.trust, subject_id=subject_id)
                return read_recorded(message, logged)

        decision, _ = yield from check_with_member(context, signer, check)
        decisions.append(decision)
    return decisions
