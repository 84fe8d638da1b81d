"""Charts and pages: the same bytes each time, readable on both grounds, nothing loaded or run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from math import nan

import pytest
from matplotlib.colors import to_rgb

from bureau_client.risk.charts import COLOURS, INK, Bars, Line, bar_chart, line_chart
from bureau_client.risk.html_page import Html, figure, page, paragraph, section, table, tiles

HOSTILE = "<script>alert('$x$')</script>&\""
GROUNDS = ("#ffffff", "#14171c")
# Elements without an end tag.
VOID = {"meta"}


def lines() -> Html:
    return line_chart(
        HOSTILE,
        [
            Line(HOSTILE, ["2026-01", "2026-02", "2026-03"], [0.1, nan, 0.3]),
            Line("with a band", ["2026-01", "2026-02", "2026-03"], [0.2] * 3, [0.1] * 3, [0.4] * 3),
            Line("to compare", ["2026-01", "2026-03"], [0, 1], dashed=True),
        ],
        x_label="Month",
        y_label="Bad rate",
        percent="y",
    )


def bars() -> Html:
    return bar_chart(
        "Losses",
        ["A", "B"],
        [Bars("one", [1_000_000, 2], [1, 1], [1_100_000, 3]), Bars("two", [3, nan])],
        x_label="Month",
        y_label="Loss",
    )


class Reader(HTMLParser):
    """Tags, attributes and texts of a page, whose tags must match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def whole_page() -> str:
    return page(
        HOSTILE,
        HOSTILE,
        tiles({HOSTILE: HOSTILE}),
        section(HOSTILE, figure(lines(), HOSTILE), figure(bars(), "Losses")),
        section("More", paragraph(HOSTILE), table([HOSTILE, "n"], [[HOSTILE, "1"]], ["n"])),
    )


def test_the_same_values_give_the_same_bytes() -> None:
    assert lines() == lines()
    assert whole_page() == whole_page()


def test_a_chart_is_well_formed_and_has_its_texts_as_text() -> None:
    for chart in (lines(), bars()):
        ET.fromstring(chart)
    texts = Reader(lines()).texts
    assert texts.count(HOSTILE) == 2, "its title, and the name of a line"
    assert {"Month", "Bad rate", "2026-02", "20%"} <= {text.strip() for text in texts}
    assert "1,000,000" in Reader(bars()).texts


@pytest.mark.parametrize("ground", GROUNDS)
def test_colours_are_seen_on_both_grounds(ground: str) -> None:
    for colour in COLOURS:
        lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3, colour


def test_text_and_axes_have_the_colour_of_the_page() -> None:
    for chart in (lines(), bars()):
        assert INK not in chart
        assert set(re.findall(r"#[0-9a-f]{6}", chart)) <= {*COLOURS}
        assert "currentColor" in chart


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_a_page_loads_and_runs_nothing() -> None:
    read = Reader(whole_page())
    assert not {"script", "link", "img", "iframe", "object", "foreignobject"} & set(read.tags)
    assert ("http-equiv", "Content-Security-Policy") in read.attributes
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in {"href", "xlink:href", "src"}:
            assert value.startswith("#")
        assert name.startswith("xmlns") or "http" not in value or name == "http-equiv"
    ids = [value for name, value in read.attributes if name == "id"]
    referred = {value[1:] for name, value in read.attributes if name == "xlink:href"}
    assert referred <= {*ids}


def test_every_text_of_a_page_is_escaped() -> None:
    read = Reader(whole_page())
    assert sum(text == HOSTILE for text in read.texts) == 12
    assert "alert('$x$')</script>" not in whole_page()


def test_a_chart_with_more_series_than_colours_is_refused() -> None:
    many = [Bars(str(number), [1.0]) for number in range(len(COLOURS) + 1)]
    with pytest.raises(ValueError, match=f"at most {len(COLOURS)} series, not {len(many)}"):
        bar_chart("Many", ["A"], many, x_label="x", y_label="y")
