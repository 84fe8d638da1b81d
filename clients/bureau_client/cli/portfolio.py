"""`bureau-lender portfolio`: reports on a member's own customers, into a folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli.common import PassphraseOption, ProfileOption, code_parser
from bureau_client.cli.open_clients import open_lender
from bureau_client.cli.output import err
from bureau_client.errors import BureauError
from bureau_client.models.codes import Purpose
from bureau_client.models.reports import Report
from bureau_client.models.statements import Statement
from bureau_client.sync.lender import Lender

NOTE = "unfinished.json"


def portfolio(
    profile: ProfileOption,
    purpose: Annotated[
        Purpose,
        typer.Option(
            parser=code_parser(Purpose), metavar="PURPOSE", help="account-review or collection."
        ),
    ],
    save: Annotated[
        Path, typer.Option(metavar="DIR", help="Where each report goes, to be verified offline.")
    ],
    subject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only these; repeatable.")
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Fetch reports on this member's own customers, under their standing consents.

    After a crash, run it again: it goes on with the same inquiry where it stopped, and
    uses no consent twice.
    """
    save.mkdir(parents=True, exist_ok=True)
    subjects = sorted(subject or ())
    note = Note.read(save / NOTE, f"{purpose.name} {' '.join(subjects)}".strip())
    count = 0
    with open_lender(profile, passphrase_file, note.asked) as lender:
        for report in _reports(lender, note, purpose, subjects):
            report.save(save / f"{report.subject_id}.json")
            note.taken(report)
            count += 1
    note.forget()
    err.print(f"{count} reports saved to {save}")


@dataclass(slots=True)
class Note:
    """What is kept on disk while a portfolio is under way.

    Attributes:
        about: What was asked for.
        inquiry: As it was signed; empty before.
        cursor: Of the last report that is on disk.
    """

    path: Path
    about: str
    inquiry: bytes = b""
    cursor: str = ""

    @classmethod
    def read(cls, path: Path, about: str) -> Note:
        """What an earlier run left there.

        Raises:
            ValueError: It was about something else.
        """
        if not path.exists():
            return cls(path, about)
        kept = json.loads(path.read_text("utf-8"))
        if kept["about"] != about:
            raise ValueError(
                f"{path}: a portfolio of {kept['about']} was broken off there; finish it, "
                "take another folder, or remove the file"
            )
        return cls(path, about, base64.b64decode(kept["inquiry"]), kept["cursor"])

    def asked(self, statement: Statement) -> None:
        """Notes an inquiry before it is sent."""
        if statement.envelope != self.inquiry:
            self.inquiry, self.cursor = statement.envelope, ""
            self._write()

    def taken(self, report: Report) -> None:
        """Notes that a report is on disk."""
        self.cursor = report.cursor
        self._write()

    def forget(self) -> None:
        """Nothing is left to do."""
        self.path.unlink(missing_ok=True)
        self.inquiry, self.cursor = b"", ""

    def _write(self) -> None:
        kept = {
            "about": self.about,
            "inquiry": base64.b64encode(self.inquiry).decode("ascii"),
            "cursor": self.cursor,
        }
        # Whole or not at all.
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(kept), "utf-8")
        beside.replace(self.path)


def _reports(
    lender: Lender, note: Note, purpose: Purpose, subjects: Sequence[str]
) -> Iterator[Report]:
    if note.inquiry:
        err.print("going on where an earlier run stopped")
        try:
            yield from lender.resume_portfolio(note.inquiry, note.cursor)
        except BureauError as error:
            # The inquiry was signed and never came to the bureau: no consent was used.
            if error.reason != "EXPIRED_REQUEST":
                raise
            note.forget()
        else:
            return
    yield from lender.portfolio(purpose, subjects)
