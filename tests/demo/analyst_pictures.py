"""Draws the pictures of docs/analyst.md: `python -m tests.demo.analyst_pictures`.

The page's own code makes them: it runs from top to bottom in a folder, and the pictures are of the
files that it leaves there. The same seed gives the same pictures.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME

from tests.documents import DOCS
from tests.reader import Reader

PAGE = DOCS / "analyst.md"
IMAGES = DOCS / "images"
# The notice up to its first right: the parts after it are the same in every notice.
NOTICE_END = "\nYour right to a free copy\n"
NOTICE_WIDTH = 80
EDGE = "#c9ced6"


def chart_of(name: str) -> Callable[[Path], str]:
    """Return the drawing of a chart that the page's code writes to a file."""
    return lambda folder: on_white((folder / name).read_text("utf-8"))


def backtest_chart(folder: Path) -> str:
    """Draw the first chart of the page of the backtest."""
    page = (folder / "backtest.html").read_text("utf-8")
    start, end = page.index("<svg "), page.index("</svg>") + len("</svg>")
    return on_white(page[start:end])


def notice(folder: Path) -> str:
    """Draw the notice as text, up to the parts that are the same in every notice."""
    text = (folder / "notice.txt").read_text("utf-8").partition(NOTICE_END)[0]
    console = Console(record=True, width=NOTICE_WIDTH, file=io.StringIO(), markup=False)
    console.print(text, highlight=False)
    svg = console.export_svg(
        title="notice.txt", theme=DEFAULT_TERMINAL_THEME, unique_id="analyst-notice"
    )
    svg = svg.replace('stroke="rgba(255,255,255,0.35)"', f'stroke="{EDGE}"')
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def on_white(svg: str) -> str:
    """Give a chart of a page a ground and ink of its own, so that it is a picture by itself."""
    return svg.replace("<svg ", '<svg style="background: #fff; color: #1c2330" ', 1).strip() + "\n"


# Drawings by name in docs/images, of the folder in which the page's code has run.
PICTURES: dict[str, Callable[[Path], str]] = {
    "analyst-utilisation.svg": chart_of("utilisation.svg"),
    "analyst-roc.svg": chart_of("roc.svg"),
    "analyst-notice.svg": notice,
    "analyst-backtest.svg": backtest_chart,
}


if __name__ == "__main__":
    with TemporaryDirectory() as temporary, chdir(temporary):
        Reader(Path(temporary)).follow(PAGE)
        for file, draw in PICTURES.items():
            (IMAGES / file).write_text(draw(Path(temporary)), "utf-8")
