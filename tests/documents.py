"""The project's documents as tests see them: pages, their code, their links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

# Each first makes a bureau and names; each other page goes on from there, with the bureau as the
# pages before it have left it. The first group's is made by hand, the second's is the sandbox.
BUREAU_PAGES = (
    DOCS / "first-report.md",
    DOCS / "command-lines.md",
    DOCS / "sdk.md",
    DOCS / "consents.md",
    DOCS / "consent-requests.md",
    DOCS / "rights.md",
    DOCS / "complaints.md",
    DOCS / "notices.md",
    DOCS / "portal.md",
    DOCS / "monitoring.md",
    DOCS / "risk.md",
    DOCS / "files.md",
    DOCS / "record-rules.md",
    DOCS / "texts.md",
    DOCS / "decisions.md",
    DOCS / "backtests.md",
    DOCS / "study.md",
    DOCS / "auditors.md",
    DOCS / "operating.md",
    DOCS / "witnesses.md",
)
SANDBOX_PAGES = (
    DOCS / "sandbox.md",
    ROOT / "README.md",
    DOCS / "frozen-line.md",
    DOCS / "first-audit.md",
)
# This one has a bureau of its own.
ANALYST = DOCS / "analyst.md"
# This one needs none: tests/unit/test_docs.py runs it.
ERRORS = DOCS / "errors.md"
# This one needs a collector: tests/service/test_tracing.py runs it.
TRACING = DOCS / "tracing.md"
# Pages whose Python blocks and console commands a test runs.
RUN = (*BUREAU_PAGES, *SANDBOX_PAGES, ANALYST, ERRORS, TRACING)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A fence of any kind, with the comment above it.
_ANY_FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^>]*?) -->\n+)?"
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n"
    r"(?P<code>.*?)^[ \t]*(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code.

    Attributes:
        line: The line of its first line of code, from 1.
    """

    page: Path
    language: str
    code: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def follows(self, other: Block) -> bool:
        """True if only an empty line is between the two blocks."""
        return self.line == other.line + other.code.count("\n") + 3


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block of any kind.

    Attributes:
        mark: The comment above it.
        line: The line of its fence, from 1.
    """

    page: Path
    mark: str
    language: str
    code: str
    is_indented: bool
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def fences(page: Path) -> list[Fence]:
    """A page's fenced blocks of every language, in order."""
    text = page.read_text("utf-8")
    return [
        Fence(
            page,
            match["mark"] or "",
            match["language"].strip(),
            match["code"],
            bool(match["indent"]),
            text.count("\n", 0, match.start("fence")) + 1,
        )
        for match in _ANY_FENCE.finditer(text)
    ]


def pages() -> list[Path]:
    """Every document."""
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path, *languages: str) -> list[Block]:
    """A page's blocks of these languages, in order."""
    text = page.read_text("utf-8")
    parsed = []
    for match in _FENCE.finditer(text):
        if match[1] in languages:
            line = text.count("\n", 0, match.start(2)) + 1
            parsed.append(Block(page, match[1], match[2], line))
    return parsed


def commands(block: Block) -> list[str]:
    """The commands of a console block: `$ ` begins one, `> ` continues it."""
    commands: list[str] = []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("> ") and commands:
            commands[-1] += "\n" + line[2:]
    return commands


def mentioned(page: Path, program: str) -> Iterator[list[str]]:
    """The words of every call of a program that a page shows or names."""
    mentions = [command for block in blocks(page, "console", "sh") for command in commands(block)]
    mentions += _INLINE.findall(_FENCE.sub("", page.read_text("utf-8")))
    for command in mentions:
        for part in re.split(r"[|;&\n)]|\$\(", command):
            words = part.split()
            if words and words[0] == program:
                try:
                    yield shlex.split(part, comments=True)
                except ValueError:
                    yield words


def links(page: Path) -> list[str]:
    """Where a page's links lead."""
    return _LINK.findall(_INLINE.sub("", _FENCE.sub("", page.read_text("utf-8"))))


def images(page: Path) -> list[tuple[str, Path]]:
    """A page's images: the text for those who do not see them, and the file."""
    shown = _IMAGE.findall(_FENCE.sub("", page.read_text("utf-8")))
    return [(text, (page.parent / path).resolve()) for text, path in shown]


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    return {slug(heading) for heading in _HEADING.findall(text)}


def slug(heading: str) -> str:
    """A heading's fragment, as the site makes it."""
    plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


# The documents whose blocks are held to be run; CONTRIBUTING.md and SECURITY.md are not pages of
# `pages`, which names what a reader is led to.
WITH_CODE = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
