"""Whatever becomes of files on their way, the bureau ends up with the truth."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from bureau.testing import running_bureau
from bureau_client import SubmissionKind
from bureau_client._codec.records import encode_record
from bureau_client.study.creforge_accounts import BUCKETS, CLOSE_REASONS, PRODUCTS
from creditbureau.v1.record_pb2 import Record
from tests.demo.__main__ import last_month
from tests.reconcile.__main__ import main
from tests.reconcile.delivery import deliver
from tests.reconcile.inbox import Delivery, Inbox, Size, make_inbox
from tests.reconcile.population import Scenario, settled
from tests.reconcile.rebuild import rebuild
from tests.reconcile.records import row_of, snapshot_of
from tests.reconcile.run import compare, run

STATUSES = ("current", "delinquent", "restructured", "written_off", "closed")
ISSUES = ("standard", "nasty")
# All of it takes minutes: set the variable to anything to run it.
WHOLE = "RECONCILE_WHOLE"


@pytest.fixture
def inbox(tmp_path: Path, request: pytest.FixtureRequest) -> Inbox:
    subjects, months, lenders, issues = request.param
    size = Size(subjects=subjects, months=months, lenders=lenders, issues=issues, last=last_month())
    return make_inbox(tmp_path, size)


@pytest.fixture
def scenario(inbox: Inbox) -> Iterator[Scenario]:
    with running_bureau() as bureau, settled(bureau.add_member, inbox) as scenario:
        yield scenario


def sized(*sizes: tuple[int, int, int, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("inbox", sizes, indirect=True, ids=lambda size: size[3])


@sized((60, 24, 8, "standard"), (100, 24, 8, "nasty"))
def test_the_rebuilt_tables_are_the_truth(inbox: Inbox) -> None:
    with running_bureau() as bureau:
        verdict = run(bureau.add_member, inbox)
    assert verdict.ok, verdict.report.to_markdown()
    assert verdict.delivered.files == len(inbox.deliveries)
    assert not verdict.delivered.refused
    assert {SubmissionKind.ORIGINAL, SubmissionKind.CORRECTION} <= {
        delivery.kind for delivery in inbox.deliveries
    }


@pytest.mark.skipif(WHOLE not in os.environ, reason=f"takes minutes; set {WHOLE}")
@pytest.mark.parametrize("issues", ISSUES)
def test_the_whole(issues: str) -> None:
    assert main(["--subjects", "2000", "--months", "36", "--issues", issues]) == 0


@sized((300, 24, 4, "nasty"))
def test_nothing_of_a_file_is_lost_in_a_record(inbox: Inbox) -> None:
    subject_of = {person: f"{index:032x}" for index, person in enumerate(inbox.people)}
    person_of = {subject_id: person for person, subject_id in subject_of.items()}
    met: set[str] = set()
    for delivery in inbox.deliveries:
        for row in delivery.rows():
            met |= {row["product_type"], row["status"], row["dpd_bucket"], row["close_reason"]}
            raw = encode_record(snapshot_of(row, inbox, subject_of), bytes(32))
            assert row_of(Record.FromString(raw), delivery.lender, person_of) == row
    assert met == {*PRODUCTS, *BUCKETS, *CLOSE_REASONS, *STATUSES, None}


@sized((30, 12, 6, "nasty"))
def test_the_last_to_arrive_does_not_simply_win(inbox: Inbox, scenario: Scenario) -> None:
    """The check can fail: without their kinds, corrections that came first are lost."""
    nameless = [replace(delivery, kind=SubmissionKind.ORIGINAL) for delivery in inbox.deliveries]
    deliver(scenario, inbox, nameless)
    report = compare(inbox, rebuild(scenario))
    assert report.differences > 0
    assert set(report.causes) == {"out_of_order_correction"}
    assert report.tables["account"].differences == 0
    # The corrections alone, sent as what they are, set it right.
    deliver(
        scenario,
        inbox,
        [delivery for delivery in inbox.deliveries if delivery.kind is SubmissionKind.CORRECTION],
    )
    assert compare(inbox, rebuild(scenario)).ok


@sized((30, 12, 6, "nasty"))
def test_refused_rows_are_repaired_and_old_files_come_again(
    inbox: Inbox, scenario: Scenario, tmp_path: Path
) -> None:
    sound = sent_once(inbox)
    faulty = with_a_fault(sound, tmp_path / "faulty.parquet")
    files = [faulty if delivery == sound else delivery for delivery in inbox.deliveries]
    done = deliver(scenario, inbox, files)
    # The bureau refuses the row and takes the rest of its file, as of the files whose rows
    # contradict themselves and are corrected later.
    (rejection,) = done.refused[faulty.label]
    assert [violation.rule for violation in rejection.violations] == ["date_order"]
    report = compare(inbox, rebuild(scenario))
    assert report.differences == report.tables["account_month"].missing_rows == 1
    # The lender sends what the file missed.
    deliver(scenario, inbox, [replace(sound, kind=SubmissionKind.SUPPLEMENT)])
    assert compare(inbox, rebuild(scenario)).ok
    # Originals that were corrected come once more, wrong as they were.
    wrong = [replace(original, kind=SubmissionKind.RESEND) for original in corrected(inbox)]
    assert wrong
    deliver(scenario, inbox, wrong)
    assert compare(inbox, rebuild(scenario)).ok


def files_of_months(inbox: Inbox) -> list[list[Delivery]]:
    """The files of each lender and month."""
    files_of = defaultdict(list)
    for delivery in inbox.deliveries:
        files_of[delivery.path.parent].append(delivery)
    return list(files_of.values())


def sent_once(inbox: Inbox) -> Delivery:
    """The last original that nothing else came after."""
    return [files[0] for files in files_of_months(inbox) if len(files) == 1][-1]


def corrected(inbox: Inbox) -> list[Delivery]:
    """Originals that a correction belongs to."""
    return [
        original
        for files in files_of_months(inbox)
        if any(file.kind is SubmissionKind.CORRECTION for file in files)
        for original in files
        if original.kind is SubmissionKind.ORIGINAL
    ]


def with_a_fault(delivery: Delivery, path: Path) -> Delivery:
    """The same file, but its first account was opened only after the month."""
    rows = pl.read_parquet(delivery.path)
    first = pl.int_range(pl.len()) == 0
    opened = pl.col("as_of_month").dt.offset_by("1mo")
    rows.with_columns(
        pl.when(first).then(opened).otherwise(pl.col("open_date")).alias("open_date")
    ).write_parquet(path)
    return replace(delivery, path=path)
