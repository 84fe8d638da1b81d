"""Freeze the file, warn of fraud, lift either."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from starlette.responses import Response

from bureau_client.models.codes import HoldKind
from bureau_portal.site import FormError, Visit


async def page(visit: Visit) -> Response:
    """Show the holds of the file."""
    return visit.render("holds.html", holds=visit.views["file"].holds, kinds=list(HoldKind)[1:])


async def place(visit: Visit) -> Response:
    """Let the person sign a hold."""
    try:
        kind = HoldKind[visit.field("kind")]
    except KeyError:
        raise FormError("errors.form") from None
    expire = day_of(visit.field("until"))
    return visit.sign(
        lambda wallet: wallet.place_hold(kind, expire=expire), back="/holds", done="holds.placed"
    )


async def lift(visit: Visit) -> Response:
    """Let the person sign the lift of a hold: for good, for a time, for one member."""
    hold_id = visit.request.path_params["hold_id"]
    until, member_id = day_of(visit.field("until")), visit.field("member_id")
    if member_id and until is None:
        raise FormError("holds.needs_day")
    return visit.sign(
        lambda wallet: wallet.lift_hold(hold_id, until=until, member_id=member_id),
        back="/holds",
        done="holds.lifted",
    )


def day_of(text: str) -> datetime | None:
    """Return the beginning of a day that a form names, UTC; None for an empty field.

    Raises:
        FormError: It is no day.
    """
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise FormError("errors.day") from None
