"""The reports of a study as files, an analyst's data to learn on.

`applications` has the report of each application, `reviews` one more on each applicant, which
shows the outcomes, and `profile` the largest lender's profile, under which all of them verify
offline.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bureau_client.models.reports import Report
from bureau_client.study.furnishing import Exchange
from bureau_keys.whole_files import whole_folder


def check_empty(folder: Path) -> None:
    """Check that a folder has no files yet.

    Raises:
        ValueError: It has, and reports of two studies would be taken for those of one.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: name a new folder for the reports of this study")


def save_reports(exchanged: Exchange, folder: Path) -> None:
    """Write the reports of a study, in the order of its applications, and a profile.

    The folder appears when it is whole: half of a study's reports would be taken for all.
    """
    with whole_folder(folder) as new:
        _save(new / "applications", (one.report for one in exchanged.answered))
        _save(new / "reviews", exchanged.reviews)
        exchanged.profile.save(new / "profile")


def _save(folder: Path, reports: Iterable[Report]) -> None:
    folder.mkdir()
    for number, report in enumerate(reports, start=1):
        report.save(folder / f"{number:05}.json")
