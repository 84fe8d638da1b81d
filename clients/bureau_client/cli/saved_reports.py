"""Saved reports of a command line: files and folders, each report verified offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bureau_client.cli.portfolio import NOTE
from bureau_client.errors import BureauError
from bureau_client.models.reports import Report
from bureau_client.verify import verify_bundle
from bureau_keys.profile import Trust


def saved_reports(reports: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of the reports, in order of their names within a folder.

    Raises:
        ValueError: A folder has no reports, or those of an unfinished portfolio.
    """
    for path in reports:
        if not path.is_dir():
            yield path
            continue
        if (path / NOTE).exists():
            raise ValueError(
                f"{path / NOTE}: the portfolio in this folder is unfinished; run `bureau-lender "
                "portfolio` again with the same options"
            )
        files = sorted(path.glob("*.json"))
        if not files:
            raise ValueError(f"{path} has no saved reports: save them with `--save`")
        yield from files


def load_verified(path: Path, trust: Trust) -> Report:
    """Read a saved report and verify it offline.

    Raises:
        BureauError: The file is not a saved report, or does not verify; the error names it.
    """
    try:
        return verify_bundle(Report.load(path), trust)
    except BureauError as error:
        if str(path) not in error.message:
            error.message = f"{path}: {error.message}"
        raise
