"""Show what the person hears of, and let them choose otherwise.

The choice has a page of its own: a key that was replaced still reads notices, but no choice.
"""

from __future__ import annotations

from starlette.responses import Response

from bureau_client.models.codes import NoticeKind, Role
from bureau_client.models.notices import NoticeChoice
from bureau_portal.pages import directory
from bureau_portal.pages.terms import codes
from bureau_portal.site import Visit
from bureau_portal.words import texts

BACK = "/notices/choice"
# Kinds that no choice leaves out: of keys and of erasures a person always hears.
ALWAYS = {
    NoticeKind.KEY_PENDING,
    NoticeKind.KEY_REPLACED,
    NoticeKind.KEY_REPUDIATED,
    NoticeKind.ERASURE,
}
KINDS = tuple(kind for kind in NoticeKind if kind and kind not in ALWAYS)


async def page(visit: Visit) -> Response:
    """Show the present choice, and the form of another one that begins with it."""
    choice: NoticeChoice = visit.views["notice_choice"]
    names = {tag: tables["name"] for tag, tables in texts().items()}
    # Another client may have chosen a language that the portal does not have.
    chosen = {choice.language: names.get(choice.language, choice.language)}
    return visit.render(
        "notice_choice.html",
        choice=choice,
        kinds=KINDS,
        names={tag: name for tag, name in (names | chosen).items() if tag},
        # Without an answer of the bureau the person can write the agent's id all the same.
        agents=[one for one in await directory.members(visit) if Role.AGENT in one.roles],
    )


async def choose(visit: Visit) -> Response:
    """Let the person sign a choice: the kinds that the form does not name are left out."""
    heard = {*codes(visit, "kind", NoticeKind)}
    muted = [kind for kind in KINDS if kind not in heard]
    agent_id, language = visit.field("agent_id"), visit.field("language")
    return visit.sign(
        lambda wallet: wallet.choose_notices(muted, agent_id=agent_id, language=language),
        back=BACK,
        done="notice_choice.done",
    )
