"""Tells of a run: `verdict.json` for machines, `report.html` for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster.auditor.verdict import Verdict
from tests.cluster.report.page import page_of
from tests.cluster.report.summary import FORMAT, command_of, summary_of

VERDICT, PAGE = "verdict.json", "report.html"


def write(run: Path, verdict: Verdict) -> None:
    """Writes both into the run's folder."""
    summary = summary_of(run, verdict)
    _write_verdict(run, summary)
    (run / PAGE).write_text(page_of(verdict, summary), "utf-8")


def write_broken_off(run: Path, why: str) -> None:
    """Writes the verdict of a run that the harness could not carry to its end: no promise
    was shown to hold.
    """
    summary = {"format": FORMAT, "holds": False, "broken_off": why}
    _write_verdict(run, summary | {"run": {"command": command_of(run)}})


def _write_verdict(run: Path, summary: dict[str, Any]) -> None:
    text = json.dumps(summary, indent=2, default=str, ensure_ascii=False)
    (run / VERDICT).write_text(text + "\n", "utf-8")
