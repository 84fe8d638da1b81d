"""List consents, and let people give, replace, narrow, pause, resume and revoke them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from bureau_client.models.codes import ConsentState, Role
from bureau_client.models.consents import Arrangement, Consent, Frequency
from bureau_client.sync.wallet import Wallet
from bureau_portal.deletions import deletions_of
from bureau_portal.pages import directory
from bureau_portal.pages.terms import Terms, choices, read_terms
from bureau_portal.site import FormError, NotAmongAnswers, Visit

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
# States in which another consent can take the place of one.
REPLACEABLE = {*ConsentState} - {ConsentState.REVOKED, ConsentState.REPLACED}


async def page(visit: Visit) -> Response:
    """List the arrangements, those in force first, and what members have to delete."""
    arrangements: list[Arrangement] = visit.views["arrangements"]
    return visit.render(
        "consents.html",
        arrangements=sorted(arrangements, key=lambda one: one.state not in LIVE),
        live=LIVE,
        replaceable=REPLACEABLE,
        deletions=deletions_of(consents_in(arrangements), visit.portal.clock()),
    )


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
    # Without an answer of the bureau the person can write the member's id all the same.
    members = [one for one in await directory.members(visit) if GRANTEES & {*one.roles}]
    expire = (visit.portal.clock() + SHORT).date()
    return _form(visit, "new", consent=None, uses=1, expire=expire, members=members)


async def grant(visit: Visit) -> Response:
    """Let the person sign a new consent."""
    grantee, terms = visit.field("grantee"), _ending(read_terms(visit))
    return visit.sign(
        lambda wallet: terms.grant(wallet, grantee), back="/consents", done="consents.done_grant"
    )


async def replace_page(visit: Visit) -> Response:
    """Show the form of a consent that takes the place of another one, with its terms."""
    consent = _own(visit)
    if consent is None or consent.state not in REPLACEABLE:
        raise NotAmongAnswers("/consents")
    end = max(consent.expire_time, visit.portal.clock() + SHORT).date()
    return _form(visit, "replace", consent=consent, uses=consent.max_uses, expire=end)


async def replace_consent(visit: Visit) -> Response:
    """Let the person sign the consent that takes the place of another one."""
    return _sign_instead(visit, _needed(visit), _ending(read_terms(visit)), "replace")


async def narrow_page(visit: Visit) -> Response:
    """Show the form with the terms of a consent, each of which can be taken away."""
    consent = _own(visit)
    if consent is None or consent.state not in LIVE:
        raise NotAmongAnswers("/consents")
    end = consent.expire_time.date()
    return _form(visit, "narrow", consent=consent, uses=uses_left(consent), expire=end)


async def narrow(visit: Visit) -> Response:
    """Let the person sign a consent with narrower terms, in the place of the wider one.

    A consent is never changed. One statement ends the wider one and gives the narrower one: the
    member is at no time without any.
    """
    consent = _needed(visit)
    terms = _ending(read_terms(visit), latest=consent.expire_time)
    if not _is_narrower(terms, consent):
        raise FormError("consents.not_narrower")
    return _sign_instead(visit, consent, terms, "narrow")


def consents_in(arrangements: Iterable[Arrangement]) -> list[Consent]:
    """Return all consents of arrangements, the newest of each first."""
    return [consent for arrangement in arrangements for consent in arrangement.consents]


def _form(visit: Visit, kind: str, **values: Any) -> Response:
    """Show the form of a new consent, of one that replaces another one, or of a narrower one."""
    values = {"members": [], "kind": kind} | values
    return visit.render("consent_form.html", **values, **choices())


def _sign_instead(visit: Visit, consent: Consent, terms: Terms, kind: str) -> Response:
    return visit.sign(
        lambda wallet: terms.grant(wallet, consent.grantee, replaces=consent),
        back="/consents",
        done=f"consents.done_{kind}",
        about=_name(visit, consent.consent_id),
    )


def _ending(terms: Terms, latest: datetime | None = None) -> Terms:
    """Return terms with the end of the last day that the form names, and no end after `latest`.

    Raises:
        FormError: The form names no day.
    """
    if not isinstance(terms.expire, datetime):
        raise FormError("errors.day")
    end = terms.expire + timedelta(days=1)
    return replace(terms, expire=min(end, latest or end))


def _name(visit: Visit, consent_id: str) -> str:
    """Return the member and the actions of a consent that the person has seen; or its id."""
    for consent in consents_in(visit.kept("arrangements") or []):
        if consent.consent_id == consent_id:
            actions = visit.words.list([visit.words.code(action) for action in consent.actions])
            return f"{consent.grantee}: {actions}"
    return consent_id


def _own(visit: Visit) -> Consent | None:
    wanted = visit.request.path_params["consent_id"]
    every = consents_in(visit.views["arrangements"])
    return next((consent for consent in every if consent.consent_id == wanted), None)


def _needed(visit: Visit) -> Consent:
    """Return the consent that the address names.

    Raises:
        FormError: The person has none of this id.
    """
    consent = _own(visit)
    if consent is None:
        raise FormError("errors.stale")
    return consent


def _is_narrower(terms: Terms, consent: Consent) -> bool:
    """Return True if the terms allow nothing that a consent does not allow."""
    types, uses = consent.portfolio_types, uses_left(consent)
    assert isinstance(terms.expire, datetime)
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
