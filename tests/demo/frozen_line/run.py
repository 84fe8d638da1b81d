"""Run of the founding scenario: both acts, the auditor, the terminal and the page."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from bureau import logs
from tests.demo.frozen_line import terminal
from tests.demo.frozen_line.audit import audit
from tests.demo.frozen_line.cast import assembled
from tests.demo.frozen_line.page import page_of
from tests.demo.frozen_line.shared import Story, line_agent, policies
from tests.demo.frozen_line.timeline import texts
from tests.demo.frozen_line.today import today


def run(language: str, page: Path, console: Console) -> bool:
    """Run both acts and write the page; True if everything verifies.

    Args:
        language: Language of the terminal; the page has all.
        page: File of the page.
    """
    logs.configure("error")  # the bureau serves in this process; its calls are not the story
    words = texts(language)["page"]
    console.rule(f"[bold]{words['title']}[/]")
    console.print(f"{words['lead']}\n")
    first_act = today()
    terminal.show_act(first_act, language, console)
    with tempfile.TemporaryDirectory(prefix="creditbureau-demo-") as folder:
        application, lines = policies()
        with (
            assembled(Path(folder) / "bureau") as cast,
            line_agent(cast, lines, Path(folder) / "agent.sqlite") as agent,
        ):
            first = cast.auditor.checkpoint()
            story = Story(cast, agent, application, lines)
            second_act = story.act()
            terminal.show_act(second_act, language, console)
            verdict = audit(story, first)
    terminal.show_verdict(verdict, language, console)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(page_of((first_act, second_act), verdict), "utf-8")
    console.print(f"{page}", soft_wrap=True)
    return verdict.ok
