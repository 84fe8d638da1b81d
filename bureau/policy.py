"""Policies: the rules of each jurisdiction, one data file each.

The bureau's own files are in `bureau/data/policy`; a file of the same form in a node's
folder `policy` adds a jurisdiction or replaces one. `policy/retired` keeps earlier versions,
by which earlier reports are replayed. No code names a jurisdiction, and every rule names its
source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from bureau.calendar import add_months
from bureau.codes import EMPTY, CodeSet
from creditbureau.v1.codes_pb2 import Purpose

DELETE, ANNOTATE = "delete", "annotate"
# The anchors that each item allows, and that it allowed in retired policies.
ANCHORS = {
    "delinquency": {"first_delinquency", "end_of_event"},
    "collection_or_charge_off": {"first_delinquency", "end_of_event"},
    "inquiry": {"inquiry"},
}
RETIRED_ANCHORS = {**ANCHORS, "delinquency": {"month", *ANCHORS["delinquency"]}}
# The records that may need no consent to furnish (`bureau/credit_file/corrections.py`).
WITHOUT_CONSENT = frozenset(
    {"correction", "closure", "payment_in_full", "dispute_answer", "joint_account"}
)
# Name of the ceiling for purposes without one of their own.
OTHERS = "default"


class PolicyError(ValueError):
    """A policy file is missing or wrong; the message names the file and the error."""


class Rule(NamedTuple):
    """A rule of a policy file, for display."""

    name: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Retention:
    """The period for which an item may be reported.

    Attributes:
        anchor: The date that the period counts from: the `first_delinquency`, the
            `end_of_event`, or the `inquiry`. In retired policies also the `month` itself.
        months: Months from the anchor.
        grace_days: Further days.
    """

    item: str
    anchor: str
    months: int
    grace_days: int

    def ends_on(self, yyyymmdd: int) -> date:
        """Return the first day on which an item of a date may no longer be reported."""
        return add_months(yyyymmdd, self.months) + timedelta(days=self.grace_days)

    def covers(self, yyyymmdd: int, today: date) -> bool:
        """Return True if an item of a date may still be reported on a day."""
        return self.ends_on(yyyymmdd) > today


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The limits of a consent for one purpose; 0 for no limit."""

    max_days: int
    max_uses: int = 0
    max_monthly: int = 0


class Freeze(NamedTuple):
    """The purposes that a security freeze does not stop.

    Attributes:
        exempt: Purposes of every member.
        with_account: Purposes of a member with an account of the person on file.
        with_open_account: Purposes of a member with an open account of the person on file.
    """

    exempt: CodeSet
    with_account: CodeSet
    with_open_account: CodeSet

    def of_holders(self) -> Freeze:
        """Return the rule for members with an open account of the person."""
        exempt = CodeSet(self.exempt | self.with_account | self.with_open_account)
        return Freeze(exempt, EMPTY, EMPTY)


class ComplaintDays(NamedTuple):
    """The deadlines of complaints, in days; 0 where the jurisdiction sets none.

    Attributes:
        days: Days in which the member must answer.
        escalation_days: Days after the answer in which a rejected complaint can be taken to the
            operator.
        decision_days: Days in which the operator must decide.
    """

    days: int = 0
    escalation_days: int = 0
    decision_days: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one person can pile up.

    Attributes:
        days: Days in which the bounds without a state of their own count.
        tradeline_disputes: Disputes of one tradeline in that time.
        open_disputes: Disputes that wait for an answer.
        statements: Statements about the person's own file in that time: disputes and facts
            added to them, lifts of holds, statements for readers. A hold is never refused.
        key_changes: Keys bound to the person in that time, by rotation and approval; and keys
            that one member attests for the person in place of others.
        consents: Consents of the person for one member, neither revoked nor expired.
        monitor_consents: Those of them by which the member monitors the person.
    """

    days: int
    tradeline_disputes: int
    open_disputes: int
    statements: int
    key_changes: int
    consents: int
    monitor_consents: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one jurisdiction.

    Attributes:
        rules: All rules, with their sources.
        retention: By item.
        keeps_first_delinquency: True if a date of first delinquency that is later than one of
            the same delinquency is refused.
        keeps_deletions: True if what was deleted comes back only certified under another number
            too, and through the buyer of the debt.
        dispute_days: Days in which a dispute must be answered.
        dispute_extension_days: Further days if the subject adds facts.
        theft_documents: Documents with which a dispute of a whole account that says identity
            theft blocks the account; 0 if none does.
        unanswered: Treatment of an item whose dispute is not answered: `delete` or
            `annotate`.
        freeze: The purposes that a security freeze does not stop.
        without_consent: Kinds of records on an account on file that need no new consent to
            furnish, of `WITHOUT_CONSENT`.
        hard_purposes: Purposes whose inquiries other members see.
        adverse_notice: True if the subject gets notices of adverse data.
        account_notices: True if the subject gets notices of new accounts, of actions on lines, and
            of adverse data.
        replacement_hours: Hours until a key that replaces another one comes in force.
        key_notice_days: Days for which a replaced key reads notices and can repudiate.
        identification_days: Largest age of the identification that an attestation rests on.
        max_consent_changes: Changes of a consent, before it can be revoked only.
        consent_end_is_final: True if a consent that has ended is neither paused nor resumed.
        ceilings: Of consents, by the purpose's name.
        bounds: The most that one person can pile up.
        reciprocity_months: Months for which furnished records count.
        reciprocity_grace_days: Days for which a new member sees everything.
        complaint: Deadlines of complaints.
        stale_months: Months after its newest one for which an open account counts as reported;
            None in policies of 2026-11, which have no stale accounts.
        retired: Earlier policies of the jurisdiction by version, by which reports that they
            made are replayed.
    """

    jurisdiction: str
    version: str
    rules: tuple[Rule, ...]
    retention: Mapping[str, Retention]
    keeps_first_delinquency: bool
    keeps_deletions: bool
    dispute_days: int
    dispute_extension_days: int
    unanswered: str
    theft_documents: int
    freeze: Freeze
    without_consent: tuple[str, ...]
    hard_purposes: CodeSet
    adverse_notice: bool
    account_notices: bool
    replacement_hours: int
    key_notice_days: int
    identification_days: int
    max_consent_changes: int
    consent_end_is_final: bool
    ceilings: Mapping[str, Ceiling]
    bounds: Bounds
    reciprocity_months: int
    reciprocity_grace_days: int
    complaint: ComplaintDays
    stale_months: int | None
    retired: Mapping[str, Policy] = field(default_factory=dict)

    def retained_since(self, today: date) -> int:
        """Return the first month (yyyymm) whose accounts may still be reported on a day."""
        day = today.year * 10000 + today.month * 100 + today.day
        first = min(
            add_months(day, -rule.months) - timedelta(days=rule.grace_days)
            for item, rule in self.retention.items()
            if item != "inquiry"
        )
        return first.year * 100 + first.month

    def at(self, version: str) -> Policy | None:
        """Return this policy or the retired one of a version; None if there is neither."""
        return self if version == self.version else self.retired.get(version)

    def ceiling_of(self, purpose: str) -> Ceiling:
        """Return the ceiling of consents for a purpose, by the purpose's name."""
        return self.ceilings.get(purpose, self.ceilings[OTHERS])


def load_policy(jurisdiction: str, folder: Path | None = None) -> Policy:
    """Load the policy of a jurisdiction (ISO 3166-1 alpha-2), with its retired versions.

    Args:
        folder: A node's own folder, whose files take precedence over the bureau's.

    Raises:
        PolicyError: A file is missing or wrong.
    """
    name = f"{jurisdiction}.toml"
    shipped = files("bureau") / "data" / "policy"
    own = [folder] if folder else []
    candidates = [parent / name for parent in (*own, shipped) if (parent / name).is_file()]
    if not candidates:
        raise PolicyError(f"no rules for {jurisdiction}: add policy/{name} to the bureau's folder")
    policy = _load(candidates[0], ANCHORS)
    # A version that is in several places is the first one's: the node's own come first.
    earlier = [
        *candidates[1:],
        *(file for parent in (*own, shipped) for file in _retired(parent, jurisdiction)),
    ]
    retired: dict[str, Policy] = {}
    for file in earlier:
        old = _load(file, RETIRED_ANCHORS)
        retired.setdefault(old.version, old)
    return replace(policy, retired=retired)


def _retired(folder: Traversable, jurisdiction: str) -> list[Traversable]:
    """List the retired policies `retired/<jurisdiction>-<version>.toml` of a folder."""
    retired = folder / "retired"
    if not retired.is_dir():
        return []
    listed = sorted(retired.iterdir(), key=lambda file: file.name)
    return [file for file in listed if file.name.startswith(f"{jurisdiction}-")]


def _load(file: Traversable, anchors: Mapping[str, set[str]]) -> Policy:
    try:
        return _read(tomllib.loads(file.read_text("utf-8")), anchors)
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"policy/{file.name}: {type(error).__name__}: {error}") from error


def _read(table: dict[str, Any], anchors: Mapping[str, set[str]]) -> Policy:
    dispute, reciprocity, key = table["dispute"], table["reciprocity"], table["key"]
    if dispute["unanswered"] not in {DELETE, ANNOTATE}:
        raise ValueError(f"unanswered must be {DELETE} or {ANNOTATE}")
    furnishing = table.get("furnishing", {})
    return Policy(
        jurisdiction=table["jurisdiction"],
        version=table["version"],
        rules=tuple(_rules(table)),
        retention=_retention(table["retention"], anchors),
        # Policies of 2026-11 have neither these rules nor `end_is_final`.
        keeps_first_delinquency=bool(furnishing.get("keeps_first_delinquency", False)),
        keeps_deletions=bool(furnishing.get("keeps_deletions", False)),
        dispute_days=int(dispute["days"]),
        dispute_extension_days=int(dispute["extension_days"]),
        unanswered=dispute["unanswered"],
        # A jurisdiction without the rule has no block.
        theft_documents=int(table.get("identity_theft", {}).get("documents", 0)),
        freeze=_freeze(table["freeze"]),
        without_consent=_without_consent(table.get("correction", {})),
        hard_purposes=_purposes(table["inquiry"]["hard"]),
        adverse_notice=bool(table["notice"]["adverse_data"]),
        # Policies of 2026-11 give no such notices.
        account_notices=bool(table["notice"].get("accounts", False)),
        replacement_hours=int(key["replacement_hours"]),
        key_notice_days=int(key["notice_days"]),
        identification_days=int(key["identification_days"]),
        max_consent_changes=int(table["consent"]["max_changes"]),
        consent_end_is_final=bool(table["consent"].get("end_is_final", False)),
        ceilings=_ceilings(table["ceiling"]),
        bounds=_bounds(table["bounds"]),
        reciprocity_months=int(reciprocity["months"]),
        reciprocity_grace_days=int(reciprocity["grace_days"]),
        complaint=_complaint_days(table.get("complaint", {})),
        stale_months=_stale_months(table),
    )


def _complaint_days(table: dict[str, Any]) -> ComplaintDays:
    return ComplaintDays(**{name: int(n) for name, n in table.items() if name != "source"})


def _stale_months(table: dict[str, Any]) -> int | None:
    if "stale" not in table:
        return None
    months = int(table["stale"]["months"])
    if months < 1:
        raise ValueError(f"[stale] months must be 1 or more, not {months}")
    return months


def _retention(
    tables: list[dict[str, Any]], anchors: Mapping[str, set[str]]
) -> dict[str, Retention]:
    rules = {
        table["item"]: Retention(
            table["item"], table["anchor"], int(table["months"]), int(table["grace_days"])
        )
        for table in tables
    }
    if set(rules) != set(anchors):
        raise ValueError(f"[[retention]] must have {', '.join(sorted(anchors))}")
    for item, rule in rules.items():
        if rule.anchor not in anchors[item]:
            raise ValueError(f"the anchor of {item} must be {' or '.join(sorted(anchors[item]))}")
    return rules


def _freeze(table: dict[str, Any]) -> Freeze:
    if unknown := set(table) - {*Freeze._fields, "source"}:
        raise ValueError(f"[freeze] has no {', '.join(sorted(unknown))}")
    lists = [table.get(name, []) for name in Freeze._fields]
    names = [name for purposes in lists for name in purposes]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"[freeze] names a purpose twice: {', '.join(sorted(twice))}")
    return Freeze(*map(_purposes, lists))


def _without_consent(table: dict[str, Any]) -> tuple[str, ...]:
    names = tuple(table.get("without_consent", ()))
    if unknown := sorted(set(names) - WITHOUT_CONSENT):
        raise ValueError(f"without_consent: no kind of records is named {', '.join(unknown)}")
    return names


def _ceilings(tables: list[dict[str, Any]]) -> dict[str, Ceiling]:
    ceilings = {}
    for table in tables:
        limits = {name: int(n) for name, n in table.items() if name not in {"purposes", "source"}}
        for purpose in table["purposes"]:
            if purpose != OTHERS:
                _purposes([purpose])
            ceilings[purpose] = Ceiling(**limits)
    if OTHERS not in ceilings:
        raise ValueError(f"[[ceiling]] must have one for {OTHERS}")
    return ceilings


def _bounds(table: dict[str, Any]) -> Bounds:
    return Bounds(**{name: int(n) for name, n in table.items() if name != "source"})


def _purposes(names: Iterable[str]) -> CodeSet:
    return CodeSet.of(Purpose.Value(f"PURPOSE_{name}") for name in names)


def _rules(file: dict[str, Any]) -> Iterator[Rule]:
    """Yield every rule of a policy file.

    Raises:
        ValueError: One names no source.
    """
    for name, tables in file.items():
        for table in tables if isinstance(tables, list) else [tables]:
            if not isinstance(table, dict):
                continue
            if not table.get("source"):
                raise ValueError(f"[{name}] names no source")
            rule = {key: value for key, value in table.items() if key != "source"}
            which = rule.pop("item", "")
            says = ", ".join(f"{key} {_shown(value)}" for key, value in rule.items())
            yield Rule(f"{name} {which}".strip(), says, table["source"])


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
