"""The order of the checks: every reason is one of the contract's, and stops at one check."""

from __future__ import annotations

from itertools import chain
from typing import get_args

from bureau_client.models.checks import CHECKS, OWN_RULES, CheckState, walk_checks
from bureau_client.models.operations import OK
from bureau_portal.words import texts
from creditbureau.v1.reason import Reason


def test_every_reason_of_a_check_is_one_of_the_contract_and_of_no_other_check() -> None:
    reasons = [*chain.from_iterable(check.reasons for check in CHECKS)]
    assert len(reasons) == len({*reasons})
    assert {*reasons} <= {*get_args(Reason)}


def test_every_check_has_words_in_the_portal() -> None:
    for language in texts().values():
        assert language["staff"]["checks"].keys() == {each.name for each in (*CHECKS, OWN_RULES)}
        assert language["staff"]["states"].keys() == {*CheckState}


def test_a_refusal_stops_at_its_check_and_a_reason_of_the_method_at_the_last() -> None:
    assert {step.state for step in walk_checks(OK, is_inquiry=True)} == {CheckState.PASSED}
    for outcome, name in (("HOLD", "hold"), ("DATE_ORDER", "own_rules"), ("TOO_LONG", "fields")):
        steps = walk_checks(outcome, is_inquiry=True)
        (stop,) = [step.check.name for step in steps if step.state is CheckState.STOPPED]
        assert stop == name
    # Of the method's own rules it is not known what came before them.
    states = {step.check.name: step.state for step in walk_checks("CONFLICT", is_inquiry=True)}
    assert (states["signature"], states["consent"]) == (CheckState.PASSED, CheckState.UNKNOWN)
    assert {step.state for step in walk_checks("DEADLINE", is_inquiry=True)} == {CheckState.UNKNOWN}
    # What no inquiry carries has no consent to check.
    names = {step.check.name for step in walk_checks("HOLD", is_inquiry=False)}
    assert "consent" not in names
