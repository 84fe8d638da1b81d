"""Charts as SVG inside a page: the same values give the same bytes, and nothing is loaded.

Text and axes have the colour of the page's text, and the series colours that are seen on a light
and on a dark ground (`COLOURS`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bureau_client.risk.html_page import Html

# Colours of the series, each with a contrast of at least 3:1 on white and on #14171c.
COLOURS = ("#2f7ec4", "#c8641b", "#23895f", "#9a5fc9", "#c7477f", "#7d7a3a")
# A colour that no series has; it is written as the colour of the page's text.
INK = "#010203"
# Inches of 72 points; the page scales the chart to its column.
SIZE = (7.2, 3.6)
# The type of the keys differs between releases of matplotlib.
STYLE: Any = {
    # Ids of shared shapes are hashes with this salt, not random.
    "svg.hashsalt": "creditbureau",
    "svg.fonttype": "none",
    # A name with a dollar sign is a name, not mathematics.
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
}
NO_METADATA: Any = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        x: Numbers, or names, for example months.
        y: A value for each of `x`; NaN leaves a gap.
        low: Lower ends of intervals; empty for none.
        high: Upper ends of intervals; empty for none.
        dashed: True for a line to compare with, for example a diagonal.
    """

    name: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one colour, one in each category.

    Attributes:
        values: A value for each category; NaN leaves a gap.
        low: Lower ends of intervals; empty for none.
        high: Upper ends of intervals; empty for none.
    """

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def line_chart(
    title: str, lines: Sequence[Line], *, x_label: str, y_label: str, percent: str = ""
) -> Html:
    """Draw lines, each with its interval as a band.

    Args:
        percent: Axes whose values are shares, to show in percent: `x`, `y` or `xy`.
    """

    def draw(axes: Any) -> None:
        ordered = (line for line in lines if not line.dashed)
        colours = dict(zip((line.name for line in ordered), _colours(len(lines)), strict=False))
        for line in lines:
            colour = colours.get(line.name, INK)
            style = {"linestyle": "--", "alpha": 0.5} if line.dashed else {"marker": "o"}
            axes.plot(line.x, line.y, label=line.name, color=colour, **style)
            if line.low:
                axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.15, lw=0)

    return _chart(title, draw, x_label, y_label, percent, legend=len(lines) > 1)


def bar_chart(
    title: str,
    categories: Sequence[str],
    bars: Sequence[Bars],
    *,
    x_label: str,
    y_label: str,
    percent: bool = False,
) -> Html:
    """Draw bars side by side in each category, each with its interval as a whisker."""

    def draw(axes: Any) -> None:
        width = 0.8 / max(len(bars), 1)
        for number, (each, colour) in enumerate(zip(bars, _colours(len(bars)), strict=True)):
            offset = (number - (len(bars) - 1) / 2) * width
            places = [category + offset for category in range(len(categories))]
            axes.bar(places, each.values, width * 0.92, label=each.name, color=colour)
            if each.low:
                axes.vlines(places, each.low, each.high, color=INK, lw=1.2)
        axes.set_xticks(range(len(categories)), categories)
        axes.grid(visible=False, axis="x")

    return _chart(title, draw, x_label, y_label, "y" if percent else "", legend=len(bars) > 1)


def _colours(count: int) -> list[str]:
    """Return a colour for each series.

    Raises:
        ValueError: There are more series than colours.
    """
    if count > len(COLOURS):
        raise ValueError(f"a chart has at most {len(COLOURS)} series, not {count}: draw several")
    return list(COLOURS[:count])


def _chart(
    title: str,
    draw: Callable[[Any], None],
    x_label: str,
    y_label: str,
    percent: str,
    *,
    legend: bool,
) -> Html:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        draw(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if "x" in percent:
            axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(
            PercentFormatter(1)
            if "y" in percent
            else FuncFormatter(lambda value, _: f"{value:,.10g}")
        )
        if legend:
            axes.legend()
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata=NO_METADATA)
    return _inline(file.getvalue(), title)


def _inline(document: str, title: str) -> Html:
    """Make an SVG document a part of a page: without prologue, and with its title for readers."""
    svg = document[document.index("<svg ") :].replace(INK, "currentColor")
    # Ids of groups would repeat in a page with two charts; nothing refers to them.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", svg)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    opening, _, rest = svg.partition(">")
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    return Html(f'{opening} role="img"><title>{escape(title)}</title>{rest.strip()}')
