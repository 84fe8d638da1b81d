"""A page of HTML in one file: it loads nothing, runs nothing, and escapes every text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NewType

# Markup of this module or of `charts`; every other text is a plain str, and is escaped.
Html = NewType("Html", str)

# No scripts, no connections, no images, no frames; only the styles of the page itself.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
CSS = """
:root { color-scheme: light dark;
  --ground: #fff; --ink: #1c2330; --soft: #596375; --rule: #dfe3e9; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171c; --ink: #e6e9ef; --soft: #a3adbc; --rule: #313842; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2em 1.5em 4em; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60em; margin: 0 auto; }
h1 { font-size: 1.6em; margin: 0; }
h2 { font-size: 1.15em; margin: 2em 0 .4em; }
.lead, figcaption, .tiles span { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .6em; }
.tiles div { border: 1px solid var(--rule); border-radius: .5em; padding: .5em 1em; }
.tiles b { display: block; font-size: 1.3em; font-variant-numeric: tabular-nums; }
figure { margin: 1em 0; overflow-x: auto; }
svg { display: block; width: 100%; min-width: 34em; height: auto; stroke-linejoin: round; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; }
th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0;
  border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 500; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


def page(title: str, lead: str, *parts: Html, language: str = "en") -> str:
    """Write a whole page.

    Args:
        lead: A sentence below the title.
        parts: Sections and other markup, in order.
    """
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n'
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: Html) -> Html:
    """Write a section with its heading."""
    return Html(f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>")


def paragraph(text: str) -> Html:
    """Write a paragraph."""
    return Html(f"<p>{escape(text)}</p>")


def tiles(figures: Mapping[str, str]) -> Html:
    """Write the main figures side by side, by name."""
    shown = (
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>"
        for name, value in figures.items()
    )
    return Html(f'<div class="tiles">{"".join(shown)}</div>')


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()
) -> Html:
    """Write a table.

    Args:
        numeric: Columns whose cells are aligned to the right.
    """
    classes = [' class="n"' if column in numeric else "" for column in columns]
    head = "".join(
        f"<th{kind}>{escape(column)}</th>" for column, kind in zip(columns, classes, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, classes, strict=True))
        + "</tr>"
        for row in rows
    )
    return Html(
        f'<div class="table"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>'
        "</table></div>"
    )


def figure(chart: Html, caption: str) -> Html:
    """Write a chart with its caption."""
    return Html(f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>")
