"""`make demo`: lenders submit, people consent, lenders query, everybody verifies.

`make demo SCENARIO=frozen-line` tells the founding scenario instead.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bureau_client import (
    Auditor,
    BureauError,
    Consent,
    InquiryLine,
    Month,
    Purpose,
    Report,
)
from bureau_client.cli.show import show_report
from bureau_keys.terminal import Terminal
from tests.demo import aftermath, journey, keeping, metro2
from tests.demo.frozen_line import run as frozen_line
from tests.demo.frozen_line.timeline import LANGUAGES
from tests.demo.journey import OnDone, Scenario, Step
from tests.demo.sandbox import Sandbox, running_sandbox
from tests.demo.verdict import Verdict, audit
from tests.demo.world import make_world

# The page of the founding scenario.
PAGE = Path("build/frozen-line.html")

console = Terminal(pipe_width=120, markup=True, highlight=True, emoji=True)


def main() -> int:
    """Runs the demo; 0 if everything verifies."""
    options = parse()
    if options.scenario == "frozen-line":
        return 0 if frozen_line.run(options.language, options.page, console) else 1
    started = time.monotonic()
    folder = Path(options.dir or tempfile.mkdtemp(prefix="creditbureau-demo-")) / "bureau"
    try:
        with running_sandbox(folder, keep=options.keep) as sandbox:
            console.rule("[bold]a credit bureau, from nothing[/]")
            console.print(f"the bureau serves at {sandbox.address}, its folder is {folder}")
            world = make_world(options.subjects, options.months, options.seed, last_month())
            scenario = Scenario(world)
            with journey.closing(scenario):
                verdict = run(scenario, sandbox)
                show_verdict(verdict, time.monotonic() - started)
                if options.keep:
                    keeping.say_how_to_talk(scenario, sandbox, telling(scenario), console)
    finally:
        if not options.keep and not options.dir:
            shutil.rmtree(folder.parent, ignore_errors=True)
    return 0 if verdict.ok else 1


def run(scenario: Scenario, sandbox: Sandbox) -> Verdict:
    """The main job."""
    world = scenario.world
    console.print(
        f"{len(world.people)} subjects, {len(world.lenders)} lenders, {len(world.months)} months, "
        f"{world.snapshot_count:,} account months, {len(world.applications)} applications\n"
    )
    with progress() as step:
        journey.admit_members(scenario, sandbox, step)
        assert scenario.auditor is not None, "the auditor is admitted first"
        with Auditor(scenario.auditor) as auditor:
            first = auditor.checkpoint()
        journey.find_subjects(scenario, step)
        journey.bind_keys(scenario, step)
        journey.grant_consents(scenario, step)
        journey.submit_months(scenario, step)
        journey.query_reports(scenario, step)

    report = telling(scenario)
    console.rule("[bold]one report, as a person would want to see it[/]")
    show_report(report, console)
    aftermath.show(scenario, report, console)
    with tempfile.TemporaryDirectory(prefix="creditbureau-demo-") as folder:
        metro2.show(scenario, Path(folder), console)
    show_refusals(scenario, report)
    with progress() as step:
        return audit(scenario, first, step)


def show_refusals(scenario: Scenario, report: Report) -> None:
    """Refused for want of consent; refused after revocation; the subject sees all."""
    person = next(p for p, subject in scenario.subject_of.items() if subject == report.subject_id)
    asked = next(c for pair, c in scenario.inquiring.items() if c.consent_id == report.consent_id)
    stranger = next(m for m in scenario.world.lenders if m != report.member_id)

    console.rule("[bold]a lender without a consent[/]")
    show_refusal(scenario, stranger, asked)
    console.rule("[bold]the subject revokes; the lender asks again[/]")
    with scenario.wallet(person) as wallet:
        wallet.revoke(asked.consent_id, "I took another offer")
        show_refusal(scenario, report.member_id, asked)
        console.rule("[bold]who looked, as the subject sees it[/]")
        show_inquiries(wallet.inquiries())


def show_refusal(scenario: Scenario, lender: str, consent: Consent) -> None:
    """Asks, and shows the refusal with its explanation.

    Raises:
        AssertionError: The bureau answered.
    """
    try:
        scenario.lenders[lender].query(
            consent.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent.consent_id
        )
    except BureauError as error:
        console.print(Panel(str(error), title=f"{lender} asks", border_style="red"))
    else:
        raise AssertionError("a report left without a consent")


def show_inquiries(inquiries: list[InquiryLine]) -> None:
    """Show the inquiries about a person, denied ones included."""
    table = Table("when", "who", "what for", "outcome", "leaf", box=None, header_style="dim")
    for line in inquiries:
        refused = line.denial_reason
        table.add_row(
            f"{line.create_time:%Y-%m-%d %H:%M:%S}",
            line.member_id,
            line.purpose.text,
            f"[red]{refused}[/]" if refused else line.outcome.text,
            "" if refused else f"{line.leaf_index}",
        )
    console.print(table)


def telling(scenario: Scenario) -> Report:
    """The report that has most to show: several furnishers, and trouble."""

    def tells(report: Report) -> tuple[bool, bool, int]:
        histories = [line.history.profile for line in report.tradelines if line.history]
        trouble = any(set(profile) & set("23456L") for profile in histories)
        return trouble, len(report.inquiries) > 1, len({t.member_id for t in report.tradelines})

    return max(scenario.reports, key=tells)


def show_verdict(verdict: Verdict, seconds: float) -> None:
    """Show the counts of the verification."""
    console.rule("[bold]the auditor's verdict[/]")
    table = Table(box=None, show_header=False)
    for name, count in verdict.checked.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    for failure in verdict.failures[:10]:
        console.print(f"[red]{failure}[/]")
    word = "[green]everything verifies[/]" if verdict.ok else "[red]it does not verify[/]"
    console.print(f"\n[bold]{word}[/] ({seconds:.0f} s)")


@contextmanager
def progress() -> Iterator[Step]:
    """Bars on a terminal, one line a step elsewhere."""
    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:

        def step(name: str, total: int) -> OnDone:
            task = bars.add_task(name, total=total)
            return lambda: bars.advance(task)

        yield step


def last_month() -> Month:
    """The last month that is over."""
    return Month.of(datetime.now(UTC).date()) - 1


def parse() -> argparse.Namespace:
    """The demo's options."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--months", type=int, default=36, help="at least 12 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--dir", help="where the bureau's folder is made (default: a temporary one)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the bureau up")
    parser.add_argument("--scenario", choices=["main", "frozen-line"], default="main")
    story = parser.add_argument_group("frozen-line")
    story.add_argument("--language", choices=[*LANGUAGES], default="en", help="on the terminal")
    story.add_argument("--page", type=Path, default=PAGE, help="HTML page (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
