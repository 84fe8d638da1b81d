"""Both acts as one HTML page, in both languages; it loads nothing and runs no scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from html import escape
from pathlib import Path
from string import Template

from tests.demo.frozen_line.story import CAP
from tests.demo.frozen_line.timeline import LANGUAGES, Act, Event, amount, texts
from tests.demo.verdict import Verdict

TEMPLATE = Path(__file__).with_name("page.html")
# The drawing of what is owed, in units of the drawing: the width of all days, and the height of
# the greatest amount.
WIDTH, HEIGHT, MARGIN = 720, 150, 24


def page_of(acts: Iterable[Act], verdict: Verdict) -> str:
    """Return the page."""
    told = tuple(acts)
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        title=escape(texts("en")["page"]["title"]),
        switches="".join(_switches()),
        languages="".join(_language(told, verdict, language) for language in LANGUAGES),
    )


def _switches() -> Iterator[str]:
    for number, (language, name) in enumerate(LANGUAGES.items()):
        checked = "" if number else " checked"
        yield (
            f'<input type="radio" name="language" id="to-{language}"{checked}>'
            f'<label for="to-{language}" lang="{language}">{escape(name)}</label>'
        )


def _language(acts: tuple[Act, ...], verdict: Verdict, language: str) -> str:
    words = texts(language)
    page = {name: escape(text) for name, text in words["page"].items()}
    sections = "".join(_act(act, acts, language) for act in acts)
    checks = "".join(
        f"<li>{count:,} {escape(words['checks'][name])}</li>"
        for name, count in verdict.checked.items()
    )
    failures = "".join(f"<li>{escape(failure)}</li>" for failure in verdict.failures)
    state, word = ("good", "verdict_ok") if verdict.ok else ("bad", "verdict_bad")
    return (
        f'<main id="{language}" lang="{language}"><h1>{page["title"]}</h1>'
        f'<p class="lead">{page["lead"]}</p>{sections}'
        f'<section class="{state}"><h2>{page[word]}</h2>'
        f"<p>{escape(words['events']['audited'])}</p><ul>{checks}{failures}</ul></section>"
        f"<footer>{page['replayable']}</footer></main>"
    )


def _act(act: Act, acts: tuple[Act, ...], language: str) -> str:
    page = texts(language)["page"]
    events = "".join(_event(event, language) for event in act.events)
    return (
        f'<section class="act"><h2>{escape(page[act.key])}</h2>'
        f"{_drawing(act, acts, language)}<ol>{events}</ol></section>"
    )


def _event(event: Event, language: str) -> str:
    details = "".join(f"<li>{escape(words(language))}</li>" for words in event.details)
    over = ' class="over"' if event.exposure_minor > CAP else ""
    return (
        f'<li class="{event.mood}"><time>{event.day}</time>'
        f"<b>{escape(texts(language)['parties'][event.party])}</b>"
        f"<p>{escape(event.text(language))}</p>"
        + (f"<ul>{details}</ul>" if details else "")
        + f"<small{over}>{escape(texts(language)['page']['exposure'])}: "
        f"{amount(event.exposure_minor)}</small></li>"
    )


def _drawing(act: Act, acts: tuple[Act, ...], language: str) -> str:
    """Draw what is owed over the days of the story, and the cap; both acts to one scale."""
    page = texts(language)["page"]
    events = [event for other in acts for event in other.events]
    first, last = (pick(event.day for event in events) for pick in (min, max))
    most = max(CAP, *(event.exposure_minor for event in events)) * 1.1

    def x(day: date) -> float:
        return WIDTH * (day - first).days / max((last - first).days, 1)

    def y(minor: int) -> float:
        return MARGIN + HEIGHT * (1 - minor / most)

    begin = f"M0 {y(act.events[0].exposure_minor):.1f}"
    steps = (f"H{x(event.day):.1f}V{y(event.exposure_minor):.1f}" for event in act.events)
    days = sorted({event.day for event in act.events})
    ticks = "".join(
        f'<text x="{x(day):.1f}" y="{MARGIN + HEIGHT + 16}">{day:%m-%d}</text>'
        for day in (days[0], *_spread(days, x), days[-1])
    )
    state = "over" if act.exposure_minor > CAP else "within"
    cap = f"{escape(page['cap'])}: {amount(CAP)}"
    name = f"{escape(page['exposure'])}: {amount(act.exposure_minor)}"
    return (
        f'<svg viewBox="-30 0 {WIDTH + 60} {HEIGHT + MARGIN * 2}" role="img" '
        f'aria-label="{name}"><line class="cap" x1="0" x2="{WIDTH}" y1="{y(CAP):.1f}" '
        f'y2="{y(CAP):.1f}"/><text class="cap-name" x="0" y="{y(CAP) - 6:.1f}">{cap}</text>'
        f'<path class="{state}" d="{begin}{"".join(steps)}"/>'
        f'{ticks}<text class="end" x="{WIDTH}" y="{y(act.exposure_minor) - 6:.1f}">'
        f"{amount(act.exposure_minor)}</text></svg>"
    )


def _spread(days: list[date], x: Callable[[date], float]) -> Iterator[date]:
    """Yield the days between the first and the last whose names do not overlap."""
    newest = x(days[0])
    for day in days[1:-1]:
        if x(day) - newest > 40 and x(days[-1]) - x(day) > 40:
            newest = x(day)
            yield day
