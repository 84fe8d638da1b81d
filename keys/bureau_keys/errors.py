"""Errors of keys, signatures and proofs."""

from __future__ import annotations

from typing import ClassVar, Literal

from creditbureau.v1.reason import Reason


class KeysError(Exception):
    """Something signed, hashed or certified does not hold.

    Attributes:
        reason: A name of the contract's enum Reason, without its prefix; or one of the
            two that no bureau answers.
        fix: What to do about it.
    """

    reason: ClassVar[Reason | Literal["BAD_PROOF", "LOCKED_KEY"]] = "BAD_PROOF"
    fix: ClassVar[str] = "Ask for it again; if it happens again, keep it as evidence."


class StatementError(KeysError):
    """A signed statement that a bureau refuses."""

    reason: ClassVar[Reason]


class MalformedMessage(StatementError):
    """The bytes are no such message, note or proof."""

    reason = "MALFORMED_MESSAGE"
    fix = "Send what the format asks for."


class NonCanonical(StatementError):
    """Signed bytes have unknown fields or another than the canonical encoding."""

    reason = "NON_CANONICAL"
    fix = "Sign the deterministic encoding, without unknown fields."


class TooLarge(StatementError):
    """A payload is larger than its message allows."""

    reason = "TOO_LARGE"
    fix = "Send less in one statement."


class BadSignature(StatementError):
    """A signature does not verify under any key that counts."""

    reason = "BAD_SIGNATURE"
    fix = "Sign with a registered key over the exact bytes."


class WeakKey(StatementError):
    """A public key of small order, or in a non-canonical encoding."""

    reason = "WEAK_KEY"
    fix = "Create a new Ed25519 key."


class WrongPayloadType(StatementError):
    """An envelope holds another kind of payload."""

    reason = "WRONG_PAYLOAD_TYPE"
    fix = "Sign the payload that is asked for, under its payload type."


class BadProof(KeysError):
    """An inclusion, a consistency, a checkpoint or a receipt does not verify."""


class LockedKey(KeysError):
    """A private key does not open with this passphrase."""

    reason = "LOCKED_KEY"
    fix = "Give the passphrase with which the key was stored."


class NotWitnessed(BadProof):
    """Fewer trusted witnesses than the profile's quorum cosigned a checkpoint."""

    reason = "NOT_WITNESSED"
    fix = (
        "Ask the bureau for a receipt whose checkpoint has more cosignatures; the SDK's "
        "wait_for_witnesses(receipt) does."
    )


class UnknownReportKey(BadSignature):
    """No signature of a report names a pinned report key."""

    fix = (
        "Do not use the report. Ask the operator, through another channel, for its report keys: "
        "if it rotated its key, take the new profile.toml and verify the report again."
    )


class WrongAnswer(BadProof):
    """A signed answer is about another request."""


class RecordMismatch(WrongAnswer):
    """A report's tradeline differs from a record that its furnisher signed.

    The record may be one that the furnisher corrected later, put into a saved report by
    anyone who held it, so that this alone does not prove a fault of the bureau.
    """

    fix = (
        "Do not use the report. Ask the bureau for its evidence again: if the new evidence "
        "differs from the report too, keep both and show them to the operator and the members."
    )


class Contradiction(WrongAnswer):
    """The bureau signed a report, and its log records another answer to the same inquiry.

    Both signatures verify, so this proves a fault of the bureau.
    """

    fix = (
        "Do not use the report. Keep it: the bureau signed another answer than its log "
        "records. Show it to the operator and the other members."
    )
