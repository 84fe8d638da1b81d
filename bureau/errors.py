"""The one error of the bureau, and the table of its reasons.

A journey refuses a request by raising `Refusal`; `rpc.status` alone turns it into a gRPC
status. The reasons are those of the contract (`creditbureau/v1/error.proto`), from which
the type `Reason` is generated; a test compares this table with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from creditbureau.v1.reason import Reason


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field that violates a rule.

    Attributes:
        field: Path of the field, for example `records[7].snapshot.month`.
        rule: Name of the rule, for example `int32.gte_lte`.
        message: The violation and the values that are allowed.
    """

    field: str
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """The consequences of a reason for the caller.

    Attributes:
        status: Name of the gRPC status code.
        fix: Instruction to the caller.
        retry_after_s: Seconds after which a retry helps; 0 if a retry does not help.
    """

    status: str
    fix: str
    retry_after_s: float = 0


class Refusal(Exception):
    """A request that the bureau does not execute; nothing was stored.

    Attributes:
        reason: A name of the contract's enum Reason, without its prefix.
        message: Description of the failure, without personal data.
        violations: The fields at fault.
        retry_after_s: Seconds after which a retry helps; 0 if a retry does not help.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        violations: Sequence[FieldViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        rule = REASONS[reason]
        self.reason: Reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.status = rule.status
        self.fix = rule.fix
        self.retry_after_s = rule.retry_after_s if retry_after_s is None else retry_after_s

    @classmethod
    def of_field(cls, reason: Reason, field: str, message: str) -> Refusal:
        """Return a refusal for one field."""
        return cls(reason, message, [FieldViolation(field, reason.lower(), message)])


REASONS: dict[Reason, ReasonRule] = {
    "MALFORMED_MESSAGE": ReasonRule(
        "INVALID_ARGUMENT", "Send the message that the contract names, in protobuf's wire format."
    ),
    "NON_CANONICAL": ReasonRule(
        "INVALID_ARGUMENT",
        "Sign the deterministic encoding of the message, without fields that this version of "
        "the contract does not know.",
    ),
    "INVALID_FIELD": ReasonRule(
        "INVALID_ARGUMENT", "Correct the fields named and send the request again."
    ),
    "TOO_MANY_ITEMS": ReasonRule("INVALID_ARGUMENT", "Split the request into smaller ones."),
    "TOO_LONG": ReasonRule("INVALID_ARGUMENT", "Shorten the fields named."),
    "BAD_TEXT": ReasonRule(
        "INVALID_ARGUMENT", "Remove control and bidirectional characters from the text."
    ),
    "UNKNOWN_ENUM": ReasonRule("INVALID_ARGUMENT", "Use a value of the enum in the contract."),
    "AMOUNT_RANGE": ReasonRule(
        "INVALID_ARGUMENT", "Give amounts in minor units, within the range the contract names."
    ),
    "UNKNOWN_CURRENCY": ReasonRule("INVALID_ARGUMENT", "Use an ISO 4217 currency code."),
    "CURRENCY_MISMATCH": ReasonRule(
        "INVALID_ARGUMENT",
        "An account keeps its currency; report the one it was opened in, or a new account.",
    ),
    "DATE_ORDER": ReasonRule(
        "INVALID_ARGUMENT",
        "Give real dates that are not in the future, closing not before opening, ends not "
        "before starts, and no first delinquency after the one on file.",
    ),
    "WEAK_KEY": ReasonRule(
        "INVALID_ARGUMENT", "Create a new Ed25519 key; this one is not safe to verify with."
    ),
    "WRONG_PAYLOAD_TYPE": ReasonRule(
        "INVALID_ARGUMENT", "Sign the payload that this method takes, under its payload type."
    ),
    "ROOT_MISMATCH": ReasonRule(
        "INVALID_ARGUMENT", "Sign the root over exactly the records that are sent, in order."
    ),
    "DUPLICATE_RECORD": ReasonRule(
        "INVALID_ARGUMENT", "Report an account and month once in one submission."
    ),
    "CONSENT_CEILING": ReasonRule(
        "INVALID_ARGUMENT", "Stay within the ceiling that the purpose has for the field named."
    ),
    "BAD_PAGE_TOKEN": ReasonRule(
        "INVALID_ARGUMENT", "Use the token of the page before, or none for the first page."
    ),
    "CONTRADICTION": ReasonRule(
        "INVALID_ARGUMENT",
        "Correct the fields named: the record cannot be true of any account as it is.",
    ),
    "WIDER_THAN_REQUEST": ReasonRule(
        "INVALID_ARGUMENT",
        "Grant no more than the request asks for, or grant a consent that names no request.",
    ),
    "CLOCK_SKEW": ReasonRule(
        "FAILED_PRECONDITION", "Set the signer's clock, then sign the request again."
    ),
    "EXPIRED_REQUEST": ReasonRule(
        "FAILED_PRECONDITION",
        "Sign the request again, with a new request id; if an earlier try may have succeeded, "
        "ask for its receipt first.",
    ),
    "WRONG_STATE": ReasonRule(
        "FAILED_PRECONDITION", "Read the present state first; it does not allow this change."
    ),
    "LIMIT_REACHED": ReasonRule(
        "FAILED_PRECONDITION",
        "End one of those that there are, or wait until the oldest no longer counts; the message "
        "names the bound.",
    ),
    "DELETED_ITEM": ReasonRule(
        "FAILED_PRECONDITION",
        "Leave it out; or, if it is complete and accurate, report it with a new certification.",
    ),
    "IDEMPOTENCY_CONFLICT": ReasonRule(
        "ALREADY_EXISTS", "Use a new request id for a new request; retry only with the same bytes."
    ),
    "ALREADY_EXISTS": ReasonRule("ALREADY_EXISTS", "Choose another id, or use what exists."),
    "UNKNOWN_CERTIFICATE": ReasonRule(
        "UNAUTHENTICATED",
        "Present a certificate that the bureau's authority issued, that has not expired and that "
        "the operator has registered for a member.",
    ),
    "BAD_SIGNATURE": ReasonRule(
        "UNAUTHENTICATED",
        "Sign with a key that is registered for the signer and not withdrawn, over the exact "
        "bytes that are sent.",
    ),
    "ROLE_REQUIRED": ReasonRule("PERMISSION_DENIED", "Ask the operator for the role named."),
    "MEMBER_SUSPENDED": ReasonRule("PERMISSION_DENIED", "Ask the operator why."),
    "WRONG_AUDIENCE": ReasonRule(
        "PERMISSION_DENIED", "Sign for this bureau: the audience is its log's origin."
    ),
    "SIGNER_MISMATCH": ReasonRule(
        "PERMISSION_DENIED", "Sign in the name of the member whose certificate makes the call."
    ),
    "PURPOSE_NOT_PERMITTED": ReasonRule(
        "PERMISSION_DENIED", "Ask the operator to admit the member for this purpose."
    ),
    "CONSENT_REQUIRED": ReasonRule(
        "PERMISSION_DENIED",
        "Ask the subject for a consent that names this member, this action and this purpose, "
        "and give its id.",
    ),
    "CONSENT_REVOKED": ReasonRule(
        "PERMISSION_DENIED", "The subject took the consent back; ask for a new one."
    ),
    "CONSENT_REPLACED": ReasonRule(
        "PERMISSION_DENIED",
        "Name the arrangement, which stays the same, or the consent that replaced this one.",
    ),
    "CONSENT_PAUSED": ReasonRule(
        "PERMISSION_DENIED", "The subject paused the consent and can resume it."
    ),
    "CONSENT_EXPIRED": ReasonRule(
        "PERMISSION_DENIED", "The time is outside the consent's; ask for a new one."
    ),
    "CONSENT_EXHAUSTED": ReasonRule(
        "PERMISSION_DENIED",
        "The consent's uses are used up; wait for its next period or ask for a new one.",
    ),
    "CONSENT_SCOPE": ReasonRule(
        "PERMISSION_DENIED",
        "The consent does not cover this; ask the subject for one that does.",
    ),
    "HOLD": ReasonRule(
        "PERMISSION_DENIED", "The subject has a hold on the file and can lift it for this member."
    ),
    "NOT_VISIBLE": ReasonRule("PERMISSION_DENIED", "Ask only for the caller's own data."),
    "NOT_FOUND": ReasonRule(
        "NOT_FOUND", "Check the id; only ids that the caller may see are found."
    ),
    "BEYOND_LOG": ReasonRule("OUT_OF_RANGE", "Ask within the size of the newest checkpoint."),
    "NOT_WITNESSED": ReasonRule(
        "FAILED_PRECONDITION",
        "Ask again after a second; if it happens again, compare with the witnesses' checkpoints.",
    ),
    "TOO_LARGE": ReasonRule("RESOURCE_EXHAUSTED", "Split the request into smaller ones."),
    "QUOTA_EXCEEDED": ReasonRule(
        "RESOURCE_EXHAUSTED", "Wait until the quota renews, or ask the operator for more."
    ),
    "OVERLOADED": ReasonRule("RESOURCE_EXHAUSTED", "Retry after the delay named.", 0.5),
    "STORAGE_FULL": ReasonRule("RESOURCE_EXHAUSTED", "Tell the operator; reads go on.", 30),
    "DATABASE_UNAVAILABLE": ReasonRule(
        "UNAVAILABLE",
        "Retry with the same request id: if the first try was stored, its receipt comes back.",
        1,
    ),
    "SHUTTING_DOWN": ReasonRule("UNAVAILABLE", "Retry at another address, or later.", 1),
    "NODE_UNFIT": ReasonRule("UNAVAILABLE", "Retry at another address, and tell the operator.", 1),
    "CONFLICT": ReasonRule("ABORTED", "Retry with the same request id.", 0.1),
    "DEADLINE": ReasonRule("DEADLINE_EXCEEDED", "Give the call at least 120 ms."),
    "NOT_SERVED": ReasonRule(
        "UNIMPLEMENTED", "This bureau does not serve the method; see its version's documents."
    ),
    "INTERNAL": ReasonRule("INTERNAL", "Report the request id to the operator."),
}
