"""Read the terms of a consent from a form: of a new one, and of one that gives less."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bureau_client.models.codes import (
    Action,
    Code,
    ConsentMode,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Consent, Frequency
from bureau_client.sync.wallet import Wallet
from bureau_portal.pages.holds import day_of
from bureau_portal.site import FormError, Visit

C = TypeVar("C", bound=Code)

# Actions that get credit reports: purposes and parts of the file are theirs.
READING = {Action.INQUIRE, Action.MONITOR}
# Largest number of a form: that of uses in the contract. Purposes have smaller ones.
MAX_NUMBER = 100_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a form states."""

    actions: tuple[Action, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    portfolio_types: tuple[PortfolioType, ...]
    history_months: int
    expire: datetime | timedelta | None
    max_uses: int
    frequency: Frequency | None
    mode: ConsentMode
    data_life: timedelta

    def grant(self, wallet: Wallet, grantee: str, replaces: Consent | None = None) -> Consent:
        """Grant a consent with these terms, in the place of an earlier one if one is named."""
        assert self.expire is not None
        return wallet.grant(
            grantee,
            self.actions,
            self.purposes,
            self.sections,
            expire=self.expire,
            portfolio_types=self.portfolio_types,
            history_months=self.history_months,
            max_uses=self.max_uses,
            frequency=self.frequency,
            mode=self.mode,
            data_life=self.data_life,
            replaces=replaces,
        )


def read_terms(visit: Visit) -> Terms:
    """Read the terms of a form.

    Raises:
        FormError: A field is missing or wrong.
    """
    actions = codes(visit, "action", Action)
    reads = bool(READING & {*actions})
    uses, days = number(visit, "uses_in_each"), number(visit, "keep_days")
    (unit,) = codes(visit, "each", FrequencyUnit) or (FrequencyUnit.MONTH,)
    (mode,) = codes(visit, "mode", ConsentMode) or (ConsentMode.VIEW,)
    return Terms(
        actions=actions,
        # Who only furnishes asks for nothing.
        purposes=codes(visit, "purpose", Purpose) if reads else (),
        sections=codes(visit, "section", Section) if reads else (),
        portfolio_types=codes(visit, "portfolio_type", PortfolioType),
        history_months=number(visit, "history_months"),
        expire=_end(visit),
        max_uses=number(visit, "max_uses"),
        frequency=Frequency(unit, uses) if uses else None,
        mode=mode,
        data_life=timedelta(days=days),
    )


def codes(visit: Visit, name: str, kind: type[C]) -> tuple[C, ...]:
    """Return the codes that a form chooses.

    Raises:
        FormError: One is unknown.
    """
    try:
        return tuple(kind[value] for value in visit.form.get(name, []))
    except KeyError:
        raise FormError("errors.form") from None


def number(visit: Visit, name: str) -> int:
    """Return a number of a form; 0 for an empty field.

    Raises:
        FormError: It is no number, or one over MAX_NUMBER.
    """
    text = visit.field(name) or "0"
    # Python reads no number of thousands of digits.
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdecimal() and len(digits) <= len(str(MAX_NUMBER))):
        raise FormError("errors.number")
    if int(digits) > MAX_NUMBER:
        raise FormError("errors.number")
    return int(digits)


def choices() -> dict[str, Any]:
    """Return everything that a form of terms lets people choose from."""
    return {
        "actions": list(Action)[1:],
        "purposes": [one for one in Purpose if one and one is not Purpose.SUBJECT_DISCLOSURE],
        "sections": list(Section)[1:],
        "portfolio_types": list(PortfolioType)[1:],
        "modes": list(ConsentMode)[1:],
        "units": list(FrequencyUnit)[1:],
    }


def _end(visit: Visit) -> datetime | timedelta | None:
    """Return the end that a form names: a day, or days from now; None for neither."""
    if days := number(visit, "days"):
        return timedelta(days=days)
    return day_of(visit.field("expire"))
