"""Documents of risk decisions: JSON with one meaning, whose faults are named by path.

Policies and scorecards are documents. The digest is over the canonical form (RFC 8785), so that
white space and the order of keys change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bureau_client.models.reasons import OTHER, REASON_CODES
from bureau_client.models.texts import DEFAULT

# Key of an attribute, as the contract has it in reasons (DecisionReason.attributes).
ATTRIBUTE_KEY = r"^[a-z0-9_]{1,64}(\.[A-Z]{3})?$"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a document.

    Attributes:
        path: Part of the document: `table 'Outcome', rule 'late', cell 'months_late'`.
        message: The fault and the fix.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DocumentError(ValueError):
    """A document that is not safe to use, with every problem that was found."""

    kind: ClassVar[str]

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        faults = "\n".join(f"- {problem}" for problem in self.problems)
        super().__init__(f"{self.kind} {name!r} is refused:\n{faults}")


class Document(BaseModel):
    """A part of a document: its fields do not change, and it has no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> bytes:
        """Return the canonical form (RFC 8785)."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_unset=True))


D = TypeVar("D", bound=Document)


class Basis(Document):
    """Selection of the entries of a report that a reason rests on (`basis.SELECTIONS`).

    Attributes:
        select: Name of the selection.
        months: Months of history that it looks back from each tradeline's newest month.
        days: Least days past due of a month.
    """

    select: Literal[
        "delinquent_months",
        "lost",
        "open_balances",
        "line_balances",
        "recently_opened",
        "frozen",
        "line",
    ]
    months: int = Field(default=24, ge=1, le=120)
    days: Literal[30, 60, 90, 120, 150, 180] = 30


def reason_fault(reason: str | None, specify: Mapping[str, str]) -> str:
    """Describe the fault of a reason and its own text; empty if there is none.

    Args:
        reason: Code of the reason; None for no reason.
        specify: Text of the reason `regb.other` by language tag: a term of the form is used
            only where it is the factor that was considered.
    """
    if reason is not None and reason not in REASON_CODES:
        return f"reason {reason!r} is unknown; use one of {', '.join(REASON_CODES)}"
    if (reason == OTHER) != (DEFAULT in specify):
        return f"`specify` is the text of `{OTHER}`, at least in English"
    return ""


def read_json(text: str | bytes) -> Any:
    """Read JSON that has one meaning: no key twice, no number that JSON does not have.

    Raises:
        ValueError: The text is not JSON of this kind.
    """
    return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def parse(model: type[D], text: str | bytes, refusal: type[DocumentError]) -> D:
    """Read a document and check its shape.

    Args:
        refusal: Type of the error.

    Raises:
        DocumentError: The text is not JSON, or has a field that the format does not allow.
    """
    try:
        document = read_json(text)
        return model.model_validate(document)
    except ValidationError as error:
        name = document.get("name") if isinstance(document, dict) else None
        raise refusal(str(name or "?"), _shape_problems(error)) from error
    except ValueError as error:
        raise refusal("?", [Problem("document", f"is not JSON: {error}")]) from error


def _shape_problems(error: ValidationError) -> list[Problem]:
    """Return the fields of a document that its format does not allow."""
    return [
        Problem(".".join(map(str, fault["loc"])) or "document", _words_of(fault))
        for fault in error.errors(include_url=False, include_input=False)
    ]


# Words for the patterns of the fields; a person reads no regular expression.
_PATTERNS = {
    "^[A-Z]{2}$": "is not a country; write two capital letters, for example US",
    "^[A-Z]{3}$": "is not a currency; write three capital letters, for example USD",
    "^[0-9a-f]{64}$": "is not a SHA-256; write 64 characters of 0 to 9 and a to f",
    "^[a-z][a-z0-9_]{0,63}$": "must begin with a small letter and have small letters, digits and "
    "underscores, at most 64 characters",
    "^[a-z0-9._-]{1,64}$": "must have small letters, digits, dots, dashes and underscores, at most "
    "64 characters",
    "^[A-Za-z0-9._-]{1,64}$": "must have letters, digits, dots, dashes and underscores, at most 64 "
    "characters",
    "^[A-Za-z0-9._-]{1,32}$": "must have letters, digits, dots, dashes and underscores, at most 32 "
    "characters",
    ATTRIBUTE_KEY: "must be the key of an attribute, for example inquiries_6m or total_balance.USD",
}


def _words_of(fault: Any) -> str:
    if fault["type"] != "string_pattern_mismatch":
        return str(fault["msg"])
    return _PATTERNS.get(fault["ctx"]["pattern"], "has a form that is not allowed")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")
