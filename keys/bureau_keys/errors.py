"""What can be wrong with keys, signatures and proofs."""

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
