"""Draws the diagrams of the documents: `python -m tests.demo.diagrams`. They load nothing."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from bureau.policy import Policy, load_policy

IMAGES = Path(__file__).parents[2] / "docs" / "images"
INK, PALE, EDGE = "#1f2933", "#ffffff", "#9aa5b1"
BLUE, GREEN, AMBER = "#dbe9f6", "#dff1e6", "#fbeccd"
STYLE = f"""
text {{ font: 14px system-ui, sans-serif; fill: {INK}; }}
.title {{ font-weight: 600; }}
.small {{ font-size: 12px; }}
.box {{ stroke: {EDGE}; }}
.arrow {{ stroke: {INK}; fill: none; marker-end: url(#head); }}
"""
# Days of the axis of deadlines, and its pixels for a day.
DAYS, DAY = 160, 3.6


class Drawing:
    """A picture of boxes, arrows and words on a pale ground, legible on light and dark pages."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size, self._title = (width, height), title
        self._parts: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, *lines: str, fill: str = PALE
    ) -> None:
        """Draw a box; its first line is its title."""
        self._parts.append(
            f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{fill}"/>'
        )
        top = y + height / 2 - (len(lines) - 1) * 9 + 5
        for index, line in enumerate(lines):
            kind = "small" if index else "title"
            self.text(x + width / 2, top + index * 18, line, kind=kind, anchor="middle")

    def text(
        self, x: float, y: float, words: str, *, kind: str = "small", anchor: str = "start"
    ) -> None:
        """Write words from a place on, or around it."""
        self._parts.append(
            f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def arrow(self, *points: tuple[float, float]) -> None:
        """Draw an arrow along the points."""
        path = " L ".join(f"{x:g} {y:g}" for x, y in points)
        self._parts.append(f'<path class="arrow" d="M {path}"/>')

    def svg(self) -> str:
        """Return the picture."""
        width, height = self._size
        head = (
            '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" fill="{INK}"/></marker>'
        )
        return "\n".join(
            [
                '<svg xmlns="http://www.w3.org/2000/svg" role="img"',
                f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
                f"<title>{escape(self._title)}</title>",
                f"<defs>{head}</defs>",
                f"<style>{STYLE}</style>",
                f'<rect width="{width}" height="{height}" rx="10" fill="#f5f7fa"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )


def parties() -> str:
    """Draw who does what."""
    drawing = Drawing(880, 330, "Who does what")
    drawing.box(20, 30, 170, 80, "Lenders", "furnish and inquire", fill=BLUE)
    drawing.box(20, 220, 170, 80, "A person", "with a key of their own", fill=GREEN)
    drawing.box(400, 30, 210, 270, "")
    drawing.text(505, 56, "The bureau", kind="title", anchor="middle")
    drawing.box(420, 75, 170, 80, "Credit files", "from signed records")
    drawing.box(420, 190, 170, 90, "Log", "one Merkle tree,", "append-only")
    drawing.arrow((505, 155), (505, 190))
    drawing.text(515, 177, "every write")
    drawing.box(700, 30, 160, 80, "Auditors", "check everything", fill=AMBER)
    drawing.box(700, 220, 160, 80, "Witnesses", "keep the log single", fill=AMBER)
    drawing.arrow((190, 55), (420, 90))
    drawing.text(232, 50, "signed records, inquiries")
    drawing.arrow((420, 130), (190, 92))
    drawing.text(216, 146, "signed reports, with proof")
    drawing.arrow((190, 245), (420, 212))
    drawing.text(206, 206, "consents, revocations, disputes")
    drawing.arrow((420, 262), (190, 285))
    drawing.text(232, 302, "the whole file, who looked")
    drawing.arrow((590, 215), (700, 90))
    drawing.text(622, 128, "proofs")
    drawing.arrow((590, 240), (700, 250))
    drawing.text(612, 236, "checkpoints")
    drawing.arrow((700, 280), (590, 268))
    drawing.text(612, 298, "cosignatures")
    return drawing.svg()


def deadlines() -> str:
    """Draw by when others must answer, from the rules of each place."""
    drawing = Drawing(880, 330, "By when others must answer, in days from today")
    left, top = 250, 58
    for days in range(0, DAYS + 1, 30):
        drawing.text(
            left + days * DAY, 36, "today" if days == 0 else f"day {days}", anchor="middle"
        )
    jurisdictions = (("in the United States", load_policy("US")), ("in China", load_policy("CN")))
    for where, policy in jurisdictions:
        for name, parts in _answers(policy):
            drawing.text(left - 12, top + 22, f"{name} {where}", anchor="end")
            start = 0
            for words, days, fill in parts:
                x, width = left + start * DAY, days * DAY
                drawing.box(x, top, width, 34, fill=fill)
                drawing.text(x + width / 2, top + 21, words, anchor="middle")
                start += days
            top += 50
        top += 16
    drawing.text(
        left, top + 8, "The days of the first box are the longest; an answer may come at once."
    )
    return drawing.svg()


def _answers(policy: Policy) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Return the rows of a place: each party, its days, and its colour."""
    of_complaint = policy.complaint
    return [
        ("Dispute", [(f"lender, {policy.dispute_days}", policy.dispute_days, BLUE)]),
        (
            "Complaint",
            [
                (f"lender, {of_complaint.days}", of_complaint.days, BLUE),
                (f"you, {of_complaint.escalation_days}", of_complaint.escalation_days, GREEN),
                (f"operator, {of_complaint.decision_days}", of_complaint.decision_days, AMBER),
            ],
        ),
    ]


def proofs() -> str:
    """Draw what proves a report."""
    drawing = Drawing(880, 350, "What proves a report")
    signed = (
        ("Consent", "signed by the person", GREEN),
        ("Inquiry", "signed by the lender", BLUE),
        ("Records", "signed by their furnishers", BLUE),
    )
    for index, (name, words, fill) in enumerate(signed):
        y = 30 + index * 100
        drawing.box(20, y, 200, 64, name, words, fill=fill)
        drawing.arrow((220, y + 32), (300, y + 32))
        drawing.box(300, y + 8, 90, 48, "leaf")
        drawing.arrow((390, y + 32), (455, 162))
    drawing.box(455, 130, 120, 64, "Tree", "its root")
    drawing.arrow((575, 162), (640, 162))
    drawing.box(
        640, 120, 220, 84, "Checkpoint", "size and root, signed", "by the log's key", fill=AMBER
    )
    drawing.box(640, 250, 220, 64, "Witnesses", "cosign what only grew", fill=AMBER)
    drawing.arrow((750, 250), (750, 204))
    drawing.box(455, 250, 150, 64, "Report", "signed by the bureau")
    drawing.arrow((530, 250), (360, 186))
    drawing.text(544, 230, "its digest is in the inquiry's leaf")
    drawing.box(640, 30, 220, 56, "You", "hold the log's key")
    drawing.arrow((750, 86), (750, 120))
    return drawing.svg()


def nodes() -> str:
    """Draw the parts of a bureau of several nodes."""
    drawing = Drawing(880, 300, "A bureau of several nodes")
    drawing.box(20, 60, 150, 70, "Members", "any address will do", fill=BLUE)
    drawing.box(20, 180, 150, 70, "Agents", "for people", fill=GREEN)
    for index, y in enumerate((30, 120, 210), 1):
        drawing.box(290, y, 170, 62, f"node {index}", "bureau serve")
        drawing.arrow((460, y + 31), (560, 151))
    drawing.arrow((170, 90), (290, 62))
    drawing.arrow((170, 105), (290, 148))
    drawing.arrow((170, 210), (290, 160))
    drawing.arrow((170, 225), (290, 240))
    drawing.text(192, 162, "mutual TLS")
    drawing.box(560, 116, 130, 70, "PostgreSQL", "one database")
    drawing.arrow((690, 151), (740, 151))
    drawing.box(740, 116, 120, 70, "Standby", "each commit")
    drawing.box(560, 222, 300, 56, "Witnesses", "of others, over HTTP", fill=AMBER)
    drawing.arrow((460, 250), (560, 250))
    drawing.text(560, 40, "Nodes are equal. Each has the keys of the")
    drawing.text(560, 60, "bureau in its folder, and keeps the newest")
    drawing.text(560, 80, "checkpoint outside of the database.")
    return drawing.svg()


DIAGRAMS: dict[str, Callable[[], str]] = {
    "deadlines.svg": deadlines,
    "nodes.svg": nodes,
    "parties.svg": parties,
    "proofs.svg": proofs,
}


if __name__ == "__main__":
    for name, draw in DIAGRAMS.items():
        (IMAGES / name).write_text(draw(), "utf-8")
