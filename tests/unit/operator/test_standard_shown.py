"""Test the amounts and classifications that `bureau standard show` prints."""

from __future__ import annotations

import json

import pytest

from bureau.cli.common import Output, show_one
from bureau.cli.standard import described
from creditbureau.v1.codes_pb2 import CLASSIFICATION_LOSS
from creditbureau.v1.standard_pb2 import ClassificationBand, StandardOfCredit

STANDARD = StandardOfCredit(
    version=1,
    jurisdiction="CN",
    currency="CNY",
    max_unsecured_exposure_minor=20_000_000,
    max_concurrent_lenders=3,
    bands=[ClassificationBand(min_days_past_due=180, classification=CLASSIFICATION_LOSS)],
)


def test_amounts_are_shown_as_people_read_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_one(described(STANDARD), Output.TABLE)
    shown = capsys.readouterr().out
    assert "200,000.00 CNY" in shown
    assert "classification: loss" in shown
    assert "CLASSIFICATION_" not in shown
    assert "max exposure to income percent" in shown


def test_amounts_are_numbers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_one(described(STANDARD), Output.JSON)
    assert json.loads(capsys.readouterr().out)["max_unsecured_exposure_minor"] == 20_000_000
