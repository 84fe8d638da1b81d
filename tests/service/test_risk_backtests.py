"""A backtest of saved reports, from a real server to the page, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from bureau.clock import Clock
from bureau_client import AccountStatus, Action, Month, Report, Wallet
from bureau_client.cli import lender
from bureau_client.files.metro2.codebook import DAYS_PAST_DUE
from bureau_client.risk.outcomes import PastDue, observe_outcomes
from bureau_client.risk.policy import reference_policies
from tests.service.scenario import DAY, Scenario, account, open_scenario
from tests.unit.client.risk_portfolio import challenger
from tests.unit.client.test_risk_scorecards import DOCUMENT
from tests.unit.client.test_risk_scores import changed_policy

FIRST = Month(2021, 1)
# Times of the two reports on each person, and the months that are furnished before each.
TIMES = datetime(2021, 7, 1, 20, tzinfo=UTC), datetime(2022, 2, 1, 20, tzinfo=UTC)
MONTHS = range(6), range(6, 13)
LATE = {1: AccountStatus.PAST_DUE_30, 2: AccountStatus.PAST_DUE_30}
# Twice late before the first report, and 60 days past due after it.
WORSE = LATE | {
    8: AccountStatus.PAST_DUE_30,
    9: AccountStatus.PAST_DUE_60,
    **dict.fromkeys(range(10, 13), AccountStatus.PAST_DUE_90),
}
PEOPLE = {"good": {}, "late": LATE, "worse": WORSE}
APPLICANT = {"monthly_income": 500_000, "requested_limit": 400_000}


@dataclass(frozen=True)
class Panel:
    """A folder with reports, policies, inputs and outcomes, and the lender's profile."""

    folder: Path
    reports: list[Report]


@dataclass(frozen=True)
class Output:
    """Output of a command."""

    out: str
    err: str


Run = Callable[..., Output]


@pytest.fixture
def run(panel: Panel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the reports of the panel's folder."""
    monkeypatch.chdir(panel.folder)

    def run(
        *arguments: str, command: str = "backtest", code: int = 0, challenger: bool = True
    ) -> Output:
        words = ["bureau-lender", command, "--reports", "reports", "--profile", "acme"]
        words += ["--inputs", "inputs.csv", "--draws", "50", *arguments]
        if command == "backtest":
            words += ["--champion", "cards.json"]
        if command == "backtest" and challenger:
            words += ["--challenger", "cards-2.json"]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as left:
            lender.main()
        written = capsys.readouterr()
        assert left.value.code == code, written.err
        return Output(written.out, written.err)

    return run


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    folder = tmp_path_factory.mktemp("panel")
    clock = Clock.moved_to(int((TIMES[0] - DAY).timestamp()) * 1_000_000)
    with open_scenario("acme", clock=clock) as scenario:
        people = {name: scenario.person() for name in PEOPLE}
        reports = []
        for time, months in zip(TIMES, MONTHS, strict=True):
            scenario.later(time - scenario.now())
            furnish(scenario, people, months)
            reports += [
                scenario.report(person, "acme", history_months=84) for person in people.values()
            ]
        scenario.profiles["acme"].save(folder / "acme")
    (folder / "reports").mkdir()
    for number, report in enumerate(reports):
        report.save(folder / "reports" / f"{number}.json")
    (folder / "cards.json").write_bytes(reference_policies()["cards-US"])
    (folder / "cards-2.json").write_bytes(challenger().policy.document)
    rows = [{"subject_id": person.subject_id, **APPLICANT} for person in people.values()]
    csv.write_csv(pa.Table.from_pylist(rows), folder / "inputs.csv")
    outcomes = observe_outcomes(reports, reports, PastDue(60, 6))
    parquet.write_table(outcomes, folder / "outcomes.parquet")
    texts = [field.name for field in outcomes.schema if pa.types.is_dictionary(field.type)]
    for name in texts:
        index = outcomes.column_names.index(name)
        outcomes = outcomes.set_column(index, name, outcomes[name].cast(pa.string()))
    csv.write_csv(outcomes, folder / "outcomes.csv")
    return Panel(folder, reports)


def furnish(scenario: Scenario, people: dict[str, Wallet], months: range) -> None:
    for name, person in people.items():
        person.grant("acme", [Action.FURNISH], expire=365 * DAY)
        statuses = PEOPLE[name]
        scenario.submit(
            "acme",
            *(
                account(
                    person,
                    "card",
                    FIRST + month,
                    status=(status := statuses.get(month, AccountStatus.CURRENT)),
                    days_past_due=DAYS_PAST_DUE.get(status, 0),
                )
                for month in months
            ),
        )


def test_a_backtest_of_saved_reports_observes_their_outcomes(panel: Panel, run: Run) -> None:
    done = run(
        *("--observe", "60:6", "--loss-given-default", "0.5"),
        *("--to", "page.html", "--output", "json"),
    )
    result = json.loads(done.out)
    decided = [
        (each["champion"]["outcome"], each["challenger"]["outcome"], each["bad"])
        for each in result["decisions"]
    ]
    assert decided == [
        ("APPROVE", "APPROVE", False),
        ("APPROVE", "DECLINE", False),
        ("APPROVE", "DECLINE", True),
        # The outcomes of the second reports are not known yet.
        ("APPROVE", "APPROVE", None),
        ("APPROVE", "DECLINE", None),
        ("DECLINE", "DECLINE", None),
    ]
    figures = result["figures"]
    assert figures["champion"]["approval_rate"]["value"] == pytest.approx(5 / 6)
    assert figures["champion"]["granted"]["bad_rate"]["value"] == pytest.approx(1 / 3)
    assert figures["champion"]["expected_loss_minor"]["USD"]["value"] == 200_000
    assert figures["challenger"]["granted"]["bad_rate"]["value"] == 0
    swapped = figures["swap_out"]["group"]
    assert (swapped["count"], swapped["known"], swapped["bad"]) == (3, 2, 1)
    assert [month["month"] for month in figures["months"]] == ["2021-07", "2022-02"]
    page = (panel.folder / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "83.3 % → 33.3 %" in page


@pytest.mark.parametrize("file", ["outcomes.parquet", "outcomes.csv"])
def test_outcomes_come_from_a_file_too(run: Run, file: str) -> None:
    shown = run("--outcomes", file).out
    observed = run("--observe", "60:6").out
    assert shown == observed
    assert "33.3 %" in shown


def test_a_report_that_does_not_verify_ends_the_backtest(
    panel: Panel, run: Run, tmp_path: Path
) -> None:
    bundle = json.loads((panel.folder / "reports" / "0.json").read_text())
    other = json.loads((panel.folder / "reports" / "1.json").read_text())
    (tmp_path / "0.json").write_text(json.dumps(bundle | {"request": other["request"]}))
    done = run("--reports", str(tmp_path), code=5)  # beside the panel's own
    assert "0.json: The saved report does not verify" in done.err


def test_outcomes_of_the_past_are_refused(panel: Panel, run: Run) -> None:
    outcomes = parquet.read_table(panel.folder / "outcomes.parquet")
    index = outcomes.column_names.index("outcome_time")
    early = outcomes.set_column(index, "outcome_time", outcomes["report_time"])
    parquet.write_table(early, panel.folder / "early.parquet")
    done = run("--outcomes", "early.parquet", code=5)
    assert "come from the future of their rows" in done.err
    assert panel.reports[0].request_id in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--observe", "sixty"), "write DAYS:MONTHS"),
        (("--observe", "60:6", "--outcomes", "outcomes.csv"), "exclude each other"),
        (("--outcomes", "cards.json"), "a table is a file .parquet, .arrow or .csv"),
    ],
)
def test_options_that_are_wrong_say_so(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, code=5)
    assert message in " ".join(done.err.split())


def test_a_policy_by_a_scorecard_of_the_lenders_own(panel: Panel, run: Run) -> None:
    (panel.folder / "own.json").write_text(json.dumps(DOCUMENT))
    (panel.folder / "scored.json").write_text(json.dumps(changed_policy()))
    by_score = ("--challenger", "scored.json")
    refused = run(*by_score, code=5, challenger=False)
    assert "give its file (--scorecard)" in " ".join(refused.err.split())
    done = run(*by_score, "--scorecard", "own.json", "--output", "json", challenger=False)
    decided = {pair["challenger"]["outcome"] for pair in json.loads(done.out)["decisions"]}
    assert len(decided) > 1
    options = ("--scorecard", "own.json", "--policy", "scored.json", "--output", "json")
    assessed = json.loads(run(*options, command="assess").out)["assessments"]
    assert {each["decisions"][""] for each in assessed} == decided


def test_scores_over_time_of_saved_reports(panel: Panel, run: Run) -> None:
    (panel.folder / "scorecard.json").write_text(json.dumps(DOCUMENT))
    options = ("--scorecard", "scorecard.json", "--policy", "cards.json")
    done = run(*options, "--to", "scores.html", "--output", "json", command="assess")
    result = json.loads(done.out)
    by_person: dict[str, list[dict[str, Any]]] = {}
    for each in result["assessments"]:
        by_person.setdefault(each["subject_id"], []).append(each)
    good, late, worse = by_person.values()
    assert [each["decisions"][""] for each in worse] == ["APPROVE", "DECLINE"]
    assert good[1]["change"] < worse[1]["change"]
    moved = {each["key"]: each["effect"] for each in worse[1]["movements"]}
    assert moved["months_30_plus_12m"] > 0
    # Both who pay now are watched, the one who was late first.
    assert [each["subject_id"] for each in result["watched"]] == [
        late[0]["subject_id"],
        good[0]["subject_id"],
    ]
    assert "2 to watch" in done.err
    assert (panel.folder / "scores.html").read_text("utf-8").startswith("<!doctype html>")
    shown = run(*options, "--subject", worse[0]["subject_id"], command="assess").out
    assert "months_30_plus_12m" in shown
