"""Every check passes over a run that kept its promises, and names each planted violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.auditor import CHECKS, judge
from tests.unit.cluster.faultless_run import true_run
from tests.unit.cluster.seeded_violations import PLANTED, Plant


def test_a_run_that_kept_every_promise() -> None:
    verdict = judge(true_run().evidence())
    assert [violation.what for violation in verdict.violations] == []
    assert verdict.holds
    blind = [finding.check for finding in verdict.findings if not finding.looked]
    assert blind == []


@pytest.mark.parametrize(("check", "words", "plant"), PLANTED)
def test_a_planted_violation_is_named(check: str, words: str, plant: Plant) -> None:
    verdict = judge(plant(true_run()))
    assert not verdict.holds
    violations = [violation.what for violation in verdict.violations if violation.check == check]
    assert any(words in what for what in violations), violations


def test_every_check_has_its_planted_violation() -> None:
    assert {check.name for check in CHECKS} == {check for check, _, _ in PLANTED}


def test_the_page_names_every_check_and_its_promise() -> None:
    page = (Path(__file__).parents[3] / "docs" / "harness.md").read_text("utf-8")
    for check in CHECKS:
        assert f"| {check.name} | {check.promise} |" in page
