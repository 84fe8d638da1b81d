"""The page: one file that needs nothing else, for people."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tests.cluster.auditor.verdict import Verdict
from tests.cluster.report.drawing import Drawing
from tests.cluster.report.figures import (
    OK,
    REFUSED,
    SETTLED,
    UNANSWERED,
    Figures,
    figures_of,
    how,
    latencies,
    percentile,
)

TEMPLATE = Path(__file__).with_name("page.html")


def page_of(verdict: Verdict, summary: dict[str, Any]) -> str:
    """The page of a run.

    Args:
        summary: The verdict for machines (`summary.py`), which says the same.
    """
    evidence = verdict.evidence
    figures = figures_of(evidence.operations, evidence.events)
    words = _words(verdict)
    run = summary["run"]
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        title=escape(words),
        verdict=escape(words),
        verdict_class="kept" if verdict.holds else "broken",
        lead=escape(
            f"{run['nodes']} nodes, {run['length_s']:.0f} s, {len(figures.faults)} faults, "
            f"seed {run['seed']}"
        ),
        tiles=_tiles(summary),
        drawing=Drawing(figures).draw(),
        violations=_violations(verdict),
        checks="".join(_checks(summary)),
        faults="".join(_faults(figures)),
        workers="".join(_workers(verdict)),
        command=escape(run["command"]),
        versions=escape(
            ", ".join(f"{name} {value}" for name, value in summary["versions"].items())
        ),
        files="".join(f"<li>{escape(name)}</li>" for name in summary["files"]),
    )


def _words(verdict: Verdict) -> str:
    broken = [finding.count for finding in verdict.findings if finding.count]
    if not broken:
        return "Every promise was kept"
    promises = "A promise was" if len(broken) == 1 else f"{len(broken)} promises were"
    return f"{promises} broken, {sum(broken):,} times in all"


def _tiles(summary: dict[str, Any]) -> str:
    counts, latency = summary["operations"], summary["latency_ms"]
    tiles = [
        (f"{counts['all']:,}", "operations"),
        (f"{counts[SETTLED]:,}", "unknown, then settled"),
        (f"{counts[UNANSWERED]:,}", "without an answer"),
        (f"{summary['log']['leaves']:,}", "leaves in the log"),
        (f"{summary['log']['checkpoints']:,}", "checkpoints compared"),
        (f"{latency['p50']:.0f} ms", "p50"),
        (f"{latency['p99']:.0f} ms", "p99"),
        (f"{sum(check['looked'] for check in summary['checks']):,}", "things checked"),
    ]
    return "".join(f"<div><b>{value}</b><span>{name}</span></div>" for value, name in tiles)


def _checks(summary: dict[str, Any]) -> Iterator[str]:
    for check in summary["checks"]:
        state = "broken" if check["broken"] else "kept"
        sign = "✗" if check["broken"] else ("✓" if check["looked"] else "–")
        yield (
            f'<tr><td class="c {state}">{sign} {escape(check["name"])}</td>'
            f"<td>{escape(check['promise'])}</td>"
            f'<td class="n">{check["looked"]:,}</td><td class="n">{check["broken"]:,}</td></tr>'
        )


def _violations(verdict: Verdict) -> str:
    if verdict.holds:
        return ""
    details = []
    for violation in verdict.violations:
        lines = "\n".join(f"{name}: {value}" for name, value in violation.evidence.items())
        details.append(
            f"<details><summary><b>{escape(violation.check)}</b>{escape(violation.what)}</summary>"
            f"<pre>{escape(lines) or 'That is all of it.'}</pre></details>"
        )
    return f'<h2 class="broken">What was broken</h2><div class="card">{"".join(details)}</div>'


def _faults(figures: Figures) -> Iterator[str]:
    for span in figures.faults:
        yield (
            f'<tr><td class="c">{escape(span.name)}</td><td>{escape(span.about)}</td>'
            f'<td class="n">{span.begin_s:.1f} s</td><td class="n">{span.end_s:.1f} s</td></tr>'
        )


def _workers(verdict: Verdict) -> Iterator[str]:
    names = sorted({one.worker for one in verdict.evidence.operations})
    for name in names:
        mine = [one for one in verdict.evidence.operations if one.worker == name]
        took = latencies(mine)
        counts = [
            sum(how(one) == kind for one in mine) for kind in (OK, REFUSED, SETTLED, UNANSWERED)
        ]
        times = [percentile(took, share) for share in (0.5, 0.99)]
        cells = [f"{count:,}" for count in counts]
        cells += [f"{ms:,.0f}" if ms is not None else "" for ms in times]
        row = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        yield f'<tr><td class="c">{escape(name)}</td>{row}</tr>'
