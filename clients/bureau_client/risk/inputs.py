"""Values of a policy's declared inputs, from a report and the applicant's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import rfc8785

from bureau_client.models.codes import (
    FacilityActionKind,
    FlagKind,
    OmissionReason,
    ReportOutcome,
    Section,
)
from bureau_client.models.reports import Report
from bureau_client.models.tradelines import Tradeline
from bureau_client.risk.documents import ATTRIBUTE_KEY, Problem, read_json
from bureau_client.risk.policy import Input, Policy, Scalar, Values
from bureau_client.risk.zen_text import Expression

# Field of the document of inputs that names the existing line.
TRADELINE_ID = "tradeline_id"

Expressions = Mapping[str, Expression]


class InputError(ValueError):
    """Inputs from which the policy does not decide, with every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("nothing is decided:\n" + "\n".join(f"- {p}" for p in self.problems))


def is_frozen(line: Tradeline) -> bool:
    """Return True if the newest freeze of a line was not followed by a restoration."""
    acts = {FacilityActionKind.FREEZE, FacilityActionKind.RESTORE}
    newest = next((action.kind for action in line.actions if action.kind in acts), None)
    return newest == FacilityActionKind.FREEZE


REPORT_FACTS: dict[str, Callable[[Report], Scalar]] = {
    "outcome": lambda report: str(report.outcome),
    "fraud_alert": lambda report: any(flag.kind == FlagKind.FRAUD_ALERT for flag in report.flags),
    "divergence": lambda report: any(
        flag.kind in {FlagKind.DIVERGENCE, FlagKind.GROUP_DIVERGENCE} for flag in report.flags
    ),
    "security_freeze": lambda report: any(
        omission.reason == OmissionReason.HOLD for omission in report.omissions
    ),
    "tradelines": lambda report: len(report.tradelines),
}

LINE_FACTS: dict[str, Callable[[Tradeline], Scalar | None]] = {
    "days_past_due": lambda line: line.days_past_due,
    "balance_minor": lambda line: line.balance_minor,
    "credit_limit_minor": lambda line: line.credit_limit_minor,
    "amount_past_due_minor": lambda line: line.amount_past_due_minor,
    "utilisation": lambda line: (
        line.balance_minor / line.credit_limit_minor if line.credit_limit_minor else None
    ),
    "frozen": is_frozen,
}

STANDING_FIELDS = ("value", "limit", "within")


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the lender knows beside the report.

    Attributes:
        applicant: The applicant's data by name of field.
        tradeline_id: Existing line that the decision is about; empty for an application.
    """

    applicant: Mapping[str, Scalar | None]
    tradeline_id: str


def inputs_document(applicant: Mapping[str, Scalar | None], tradeline_id: str = "") -> bytes:
    """Write the document of the inputs beside the report, in canonical JSON (RFC 8785).

    Args:
        applicant: The applicant's data by name of field.
        tradeline_id: Existing line that the decision is about; empty for an application.

    Raises:
        InputError: A value that JSON does not carry exactly, for example an integer of 2^53.
    """
    line = {TRADELINE_ID: tradeline_id} if tradeline_id else {}
    try:
        return rfc8785.dumps({**applicant, **line})
    except rfc8785.CanonicalizationError as error:
        raise InputError([Problem("inputs", str(error))]) from error


def read_document(document: bytes) -> Facts:
    """Read the document of the inputs beside the report.

    Raises:
        InputError: The document is not an object of JSON with plain values.
    """
    try:
        fields = read_json(document)
    except ValueError as error:
        raise InputError([Problem("inputs", f"are not JSON: {error}")]) from error
    if not isinstance(fields, dict):
        raise InputError([Problem("inputs", "are not an object of JSON")])
    tradeline_id = fields.pop(TRADELINE_ID, "")
    wrong = [name for name, value in fields.items() if isinstance(value, list | dict)]
    if wrong or not isinstance(tradeline_id, str):
        name = wrong[0] if wrong else TRADELINE_ID
        raise InputError([Problem(f"inputs, field {name!r}", "has a value of another type")])
    return Facts(fields, tradeline_id)


def read_values(policy: Policy, report: Report, facts: Facts) -> Values:
    """Read the values of the inputs that are neither computed nor scores; None for a missing one.

    Raises:
        InputError: The report lacks a section that the policy needs, the applicant's data have
            a field that the policy does not declare, or the line is not in the report.
    """
    applicant, tradeline_id = facts.applicant, facts.tradeline_id
    problems = [*_applicant_problems(policy, applicant), *_section_problems(policy, report)]
    line = next((line for line in report.tradelines if line.tradeline_id == tradeline_id), None)
    if fault := _line_fault(policy, tradeline_id, line):
        problems.append(Problem(TRADELINE_ID, fault))
    if problems:
        raise InputError(problems)
    read: Values = {}
    for declared in policy.inputs:
        if declared.source == "attribute":
            read[declared.name] = attribute_of(report, declared.key)
        elif declared.source == "standing":
            read[declared.name] = _standing_of(report, declared.key)
        elif declared.source == "report":
            read[declared.name] = REPORT_FACTS[declared.key](report)
        elif declared.source == "line" and line is not None:
            read[declared.name] = LINE_FACTS[declared.key](line)
        elif declared.source == "applicant":
            read[declared.name] = applicant.get(declared.key)
    return read


def complete_values(policy: Policy, expressions: Expressions, read: Values) -> Values:
    """Add computed inputs, apply the treatment of missing values, and check every range.

    An expression is evaluated for values that are all present; it is missing if one of them
    is, or if it divides by zero.

    Raises:
        InputError: A value is missing that the policy refuses without, or is outside of its
            declared type and range.
    """
    problems = [
        Problem(f"input {name!r}", "is not a declared input that is read; remove it")
        for name in read
        if name not in policy.by_name or policy.by_name[name].source == "computed"
    ]
    values: Values = {}
    for declared in policy.inputs:
        value = read.get(declared.name)
        if declared.source == "computed":
            try:
                value = _compute(declared, expressions, values)
            except ValueError as error:
                problems.append(Problem(f"input {declared.name!r}", f"fails: {error}"))
                continue
        if value is None:
            value = declared.default
        if value is None and declared.missing == "refuse":
            problems.append(Problem(f"input {declared.name!r}", _missing_fault(declared)))
        elif value is not None and (fault := declared.fault(value)):
            problems.append(Problem(f"input {declared.name!r}", fault))
        elif declared.type == "integer" and value is not None:
            value = int(value)
        values[declared.name] = value
    if problems:
        raise InputError(problems)
    return values


def attribute_of(report: Report, key: str) -> float | None:
    """Return an attribute of a report by its key, name or name and currency.

    An attribute that the report lists without a value is missing, and so is an amount in a
    currency that no tradeline has. One that the report does not list at all is an error.

    Raises:
        InputError: The report has no attribute of the name, or has it by currency and the key
            names none.
    """
    if key in report.figures:
        return report.figures[key]
    name, _, currency = key.partition(".")
    named = [other for other in report.figures if other.partition(".")[0] == name]
    if not currency and named:
        raise InputError(
            [Problem(f"attribute {key!r}", f"has a currency: name {' or '.join(named)}")]
        )
    lists_amounts = any("." in other for other in report.figures)
    if not named and report.outcome != ReportOutcome.NO_HIT and (not currency or lists_amounts):
        raise InputError([Problem(f"attribute {key!r}", "is not in the report; correct the name")])
    return None


def key_fault(declared: Input) -> str:
    """Describe the fault of the key of an input; empty for a key that its source has."""
    known: Iterable[str]
    if declared.source == "attribute":
        fits = re.match(ATTRIBUTE_KEY, declared.key)
        return "" if fits else f"the key {declared.key!r} is not NAME or NAME.CURRENCY"
    if declared.source == "report":
        known = REPORT_FACTS
    elif declared.source == "line":
        known = LINE_FACTS
    elif declared.source == "standing":
        rule = declared.key.rpartition(".")[0] or "RULE"
        known = [f"{rule}.{field}" for field in STANDING_FIELDS]
    else:
        return ""
    if declared.key in known:
        return ""
    return f"the key {declared.key!r} is unknown; use one of {', '.join(known)}"


def _compute(declared: Input, expressions: Expressions, values: Values) -> Scalar | None:
    expression = expressions[declared.name]
    used = {name: values.get(name) for name in expression.names}
    if None in used.values():
        return None
    value: Scalar | None = expression.evaluate(used)
    return value


def _standing_of(report: Report, key: str) -> Scalar | None:
    rule, _, field = key.rpartition(".")
    standings = [standing for standing in report.standings if standing.rule == rule]
    if not standings:
        return None
    newest = max(standings, key=lambda standing: standing.standard_version)
    value: Scalar = getattr(newest, field)
    return value


def _applicant_problems(
    policy: Policy, applicant: Mapping[str, Scalar | None]
) -> Iterable[Problem]:
    known = {declared.key for declared in policy.inputs if declared.source == "applicant"}
    return [
        Problem(f"applicant field {name!r}", "is not an input of the policy; remove it")
        for name in applicant
        if name not in known
    ]


def _section_problems(policy: Policy, report: Report) -> Iterable[Problem]:
    """Find sections that the consent did not open: their values are not missing but unknown."""
    if report.outcome == ReportOutcome.NO_HIT:
        return []
    needed = {
        "attribute": Section.ATTRIBUTES,
        "score": Section.ATTRIBUTES,
        "standing": Section.SUMMARY,
        "line": Section.TRADELINES,
    }
    sources = {declared.source for declared in policy.inputs}
    return [
        Problem(f"section {section}", "is not opened by the consent; ask for one that opens it")
        for source, section in needed.items()
        if source in sources and section not in report.sections
    ]


def _line_fault(policy: Policy, tradeline_id: str, line: Tradeline | None) -> str:
    if policy.kind == "application":
        return "is given, but a policy for applications takes none" if tradeline_id else ""
    if line is None:
        return f"{tradeline_id!r} is not a tradeline of the report; name the line to decide on"
    if line.currency != policy.currency:
        return f"is a line in {line.currency}, not in {policy.currency}"
    return ""


def _missing_fault(declared: Input) -> str:
    return f"{declared.source} {declared.key!r} is missing, and the policy refuses without it"
