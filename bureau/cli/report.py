"""`bureau report`: saved reports, checked offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bureau.admin.enum_names import PURPOSES
from bureau.cli.common import Output, Shown, group, in_table, show
from bureau.cli.exit_codes import Exit, Stop
from bureau_keys.command_line.messages import for_people
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile
from bureau_keys.saved_report import SavedReport, VerifiedReport, advice

app = group("Verify saved reports.")

COLUMNS = (
    "file",
    "verified",
    "member_id",
    "purpose",
    "tradelines",
    "proven",
    "unproved",
    "witnesses",
    "witnessed_at",
    "problem",
)


@app.callback()
def reports() -> None:
    """Verify saved reports."""


@app.command()
def verify(
    file: Annotated[
        list[Path], typer.Argument(help="Saved reports to verify.", exists=True, dir_okay=False)
    ],
    trust: Annotated[
        Path, typer.Option(help="Profile folder with the keys to trust.", file_okay=False)
    ],
    output: Shown = Output.TABLE,
) -> None:
    """Verify saved reports offline; exit code 5 if one does not verify."""
    pinned = Profile.load(trust).trust
    rows, fixes = [], []
    for path in file:
        try:
            verified = SavedReport.from_json(path.read_bytes()).verify(pinned)
        except KeysError as error:
            rows.append({"file": str(path), **_row(None), "problem": in_table(str(error), output)})
            fixes.append(advice(error))
        else:
            rows.append({"file": str(path), **_row(verified)})
    show(rows, output, COLUMNS)
    if fixes:
        raise Stop(
            Exit.INVALID,
            f"{len(fixes)} of {len(rows)} reports do not verify",
            "\n".join(map(for_people, dict.fromkeys(fixes))),
        )


def _row(verified: VerifiedReport | None) -> dict[str, Any]:
    if verified is None:
        return dict.fromkeys(
            ("member_id", "subject_id", "purpose", "issue_time", "leaf_index", "tradelines"),
        ) | {
            "verified": False,
            "proven": 0,
            "unproved": [],
            "witnesses": [],
            "witnessed_at": [],
            "problem": "",
        }
    report = verified.report
    return {
        "verified": True,
        "member_id": report.member_id,
        "subject_id": report.subject_id,
        "purpose": PURPOSES.word(report.purpose),
        "issue_time": report.header.issue_time.ToJsonString(),
        "leaf_index": verified.receipt.leaf_index if verified.receipt else None,
        "tradelines": len(report.tradelines),
        "proven": len(verified.proven),
        "unproved": list(verified.unproved),
        "witnesses": list(verified.witnesses),
        "witnessed_at": [_moment(time_s) for time_s in verified.witnesses.values()],
        "problem": "",
    }


def _moment(time_s: int) -> str:
    """Return the time of a cosignature; a witness may state any number of seconds."""
    try:
        return datetime.fromtimestamp(time_s, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{time_s} s after 1970"
