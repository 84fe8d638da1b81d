"""The main demo, as `make demo` runs it, with few people: every part, to the auditor's verdict."""

from __future__ import annotations

import subprocess
import sys

# The fewest months that its data have, and people enough for every part.
DEMO = (sys.executable, "-m", "tests.demo", "--subjects", "40", "--months", "12")
PARTS = (
    "one report, as a person would want to see it",
    "a dispute, to its end, by a correction",
    "an alert to a lender that may watch",
    "the subject freezes the file",
    "a Metro 2 file",
    "a lender without a consent",
    "the subject revokes; the lender asks again",
    "who looked, as the subject sees it",
    "the auditor's verdict",
)


def test_the_main_job_runs_from_nothing_to_the_verdict() -> None:
    done = subprocess.run(DEMO, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    for part in PARTS:
        assert part in done.stdout
    assert "mended and sent again: 2 accepted" in done.stdout
    assert "everything verifies" in done.stdout
