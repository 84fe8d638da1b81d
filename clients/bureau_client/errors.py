"""The SDK's exceptions: one small tree.

`str(error)` is one readable paragraph: the failure, the fields, the fix, and the request id
under which the bureau's logs have it. Programs use the class, `reason` (a name of the
contract's `Reason`) and `violations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bureau_client.models.texts import lookup, nearest
from bureau_keys import contradictions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from bureau_client.models.receipts import Receipt
    from bureau_client.models.submissions import SubmitResult
    from bureau_client.models.violations import Violation
    from bureau_keys.fork_evidence import ForkEvidence


SHOWN_VIOLATIONS = 10


class BureauError(Exception):
    """A refusal by the bureau, a failed call, or an answer that does not verify.

    Attributes:
        message: The failure.
        reason: A name of the contract's `Reason`, or one of the SDK's own.
        fix: The remedy; may be empty.
        request_id: Id of the request in the bureau's logs; may be empty.
        violations: Every field that breaks a rule.
        retry_after: Pause that the bureau asks for before the next attempt.
        attempts: Number of attempts made. A write that is refused at a later attempt may
            have taken effect at an earlier one whose answer was lost; `resend` finds out.
        partial: For `submit`: the result of the batches before the failure.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        fix: str = "",
        request_id: str = "",
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.fix = fix
        self.request_id = request_id
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.attempts = 1
        self.partial: SubmitResult | None = None

    def __str__(self) -> str:
        parts = [_sentence(self._failure())]
        # The message may contain the text of the only violation already.
        unsaid = [v for v in self.violations if v.message not in self.message]
        if unsaid:
            shown = [str(violation) for violation in unsaid[:SHOWN_VIOLATIONS]]
            more = len(unsaid) - len(shown)
            shown += [f"and {more} more"] if more else []
            # A field, and its place in a file, keep their names.
            parts.append(_ended("; ".join(shown)))
        if self.partial is not None and self.partial.accepted_count:
            parts.append(f"{self.partial.accepted_count} records before it were accepted.")
        if self.fix:
            parts.append(_sentence(self.fix))
        if self.retry_after is not None:
            parts.append(f"Try again in {self.retry_after.total_seconds():g} s.")
        if self.request_id:
            parts.append(f"(request {self.request_id})")
        return " ".join(parts)

    def _failure(self) -> str:
        """Return the message; where it is that of the only violation, with the field."""
        alone = self.violations[0] if len(self.violations) == 1 else None
        return str(alone) if alone and alone.message == self.message else self.message

    def explain(self, language: str = "en") -> str:
        """Return the failure and the fix in words for people.

        Args:
            language: BCP 47, for example `zh`; English for a language without texts.
        """
        meaning, fix = lookup("Reason", self.reason, language)
        if not meaning:
            return str(self)
        fields = ", ".join(
            dict.fromkeys(
                _field_in(language, violation) for violation in self.violations[:SHOWN_VIOLATIONS]
            )
        )
        parts = [meaning, f"[{fields}]" if fields else "", fix]
        parts.append(f"({self.request_id})" if self.request_id else "")
        return " ".join(filter(None, parts))

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process boundaries (pools, task queues) by pickle.
        return (type(self), (self.message,), self.__dict__)


class InvalidRequest(BureauError):
    """The request breaks a rule of the contract; `violations` names the fields."""


class NotAuthenticated(BureauError):
    """The bureau does not know the caller's certificate, or the signature is wrong."""


class PermissionDenied(BureauError):
    """The caller is not permitted to do this."""


class ConsentError(PermissionDenied):
    """The subject's consent does not allow the request."""


class ConsentRequired(ConsentError):
    """No consent of this subject for this member covers the request.

    The bureau gives the same answer for an unknown subject.
    """


class ConsentRevoked(ConsentError):
    """The subject revoked the consent."""


class ConsentReplaced(ConsentError):
    """The subject replaced the consent by a newer one of the same arrangement."""


class ConsentPaused(ConsentError):
    """The subject paused the consent."""


class ConsentExpired(ConsentError):
    """The consent has expired, or has not started."""


class ConsentExhausted(ConsentError):
    """The consent's uses, in all or in this period, are used up."""


class ConsentScope(ConsentError):
    """The consent does not cover this purpose or action."""


class HoldInForce(PermissionDenied):
    """A hold of the person, for example a security freeze, forbids the request.

    The person can lift it, for this member too.
    """


class NotFound(BureauError):
    """The requested object does not exist, or the caller is not permitted to see it."""


class Conflict(BureauError):
    """The object exists already, or the request id was used for another statement."""


class WrongState(BureauError):
    """The state of the object, or the time of the request, does not allow the request."""


class QuotaExceeded(BureauError):
    """The member's quota, or the allowed size, is used up."""


class Overloaded(BureauError):
    """The bureau is too busy; it did not begin the request."""


class Unavailable(BureauError):
    """The bureau cannot be reached; a write's outcome may be unknown.

    Repeat the call, or call `receipt(error.request_id)`: a receipt means that it took effect.
    """


class DeadlineExceeded(Unavailable):
    """No answer in time; a write's outcome may be unknown."""


class VerificationFailed(BureauError):
    """The bureau's answer does not verify. Do not use the answer; tell the operator.

    Attributes:
        evidence: Two checkpoints that the log signed and that contradict each other; None
            for an answer that does not verify for another reason.
    """

    evidence: ForkEvidence | None = None


class NotWitnessed(BureauError):
    """Fewer witnesses than needed cosigned the checkpoint of a receipt in time.

    A write has taken effect nevertheless, and the bureau has signed for it.

    Attributes:
        receipt: The bureau's receipt; None for a request without one.
    """

    receipt: Receipt | None = None


class Internal(BureauError):
    """A fault of the bureau, or an answer that the contract does not allow."""


def _field_in(language: str, violation: Violation) -> str:
    """Return a field; of a contradiction, with the fault and the fix in a language."""
    rule = contradictions.rules().get(violation.rule)
    if rule is None:
        return violation.field
    return f"{violation.field}: {nearest(rule.texts, language)[0]}"


def _sentence(text: str) -> str:
    text = text.strip()
    # A word is capitalised, a field's path is not.
    first = text.split(" ", 1)[0]
    return _ended(text[0].upper() + text[1:] if first.isalpha() else text)


def _ended(text: str) -> str:
    return text if not text or text[-1] in ".!?。" else f"{text}."
