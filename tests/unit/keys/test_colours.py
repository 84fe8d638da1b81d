"""Colours of a terminal: NO_COLOR, FORCE_COLOR, TERM, and whether a person looks."""

from __future__ import annotations

import io
import os
import pty

import pytest
from rich.text import Text

from bureau_keys.terminal import Terminal


def drawn(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, at_terminal: bool
) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if not at_terminal:
        shown = io.StringIO()
        Terminal(file=shown).print(Text("red", "bold red"))
        return shown.getvalue()
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        Terminal(file=stream).print(Text("red", "bold red"))
        stream.flush()
        text = os.read(ours, 1000).decode()
    os.close(ours)
    return text


@pytest.mark.parametrize(
    ("environment", "at_terminal", "coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}, True, False),
    ],
)
def test_a_person_decides_on_colours(
    environment: dict[str, str],
    at_terminal: bool,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = drawn(environment, monkeypatch, at_terminal=at_terminal)
    assert "red" in shown
    # No style at all, neither a colour nor bold.
    assert ("\x1b[" in shown) is coloured


def test_a_forced_colour_makes_no_terminal_of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    # A bar that moves the cursor would fill a log.
    assert not Terminal(file=io.StringIO()).is_terminal
