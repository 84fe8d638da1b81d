"""The document of a policy: declared inputs, decision tables, golden cases.

A policy is one JSON file. Its tables are a graph of the JSON Decision Model, as rule editors
write it. Reading a document checks its shape alone; `activation.activate` checks everything that
makes it safe to decide by.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from bureau_client.models.codes import DecisionOutcome
from bureau_client.risk.documents import (
    Basis,
    Document,
    DocumentError,
    Problem,
    parse,
    reason_fault,
)

FORMAT = "creditbureau.policy.v1"
# Source of an input that is a score.
SCORE = "score"
# Outcomes of each kind of policy, the best for the person first.
OUTCOMES = {
    "application": (
        DecisionOutcome.APPROVE,
        DecisionOutcome.COUNTER_OFFER,
        DecisionOutcome.REFER,
        DecisionOutcome.DECLINE,
    ),
    "line": (
        DecisionOutcome.INCREASE,
        DecisionOutcome.RESTORE,
        DecisionOutcome.KEEP,
        DecisionOutcome.REFER,
        DecisionOutcome.REDUCE,
        DecisionOutcome.FREEZE,
    ),
}

Scalar: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr
Values: TypeAlias = dict[str, Scalar | None]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Band = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
Outcome = Annotated[
    DecisionOutcome,
    BeforeValidator(lambda name: DecisionOutcome.parse(name) if isinstance(name, str) else name),
    PlainSerializer(str),
]


class PolicyError(DocumentError):
    """A policy that is not safe to decide by, with every problem that was found."""

    kind: ClassVar[str] = "policy"


class Input(Document):
    """A declared input of a policy.

    Attributes:
        source: Origin of the value: an attribute of the report, a score of it, a standing
            under the standard of credit, a fact of the report, a figure of the existing line,
            the applicant's data, or an expression over other inputs.
        key: Name within the source: `total_balance.USD`, `max_concurrent_lenders.within`,
            `outcome`, `days_past_due`; the name of a score's scorecard; the expression of a
            computed input.
        unit: Unit of the value: a currency for amounts in minor units, otherwise words.
        minimum: Least allowed value of a number.
        maximum: Greatest allowed value of a number.
        values: Enumeration of a text.
        missing: Treatment of a missing value: `refuse` the decision, use the `default`, or
            `branch`: the tables see null.
        neutral: Value that drives no adverse outcome; reasons are derived with it. Of a score
            the neutral score of its scorecard.
        worse: Direction in which outcomes only get worse, checked at activation.
        reason: Code of the reason that the input gives; a score gives the reasons of its
            scorecard.
        specify: Text of the reason `regb.other`, by language tag, English among them: a term of
            the form is used only where it is the factor that was considered.
        basis: Entries of the report that the reason rests on.
    """

    name: Name
    source: Literal["attribute", "score", "standing", "report", "line", "applicant", "computed"]
    key: str = Field(min_length=1, max_length=500)
    type: Literal["integer", "number", "text", "boolean"]
    unit: str = Field(default="", max_length=64)
    minimum: StrictInt | StrictFloat | None = None
    maximum: StrictInt | StrictFloat | None = None
    values: tuple[str, ...] = ()
    missing: Literal["refuse", "default", "branch"]
    default: Scalar | None = None
    neutral: Scalar | None = None
    worse: Literal["higher", "lower"] | None = None
    reason: str | None = None
    specify: dict[str, str] = Field(default_factory=dict)
    basis: Basis | None = None

    @model_validator(mode="after")
    def _check_declaration(self) -> Input:
        if self.is_numeric != (self.minimum is not None and self.maximum is not None):
            raise ValueError("a number has `minimum` and `maximum`, other types have neither")
        if (self.type == "text") != bool(self.values):
            raise ValueError("a text has its enumeration in `values`, other types have none")
        if (self.missing == "default") != (self.default is not None):
            raise ValueError("`default` is the value for `missing` = `default`, and for no other")
        if fault := reason_fault(self.reason, self.specify):
            raise ValueError(fault)
        if self.source == SCORE:
            if (self.type, self.worse, self.reason) != ("integer", "lower", None):
                raise ValueError(
                    "a score is an integer, lower ones are worse, and its reasons are those of its "
                    "scorecard: declare no `reason`"
                )
            if self.neutral is None:
                raise ValueError("`neutral` of a score is the neutral score of its scorecard")
        elif (self.reason is None) != (self.neutral is None):
            raise ValueError("`reason` and `neutral` come together: reasons are derived with both")
        if self.basis is not None and self.reason is None:
            raise ValueError("`basis` is the basis of a `reason`, which is missing")
        if self.worse is not None and not self.is_numeric:
            raise ValueError("`worse` is the direction of a number")
        for field in ("default", "neutral"):
            value = getattr(self, field)
            if value is not None and (fault := self.fault(value)):
                raise ValueError(f"`{field}` {fault}")
        return self

    @property
    def gives_reasons(self) -> bool:
        """True for an input that may be the reason of an adverse outcome."""
        return self.neutral is not None

    @property
    def is_numeric(self) -> bool:
        """True for an integer or a number."""
        return self.type in {"integer", "number"}

    def fault(self, value: Scalar) -> str:
        """Describe the fault of a value; empty for a value of the declared type and range."""
        if self.type == "boolean":
            return "" if isinstance(value, bool) else f"is {value!r}, not a boolean"
        if self.type == "text":
            known = ", ".join(self.values)
            return "" if value in self.values else f"is {value!r}, not one of {known}"
        if isinstance(value, bool | str) or not math.isfinite(value):
            return f"is {value!r}, not a number"
        if self.type == "integer" and value != int(value):
            return f"is {value!r}, not an integer"
        if self.minimum is None or self.maximum is None:
            return "has no declared range"
        if not self.minimum <= value <= self.maximum:
            return f"is {value!r}, outside {self.minimum} to {self.maximum}"
        return ""


class Expected(Document):
    """The decision that a golden case expects.

    Attributes:
        reasons: Codes of the reasons, most important first; empty for no adverse outcome.
    """

    outcome: Outcome
    limit: StrictInt | None = None
    price_band: Band | None = None
    reasons: tuple[str, ...] = ()


class GoldenCase(Document):
    """A case that the policy must decide as expected before it is active.

    Attributes:
        inputs: Values by name of input, computed ones and scores left out; one that is not named is
            missing.
        figures: Attributes that the scorecards need, by key; one that is not named is missing.
            Without any the case has no score.
    """

    name: str = Field(min_length=1, max_length=120)
    inputs: dict[str, Scalar | None]
    figures: dict[str, StrictInt | StrictFloat | None] = Field(default_factory=dict)
    expect: Expected


class ScorecardPin(Document):
    """The one scorecard that a policy means by a name.

    Attributes:
        digest: SHA-256 of the scorecard's canonical document, in hex.
    """

    name: str = Field(pattern=r"^[a-z0-9._-]{1,64}$")
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Policy(Document):
    """A policy as its document declares it.

    Attributes:
        kind: `application`, or `line` for decisions on existing lines.
        currency: ISO 4217 currency of limits.
        price_bands: Price bands that tables may give.
        scorecards: Scorecards whose scores are inputs.
        graph: Decision tables as a graph of the JSON Decision Model.
    """

    format: Literal["creditbureau.policy.v1"]
    name: str = Field(pattern=r"^[a-z0-9._-]{1,64}$")
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    jurisdiction: str = Field(pattern=r"^[A-Z]{2}$")
    kind: Literal["application", "line"]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    price_bands: tuple[Band, ...] = ()
    scorecards: tuple[ScorecardPin, ...] = ()
    inputs: tuple[Input, ...] = Field(min_length=1)
    graph: dict[str, Any]
    golden: tuple[GoldenCase, ...] = Field(min_length=1)

    @property
    def outcomes(self) -> tuple[DecisionOutcome, ...]:
        """Outcomes of the policy's kind, the best for the person first."""
        return OUTCOMES[self.kind]

    @cached_property
    def by_name(self) -> dict[str, Input]:
        """Inputs by name."""
        return {declared.name: declared for declared in self.inputs}

    @cached_property
    def document(self) -> bytes:
        """The canonical document (RFC 8785)."""
        return self.canonical()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document."""
        return hashlib.sha256(self.document).digest()


def read_policy(text: str | bytes) -> Policy:
    """Read the document of a policy and check its shape.

    Raises:
        PolicyError: The text is not JSON, or has a field that the format does not allow.
    """
    policy = parse(Policy, text, PolicyError)
    _check_names(policy)
    return policy


def load_policy(path: str | Path) -> Policy:
    """Read the document of a policy from a file.

    Raises:
        PolicyError: See `read_policy`.
    """
    return read_policy(Path(path).read_bytes())


def reference_policies() -> dict[str, bytes]:
    """Read the documents of the policies that come with the SDK, by name."""
    folder = files("bureau_client") / "data" / "policies"
    return {
        file.name.removesuffix(".json"): file.read_bytes()
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    }


def _check_names(policy: Policy) -> None:
    names = [declared.name for declared in policy.inputs]
    cases = [case.name for case in policy.golden]
    scorecards = [pin.name for pin in policy.scorecards]
    problems = [
        Problem(f"{part} {name!r}", "is declared twice; rename or delete one")
        for part, all_names in (
            ("input", names),
            ("golden case", cases),
            ("scorecard", scorecards),
        )
        for name in dict.fromkeys(all_names)
        if all_names.count(name) > 1
    ]
    if problems:
        raise PolicyError(policy.name, problems)
