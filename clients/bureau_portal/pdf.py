"""Write the whole credit file as a PDF file, which says how to verify it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from io import BytesIO
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table

from bureau_client.models.reports import InquiryLine, Report
from bureau_client.models.texts import DEFAULT
from bureau_portal.heatmap import Heatmap, heatmap
from bureau_portal.sentences import (
    attribute_meaning,
    attribute_value,
    figures,
    frozen_lines,
    line_sentences,
    omission_sentences,
    summary_sentences,
    verification_sentences,
)
from bureau_portal.words import Words

# A predefined CID font: the reader of the file has its glyphs (ADR 0023).
CHINESE_FONT, LATIN_FONT = "STSong-Light", "Helvetica"
# Points of the smallest text, that of the months.
SMALL = 6.5


def file_pdf(file: Report, inquiries: Sequence[InquiryLine], origin: str, words: Words) -> bytes:
    """Write the file; the same file gives the same bytes.

    Args:
        origin: Origin of the bureau's log.
    """
    pages = _Pages(words)
    story = [
        pages.title(words.text("pdf.title")),
        pages.text(words.text("pdf.subject", id=file.subject_id)),
        pages.text(words.time(file.issue_time)),
        pages.heading(words.text("file.short")),
        *pages.flags(file),
        *pages.texts(summary_sentences(file.summary, words)),
        *pages.frozen(file),
        *pages.months(heatmap(file.tradelines, words)),
        pages.heading(words.text("file.lines")),
        *pages.lines(file),
        pages.heading(words.text("inquiries.title")),
        *pages.inquiries(inquiries),
        pages.heading(words.text("explained.omission.word")),
        *pages.texts([*omission_sentences(file, words)] or [words.text("omitted.none")]),
        *pages.disputes(file),
        *pages.holds(file),
        pages.heading(words.text("explained.statement.word")),
        pages.text(file.subject_statement or words.text("file.no_statement")),
        *pages.attributes(file),
        pages.heading(words.text("pdf.verify_title")),
        *pages.verification(file, origin),
    ]
    data = BytesIO()
    title = words.text("pdf.title")
    document = SimpleDocTemplate(
        data, pagesize=A4, title=title, lang=words.language, invariant=1, author=origin
    )
    document.build(story, onFirstPage=pages.number, onLaterPages=pages.number)
    return data.getvalue()


class _Pages:
    """The parts of the file in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        is_latin = words.language == DEFAULT
        if not is_latin:
            pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
        self._font = LATIN_FONT if is_latin else CHINESE_FONT
        self._body = ParagraphStyle(
            "body",
            fontName=self._font,
            fontSize=9.5,
            leading=14,
            wordWrap=None if is_latin else "CJK",
        )
        self._heading = ParagraphStyle(
            "heading", parent=self._body, fontSize=12, leading=17, spaceBefore=9, keepWithNext=1
        )
        self._title = ParagraphStyle("title", parent=self._body, fontSize=17, leading=24)

    def title(self, text: str) -> Flowable:
        """Return the title."""
        return Paragraph(escape(text), self._title)

    def heading(self, text: str) -> Flowable:
        """Return a heading."""
        return Paragraph(escape(text), self._heading)

    def text(self, text: str) -> Flowable:
        """Return a paragraph."""
        return Paragraph(escape(text), self._body)

    def texts(self, texts: Iterable[str]) -> Iterator[Flowable]:
        """Yield a paragraph for each text."""
        return map(self.text, texts)

    def flags(self, file: Report) -> Iterator[Flowable]:
        """Yield what the file warns of."""
        words = self._words
        for flag in file.flags:
            yield self.text(words.nearest(flag.texts) or words.code(flag.kind))

    def frozen(self, file: Report) -> Iterator[Flowable]:
        """Yield the frozen lines, with their reasons and remedies."""
        words = self._words
        lines = list(frozen_lines(file, words))
        if lines:
            yield self.heading(words.text("frozen.title"))
        for frozen in lines:
            line = frozen.line
            kind = words.code(line.portfolio_type)
            yield self.text(
                words.text("frozen.line", member=line.member_id, kind=kind, day=frozen.since)
            )
            for remedy in frozen.remedies:
                yield self.text(f"– {remedy.reason}")
                yield self.text(remedy.fix)
            yield from self.texts(frozen.deadlines)

    def months(self, table: Heatmap | None) -> Iterator[Flowable]:
        """Yield the payment histories as a table of months."""
        if table is None:
            return
        words = self._words
        yield self.heading(words.text("file.months"))
        head = ["", *(f"{month.month}\n{month.year % 100:02}" for month in table.months)]
        # The signs of the pages are not in every font; a month paid in time has a point.
        rows = [
            [
                f"{row.number}. {row.line.member_id[:14]}",
                *(cell.shown.replace("✓", "·") for cell in row.cells),
            ]
            for row in table.rows
        ]
        style: list[Any] = [
            ("FONT", (0, 0), (-1, -1), LATIN_FONT, SMALL),
            ("ALIGN", (1, 0), (-1, -1), "CENTER"),
            ("GRID", (1, 1), (-1, -1), 0.3, HexColor("#8492a6")),
            ("LEFTPADDING", (0, 0), (-1, -1), 1),
            ("RIGHTPADDING", (0, 0), (-1, -1), 1),
        ]
        for y, row in enumerate(table.rows, 1):
            for x, cell in enumerate(row.cells, 1):
                if cell.is_adverse:
                    style.append(("BACKGROUND", (x, y), (x, y), HexColor("#f5c0b3")))
        yield Table(
            [head, *rows], colWidths=[28 * mm, *[5.4 * mm] * len(table.months)], style=style
        )
        meanings = words.table("profile").items()
        legend = (f"{status}: {meaning}" for status, meaning in meanings if status not in "0EBD")
        yield self.text(f"·: {words.text('profile.0')}; " + "; ".join(legend))

    def lines(self, file: Report) -> Iterator[Flowable]:
        """Yield each account in sentences, with its figures."""
        words = self._words
        if not file.tradelines:
            yield self.text(words.text("file.empty"))
        for number, line in enumerate(file.tradelines, 1):
            yield self.text(f"{number}. {' '.join(line_sentences(line, words))}")
            values = (
                f"{words.text(f'explained.{figure.name}.word')}: {figure.value}"
                for figure in figures(line, words)
            )
            yield self.text("; ".join(values))
            for action in line.actions:
                reasons = "; ".join(map(words.code, action.reasons))
                day, kind = words.day(action.effective_time), words.code(action.kind)
                yield self.text(f"– {day}: {kind}{f' ({reasons})' if reasons else ''}")

    def disputes(self, file: Report) -> Iterator[Flowable]:
        """Yield each dispute with how far it is."""
        words = self._words
        member_of = {line.tradeline_id: line.member_id for line in file.tradelines}
        if file.disputes:
            yield self.heading(words.text("disputes.title"))
        for dispute in file.disputes:
            sentence = words.text(
                "disputes.sentence",
                day=words.day(dispute.create_time),
                reason=words.code(dispute.reason),
                month=words.month(dispute.month) if dispute.month else words.text("disputes.whole"),
            )
            member = dispute.member_id or member_of.get(dispute.tradeline_id, "")
            yield self.text(f"{member}: {sentence} {words.code(dispute.outcome or dispute.state)}")

    def holds(self, file: Report) -> Iterator[Flowable]:
        """Yield the security freeze and the fraud alert, if there are any."""
        words = self._words
        if file.holds:
            yield self.heading(words.text("holds.title"))
        for hold in file.holds:
            values = {"state": words.code(hold.state), "day": words.day(hold.create_time)}
            yield self.text(f"{words.code(hold.kind)}. {words.text('holds.state', **values)}")

    def attributes(self, file: Report) -> Iterator[Flowable]:
        """Yield the figures that are computed from the file."""
        words = self._words
        if file.attributes:
            yield self.heading(words.text("explained.attribute.word"))
        for one in file.attributes:
            meaning = attribute_meaning(one.name, words) or one.name
            yield self.text(f"{attribute_value(one, words)}: {meaning}")

    def inquiries(self, inquiries: Sequence[InquiryLine]) -> Iterator[Flowable]:
        """Yield each inquiry."""
        words = self._words
        if not inquiries:
            yield self.text(words.text("inquiries.none"))
        for line in inquiries:
            sentence = words.text(
                "inquiries.sentence",
                time=words.time(line.create_time),
                purpose=words.code(line.purpose),
                outcome=words.code(line.outcome),
            )
            yield self.text(f"{line.member_id}: {sentence}")

    def verification(self, file: Report, origin: str) -> Iterator[Flowable]:
        """Yield what verifies the file."""
        return self.texts(verification_sentences(file, origin, self._words))

    def number(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        """Write the page's number at its foot."""
        canvas.setFont(self._font, SMALL + 1)
        text = self._words.text("pdf.page", number=document.page)
        canvas.drawCentredString(A4[0] / 2, 12 * mm, text)
