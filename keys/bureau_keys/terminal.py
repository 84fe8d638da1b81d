"""The one way through which the command lines print: text of others is escaped here.

Names, narratives, refusals and files come from other parties. A control sequence in them
could repaint the terminal of the person who reads them, or type for that person.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from bureau_keys.printable import json_text, printable


class Terminal(Console):
    """A console of Rich that prints texts as they are, without markup, and escaped."""

    def __init__(self, *, pipe_width: int | None = None, **options: Any) -> None:
        """Open a console on stdout, or on stderr with `stderr=True`.

        Args:
            pipe_width: Width in characters where stdout is no terminal.
            options: Further arguments of `rich.console.Console`.
        """
        if pipe_width is not None and not sys.stdout.isatty():
            options["width"] = pipe_width
        # Without markup, so that brackets in texts of others are printed unchanged.
        plain = {"markup": False, "highlight": False, "emoji": False}
        super().__init__(**(plain | colour_options(os.environ) | options))

    @property
    def is_terminal(self) -> bool:
        """A person at a terminal; colours that are forced into a pipe do not make it one."""
        if self._force_terminal is not None:
            return self._force_terminal
        is_tty = getattr(self.file, "isatty", None)
        try:
            return bool(is_tty and is_tty())
        except ValueError:  # the file is closed
            return False

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as Rich prints it; tables measure and print their cells with it."""
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render anything that is printed; Rich calls this for every part of a table too."""
        if isinstance(renderable, Text):
            renderable = _escaped(renderable)
        for segment in super().render(renderable, options):
            # Rich's own control codes are marked as such; text of others never is.
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    def print_trimmed(self, renderable: RenderableType) -> None:
        """Print to stdout without the blanks that fill a table's last column."""
        with self.capture() as captured:
            self.print(renderable)
        lines = captured.get().splitlines()
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def colour_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a console that decide on colours and other styles.

    A variable that is set and not empty counts: NO_COLOR removes every style, also where
    FORCE_COLOR is set; FORCE_COLOR keeps colours in a pipe or a file; TERM=dumb has none. Without
    them a terminal has colours, a pipe and a file have none.
    """
    if environment.get("NO_COLOR"):
        return {"color_system": None}
    if environment.get("FORCE_COLOR"):
        return {"color_system": "standard"}
    return {"color_system": None} if environment.get("TERM") == "dumb" else {}


def write_out(text: str) -> None:
    """Write text to stdout as it is, line ends included."""
    _write(sys.stdout, text)


def write_err(text: str) -> None:
    """Write a line to stderr."""
    _write(sys.stderr, text + "\n")


def write_json(value: Any, indent: int | None = None) -> None:
    """Write a value to stdout as JSON, on lines of its own, and flush it."""
    sys.stdout.write(json_text(value, indent) + "\n")
    sys.stdout.flush()


def _write(stream: TextIO, text: str) -> None:
    stream.write(printable(text))


def _escaped(text: Text) -> Text:
    plain = printable(text.plain)
    if plain == text.plain:
        return text
    # The styles of parts are dropped: their places differ in the escaped text.
    escaped = text.blank_copy(plain)
    escaped.end = text.end
    return escaped
