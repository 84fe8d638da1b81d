"""A study through the real server: synthetic people, and a file of accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bureau import logs
from bureau.testing import RunningBureau, running_bureau
from bureau_client.cli import common, lender
from bureau_client.cli.saved_reports import load_verified, saved_reports
from bureau_client.risk.outcomes import PastDue, observe_outcomes
from bureau_client.study import furnishing
from bureau_client.study import run as study_run
from bureau_client.study.comparison import ReturnedDiffers, compare
from bureau_client.study.furnishing import Answered, Exchange, exchange, month_end
from bureau_client.study.kept_reports import save_reports
from bureau_client.study.page import study_page
from bureau_client.study.population import Population
from bureau_client.study.real_accounts import read_population
from bureau_client.study.run import Study, run_study
from bureau_client.study.synthetic import Size, synthetic_population
from bureau_keys.profile import Profile

SEED = 3
SIZE = Size(people=60, lenders=3, months=24)
# Figures of all applications by the seed: from own data, and with the bureau's reports.
FIGURES = {
    "auc": (0.7692307692307692, 0.5512820512820513),
    "ks": (0.5128205128205128, 0.31794871794871793),
    "bad_rate": (0.07586898395721925, 0.08522727272727272),
    "approvals": (0.8, 0.6966115051221434),
}


@contextmanager
def bureau_of(population: Population) -> Iterator[RunningBureau]:
    with running_bureau(start=month_end(population.months[0]) - timedelta(days=1)) as bureau:
        yield bureau


@pytest.fixture(scope="module")
def exchanged() -> Exchange:
    population = synthetic_population(SIZE, SEED)
    with bureau_of(population) as bureau:
        return exchange(population, bureau, review=True)


@pytest.fixture
def studied(exchanged: Exchange, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study of that exchange."""
    monkeypatch.setattr(study_run, "exchange", lambda *_args, **_options: exchanged)
    sandbox: Any = None
    return run_study(synthetic_population(SIZE, SEED), sandbox, seed=SEED, draws=50)


def test_every_furnished_value_is_returned(exchanged: Exchange) -> None:
    result = compare(exchanged)
    assert result.differences == []
    assert result.reports == len(exchanged.answered) == 44
    assert result.values > 1_000
    # Reports show accounts of other lenders than the one that asked.
    assert any(
        line.member_id != one.application.lender
        for one in exchanged.answered
        for line in one.report.tradelines
    )


def test_figures_are_reproduced_by_the_seed(studied: Study) -> None:
    every = studied.groups[0]
    assert (every.applications, every.bads) == (44, 5)
    values = {
        name: (compared.own.value, compared.shared.value)
        for name, compared in every.figures.items()
    }
    assert values == {name: pytest.approx(pair, abs=1e-9) for name, pair in FIGURES.items()}


def test_kept_reports_verify_offline_and_show_the_outcomes(
    exchanged: Exchange, tmp_path: Path
) -> None:
    save_reports(exchanged, tmp_path / "kept")
    trust = Profile.load(tmp_path / "kept/profile").trust
    applications, reviews = (
        [load_verified(path, trust) for path in saved_reports([tmp_path / "kept" / name])]
        for name in ("applications", "reviews")
    )
    assert [report.digest for report in applications] == [
        one.report.digest for one in exchanged.answered
    ]
    persons = {one.application.person for one in exchanged.answered}
    assert len(reviews) == len(persons) < len(applications)
    months = SIZE.outcome_months
    outcomes = observe_outcomes(applications, reviews, PastDue(days=60, months=months))
    observed = outcomes["outcome"].to_pylist()
    assert None not in observed
    # The account of the application is one of those that the outcome looks at.
    bad = [one.application.bad for one in exchanged.answered]
    assert any(bad)
    assert all(seen for seen, known in zip(observed, bad, strict=True) if known)


def test_reports_are_kept_in_a_new_folder_and_not_of_real_accounts(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id\n", "utf-8")
    arguments = ["study", "--people", "10", "--reports", str(tmp_path)]
    with pytest.raises(ValueError, match="is not empty: name a new folder"):
        lender.app(arguments, standalone_mode=False)
    arguments += ["--accounts", str(tmp_path / "accounts.csv")]
    with pytest.raises(ValueError, match="--reports and --accounts exclude each other"):
        lender.app(arguments, standalone_mode=False)


def test_the_page_has_every_figure_and_loads_nothing(studied: Study) -> None:
    page = study_page(studied)
    document = studied.document()
    assert f"{document['compared']['values']:,} values" in page
    assert "none differs" in page
    assert "<script" not in page
    assert page.count("<svg") == 5
    assert json.loads(json.dumps(document)) == document


def test_a_changed_value_fails_the_study(
    exchanged: Exchange,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One amount of one report is another one: the command names it and writes no page."""
    index = next(n for n, one in enumerate(exchanged.answered) if one.report.tradelines)
    changed = exchanged.answered[index]
    line = changed.report.tradelines[0]
    wrong = replace(line, balance_minor=line.balance_minor + 1)
    report = replace(changed.report, tradelines=(wrong, *changed.report.tradelines[1:]))
    answered = list(exchanged.answered)
    answered[index] = Answered(changed.application, report)
    planted = replace(exchanged, answered=tuple(answered))
    with pytest.raises(ReturnedDiffers) as refused:
        compare(planted).require_equal()
    (difference,) = refused.value.comparison.differences
    assert (difference.lender, difference.field) == (line.member_id, "balance_minor")

    monkeypatch.setattr(study_run, "exchange", lambda *_args, **_options: planted)
    monkeypatch.setattr(logs, "configure", lambda _level: None)
    monkeypatch.chdir(tmp_path)
    arguments = ["study", "--people", "60", "--lenders", "3", "--months", "24", "--seed", "3"]
    with pytest.raises(SystemExit) as ended:
        lender.app(arguments, standalone_mode=False)
    assert ended.value.code == common.EXIT_INVALID
    message = " ".join(capsys.readouterr().err.split())
    assert f"{line.member_id} {difference.account_ref} {line.month}: balance_minor" in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_accounts_goes_through_the_server(tmp_path: Path) -> None:
    months = ("2005-08", "2005-09")
    columns = [f"{kind}_{month}" for month in months for kind in ("bill", "payment", "status")]
    path = tmp_path / "accounts.csv"
    lines = [",".join(("account_id", "credit_limit", "currency", "outcome", *columns))]
    for number in range(24):
        late = number % 4 == 0
        amounts = f"{100 + number},10.50,{int(late)},{-number},{number},{2 if late else -1}"
        lines.append(f"card-{number},1000,TWD,{int(late)},{amounts}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    population = read_population(path)
    with bureau_of(population) as bureau:
        study = run_study(population, bureau, seed=1, draws=10)
    assert study.comparison.differences == []
    assert study.comparison.reports == study.comparison.tradelines == 24
    (every, *_) = study.groups
    # A lender without a line of the person knows nothing; the reports show who is late.
    assert every.figures["auc"].own.value == 0.5
    assert every.figures["auc"].shared.value == 1
    assert furnishing.identifier(12) == ("US", "ssn", "000-10-0012")
