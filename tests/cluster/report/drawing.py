"""The one time line: throughput, latency, faults, processes and workers over the same
seconds, as one drawing in SVG.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from tests.cluster.report.figures import (
    OK,
    REFUSED,
    SETTLED,
    UNANSWERED,
    Figures,
    Mark,
    Second,
    Span,
)

WIDTH, LEFT, RIGHT = 1240, 128, 16
ROW, GAP = 17, 26
PLOT = 108
# From the ground up: what is rare stands on top, where it is seen.
STACK = (OK, REFUSED, SETTLED, UNANSWERED)
TICKS = (5, 10, 15, 30, 60, 120, 300, 600)
# Least width of a fault's name, in units of the drawing.
LETTER = 6.2


@dataclass
class Drawing:
    """A drawing that grows downwards."""

    figures: Figures
    y: float = 18
    parts: list[str] = field(default_factory=list)

    def x(self, at_s: float) -> float:
        """Return the horizontal position of a second of the run."""
        return LEFT + (WIDTH - LEFT - RIGHT) * at_s / self.figures.length_s

    def draw(self) -> str:
        """All of it."""
        begin = self.y
        self._throughput()
        self._latency()
        self._faults()
        self._processes()
        self._workers()
        behind = [*self._shades(begin), *self._axis(begin), *self._phases(begin)]
        height = self.y + 18
        return (
            f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="The run on one time line">{"".join(behind)}{"".join(self.parts)}</svg>'
        )

    # Plots.

    def _throughput(self) -> None:
        step = self.figures.step_s
        most = max((sum(second.counts.values()) for second in self.figures.seconds), default=1) or 1
        self._title("operations / s", [f"{most / step:.0f}", "0"], PLOT)
        ground = self.y + PLOT
        for second in self.figures.seconds:
            bottom, left = ground, self.x(second.begin_s)
            width = max(self.x(second.begin_s + step) - left - 0.6, 0.6)
            for how in STACK:
                tall = PLOT * second.counts[how] / most
                if tall:
                    bottom -= tall
                    self._box(left, bottom, width, tall, how, _caption(second, step))
        self.y = ground + GAP

    def _latency(self) -> None:
        values = [second.p99_ms for second in self.figures.seconds if second.p99_ms]
        low, high = 1.0, max([*values, 10.0])
        scale = math.log10(high / low)
        self._title("latency, ms", [f"{high:,.0f}", "1"], PLOT)
        ground = self.y + PLOT

        def y(ms: float) -> float:
            return ground - PLOT * math.log10(max(ms, low) / low) / scale

        for name, which in (("p99", 1), ("p50", 0)):
            points = [
                (self.x(second.begin_s + self.figures.step_s / 2), (second.p50_ms, second.p99_ms))
                for second in self.figures.seconds
            ]
            path, pen = [], "M"
            for x, both in points:
                value = both[which]
                if value is None:
                    pen = "M"
                    continue
                path.append(f"{pen}{x:.1f} {y(value):.1f}")
                pen = "L"
            self.parts.append(f'<path class="line {name}" d="{"".join(path)}"/>')
        self.y = ground + GAP

    # Lanes.

    def _faults(self) -> None:
        rows = max((span.row for span in self.figures.faults), default=-1) + 1
        if not rows:
            return
        self._text(0, self.y + 12, "faults", "name")
        for span in self.figures.faults:
            left, top = self.x(span.begin_s), self.y + span.row * ROW
            width = max(self.x(span.end_s) - left, 2)
            self._box(left, top, width, ROW - 3, "fault", _of_fault(span))
            if width > LETTER * len(span.name):
                self._text(left + 4, top + 11, span.name, "fault-name")
            elif left + width + LETTER * len(span.name) < WIDTH:
                self._text(left + width + 4, top + 11, span.name, "fault-beside")
            else:
                self._text(left - 4, top + 11, span.name, "fault-before")
        self.y += rows * ROW + GAP / 2

    def _processes(self) -> None:
        lanes = self.figures.processes.items()
        shown = [(name, spans) for name, spans in lanes if not name.startswith("worker ")]
        for name, spans in shown:
            self._text(0, self.y + 11, name, "lane")
            for span in spans:
                left = self.x(span.begin_s)
                width = max(self.x(span.end_s) - left - 1.5, 1)
                caption = f"{name} ran from {span.begin_s:.1f} to {span.end_s:.1f} s: {span.about}"
                self._box(left, self.y + 3, width, ROW - 8, "process", caption)
            self._befallen(name)
            self.y += ROW
        self.y += GAP / 2 if shown else 0

    def _workers(self) -> None:
        for name, marks in self.figures.workers.items():
            self._text(0, self.y + 11, name, "lane")
            by_how: dict[str, list[Mark]] = defaultdict(list)
            for mark in marks:
                by_how[mark.how].append(mark)
            for how in STACK:
                ticks = _ticks((self.x(mark.at_s) for mark in by_how[how]), self.y + 2, ROW - 5)
                if ticks:
                    self.parts.append(f'<path class="tick {how}" d="{ticks}"/>')
            self._befallen(name)
            self.y += ROW

    def _befallen(self, name: str) -> None:
        """Faults of one process or member, on its own lane."""
        for span in self.figures.faults:
            if span.whom == name:
                left = self.x(span.begin_s)
                width = max(self.x(span.end_s) - left, 2)
                self._box(left, self.y + ROW - 5, width, 3, "fault", _of_fault(span))

    # Behind everything.

    def _shades(self, begin: float) -> Iterator[str]:
        for span in self.figures.faults:
            left = self.x(span.begin_s)
            width = max(self.x(span.end_s) - left, 1)
            yield (
                f'<rect class="shade" x="{left:.1f}" y="{begin:.0f}" width="{width:.1f}" '
                f'height="{self.y - begin:.0f}"/>'
            )

    def _axis(self, begin: float) -> Iterator[str]:
        length = self.figures.length_s
        tick = next((tick for tick in TICKS if length / tick <= 16), TICKS[-1])
        for second in range(0, int(length) + 1, tick):
            x = self.x(second)
            yield f'<path class="grid" d="M{x:.1f} {begin:.0f}V{self.y:.0f}"/>'
            yield f'<text class="tick-name" x="{x:.1f}" y="{begin - 6:.0f}">{second} s</text>'

    def _phases(self, begin: float) -> Iterator[str]:
        for name, second in self.figures.phases.items():
            x = self.x(second)
            yield f'<path class="phase" d="M{x:.1f} {begin:.0f}V{self.y + 4:.0f}"/>'
            late = x > WIDTH - 80
            anchor = "end" if late else "start"
            position = (
                f'x="{x - 3 if late else x + 3:.1f}" y="{self.y + 13:.0f}" text-anchor="{anchor}"'
            )
            yield f'<text class="phase-name" {position}>{escape(name)}</text>'

    def _title(self, name: str, scale: Iterable[str], height: float) -> None:
        self._text(0, self.y + height / 2, name, "name")
        for label, y in zip(scale, (self.y + 9, self.y + height), strict=True):
            self.parts.append(
                f'<text class="scale" x="{LEFT - 6}" y="{y:.0f}">{escape(label)}</text>'
            )
        ground = self.y + height
        self.parts.append(f'<path class="ground" d="M{LEFT} {ground:.1f}H{WIDTH - RIGHT}"/>')

    def _text(self, x: float, y: float, text: str, kind: str) -> None:
        self.parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')

    def _box(
        self, x: float, y: float, width: float, height: float, kind: str, caption: str
    ) -> None:
        self.parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" data-caption="{escape(caption, quote=True)}"/>'
        )


def _ticks(places: Iterable[float], top: float, height: float) -> str:
    """A stroke at each place; places that would lie on one another are one."""
    seen = sorted({round(x * 2) / 2 for x in places})
    return "".join(f"M{x:.1f} {top:.1f}v{height:.1f}" for x in seen)


def _caption(second: Second, step_s: float) -> str:
    counts = ", ".join(f"{second.counts[how]} {how}" for how in STACK if second.counts[how])
    times = ""
    if second.p50_ms is not None and second.p99_ms is not None:
        times = f"; p50 {second.p50_ms:.0f} ms, p99 {second.p99_ms:.0f} ms"
    return f"{second.begin_s:.0f} to {second.begin_s + step_s:.0f} s: {counts}{times}"


def _of_fault(span: Span) -> str:
    return f"{span.name}: {span.begin_s:.1f} to {span.end_s:.1f} s. {span.about}"
