"""`bureau report`: saved reports, checked offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bureau.admin.bundle import VerifiedReport, verify_bundle
from bureau.admin.enum_names import PURPOSES
from bureau.cli.common import Output, Shown, group, show
from bureau.cli.exit_codes import Exit, Stop
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile

app = group("Verify saved reports.")

COLUMNS = (
    "file",
    "verified",
    "member_id",
    "purpose",
    "tradelines",
    "proven",
    "witnesses",
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
    """Verify saved reports offline; exit code 5 if one fails."""
    pinned = Profile.load(trust).trust
    rows = []
    for path in file:
        try:
            rows.append({"file": str(path), **_told(verify_bundle(path, pinned))})
        except KeysError as error:
            rows.append({"file": str(path), **_told(None), "problem": str(error)})
    show(rows, output, COLUMNS)
    if failed := sum(not row["verified"] for row in rows):
        raise Stop(
            Exit.INVALID,
            f"{failed} of {len(rows)} do not hold",
            "Do not use them; keep them and tell the bureau's operator and members.",
        )


def _told(verified: VerifiedReport | None) -> dict[str, Any]:
    if verified is None:
        return dict.fromkeys(
            ("member_id", "subject_id", "purpose", "issue_time", "leaf_index", "tradelines"),
        ) | {"verified": False, "proven": 0, "witnesses": [], "problem": ""}
    report = verified.report
    return {
        "verified": True,
        "member_id": report.member_id,
        "subject_id": report.subject_id,
        "purpose": PURPOSES.word(report.purpose),
        "issue_time": report.header.issue_time.ToJsonString(),
        "leaf_index": verified.leaf_index,
        "tradelines": len(report.tradelines),
        "proven": len(verified.proven),
        "witnesses": list(verified.witnesses),
        "problem": "",
    }
