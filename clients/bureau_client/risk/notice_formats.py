"""A notice as text, HTML and PDF."""

from __future__ import annotations

import textwrap
import unicodedata
from html import escape
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

from bureau_client.risk.notices import AdverseNotice

WIDTH = 78
LATIN_FONT = "Helvetica"
# A predefined CID font: the reader of the file has its glyphs, so that no font is shipped or
# embedded (ADR 0023).
CHINESE_FONT = "STSong-Light"
CSS = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;"
    "color:#1a1a1a;background:#fff}h1{font-size:1.4em}h2{font-size:1.05em;margin:1.4em 0 .2em}"
    "p{margin:.3em 0}small{color:#555}"
)


def notice_text(notice: AdverseNotice) -> str:
    """Write a notice as plain text, in lines of at most 78 columns."""
    blocks = [notice.creditor, notice.creditor_address, "", notice.title, ""]
    for part in notice.parts:
        blocks += [part.title] if part.title else []
        blocks += part.paragraphs
        blocks.append("")
    return "\n".join(line for block in blocks for line in _wrap(block)).rstrip() + "\n"


def notice_html(notice: AdverseNotice) -> str:
    """Write a notice as one HTML page that loads nothing."""
    body = [
        f"<p>{escape(notice.creditor)}<br><small>{escape(notice.creditor_address)}</small></p>",
        f"<h1>{escape(notice.title)}</h1>",
    ]
    for part in notice.parts:
        cite = f' title="{escape(part.source)}"' if part.source else ""
        heading = f"<h2>{escape(part.title)}</h2>" if part.title else ""
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in part.paragraphs)
        body.append(f"<section{cite}>{heading}{paragraphs}</section>")
    return (
        f'<!doctype html>\n<html lang="{escape(notice.language)}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(notice.title)}</title><style>{CSS}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def notice_pdf(notice: AdverseNotice) -> bytes:
    """Write a notice as a PDF file; the same notice gives the same bytes."""
    chinese = any(_is_wide(character) for character in notice_text(notice))
    if chinese:
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    font, wrap = (CHINESE_FONT, "CJK") if chinese else (LATIN_FONT, None)
    body = ParagraphStyle("body", fontName=font, fontSize=10.5, leading=15, wordWrap=wrap)
    heading = ParagraphStyle("heading", parent=body, fontSize=12, leading=17, spaceBefore=9)
    title = ParagraphStyle("title", parent=body, fontSize=16, leading=22, spaceAfter=6)
    story = [
        Paragraph(escape(notice.creditor), body),
        Paragraph(escape(notice.creditor_address), body),
        Spacer(1, 8 * mm),
        Paragraph(escape(notice.title), title),
    ]
    for part in notice.parts:
        if part.title:
            story.append(Paragraph(escape(part.title), heading))
        story += [Paragraph(escape(text), body) for text in part.paragraphs]
    file = BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        title=notice.title,
        author=notice.creditor,
        lang=notice.language,
        invariant=1,
    )
    document.build(story)
    return file.getvalue()


def _wrap(text: str) -> list[str]:
    """Split a block into lines; a wide character takes two columns."""
    if not any(map(_is_wide, text)):
        return textwrap.wrap(text, WIDTH) or [""]
    lines, width = [""], 0
    for character in text:
        columns = 2 if _is_wide(character) else 1
        if width + columns > WIDTH:
            lines.append("")
            width = 0
        lines[-1] += character
        width += columns
    return lines


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
