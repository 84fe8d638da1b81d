"""Complain about a deed of a member from where it stands, and follow complaints to their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import RedirectResponse, Response

from bureau_client.models.codes import (
    ComplaintKind,
    ComplaintOutcome,
    ComplaintState,
    DeedType,
    DisputeState,
)
from bureau_client.models.complaints import Complaint, ComplaintCount, Deed
from bureau_client.models.records import RecordRef
from bureau_portal.pages import directory
from bureau_portal.pages.consents import consents_in
from bureau_portal.pages.terms import number
from bureau_portal.site import FormError, NotAmongAnswers, Visit
from bureau_portal.words import Words

BACK = "/complaints"
# The kinds of complaint about each type of deed, the likeliest first.
KINDS: Mapping[DeedType, tuple[ComplaintKind, ...]] = {
    DeedType.ACTION: (ComplaintKind.ACTION_WITHOUT_REASON, ComplaintKind.REVIEW_MISSED),
    DeedType.INQUIRY: (ComplaintKind.INQUIRY_NOT_ASKED_FOR,),
    DeedType.DECISION: (ComplaintKind.DECISION_WITHOUT_NOTICE,),
    DeedType.DISPUTE: (ComplaintKind.EMPTY_ANSWER,),
    DeedType.CONSENT: (ComplaintKind.DATA_KEPT_TOO_LONG,),
}

# What is counted, in the order of a complaint's way.
COUNTS = (
    *("opened", "unanswered", "upheld", "rejected"),
    *("escalated", "operator_upheld", "operator_rejected", "unproved"),
)
# States in which a complaint waits for the member or for the operator.
WAITING = {ComplaintState.OPEN, ComplaintState.OVERDUE, ComplaintState.ESCALATED}


@dataclass(frozen=True, slots=True)
class ShownDeed:
    """A deed that the person sees on a page of the portal.

    Attributes:
        text: It in words.
        page: Address of where it stands.
    """

    deed: Deed
    member_id: str
    text: str
    page: str


def _actions(view: Any, words: Words) -> Iterator[ShownDeed]:
    for line in view.tradelines:
        for action in line.actions:
            if action.record is not None:
                record = action.record
                text = words.text(
                    "complaints.action",
                    action=words.code(action.kind),
                    kind=words.code(line.portfolio_type),
                    day=words.day(action.effective_time),
                )
                deed = Deed(DeedType.ACTION, record.submission_id, record.record_index)
                yield ShownDeed(deed, line.member_id, text, f"/file#line-{line.tradeline_id}")


def _inquiries(view: Any, words: Words) -> Iterator[ShownDeed]:
    for line in view:
        text = words.text(
            "complaints.inquiry", day=words.day(line.create_time), purpose=words.code(line.purpose)
        )
        deed = Deed(DeedType.INQUIRY, line.inquiry_id)
        yield ShownDeed(deed, line.member_id, text, f"/inquiries#inquiry-{line.inquiry_id}")


def _decisions(view: Any, words: Words) -> Iterator[ShownDeed]:
    for one in view:
        outcome = words.code(one.decision.outcome)
        text = words.text("complaints.decision", day=words.day(one.time), outcome=outcome)
        deed = Deed(DeedType.DECISION, one.decision_id)
        yield ShownDeed(deed, one.member_id, text, f"/decisions#decision-{one.decision_id}")


def _disputes(view: Any, words: Words) -> Iterator[ShownDeed]:
    for dispute in view:
        if dispute.state is DisputeState.OPEN:
            continue  # it waits for its answer
        day = words.day(dispute.close_time)
        entry = "complaints.dispute" if dispute.outcome else "complaints.unanswered_dispute"
        text = words.text(entry, day=day, reason=words.code(dispute.reason))
        deed = Deed(DeedType.DISPUTE, dispute.dispute_id)
        page = f"/disputes#dispute-{dispute.dispute_id}"
        yield ShownDeed(deed, dispute.member_id, text, page)


def _consents(view: Any, words: Words) -> Iterator[ShownDeed]:
    for consent in consents_in(view):
        text = words.text("complaints.consent", day=words.day(consent.create_time))
        deed = Deed(DeedType.CONSENT, consent.consent_id)
        page = f"/consents#consent-{consent.consent_id}"
        yield ShownDeed(deed, consent.grantee, text, page)


# Where each type of deed stands: the answer of the bureau that shows it, and how to read it.
DEEDS: Mapping[DeedType, tuple[str, Callable[[Any, Words], Iterator[ShownDeed]]]] = {
    DeedType.ACTION: ("file", _actions),
    DeedType.INQUIRY: ("inquiries", _inquiries),
    DeedType.DECISION: ("decisions", _decisions),
    DeedType.DISPUTE: ("disputes", _disputes),
    DeedType.CONSENT: ("arrangements", _consents),
}


async def page(visit: Visit) -> Response:
    """List the complaints with their deadlines, answers and decisions."""
    complaints: list[Complaint] = visit.views["complaints"]
    now = visit.portal.clock()
    return visit.render(
        "complaints.html",
        complaints=complaints,
        deeds={one.complaint_id: _known(visit, one.deed) for one in complaints},
        escalable={one.complaint_id for one in complaints if may_escalate(one, now)},
        hidden={one.complaint_id for one in complaints if hides_inquiry(one)},
    )


async def counts_page(visit: Visit) -> Response:
    """Show how many complaints each member got, and what became of them."""
    counts: list[ComplaintCount] = visit.views["complaint_counts"]
    return visit.render(
        "complaint_counts.html", counts=counts, columns=COUNTS, names=await directory.names(visit)
    )


def open_page(deed_type: DeedType) -> Callable[[Visit], Awaitable[Response]]:
    """Return the handler of the form about one type of deed."""

    async def handler(visit: Visit) -> Response:
        wanted = visit.request.path_params["deed_id"]
        view, deeds = DEEDS[deed_type]
        for shown in deeds(visit.views[view], visit.words):
            if address_of(shown.deed) == wanted:
                return _form(visit, shown)
        raise NotAmongAnswers(BACK)

    return handler


async def open_complaint(visit: Visit) -> Response:
    """Let the person sign a complaint."""
    try:
        kind = ComplaintKind[visit.field("kind")]
        deed_type = next(one for one, kinds in KINDS.items() if kind in kinds)
    except (KeyError, StopIteration):
        raise FormError("errors.form") from None
    member_id, deed_id, narrative = map(visit.field, ("member_id", "deed_id", "narrative"))
    deed = Deed(deed_type, deed_id, number(visit, "record_index"))
    is_action = deed_type is DeedType.ACTION
    about: str | RecordRef = RecordRef(deed.id, deed.record_index) if is_action else deed.id
    shown = _known(visit, deed)
    return visit.sign(
        lambda wallet: wallet.complain(member_id, kind, about, narrative=narrative),
        back=BACK,
        done="complaints.opened",
        about=f"{shown.member_id}: {shown.text}" if shown else "",
    )


async def escalate(visit: Visit) -> Response:
    """Let the person take a complaint to the operator."""
    complaint_id, narrative = visit.request.path_params["complaint_id"], visit.field("narrative")
    complaints: list[Complaint] = visit.kept("complaints") or []
    names = (
        f"{one.member_id}: {visit.words.code(one.kind)}"
        for one in complaints
        if one.complaint_id == complaint_id
    )
    return visit.sign(
        lambda wallet: wallet.escalate(complaint_id, narrative),
        back=BACK,
        done="complaints.escalated",
        about=next(names, complaint_id),
    )


def may_escalate(complaint: Complaint, now: datetime) -> bool:
    """Return True if a complaint is overdue, or was rejected lately: the operator takes it."""
    if complaint.state is ComplaintState.OVERDUE:
        return True
    answer, until = complaint.answer, complaint.escalate_until_time
    is_rejected = answer is not None and answer.outcome is ComplaintOutcome.REJECTED
    is_answered = complaint.state is ComplaintState.ANSWERED
    return is_answered and is_rejected and (until is None or now < until)


def hides_inquiry(complaint: Complaint) -> bool:
    """Return True if credit reports for other members leave the inquiry of a complaint out."""
    last = complaint.decision or complaint.answer
    is_waiting = complaint.state in WAITING
    return is_waiting or (last is not None and last.outcome is ComplaintOutcome.UPHELD)


def address_of(deed: Deed) -> str:
    """Return the last part of the address of the form about a deed."""
    return f"{deed.id}-{deed.record_index}" if deed.type is DeedType.ACTION else deed.id


def _form(visit: Visit, shown: ShownDeed) -> Response:
    """Show the form about a deed; one that has its complaint leads there."""
    complaints: list[Complaint] = visit.views["complaints"]
    for complaint in complaints:
        if complaint.deed == shown.deed:
            return RedirectResponse(f"{BACK}#complaint-{complaint.complaint_id}", 303)
    kinds = KINDS[shown.deed.type]
    wanted = visit.request.query_params.get("kind", "")
    return visit.render("complaint_open.html", shown=shown, kinds=kinds, chosen=wanted)


def _known(visit: Visit, deed: Deed) -> ShownDeed | None:
    """Return a deed as the page shows it that the person has just seen; None if it is too old."""
    view, deeds = DEEDS[deed.type]
    kept = visit.kept(view)
    every = deeds(kept, visit.words) if kept is not None else iter(())
    return next((shown for shown in every if shown.deed == deed), None)
