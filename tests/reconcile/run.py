"""The whole: people consent, files arrive, reports are read, the tables compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import creforge
import polars as pl

from tests.reconcile.delivery import Delivered, deliver
from tests.reconcile.inbox import Inbox
from tests.reconcile.population import Admit, settled
from tests.reconcile.rebuild import rebuild


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it.

    Attributes:
        delivered: What became of the files.
        months: Account months rebuilt from reports.
        report: creforge's comparison with the truth.
        seconds: How long each part took.
    """

    delivered: Delivered
    months: int
    report: Any
    seconds: dict[str, float]

    @property
    def ok(self) -> bool:
        """Whether something was rebuilt, and nothing differs."""
        return self.months > 0 and bool(self.report.ok)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items())
        return (
            f"{self.delivered.files:,} files, {self.delivered.records:,} records, "
            f"{self.delivered.refused_count:,} refused; {self.months:,} account months rebuilt; "
            f"{self.report.differences:,} differences ({parts})"
        )


def run(admit: Admit, inbox: Inbox, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Delivers all files to a bureau that has no members yet, and reconciles.

    Args:
        admit: The bureau's way to admit a member.
        say: Called with the name of each step before it begins.
    """
    watch = Watch(say)
    watch.begin("members and consents")
    with settled(admit, inbox) as scenario:
        watch.begin("files")
        delivered = deliver(scenario, inbox, inbox.deliveries)
        watch.begin("reports")
        tables = rebuild(scenario)
    watch.begin("comparison")
    report = compare(inbox, tables)
    watch.end()
    return Verdict(delivered, tables["account_month"].height, report, watch.seconds)


def compare(inbox: Inbox, tables: dict[str, pl.DataFrame]) -> Any:
    """creforge's verdict: rebuilt tables beside the truth; `causes` names the issue of
    delivery behind each difference.
    """
    return creforge.reconcile(inbox.truth, tables, inbox=inbox.folder)


@dataclass(slots=True)
class Watch:
    """How long each part takes.

    Attributes:
        say: Called with the name of each part before it begins.
    """

    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)
    _part: str = ""
    _since: float = 0.0

    def begin(self, part: str) -> None:
        """Ends the part before, and begins one."""
        self.end()
        self.say(part)
        self._part, self._since = part, time.monotonic()

    def end(self) -> None:
        """Ends the part that runs."""
        if self._part:
            self.seconds[self._part] = time.monotonic() - self._since
        self._part = ""
