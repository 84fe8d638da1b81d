"""The RPC edge: rules come from the contract's options, and mypy sees the servicers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bureau.rpc.methods import SERVICES, name_of
from bureau.rpc.services import SERVICERS
from creditbureau.v1 import options_pb2

ROOT = Path(__file__).parents[2]
SERVICER = ROOT / "bureau" / "rpc" / "services" / "reporting.py"
# A slip of each kind: the right text and the wrong one.
SLIPS = [
    ("watch_alerts(self.bureau, self.caller, request.cursor)", "watch_alerts(request.cursr)"),
    ("-> reporting_pb2.QueryReportResponse", "-> reporting_pb2.ReplayReportResponse"),
    ("def AcknowledgeAlerts(", "def AcknowledgeAlert("),
]


def test_every_rule_is_whole() -> None:
    for service in SERVICES:
        for method in service.methods:
            rules = method.GetOptions().Extensions[options_pb2.rules]
            name = name_of(method)
            assert bool(rules.roles) != rules.any_role, name
            assert len(set(rules.roles)) == len(rules.roles), name
            assert rules.max_request_bytes >= 1024, name
            assert rules.max_seconds >= 1, name
            assert rules.deadline_class, name
            is_stream = rules.deadline_class == options_pb2.DEADLINE_CLASS_STREAM
            assert is_stream == method.server_streaming, name


def test_every_service_has_its_servicer() -> None:
    assert list(SERVICERS) == [service.name for service in SERVICES]


def test_mypy_reports_a_slip_in_a_servicer(tmp_path: Path) -> None:
    text = SERVICER.read_text("utf-8")
    for number, (right, wrong) in enumerate(SLIPS):
        assert text.count(right) == 1, right
        (tmp_path / f"slip_{number}.py").write_text(text.replace(right, wrong), "utf-8")
    (tmp_path / "reason.py").write_text(
        'from bureau.errors import Refusal\n\nREFUSAL = Refusal("NOT_FUND", "no such consent")\n',
        "utf-8",
    )
    config = ["--config-file", str(ROOT / "pyproject.toml")]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *config, *map(str, sorted(tmp_path.glob("*.py")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    reported = {line.partition(":")[0].rpartition("/")[2] for line in run.stdout.splitlines()[:-1]}
    assert reported == {"reason.py", "slip_0.py", "slip_1.py", "slip_2.py"}, run.stdout
    assert 'has no attribute "cursr"' in run.stdout
    assert 'abstract attributes "AcknowledgeAlerts"' in run.stdout
