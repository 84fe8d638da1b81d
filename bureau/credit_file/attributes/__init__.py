"""Named figures about a credit file, from one registry.

Attributes look at the credit file as of the inquiry, and at nothing later. The registry
keeps retired definitions, so that earlier reports can be replayed. `docs/attributes.md` is
made from the registry (`python -m bureau.credit_file.attributes`).
"""

from __future__ import annotations

from collections.abc import Mapping

from bureau.credit_file.attributes.accounts import ACCOUNTS
from bureau.credit_file.attributes.definition import Definition
from bureau.credit_file.attributes.delinquency import DELINQUENCY, INQUIRIES
from bureau.credit_file.attributes.exposure import EXPOSURE
from bureau.credit_file.attributes.view import View
from bureau.credit_file.filed import CreditFile
from bureau.credit_file.scope import Scope, lines_in
from creditbureau.v1.codes_pb2 import SECTION_ATTRIBUTES
from creditbureau.v1.report_pb2 import Attribute, Report

__all__ = ["REGISTRY", "Definition", "add_attributes", "attributes_in", "attributes_of"]

# Every definition of every version of reports, in order of the report's attributes.
REGISTRY: tuple[Definition, ...] = (*EXPOSURE, *ACCOUNTS, *DELINQUENCY, *INQUIRIES)


def attributes_in(version: str) -> dict[str, Definition]:
    """Return the attributes of a version of reports, by name."""
    return {definition.name: definition for definition in REGISTRY if definition.is_in(version)}


def add_attributes(
    report: Report, file: CreditFile, scope: Scope, definitions: Mapping[str, Definition]
) -> None:
    """Add the attributes of the tradelines that a scope opens, if it opens attributes."""
    if SECTION_ATTRIBUTES in scope.sections:
        in_scope = file._replace(tradelines=lines_in(file, scope))
        report.attributes.extend(attributes_of(in_scope, definitions))


def attributes_of(file: CreditFile, definitions: Mapping[str, Definition]) -> list[Attribute]:
    """Compute every attribute of a credit file, in the registry's order.

    Amounts of money come once for each currency. An attribute without a value is missing;
    its definition says what that means.
    """
    view = View.of(file)
    currencies = sorted({line.snapshot.currency for line in view.lines})
    parts = [(currency, view.within(currency)) for currency in currencies]
    attributes = []
    for definition in definitions.values():
        if definition.per_currency:
            attributes += [
                Attribute(name=definition.name, value=definition.compute(v), unit=c)
                for c, v in parts
            ]
        else:
            attributes.append(
                Attribute(
                    name=definition.name, value=definition.compute(view), unit=definition.unit
                )
            )
    return attributes
