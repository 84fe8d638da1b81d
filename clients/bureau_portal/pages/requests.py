"""Show what members ask a consent for, and let the person grant it, grant less, or decline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from bureau_client.models.codes import ConsentMode, ConsentRequestState, ConsentState
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Arrangement
from bureau_client.sync.wallet import Wallet
from bureau_portal.pages import directory
from bureau_portal.pages.terms import Terms, choices, read_terms
from bureau_portal.site import FormError, NotAmongAnswers, Visit

BACK = "/requests"
PENDING = ConsentRequestState.PENDING
# States of a consent in which no other can take its place.
GONE = {ConsentState.REVOKED, ConsentState.REPLACED}


async def page(visit: Visit) -> Response:
    """List the requests: those that wait first, the next to expire on top, then the history."""
    requests: list[ConsentRequest] = visit.views["requests"]
    waiting = [request for request in requests if request.state is PENDING]
    return visit.render(
        "requests.html",
        waiting=sorted(waiting, key=lambda request: request.expire_time),
        ended=[request for request in requests if request.state is not PENDING],
        names=await directory.names(visit),
    )


async def grant(visit: Visit) -> Response:
    """Let the person sign the consent that a member asks for, as it asks."""
    request, request_id = _seen(visit), _id(visit)
    return visit.sign(
        lambda wallet: wallet.grant_request(request or request_id),
        back=BACK,
        done="requests.done_grant",
        about=_about(visit, request),
    )


async def decline(visit: Visit) -> Response:
    """Let the person sign that they decline, perhaps with a reason."""
    request, request_id, note = _seen(visit), _id(visit), visit.field("note")
    return visit.sign(
        lambda wallet: wallet.decline_request(request_id, note),
        back=BACK,
        done="requests.done_decline",
        about=_about(visit, request),
    )


async def narrow_page(visit: Visit) -> Response:
    """Show the form with the terms that are asked for, each of which can be taken away."""
    request = _own(visit)
    if request is None or request.state is not PENDING:
        raise NotAmongAnswers(BACK)
    arrangements: list[Arrangement] = visit.views["arrangements"]
    offered = choices() | {"modes": list(dict.fromkeys((request.mode, ConsentMode.VIEW)))}
    return visit.render(
        "request_form.html",
        request=request,
        names=await directory.names(visit),
        replaceable=[
            one.newest
            for one in arrangements
            if one.newest.grantee == request.member_id and one.state not in GONE
        ],
        **offered,
    )


async def narrow(visit: Visit) -> Response:
    """Let the person sign a consent that gives less than what is asked for."""
    request = _own(visit)
    if request is None:
        raise FormError("errors.stale")
    narrowed = _narrowed(read_terms(visit), request)
    replaces = visit.field("replaces") or None

    def work(wallet: Wallet) -> Any:
        return wallet.grant_request(request, replaces=replaces, **narrowed)

    return visit.sign(work, back=BACK, done="requests.done_narrow", about=_about(visit, request))


def _narrowed(terms: Terms, request: ConsentRequest) -> dict[str, Any]:
    """Return what a form gives of a request.

    A form has whole days, and a request may have parts of one: as many days as were asked for
    are the time that was asked for. Who may only look keeps nothing, whatever the form says.
    """
    days = timedelta(days=request.period.days)
    period = request.period if terms.expire in {None, days} else terms.expire
    if not request.sections:  # to furnish alone: the other terms mean nothing
        return {"actions": terms.actions, "expire": period}
    life = terms.data_life
    if life == timedelta(days=request.data_life.days):
        life = request.data_life
    return {
        "actions": terms.actions,
        "purposes": terms.purposes,
        "sections": terms.sections,
        "portfolio_types": terms.portfolio_types,
        "history_months": terms.history_months,
        "expire": period,
        "max_uses": terms.max_uses,
        "frequency": terms.frequency,
        "mode": terms.mode,
        "data_life": life if terms.mode is ConsentMode.STORE else timedelta(0),
    }


def _about(visit: Visit, request: ConsentRequest | None) -> str:
    """Return who asks, and for what reason, of a request that the person has seen."""
    if request is None:
        return _id(visit)
    return visit.words.text("requests.about", member=request.member_id, text=request.text)


def _id(visit: Visit) -> str:
    request_id: str = visit.request.path_params["request_id"]
    return request_id


def _seen(visit: Visit) -> ConsentRequest | None:
    return _named(visit, visit.kept("requests") or [])


def _own(visit: Visit) -> ConsentRequest | None:
    return _named(visit, visit.views["requests"])


def _named(visit: Visit, requests: list[ConsentRequest]) -> ConsentRequest | None:
    wanted = _id(visit)
    return next((one for one in requests if one.consent_request_id == wanted), None)
