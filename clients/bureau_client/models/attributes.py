"""The dictionary of attributes: what each says, its unit and window, and why it may be missing.

The data is made from the bureau's registry by `python -m bureau.credit_file.attributes`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

# Unit of attributes that are amounts.
MINOR_UNITS = "minor units"


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """The definition of an attribute in some versions of reports.

    Attributes:
        name: `total_balance`, as `Attribute.name`.
        text: The figure in words.
        unit: Unit of the value: `minor units` for an amount.
        window: The months or tradelines that it covers.
        missing: The meaning of a missing value.
        since: The first version of reports that has it: `2026-11`.
        until: The first version of reports that no longer has it; empty if the newest has it.
    """

    name: str
    text: str
    unit: str
    window: str
    missing: str
    since: str
    until: str

    @property
    def is_amount(self) -> bool:
        """True for an amount, which comes once for each currency of the file."""
        return self.unit == MINOR_UNITS

    def is_in(self, version: str) -> bool:
        """Return True if a version of reports, `2026-12`, has the definition."""
        return self.since <= version and (not self.until or version < self.until)


def attribute_dictionary(rules_version: str = "") -> Mapping[str, AttributeDefinition]:
    """Return the definitions of the attributes of a report by name.

    Args:
        rules_version: `Report.rules_version` of the report; by default the newest version that
            this release knows. An attribute of a newer bureau may be missing from it.
    """
    version = rules_version.partition("/")[0] or max(one.since for one in _definitions())
    return MappingProxyType({one.name: one for one in _definitions() if one.is_in(version)})


@cache
def _definitions() -> tuple[AttributeDefinition, ...]:
    text = (files("bureau_client") / "data" / "attributes.json").read_text("utf-8")
    return tuple(AttributeDefinition(**fields) for fields in json.loads(text))
