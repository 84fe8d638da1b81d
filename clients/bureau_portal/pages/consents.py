"""List consents, and let people give, narrow, pause, resume and revoke them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from starlette.responses import RedirectResponse, Response

from bureau_client.errors import BureauError
from bureau_client.models.codes import (
    Action,
    Code,
    ConsentMode,
    ConsentState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Role,
    Section,
)
from bureau_client.models.consents import Consent, Frequency
from bureau_client.models.members import Member
from bureau_client.sync.wallet import Wallet
from bureau_portal.pages.holds import day_of
from bureau_portal.site import FormError, Visit

C = TypeVar("C", bound=Code)

CHANGES: Mapping[str, Any] = {
    "pause": Wallet.pause,
    "resume": Wallet.resume,
    "revoke": Wallet.revoke,
}
# States in which a consent can be changed.
LIVE = {ConsentState.ACTIVE, ConsentState.PAUSED, ConsentState.PENDING}
# Roles of the members that a consent can be for.
GRANTEES = {Role.FURNISHER, Role.SUBSCRIBER}
# Time that the form of a new consent proposes.
SHORT = timedelta(days=30)
# Bounds of the form's numbers; the bureau has stricter ones for each purpose.
MAX_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a form states."""

    actions: tuple[Action, ...]
    purposes: tuple[Purpose, ...]
    sections: tuple[Section, ...]
    portfolio_types: tuple[PortfolioType, ...]
    history_months: int
    expire: datetime
    max_uses: int
    frequency: Frequency | None
    mode: ConsentMode
    data_life: timedelta

    def grant(self, wallet: Wallet, grantee: str) -> Consent:
        """Grant a consent with these terms."""
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
        )


async def page(visit: Visit) -> Response:
    """List the consents, those in force first."""
    consents: list[Consent] = visit.views["consents"]
    ordered = sorted(consents, key=lambda consent: consent.state not in LIVE)
    return visit.render("consents.html", consents=ordered, live=LIVE)


async def change(visit: Visit) -> Response:
    """Let the person sign a pause, a resumption or a revocation."""
    name, consent_id = (visit.request.path_params[part] for part in ("change", "consent_id"))
    if name not in CHANGES:
        raise FormError("errors.form")
    note = visit.field("note")
    return visit.sign(
        lambda wallet: CHANGES[name](wallet, consent_id, note),
        back="/consents",
        done=f"consents.done_{name}",
        about=_name(visit, consent_id),
    )


async def new_page(visit: Visit) -> Response:
    """Show the form of a new consent."""
    try:
        state = await asyncio.to_thread(visit.portal.public.read)
    except BureauError:
        members: tuple[Member, ...] = ()  # the person can write the id all the same
    else:
        members = tuple(member for member in state.members if GRANTEES & {*member.roles})
    return visit.render(
        "consent_form.html",
        consent=None,
        uses=None,
        expire=(visit.portal.clock() + SHORT).date(),
        members=members,
        **_choices(),
    )


async def grant(visit: Visit) -> Response:
    """Let the person sign a new consent."""
    grantee, terms = visit.field("grantee"), _terms(visit)
    return visit.sign(
        lambda wallet: terms.grant(wallet, grantee), back="/consents", done="consents.done_grant"
    )


async def narrow_page(visit: Visit) -> Response:
    """Show the form with the terms of a consent, each of which can be taken away."""
    consent = _own(visit)
    if consent is None or consent.state not in LIVE:
        return RedirectResponse("/consents", 303)
    uses = uses_left(consent)
    return visit.render(
        "consent_form.html",
        consent=consent,
        uses=uses,
        expire=consent.expire_time.date(),
        members=(),
        **_choices(),
    )


async def narrow(visit: Visit) -> Response:
    """Let the person sign a consent with narrower terms, and the revocation of the wider one.

    A consent is never changed. The new one comes first: the member is at no time without any.
    """
    consent = _own(visit)
    if consent is None:
        raise FormError("errors.stale")
    terms = _terms(visit)
    if consent.frequency and consent.frequency.unit is not FrequencyUnit.MONTH:
        terms = replace(terms, frequency=consent.frequency)
    if not _is_narrower(terms, consent):
        raise FormError("consents.not_narrower")

    def work(wallet: Wallet) -> None:
        terms.grant(wallet, consent.grantee)
        wallet.revoke(consent.consent_id, visit.words.text("consents.narrowed_note"))

    about = _name(visit, consent.consent_id)
    return visit.sign(work, back="/consents", done="consents.done_narrow", about=about)


def _name(visit: Visit, consent_id: str) -> str:
    """Return the member and the actions of a consent that the person has seen; or its id."""
    consents: list[Consent] = visit.kept("consents") or []
    for consent in consents:
        if consent.consent_id == consent_id:
            actions = visit.words.list([visit.words.code(action) for action in consent.actions])
            return f"{consent.grantee}: {actions}"
    return consent_id


def _own(visit: Visit) -> Consent | None:
    wanted = visit.request.path_params["consent_id"]
    consents: list[Consent] = visit.views["consents"]
    return next((consent for consent in consents if consent.consent_id == wanted), None)


def _is_narrower(terms: Terms, consent: Consent) -> bool:
    """Return True if the terms allow nothing that a consent does not allow."""
    types, uses = consent.portfolio_types, uses_left(consent)
    return (
        {*terms.actions} <= {*consent.actions}
        and {*terms.purposes} <= {*consent.purposes}
        and {*terms.sections} <= {*consent.sections}
        and (not types or (bool(terms.portfolio_types) and {*terms.portfolio_types} <= {*types}))
        and terms.history_months <= consent.history_months
        and terms.expire <= consent.expire_time
        and (uses is None or 0 < terms.max_uses <= uses)
        and _is_rarer(terms.frequency, consent.frequency)
        and terms.data_life <= consent.data_life
        and terms.mode is consent.mode
    )


def uses_left(consent: Consent) -> int | None:
    """Return the number of reports that a consent still allows; None without a limit."""
    return max(0, consent.max_uses - consent.use_count) if consent.max_uses else None


def _is_rarer(new: Frequency | None, old: Frequency | None) -> bool:
    return old is None or (new is not None and new.unit is old.unit and new.value <= old.value)


def _terms(visit: Visit) -> Terms:
    """Read the terms of a form.

    Raises:
        FormError: A field is missing or wrong.
    """
    expire = day_of(visit.field("expire"))
    if expire is None:
        raise FormError("errors.day")
    monthly, days = _number(visit, "uses_a_month"), _number(visit, "keep_days")
    (mode,) = _codes(visit, "mode", ConsentMode) or (ConsentMode.VIEW,)
    return Terms(
        actions=_codes(visit, "action", Action),
        purposes=_codes(visit, "purpose", Purpose),
        sections=_codes(visit, "section", Section),
        portfolio_types=_codes(visit, "portfolio_type", PortfolioType),
        history_months=_number(visit, "history_months"),
        expire=expire,
        max_uses=_number(visit, "max_uses"),
        frequency=Frequency(FrequencyUnit.MONTH, monthly) if monthly else None,
        mode=mode,
        data_life=timedelta(days=days),
    )


def _codes(visit: Visit, name: str, kind: type[C]) -> tuple[C, ...]:
    try:
        return tuple(kind[value] for value in visit.form.get(name, []))
    except KeyError:
        raise FormError("errors.form") from None


def _number(visit: Visit, name: str) -> int:
    text = visit.field(name) or "0"
    # Python reads no number of thousands of digits.
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdecimal() and len(digits) <= len(str(MAX_NUMBER))):
        raise FormError("errors.number")
    if int(digits) > MAX_NUMBER:
        raise FormError("errors.number")
    return int(digits)


def _choices() -> dict[str, Any]:
    return {
        "actions": list(Action)[1:],
        "purposes": [one for one in Purpose if one and one is not Purpose.SUBJECT_DISCLOSURE],
        "sections": list(Section)[1:],
        "portfolio_types": list(PortfolioType)[1:],
        "modes": list(ConsentMode)[1:],
    }
