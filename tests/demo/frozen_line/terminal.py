"""Both acts on the terminal, in one language."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tests.demo.frozen_line.story import CAP
from tests.demo.frozen_line.timeline import Act, Event, amount, texts
from tests.demo.verdict import Verdict

STYLES = {"bad": "red", "good": "green", "plain": "cyan"}


def show_act(act: Act, language: str, console: Console) -> None:
    """Show an act, event by event, with what the person owes after each."""
    page = texts(language)["page"]
    console.rule(f"[bold]{page[act.key]}[/]")
    owed = None
    for event in act.events:
        _show_event(event, language, console)
        if event.exposure_minor != owed:
            owed = event.exposure_minor
            style = "bold red" if owed > CAP else "bold"
            line = Text.assemble(f"{page['exposure']}: ", (amount(owed), style))
            console.print(Padding(line, (0, 0, 0, 12)))
    console.print()


def show_verdict(verdict: Verdict, language: str, console: Console) -> None:
    """Show what the auditor checked."""
    words = texts(language)
    _show_line("auditor", words["events"]["audited"], "good", language, console)
    for name, count in verdict.checked.items():
        console.print(Padding(f"{count:,} {words['checks'][name]}", (0, 0, 0, 12)))
    for failure in verdict.failures:
        console.print(Padding(Text(failure, style="red"), (0, 0, 0, 12)))
    word = words["page"]["verdict_ok" if verdict.ok else "verdict_bad"]
    console.print(f"\n[bold {'green' if verdict.ok else 'red'}]{word}[/]")


def _show_event(event: Event, language: str, console: Console) -> None:
    _show_line(event.party, event.text(language), event.mood, language, console, str(event.day))
    for words in event.details:
        console.print(Padding(Text(words(language), style="dim"), (0, 0, 0, 14)))


def _show_line(
    party: str, text: str, mood: str, language: str, console: Console, day: str = ""
) -> None:
    name = texts(language)["parties"][party]
    console.print(Text.assemble(f"{day:<12}", (name, f"bold {STYLES[mood]}")))
    console.print(Padding(Text(text), (0, 0, 0, 12)))
