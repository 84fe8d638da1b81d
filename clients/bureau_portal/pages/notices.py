"""Show notices of the bureau with what to do by when, and let the person answer to a new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from bureau_client.models.codes import DeedType, Initiator, NoticeKind
from bureau_client.models.complaints import Deed
from bureau_client.models.reports import Notice
from bureau_portal.pages.complaints import address_of
from bureau_portal.sentences import Remedy, deadlines, remedies
from bureau_portal.site import Visit
from bureau_portal.words import Words

# Notices about a key that the person can approve, and those about one that they can repudiate.
PENDING = {NoticeKind.KEY_PENDING}
REPLACED = {NoticeKind.KEY_PENDING, NoticeKind.KEY_REPLACED}
# What the notices of each kind are about: its name, which begins its anchor on its page too.
ABOUT: Mapping[NoticeKind, str] = {
    NoticeKind.INQUIRY: "inquiry",
    NoticeKind.INQUIRY_DENIED: "inquiry",
    NoticeKind.REPLAY: "inquiry",
    NoticeKind.DECISION: "decision",
    NoticeKind.DISPUTE: "dispute",
    NoticeKind.DISPUTE_OVERDUE: "dispute",
    NoticeKind.COMPLAINT: "complaint",
    NoticeKind.COMPLAINT_OVERDUE: "complaint",
    NoticeKind.COMPLAINT_UNDECIDED: "complaint",
    NoticeKind.CONSENT_GRANTED: "consent",
    NoticeKind.CONSENT_CHANGED: "consent",
    NoticeKind.CONSENT_USED_UP: "consent",
    NoticeKind.CONSENT_ENDING: "consent",
    NoticeKind.DELETION_CONFIRMED: "consent",
    NoticeKind.DELETION_MISSING: "consent",
    NoticeKind.CONSENT_REQUEST: "request",
    NoticeKind.CONSENT_REQUEST_WITHDRAWN: "request",
    NoticeKind.CONSENT_REQUEST_ENDING: "request",
    NoticeKind.HOLD_PLACED: "hold",
    NoticeKind.HOLD_LIFTED: "hold",
}
# The page on which each of these stands.
PAGES: Mapping[str, str] = {
    "inquiry": "/inquiries",
    "decision": "/decisions",
    "dispute": "/disputes",
    "complaint": "/complaints",
    "consent": "/consents",
    "request": "/requests",
    "hold": "/holds",
}


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice as the page shows it.

    Attributes:
        text: It in the person's language.
        about: Name of what it is about; empty for none.
        address: Address of where that stands; empty for none.
        remedies: Reasons of the lender's action, with what the person can do.
        deadlines: Sentences about the day of the review and the way to object.
        complaint: Address of the form for a complaint about the action; empty for none, and for
            one that is not the lender's own.
    """

    notice: Notice
    text: str
    about: str
    address: str
    remedies: tuple[Remedy, ...]
    deadlines: tuple[str, ...]
    complaint: str


async def page(visit: Visit) -> Response:
    """List the notices in the person's language."""
    today = visit.portal.clock().date()
    notices = [_shown(notice, today, visit.words) for notice in visit.views["notices"]]
    return visit.render("notices.html", notices=notices, pending=PENDING, replaced=REPLACED)


async def approve_key(visit: Visit) -> Response:
    """Let the person approve the key that is to replace theirs."""
    key_id = visit.field("key_id")
    return visit.sign(
        lambda wallet: wallet.approve_key(key_id), back="/notices", done="notices.approved"
    )


async def repudiate_key(visit: Visit) -> Response:
    """Let the person repudiate a key that replaces theirs."""
    key_id = visit.field("key_id")
    return visit.sign(
        lambda wallet: wallet.repudiate_key(key_id), back="/notices", done="notices.repudiated"
    )


def _shown(notice: Notice, today: date, words: Words) -> ShownNotice:
    about = ABOUT.get(notice.kind, "") if notice.about_id else ""
    action = notice.action
    return ShownNotice(
        notice,
        words.nearest(notice.texts),
        about,
        f"{PAGES[about]}#{about}-{notice.about_id}" if about else "",
        tuple(remedies(action, words)) if action else (),
        tuple(deadlines(action, today, words)) if action else (),
        _complaint(notice),
    )


def _complaint(notice: Notice) -> str:
    """Return the address of the form for a complaint about the action of a notice."""
    action, ref = notice.action, notice.action_ref
    if action is None or ref is None or action.initiator is not Initiator.LENDER:
        return ""
    deed = Deed(DeedType.ACTION, ref.submission_id, ref.record_index)
    return f"/complaints/open/action/{address_of(deed)}"
