"""The rules of using a consent, over its row. Pure.

The contract publishes the order of the checks in `check_inquiry` (`Reporting.QueryReport`):
the first failure answers.
"""

from __future__ import annotations

from typing import NamedTuple

from bureau.calendar import date_of, month_of, utc
from bureau.codes import CodeSet
from bureau.errors import Refusal
from bureau_keys.consent_history import PAUSED, REPLACED, REVOKED, state_at
from creditbureau.v1 import codes_pb2, consent_pb2


class HeldConsent(NamedTuple):
    """A consent as its row holds it; code sets are masks, times microseconds."""

    consent_id: str
    subject_id: str
    grantee: str
    actions: int
    purposes: int
    sections: int
    portfolio_types: int
    history_months: int
    start_us: int
    expire_us: int
    max_uses: int
    frequency_unit: int
    frequency_value: int
    state: int
    use_count: int
    period: int
    period_count: int
    entry_key: int
    create_us: int
    update_us: int
    note: str
    arrangement_id: str | None = None

    def state_at(self, now_us: int) -> int:
        """Return the ConsentState at a time."""
        return state_at(
            self.state,
            change_us=self.update_us,
            start_us=self.start_us,
            expire_us=self.expire_us,
            uses_left=not self.max_uses or self.use_count < self.max_uses,
            now_us=now_us,
        )

    def uses_in_period(self, now_us: int) -> int:
        """Count the uses in the calendar period of a time."""
        return self._uses_in(self.period_at(now_us))

    def period_at(self, now_us: int) -> int:
        """Return the period that a use counts in.

        Never a period before the newest use's, even if this node's clock is behind.
        """
        return max(self.period, period_of(self.frequency_unit, now_us))

    def _uses_in(self, period: int) -> int:
        return self.period_count if self.period == period else 0

    def use_row(self, now_us: int) -> dict[str, object]:
        """Return the columns of `count_use` that count one more use."""
        period = self.period_at(now_us)
        return {
            "which": self.consent_id,
            "period": period,
            "period_count": self._uses_in(period) + 1,
        }


def period_of(unit: int, now_us: int) -> int:
    """Return the calendar day (yyyymmdd), month (yyyymm) or year (yyyy) of a time, UTC."""
    if unit == consent_pb2.FREQUENCY_UNIT_DAY:
        return date_of(now_us)
    if unit == consent_pb2.FREQUENCY_UNIT_MONTH:
        return month_of(now_us)
    return month_of(now_us) // 100


def check_inquiry(
    consent: HeldConsent | None, member_id: str, subject_id: str, purpose: int, now_us: int
) -> HeldConsent:
    """Check that a consent lets a member inquire about a subject.

    Raises:
        Refusal: CONSENT_REQUIRED, alike for an unknown subject, an unknown
            consent and another member's consent; otherwise the consent's state:
            CONSENT_REVOKED, CONSENT_REPLACED, CONSENT_EXPIRED, CONSENT_PAUSED, CONSENT_EXHAUSTED,
            CONSENT_SCOPE.
    """
    if consent is None or consent.grantee != member_id or consent.subject_id != subject_id:
        raise Refusal("CONSENT_REQUIRED", "no consent of this subject covers the request")
    check_use(consent, purpose, now_us)
    if codes_pb2.ACTION_INQUIRE not in CodeSet(consent.actions):
        raise Refusal("CONSENT_SCOPE", "the consent does not cover inquiries")
    return consent


def check_use(consent: HeldConsent, purpose: int, now_us: int) -> None:
    """Check that a consent can be used once more for a purpose.

    Raises:
        Refusal: The consent's state: CONSENT_REVOKED, CONSENT_EXPIRED,
            CONSENT_PAUSED, CONSENT_EXHAUSTED, CONSENT_SCOPE.
    """
    _check_period(consent, now_us)
    check_uses_left(consent, now_us)
    _check_purpose(consent, purpose)


def check_in_force(consent: HeldConsent, purpose: int, now_us: int) -> None:
    """Check that a consent covers a purpose now, whatever uses it has left.

    Raises:
        Refusal: CONSENT_REVOKED, CONSENT_REPLACED, CONSENT_EXPIRED, CONSENT_PAUSED, CONSENT_SCOPE.
    """
    _check_period(consent, now_us)
    _check_purpose(consent, purpose)


def check_uses_left(consent: HeldConsent, now_us: int) -> None:
    """Raise CONSENT_EXHAUSTED if all uses of a consent, or of its period, are used up."""
    if consent.max_uses and consent.use_count >= consent.max_uses:
        raise Refusal("CONSENT_EXHAUSTED", f"max_uses: all {consent.max_uses} uses are used up")
    if consent.frequency_unit and consent.uses_in_period(now_us) >= consent.frequency_value:
        unit = consent_pb2.FrequencyUnit.Name(consent.frequency_unit)  # type: ignore[arg-type]
        unit = unit.removeprefix("FREQUENCY_UNIT_").lower()
        raise Refusal(
            "CONSENT_EXHAUSTED",
            f"frequency: the {consent.frequency_value} uses of this {unit} are used up",
        )


def _check_period(consent: HeldConsent, now_us: int) -> None:
    """Check that a consent has neither ended nor been withdrawn, and has begun.

    An end that came before a revocation answers, and so does one that came after a pause.
    """
    if consent.state == REVOKED and consent.update_us < consent.expire_us:
        raise Refusal(
            "CONSENT_REVOKED",
            f"the subject revoked the consent at {_words(consent.update_us)}{_note(consent)}",
        )
    if consent.state == REPLACED and consent.update_us < consent.expire_us:
        raise Refusal(
            "CONSENT_REPLACED",
            f"the subject replaced the consent at {_words(consent.update_us)}; its arrangement is "
            f"{consent.arrangement_id or consent.consent_id}",
        )
    if max(now_us, consent.update_us) >= consent.expire_us:
        raise Refusal("CONSENT_EXPIRED", f"the consent ended at {_words(consent.expire_us)}")
    if consent.state == PAUSED:
        raise Refusal(
            "CONSENT_PAUSED",
            f"the subject paused the consent at {_words(consent.update_us)}{_note(consent)}",
        )
    if now_us < consent.start_us:
        raise Refusal("CONSENT_EXPIRED", f"the consent begins at {_words(consent.start_us)}")


def _check_purpose(consent: HeldConsent, purpose: int) -> None:
    if purpose not in CodeSet(consent.purposes):
        raise Refusal("CONSENT_SCOPE", "the consent does not cover this purpose")


def _note(consent: HeldConsent) -> str:
    return f': "{consent.note}"' if consent.note else ""


def _words(time_us: int) -> str:
    return f"{utc(time_us):%Y-%m-%d %H:%M:%S} UTC"
