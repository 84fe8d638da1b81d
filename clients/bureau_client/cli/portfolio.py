"""`bureau-lender portfolio`: save the reports on a member's own customers in a folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bureau_client._operations.portfolio import OnWithheld
from bureau_client.cli.common import PassphraseOption, ProfileOption, code_parser
from bureau_client.cli.open_clients import open_lender
from bureau_client.errors import BureauError
from bureau_client.models.codes import Purpose
from bureau_client.models.reports import Report
from bureau_client.models.statements import Statement
from bureau_client.sync.lender import Lender
from bureau_keys.command_line.messages import say
from bureau_keys.whole_files import write_whole

NOTE = "unfinished.json"


def portfolio(
    profile: ProfileOption,
    purpose: Annotated[
        Purpose,
        typer.Option(
            parser=code_parser(Purpose),
            metavar="PURPOSE",
            help="Purpose: account-review or collection.",
        ),
    ],
    save: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to save the reports in, for `verify`.")
    ],
    subject: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Subject id; repeatable; default: all customers."),
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Fetch reports on this member's own customers, under their standing consents.

    After a crash, run it again: it continues the same inquiry where it stopped, and uses
    no consent twice.
    """
    save.mkdir(parents=True, exist_ok=True)
    subjects = sorted(subject or ())
    note = Note.read(save / NOTE, f"{purpose.name} {' '.join(subjects)}".strip())
    count = 0
    withheld: list[int] = []
    with open_lender(profile, passphrase_file, note.record_inquiry) as lender:
        for report in _reports(lender, note, purpose, subjects, withheld.append):
            report.save(save / f"{report.subject_id}.json")
            note.record_report(report)
            count += 1
    note.remove()
    say(f"{count} reports saved to {save}")
    if withheld:
        say(
            f"{len(withheld)} reports withheld: their customers withdrew the consent or froze the "
            "file after the inquiry"
        )


@dataclass(slots=True)
class Note:
    """State of an unfinished portfolio inquiry, on disk.

    Attributes:
        about: Purpose and subjects of the inquiry.
        inquiry: The signed inquiry; empty before it is signed.
        cursor: Cursor of the last report on disk.
    """

    path: Path
    about: str
    inquiry: bytes = b""
    cursor: str = ""

    @classmethod
    def read(cls, path: Path, about: str) -> Note:
        """Read the state that an earlier run left.

        Raises:
            ValueError: The earlier run had another purpose or other subjects.
        """
        if not path.exists():
            return cls(path, about)
        kept = json.loads(path.read_text("utf-8"))
        if kept["about"] != about:
            raise ValueError(
                f"{path}: an unfinished portfolio of {kept['about']}; finish it, "
                "choose another folder, or remove the file"
            )
        return cls(path, about, base64.b64decode(kept["inquiry"]), kept["cursor"])

    def record_inquiry(self, statement: Statement) -> None:
        """Write an inquiry to disk before it is sent."""
        if statement.envelope != self.inquiry:
            self.inquiry, self.cursor = statement.envelope, ""
            self._write()

    def record_report(self, report: Report) -> None:
        """Write the cursor of a report that is on disk."""
        self.cursor = report.cursor
        self._write()

    def remove(self) -> None:
        """Remove the file: the inquiry is finished, or void."""
        self.path.unlink(missing_ok=True)
        self.inquiry, self.cursor = b"", ""

    def _write(self) -> None:
        kept = {
            "about": self.about,
            "inquiry": base64.b64encode(self.inquiry).decode("ascii"),
            "cursor": self.cursor,
        }
        # A crash leaves the old or the new state.
        write_whole(self.path, json.dumps(kept))


def _reports(
    lender: Lender,
    note: Note,
    purpose: Purpose,
    subjects: Sequence[str],
    on_withheld: OnWithheld,
) -> Iterator[Report]:
    if note.inquiry:
        say("continuing where an earlier run stopped")
        try:
            yield from lender.resume_portfolio(note.inquiry, note.cursor, on_withheld=on_withheld)
        except BureauError as error:
            # The signed inquiry never reached the bureau, so no consent was used.
            if error.reason != "EXPIRED_REQUEST":
                raise
            note.remove()
        else:
            return
    yield from lender.portfolio(purpose, subjects, on_withheld=on_withheld)
