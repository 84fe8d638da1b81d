"""`bureau-lender agent`: killed and started again, as a dry run, beside another one."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bureau_client import AlertKind, Auditor, Purpose, SigningKey
from bureau_client.agent.reviews import Review, ReviewState
from bureau_client.cli.agent import print_reviews
from bureau_client.files.lines import COLUMNS
from bureau_client.risk.signed_policy import sign_policy
from tests.programs import run_program
from tests.service.line_agents import (
    Lines,
    agent_of,
    customer,
    fall_late,
    line_of,
    lines_policy,
    own_scorecard,
    scored_policy,
    waiting_alerts,
)
from tests.service.scenario import Scenario, open_scenario

LENDER = str(Path(sys.executable).with_name("bureau-lender"))


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as opened:
        yield opened


class AgentFolder:
    """A folder with profile, policy and lines; the command that reads them."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        for alert in waiting_alerts(scenario):
            scenario.lenders["acme"].acknowledge(alert.cursor)
        self._folder = folder
        self.lines = Lines()
        profile = scenario.profiles["acme"]
        profile.save(folder / "acme")
        key = SigningKey.from_pem(profile.signing_key_pem)
        (folder / "policy.json").write_text(sign_policy(lines_policy().policy, key))
        (folder / "scored.json").write_text(sign_policy(scored_policy(), key))
        (folder / "scorecard.json").write_bytes(own_scorecard().document)

    @property
    def state(self) -> Path:
        return self._folder / "agent.sqlite"

    def command(self, *more: str | Path) -> list[str]:
        with (self._folder / "lines.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [column.name for column in COLUMNS])
            writer.writeheader()
            for (line,) in self.lines.values():
                cells = {column.name: getattr(line, column.name, "") for column in COLUMNS}
                writer.writerow(cells)
        own = {"--profile": "acme", "--policy": "policy.json", "--lines": "lines.csv"}
        options = [word for name, file in own.items() for word in (name, str(self._folder / file))]
        appeal = ["--state", str(self.state), "--appeal", "appeals@acme.example"]
        return ["bureau-lender", "agent", *options, *appeal, *map(str, more)]


@pytest.fixture
def folder(scenario: Scenario, tmp_path: Path) -> AgentFolder:
    return AgentFolder(scenario, tmp_path)


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [LENDER, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_review(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that an agent prints."""
    assert process.stdout is not None
    review: dict[str, Any] = json.loads(process.stdout.readline())
    return review


def test_an_agent_is_killed_before_its_action_is_answered_and_started_again(
    scenario: Scenario, folder: AgentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = customer(scenario, folder.lines)
    fall_late(scenario, person)
    ledger = scenario.bureau.server.ledger
    commit, is_committed, is_killed = ledger.commit, threading.Event(), threading.Event()

    def commit_without_answer(signed: Any, *arguments: Any) -> Any:
        committed = commit(signed, *arguments)
        if signed.kind == "submission":
            is_committed.set()
            is_killed.wait(300)
        return committed

    monkeypatch.setattr(ledger, "commit", commit_without_answer)
    with running(folder.command()) as first:
        assert is_committed.wait(300)
        first.send_signal(signal.SIGKILL)
        first.wait()
        is_killed.set()
    monkeypatch.setattr(ledger, "commit", commit)
    with running(folder.command()) as second:
        review = next_review(second)
    assert (review["subject_id"], review["state"]) == (person.subject_id, "done")
    (line,) = review["lines"]
    assert (line["outcome"], line["action"]) == ("FREEZE", "FREEZE")
    assert line["reasons"] == ["regb.delinquent_elsewhere"]
    assert [action.kind.name for action in line_of(person).actions] == ["FREEZE"]
    assert len(person.decisions()) == 1
    assert len(scenario.lenders["acme"].inquiries(person.subject_id)) == 1


def test_a_dry_run_shows_the_review_and_writes_nothing(
    scenario: Scenario, folder: AgentFolder, tmp_path: Path
) -> None:
    saved, other = customer(scenario, folder.lines), customer(scenario, folder.lines)
    for person in (saved, other):
        fall_late(scenario, person)
    (line,) = folder.lines(saved.subject_id)
    report = scenario.lenders["acme"].query(
        saved.subject_id, purpose=Purpose.ACCOUNT_REVIEW, consent_id=line.consent_id
    )
    (tmp_path / "reports").mkdir()
    report.save(tmp_path / "reports" / "saved.json")
    auditor = Auditor(scenario.bureau.add_member("auditor", ["auditor"]), clock=scenario.now)
    with auditor:
        before = auditor.checkpoint().size
        with running(folder.command("--dry-run", "--reports", tmp_path / "reports")) as dry:
            first, second = next_review(dry), next_review(dry)
        assert auditor.checkpoint().size == before
    assert (first["state"], second["state"]) == ("preview", "preview")
    (reviewed,) = first["lines"]
    assert (reviewed["outcome"], reviewed["action"]) == ("FREEZE", "FREEZE")
    assert reviewed["decision_leaf"] is None
    assert folder.lines(other.subject_id)[0].consent_id in second["problem"]
    assert not folder.state.exists()
    # The alerts wait as before.
    with running(folder.command()) as live:
        assert next_review(live)["subject_id"] == saved.subject_id
        assert next_review(live)["subject_id"] == other.subject_id


def test_a_policy_by_a_scorecard_of_the_lenders_own_needs_its_file(
    scenario: Scenario, folder: AgentFolder, tmp_path: Path
) -> None:
    person = customer(scenario, folder.lines)
    fall_late(scenario, person)
    command = [*folder.command(), "--policy", str(tmp_path / "scored.json")]
    refused = run_program(*command, "--for", "1")
    assert refused.returncode == 5
    assert "scorecard 'acme-own': is missing" in " ".join(refused.stderr.split())
    with running([*command, "--scorecard", str(tmp_path / "scorecard.json")]) as live:
        (line,) = next_review(live)["lines"]
    assert (line["outcome"], line["action"]) == ("FREEZE", "FREEZE")
    assert line["reasons"] == ["regb.delinquent_elsewhere"]
    (decided,) = person.decisions()
    assert decided.decision.policy_digest == scored_policy().digest


def test_a_review_with_a_problem_is_part_of_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    review = Review(
        alert_id="7-0",
        kind=AlertKind.STATUS_WORSE,
        subject_id="ab" * 16,
        state=ReviewState.REFUSED,
        problem="The subject revoked the consent.",
    )
    with pytest.raises(SystemExit) as caught:
        print_reviews(iter([review, replace(review, state=ReviewState.DONE)]))
    assert caught.value.code == 8
    shown = capsys.readouterr()
    assert [json.loads(line)["state"] for line in shown.out.splitlines()] == ["refused", "done"]
    assert "1 alerts have a problem" in shown.err


def test_the_exit_code_says_how_a_run_ended(
    scenario: Scenario, folder: AgentFolder, tmp_path: Path
) -> None:
    with agent_of(scenario, folder.lines, folder.state):
        refused = run_program(*folder.command("--for", "1"))
    assert refused.returncode == 6
    assert "in use by another agent" in refused.stderr
    (tmp_path / "applications.json").write_text("{}")
    assert (
        run_program(*folder.command(), "--policy", str(tmp_path / "applications.json")).returncode
        == 5
    )
    assert run_program(*folder.command(), "--lines", str(tmp_path / "policy.json")).returncode == 5
    assert run_program(*folder.command("--for", "0.1")).returncode == 0
    template = run_program("bureau-lender", "template", "--lines")
    assert template.stdout.strip() == ",".join(column.name for column in COLUMNS)
