"""The pieces of the Go program that `docs/any-language.md` shows.

`python -m tests.interop.snippets` puts them into the page; a test holds them there.
"""

from __future__ import annotations

import re

from tests.documents import DOCS, ROOT

PAGE = DOCS / "any-language.md"
_MARK = re.compile(r"<!-- (\S+\.go): (\w+) -->\n(?:\n```go\n.*?\n```\n)?", re.DOTALL)


def region(path: str, name: str) -> str:
    """Return the lines of a source file between the marks of a region."""
    text = (ROOT / path).read_text("utf-8")
    begin, end = f"// docs: begin {name}\n", f"// docs: end {name}\n"
    assert text.count(begin) == text.count(end) == 1, f"{path} has one region {name}"
    return text.split(begin)[1].split(end)[0].strip("\n")


def filled(page: str) -> str:
    """Return the page with each region under its mark."""
    return _MARK.sub(
        lambda mark: f"<!-- {mark[1]}: {mark[2]} -->\n\n```go\n{region(mark[1], mark[2])}\n```\n",
        page,
    )


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
