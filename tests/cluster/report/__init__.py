"""Tells of a run: `verdict.json` for machines, `report.html` for people."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.auditor.verdict import Verdict
from tests.cluster.report.page import page_of
from tests.cluster.report.summary import summary_of

VERDICT, PAGE = "verdict.json", "report.html"


def write(run: Path, verdict: Verdict) -> None:
    """Writes both into the run's folder."""
    told = summary_of(run, verdict)
    text = json.dumps(told, indent=2, default=str, ensure_ascii=False)
    (run / VERDICT).write_text(text + "\n", "utf-8")
    (run / PAGE).write_text(page_of(verdict, told), "utf-8")
