"""The rules that differ by place: one file for each jurisdiction, as data.

Files that come with the bureau are in `bureau/data/policy`; a file of the same form
in a node's own folder `policy` adds a jurisdiction or replaces one. No code knows
which there are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from bureau.codes import mask_of
from creditbureau.v1.codes_pb2 import Purpose

# Changes when a report of the same file by the same policy would look different.
RULES_VERSION = "2026-11"
DELETE, ANNOTATE = "delete", "annotate"
ANCHORS = frozenset({"month", "first_delinquency", "end_of_event", "inquiry"})
ITEMS = frozenset({"delinquency", "collection_or_charge_off", "inquiry"})


class PolicyError(ValueError):
    """A policy file is missing or wrong; the message names what."""


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


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one jurisdiction.

    Attributes:
        retention: By item.
        dispute_days: In which a dispute must be answered.
        unanswered: What becomes of an item whose dispute nobody answers: `delete`
            or `annotate`.
        freeze_exempt: Mask of purposes that a security freeze does not stop.
        adverse_notice: Whether the subject is told of adverse data.
        reciprocity_months: What a member furnished within so many months counts.
        reciprocity_grace_days: For so long a new member sees everything.
    """

    jurisdiction: str
    version: str
    retention: Mapping[str, Retention]
    dispute_days: int
    unanswered: str
    freeze_exempt: int
    adverse_notice: bool
    reciprocity_months: int
    reciprocity_grace_days: int

    @property
    def rules_version(self) -> str:
        """Version of all that shapes a report: the bureau's rules and the place's."""
        return f"{RULES_VERSION}/{self.version}"


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
    retention = {
        rule["item"]: Retention(
            rule["item"], rule["anchor"], int(rule["months"]), int(rule["grace_days"])
        )
        for rule in told["retention"]
    }
    if set(retention) != ITEMS:
        raise ValueError(f"[[retention]] must have {', '.join(sorted(ITEMS))}")
    if not {rule.anchor for rule in retention.values()} <= ANCHORS:
        raise ValueError(f"anchor must be one of {', '.join(sorted(ANCHORS))}")
    if told["dispute"]["unanswered"] not in {DELETE, ANNOTATE}:
        raise ValueError(f"unanswered must be {DELETE} or {ANNOTATE}")
    return Policy(
        jurisdiction=told["jurisdiction"],
        version=told["version"],
        retention=retention,
        dispute_days=int(told["dispute"]["days"]),
        unanswered=told["dispute"]["unanswered"],
        freeze_exempt=mask_of(
            Purpose.Value(f"PURPOSE_{name}") for name in told["freeze"]["exempt"]
        ),
        adverse_notice=bool(told["notice"]["adverse_data"]),
        reciprocity_months=int(told["reciprocity"]["months"]),
        reciprocity_grace_days=int(told["reciprocity"]["grace_days"]),
    )
