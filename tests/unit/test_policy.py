"""The rules of a place: what comes along, what a file must say, when a thing is too old."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.config import Settings
from bureau.policy import PolicyError, Retention, load_policy

FOLDER = files("bureau") / "data" / "policy"
PLACES = sorted(path.name.removesuffix(".toml") for path in FOLDER.iterdir() if path.is_file())
US = (FOLDER / "US.toml").read_text("utf-8")


def test_a_new_bureau_finds_the_rules_of_its_jurisdiction() -> None:
    assert Settings.model_fields["jurisdiction"].default in PLACES


@pytest.mark.parametrize("jurisdiction", PLACES)
def test_every_rule_names_its_source(jurisdiction: str) -> None:
    policy = load_policy(jurisdiction)
    assert policy.jurisdiction == jurisdiction
    names = {rule.name for rule in policy.rules}
    assert names >= {
        "complaint",
        "dispute",
        "freeze",
        "correction",
        "inquiry",
        "notice",
        "reciprocity",
        "ceiling",
    }
    assert names >= {f"retention {item}" for item in policy.retention}
    assert all(rule.says and rule.source for rule in policy.rules)


@pytest.mark.parametrize(
    ("said", "instead", "words"),
    [
        ('anchor = "first_delinquency"', 'anchor = "month"', "the anchor of delinquency"),
        (
            'off"\nanchor = "first_delinquency"',
            'off"\nanchor = "month"',
            "the anchor of collection",
        ),
        ('anchor = "inquiry"', 'anchor = "month"', "the anchor of inquiry"),
        ('item = "inquiry"', 'item = "delinquency"', "must have collection_or_charge_off"),
        ('source = "15 U.S.C. 1681c(a)(5)"', "", "[retention] names no source"),
        ('source = "15 U.S.C. 1681c-1(i)(4)"', 'source = ""', "[freeze] names no source"),
        ('with_account = ["COLLECTION"', 'with_account = ["COURT_ORDER"', "twice: COURT_ORDER"),
        ("with_open_account = ", "with_opened_account = ", "[freeze] has no with_opened_account"),
        ('without_consent = ["correction"', 'without_consent = ["error"', "named error"),
        ('unanswered = "delete"', 'unanswered = "forget"', "must be delete or annotate"),
        ("[notice]", "[notices]", "notice"),
        ('purposes = ["default"]', 'purposes = ["PRESCREEN"]', "one for default"),
        ('purposes = ["PRESCREEN"]', 'purposes = ["PRESCREN"]', "PRESCREN"),
        ("max_uses = 1\n", "max_use = 1\n", "max_use"),
        ("days = 30\n", 'days = "soon"\n', "soon"),
        ('version = "2026-12"', "version = ", "US.toml"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, said: str, instead: str, words: str) -> None:
    assert said in US
    (tmp_path / "US.toml").write_text(US.replace(said, instead, 1), "utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy("US", tmp_path)
    assert words in str(caught.value)
    assert "policy/US.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("then", "months", "grace_days", "ends"),
    [
        (20200131, 1, 0, date(2020, 2, 29)),
        (20190131, 1, 0, date(2019, 2, 28)),
        (20200229, 12, 0, date(2021, 2, 28)),
        (20200229, 48, 0, date(2024, 2, 29)),
        (20200531, 1, 0, date(2020, 6, 30)),
        (20191231, 84, 0, date(2026, 12, 31)),
        (20191231, 84, 180, date(2027, 6, 29)),
    ],
)
def test_months_are_calendar_months(then: int, months: int, grace_days: int, ends: date) -> None:
    rule = Retention("inquiry", "inquiry", months, grace_days)
    assert rule.ends_on(then) == ends
    assert not rule.covers(then, ends)
    assert rule.covers(then, date.fromordinal(ends.toordinal() - 1))
