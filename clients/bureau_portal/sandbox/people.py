"""List the made-up people of a sandbox, and lend their keys to the browser that asks for one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from bureau.sandbox.folder import SandboxFolder
from bureau.sandbox.magic import MagicSubject, magic_subjects
from bureau_portal.app import Page
from bureau_portal.site import FormError, Visit
from bureau_portal.staff.access import FIRST


@dataclass(frozen=True, slots=True)
class People:
    """The pages about the people of a folder."""

    folder: SandboxFolder

    async def page(self, visit: Visit) -> Response:
        """List the people, each with what their file shows and a button that signs in."""
        ids, language = self.folder.subject_ids(), visit.words.language
        subjects = magic_subjects(self.folder.jurisdiction.country).values()
        people = [_row(subject, ids, language) for subject in subjects]
        staff = [*visit.portal.staff]
        return visit.render("sandbox_people.html", people=people, staff=staff)

    async def enter(self, visit: Visit) -> Response:
        """Make the session that of the staff of a member, without an access code.

        Raises:
            FormError: There is no such member.
        """
        name = visit.request.path_params["name"]
        if name not in visit.portal.staff:
            raise FormError("errors.form")
        visit.portal.sessions.enter(visit.session, name)
        return RedirectResponse(FIRST, 303)

    async def wallet(self, visit: Visit) -> Response:
        """Return subject id and key of a person, whose wallet `bureau dev` wrote.

        Raises:
            FormError: There is no such person, or not yet.
        """
        name = visit.request.path_params["name"]
        # Of the table, so that no name leads out of the folder of the wallets.
        subjects = magic_subjects(self.folder.jurisdiction.country)
        if name not in subjects or name not in self.folder.subject_ids():
            raise FormError("errors.form")
        wallet = self.folder.wallet_folder(name)
        settings = json.loads((wallet / "wallet.json").read_text("utf-8"))
        pem = (wallet / "key.pem").read_text("ascii")
        return JSONResponse({"subject_id": settings["subject_id"], "pem": pem})


def pages_of(folder: SandboxFolder) -> Sequence[Page]:
    """Return the pages that a sandbox adds to the portal."""
    people = People(folder)
    return (
        Page("/sandbox", people.page, is_open=True),
        Page("/sandbox/staff/{name}", people.enter, method="POST", is_open=True),
        Page("/sandbox/wallets/{name}", people.wallet, method="POST", is_open=True),
    )


def _row(subject: MagicSubject, ids: dict[str, str], language: str) -> dict[str, Any]:
    return {
        "name": subject.name,
        "shows": subject.words.get(language, subject.words["en"]),
        "is_applicable": subject.is_applicable,
        "subject_id": ids.get(subject.name, ""),
    }
