"""Standard reasons of adverse actions: the principal reasons of form C-1, with their texts.

The terms are those of the sample form in 12 CFR 1002, Appendix C. The texts for people, in
every language of `bureau_client/data/reasons`, say in plain words why and what to do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bureau_client.models.codes import ActionReason
from bureau_client.models.texts import nearest


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason in a person's language.

    Attributes:
        text: The reason, a phrase.
        why: The reason in plain words, a sentence.
        fix: The remedy for the person.
    """

    text: str
    why: str
    fix: str


def _read(name: str) -> dict[str, Any]:
    file = files("bureau_client") / "data" / "reasons" / f"{name}.toml"
    return tomllib.loads(file.read_text("utf-8"))


# Terms of form C-1 by code, in the order of the form.
REASON_CODES: dict[str, str] = _read("regb")["reasons"]

# Nearest reason of a facility action by code.
ACTION_REASONS: dict[str, ActionReason] = {
    code: ActionReason[name] for code, name in _read("regb")["action_reasons"].items()
}

# The reason of which each policy gives the text.
OTHER = "regb.other"


def reason_text(code: str, language: str) -> ReasonText:
    """Return a reason in the nearest language that has texts.

    Args:
        language: BCP 47: `zh-CN` falls back on `zh`, an unknown language on English.

    Raises:
        KeyError: The code is not in the table of reasons.
    """
    (texts, *_) = nearest(reason_texts(), language)
    return ReasonText(**texts[code.removeprefix("regb.")])


@cache
def reason_texts() -> dict[str, dict[str, Any]]:
    """Read the texts of reasons, by language tag."""
    folder = files("bureau_client") / "data" / "reasons"
    names = (file.name.removesuffix(".toml") for file in folder.iterdir())
    return {name: _read(name) for name in names if name != "regb"}
