"""The live view of a run: a table that changes, or lines on a plain terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tests.cluster.nemesis import Nemesis
from tests.cluster.rates import HistoryReader
from tests.cluster.topology.topology import Topology

REFRESH_S, LINE_EVERY_S = 0.5, 10.0
COLORS = {"up": "green", "paused": "yellow", "down": "red"}


class View:
    """The run as it is: its phase, its faults, its throughput, its processes."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.console = console
        self.topology: Topology | None = None
        self.nemesis: Nemesis | None = None
        self._histories = HistoryReader(folder)
        self._phase = "begins"
        self._begun = time.monotonic()
        self._faults: frozenset[int] = frozenset()
        self._line_at = 0.0
        self._shown = self._rates()

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self._phase = name
        self._say(f"[bold]{name}[/]")

    def _say(self, text: str) -> None:
        self.console.print(f"[dim]{self._age():7.1f} s[/]  {text}", highlight=False)

    def _age(self) -> float:
        return time.monotonic() - self._begun

    def lines(self) -> None:
        """Tells faults as they come and go, and from time to time how it is."""
        running = dict(self.nemesis.running) if self.nemesis else {}
        for number in sorted(running.keys() - self._faults):
            planned = running[number]
            self._say(f"[red]fault {number}[/] {planned.name} {_words(planned.fault)}")
        for number in sorted(self._faults - running.keys()):
            self._say(f"[green]healed {number}[/]")
        self._faults = frozenset(running)
        if self._line_at < self._age():
            self._line_at = self._age() + LINE_EVERY_S
            before, self._shown = self._shown, self._rates()
            if self._shown != before:
                self._say(self._shown)

    def table(self) -> Group:
        """Everything at a glance."""
        running = dict(self.nemesis.running) if self.nemesis else {}
        faults = Table("", "fault", "particulars", box=None, header_style="dim")
        for number, planned in sorted(running.items()):
            faults.add_row(f"{number}", f"[red]{planned.name}[/]", _words(planned.fault))
        processes = Text()
        for process in self.topology.processes if self.topology else ():
            label = process.name if process.state == "up" else f"{process.name} {process.state}"
            processes.append(f"{label}  ", style=COLORS[process.state])
        head = Text(f"{self._age():.0f} s  {self._phase}  ", style="bold")
        return Group(head, Text.from_markup(self._rates()), processes, faults)

    def _rates(self) -> str:
        rates = self._histories.rates()
        outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(rates.outcomes.items()))
        rate = f"{rates.per_second:.0f}/s acknowledged, p99 {rates.p99_ms:,.0f} ms"
        return f"{rate}; {outcomes or 'nothing yet'}"


def _words(fault: object) -> str:
    return " ".join(f"{name}={value}" for name, value in vars(fault).items())


@contextmanager
def viewed(folder: Path, console: Console) -> Iterator[View]:
    """A view that is kept up inside the block, by a thread of its own."""
    view, over = View(folder, console), threading.Event()

    def lines() -> None:
        while not over.wait(REFRESH_S):
            view.lines()

    def table() -> None:
        with Live(view.table(), console=console, transient=True, auto_refresh=False) as live:
            while not over.wait(REFRESH_S):
                live.update(view.table(), refresh=True)

    keeping = threading.Thread(target=table if console.is_terminal else lines, daemon=True)
    keeping.start()
    try:
        yield view
    finally:
        over.set()
        keeping.join()
