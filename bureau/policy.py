"""The rules that differ by place: one file for each jurisdiction, as data.

Files that come with the bureau are in `bureau/data/policy`; a file of the same form
in a node's own folder `policy` adds a jurisdiction or replaces one. No code knows
which there are. Every rule names its source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from bureau.codes import mask_of
from creditbureau.v1.codes_pb2 import Purpose

# Changes when a report of the same file by the same policy would look different.
RULES_VERSION = "2026-11"
DELETE, ANNOTATE = "delete", "annotate"
# From what each item may count.
ANCHORS = {
    "delinquency": {"month", "end_of_event"},
    "collection_or_charge_off": {"first_delinquency", "end_of_event"},
    "inquiry": {"inquiry"},
}
# The ceiling of purposes that have none of their own.
OTHERS = "default"


class PolicyError(ValueError):
    """A policy file is missing or wrong; the message names what."""


class Rule(NamedTuple):
    """A rule as its file has it, for people."""

    name: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Retention:
    """How long an item may be reported.

    Attributes:
        anchor: From when it counts: the `month` itself, the `first_delinquency`, the
            `end_of_event`, or the `inquiry`.
        months: So many months.
        grace_days: And so many days.
    """

    item: str
    anchor: str
    months: int
    grace_days: int

    def ends_on(self, yyyymmdd: int) -> date:
        """The first day on which something of a day may no longer be reported."""
        year, month, day = yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100
        months = year * 12 + month - 1 + self.months
        # 29 February and the like: the last day that the month has.
        for last in (day, 30, 29, 28):
            try:
                end = date(months // 12, months % 12 + 1, last)
            except ValueError:
                continue
            return end + timedelta(days=self.grace_days)
        raise AssertionError("every month has a 28th day")

    def covers(self, yyyymmdd: int, today: date) -> bool:
        """Whether something of a day may still be reported."""
        return self.ends_on(yyyymmdd) > today


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How much a consent may open for one purpose; 0 where there is no limit."""

    max_days: int
    max_uses: int = 0
    max_monthly: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one jurisdiction.

    Attributes:
        rules: All of them, with their sources.
        retention: By item.
        dispute_days: In which a dispute must be answered.
        dispute_extension_days: So many more where the subject adds facts.
        unanswered: What becomes of an item whose dispute nobody answers: `delete`
            or `annotate`.
        freeze_exempt: Mask of purposes that a security freeze does not stop.
        hard_purposes: Mask of purposes whose inquiries other members see.
        adverse_notice: Whether the subject is told of adverse data.
        ceilings: Of consents, by the purpose's name.
        reciprocity_months: What a member furnished within so many months counts.
        reciprocity_grace_days: For so long a new member sees everything.
    """

    jurisdiction: str
    version: str
    rules: tuple[Rule, ...]
    retention: Mapping[str, Retention]
    dispute_days: int
    dispute_extension_days: int
    unanswered: str
    freeze_exempt: int
    hard_purposes: int
    adverse_notice: bool
    ceilings: Mapping[str, Ceiling]
    reciprocity_months: int
    reciprocity_grace_days: int

    @property
    def rules_version(self) -> str:
        """Version of all that shapes a report: the bureau's rules and the place's."""
        return f"{RULES_VERSION}/{self.version}"

    def ceiling_of(self, purpose: str) -> Ceiling:
        """The ceiling of consents for a purpose, by its name."""
        return self.ceilings.get(purpose, self.ceilings[OTHERS])


def load_policy(jurisdiction: str, folder: Path | None = None) -> Policy:
    """The rules of a jurisdiction (ISO 3166-1 alpha-2).

    Args:
        folder: A folder whose files come before the bureau's own.

    Raises:
        PolicyError: There is none, or it is wrong.
    """
    name = f"{jurisdiction}.toml"
    own = folder / name if folder else None
    source = own if own and own.exists() else files("bureau") / "data" / "policy" / name
    if not source.is_file():
        raise PolicyError(f"no rules for {jurisdiction}: add policy/{name} to the bureau's folder")
    try:
        return _read(tomllib.loads(source.read_text("utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"policy/{name}: {type(error).__name__}: {error}") from error


def _read(told: dict[str, Any]) -> Policy:
    dispute, reciprocity = told["dispute"], told["reciprocity"]
    if dispute["unanswered"] not in {DELETE, ANNOTATE}:
        raise ValueError(f"unanswered must be {DELETE} or {ANNOTATE}")
    return Policy(
        jurisdiction=told["jurisdiction"],
        version=told["version"],
        rules=tuple(_rules(told)),
        retention=_retention(told["retention"]),
        dispute_days=int(dispute["days"]),
        dispute_extension_days=int(dispute["extension_days"]),
        unanswered=dispute["unanswered"],
        freeze_exempt=_purposes(told["freeze"]["exempt"]),
        hard_purposes=_purposes(told["inquiry"]["hard"]),
        adverse_notice=bool(told["notice"]["adverse_data"]),
        ceilings=_ceilings(told["ceiling"]),
        reciprocity_months=int(reciprocity["months"]),
        reciprocity_grace_days=int(reciprocity["grace_days"]),
    )


def _retention(tables: list[dict[str, Any]]) -> dict[str, Retention]:
    found = {
        at["item"]: Retention(at["item"], at["anchor"], int(at["months"]), int(at["grace_days"]))
        for at in tables
    }
    if set(found) != set(ANCHORS):
        raise ValueError(f"[[retention]] must have {', '.join(sorted(ANCHORS))}")
    for item, rule in found.items():
        if rule.anchor not in ANCHORS[item]:
            raise ValueError(f"the anchor of {item} must be {' or '.join(sorted(ANCHORS[item]))}")
    return found


def _ceilings(tables: list[dict[str, Any]]) -> dict[str, Ceiling]:
    found = {}
    for table in tables:
        limits = {name: int(n) for name, n in table.items() if name not in {"purposes", "source"}}
        for purpose in table["purposes"]:
            if purpose != OTHERS:
                _purposes([purpose])
            found[purpose] = Ceiling(**limits)
    if OTHERS not in found:
        raise ValueError(f"[[ceiling]] must have one for {OTHERS}")
    return found


def _purposes(names: Iterable[str]) -> int:
    return mask_of(Purpose.Value(f"PURPOSE_{name}") for name in names)


def _rules(told: dict[str, Any]) -> Iterator[Rule]:
    """Every table of a file.

    Raises:
        ValueError: One names no source.
    """
    for name, tables in told.items():
        for table in tables if isinstance(tables, list) else [tables]:
            if not isinstance(table, dict):
                continue
            if not table.get("source"):
                raise ValueError(f"[{name}] names no source")
            said = {key: value for key, value in table.items() if key != "source"}
            which = said.pop("item", "")
            says = ", ".join(f"{key} {_said(value)}" for key, value in said.items())
            yield Rule(f"{name} {which}".strip(), says, table["source"])


def _said(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
