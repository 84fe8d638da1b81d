"""Everything that the SDK raises: one small tree.

`str(error)` is one readable paragraph: what happened, which fields, what to do,
and the request id that finds it in the bureau's logs. Programs look at the
class, at `reason` (a name of the contract's `Reason`) and at `violations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bureau_client.models.texts import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from bureau_client.models.receipts import Receipt
    from bureau_client.models.submissions import SubmitResult
    from bureau_client.models.violations import Violation


SHOWN_VIOLATIONS = 10


class BureauError(Exception):
    """Something that the bureau refused, or that could not be asked or believed.

    Attributes:
        message: What happened.
        reason: A name of the contract's `Reason`, or one of the SDK's own.
        fix: What to do about it; may be empty.
        request_id: Finds the request in the bureau's logs; may be empty.
        violations: The fields that are wrong, all of them.
        retry_after: How long the bureau asks to wait before trying again.
        attempts: Which try this ended. A write refused on a later one may have taken
            effect on one before, whose answer was lost: `resend` tells.
        partial: For `submit`: what had been accepted before this happened.
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
        parts = [_sentence(self.message)]
        # The bureau's message may say what its only violation says.
        told = [v for v in self.violations if v.message not in self.message]
        if told:
            shown = [str(violation) for violation in told[:SHOWN_VIOLATIONS]]
            more = len(told) - len(shown)
            shown += [f"and {more} more"] if more else []
            parts.append(_sentence("; ".join(shown)))
        if self.partial is not None and self.partial.accepted_count:
            parts.append(f"{self.partial.accepted_count} records before it were accepted.")
        if self.fix:
            parts.append(_sentence(self.fix))
        if self.retry_after is not None:
            parts.append(f"Try again in {self.retry_after.total_seconds():g} s.")
        if self.request_id:
            parts.append(f"(request {self.request_id})")
        return " ".join(parts)

    def explain(self, language: str = "en") -> str:
        """What happened and what to do, in words for people.

        Args:
            language: BCP 47, for example `zh`; English where there is no other.
        """
        meaning, fix = lookup("Reason", self.reason, language)
        if not meaning:
            return str(self)
        fields = ", ".join(dict.fromkeys(at.field for at in self.violations[:SHOWN_VIOLATIONS]))
        parts = [meaning, f"[{fields}]" if fields else "", fix]
        parts.append(f"({self.request_id})" if self.request_id else "")
        return " ".join(filter(None, parts))

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process boundaries (pools, task queues) by pickle.
        return (type(self), (self.message,), self.__dict__)


class InvalidRequest(BureauError):
    """The request breaks a rule of the contract; `violations` names the fields."""


class NotAuthenticated(BureauError):
    """The bureau does not know the caller: certificate or signature."""


class PermissionDenied(BureauError):
    """The caller may not do this."""


class ConsentError(PermissionDenied):
    """The subject's consent does not allow it."""


class ConsentRequired(ConsentError):
    """No consent of this subject for this member covers the request.

    The bureau answers the same for a subject that it does not know.
    """


class ConsentRevoked(ConsentError):
    """The subject revoked the consent."""


class ConsentPaused(ConsentError):
    """The subject paused the consent."""


class ConsentExpired(ConsentError):
    """The consent has ended, or has not begun."""


class ConsentExhausted(ConsentError):
    """The consent's uses, or those of this period, are used up."""


class ConsentScope(ConsentError):
    """The consent does not cover this purpose or action."""


class NotFound(BureauError):
    """No such thing among those that the caller may see."""


class Conflict(BureauError):
    """It exists already, or the request id was used for something else."""


class WrongState(BureauError):
    """The state of the thing, or the clock, does not allow it."""


class QuotaExceeded(BureauError):
    """The member's quota, or the allowed size, is used up."""


class Overloaded(BureauError):
    """The bureau is too busy; the request was not begun."""


class Unavailable(BureauError):
    """The bureau cannot be reached; a write's outcome may be unknown.

    Repeat the call, or ask `receipt(error.request_id)` whether it took effect.
    """


class DeadlineExceeded(Unavailable):
    """No answer in time; a write's outcome may be unknown."""


class VerificationFailed(BureauError):
    """What the bureau answered does not verify. Do not use it; tell the operator."""


class NotWitnessed(BureauError):
    """Fewer witnesses than needed have cosigned, in time, what a receipt leads to.

    A write has taken effect nevertheless, and the bureau has signed that it did.

    Attributes:
        receipt: What the bureau gave; None where none was asked about.
    """

    receipt: Receipt | None = None


class Internal(BureauError):
    """A fault of the bureau, or an answer outside the contract."""


def _sentence(text: str) -> str:
    text = text.strip()
    # A word is capitalised, a field's path is not.
    first = text.split(" ", 1)[0]
    text = text[0].upper() + text[1:] if first.isalpha() else text
    return text if not text or text[-1] in ".!?。" else f"{text}."
