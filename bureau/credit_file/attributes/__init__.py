"""Named figures about a credit file, from one registry.

Point in time: of the file as it stood, and of nothing later. `docs/attributes.md` is
made from the registry (`python -m bureau.credit_file.attributes`).
"""

from __future__ import annotations

from bureau.codes import has
from bureau.credit_file.attributes.accounts import ACCOUNTS
from bureau.credit_file.attributes.definition import Definition
from bureau.credit_file.attributes.delinquency import DELINQUENCY, INQUIRIES
from bureau.credit_file.attributes.exposure import EXPOSURE
from bureau.credit_file.attributes.view import View
from bureau.credit_file.reader import CreditFile
from bureau.credit_file.report import Scope, lines_in
from creditbureau.v1.codes_pb2 import SECTION_ATTRIBUTES
from creditbureau.v1.report_pb2 import Attribute, Report

__all__ = ["REGISTRY", "REGISTRY_VERSION", "Definition", "add_attributes", "attributes_of"]

# Changes when an attribute comes, goes or means something else.
REGISTRY_VERSION = "2026-11"

REGISTRY: dict[str, Definition] = {
    at.name: at for at in (*EXPOSURE, *ACCOUNTS, *DELINQUENCY, *INQUIRIES)
}


def add_attributes(report: Report, file: CreditFile, scope: Scope) -> None:
    """Adds the attributes of what a scope opens of a file, if it opens them."""
    if has(scope.sections, SECTION_ATTRIBUTES):
        seen = file._replace(tradelines=lines_in(file, scope))
        report.attributes.extend(attributes_of(seen))


def attributes_of(file: CreditFile) -> list[Attribute]:
    """Every attribute of a file, in the registry's order; those that are money once for
    each currency. One without a value is missing: the registry says what that means.
    """
    view = View.of(file)
    currencies = sorted({line.at.currency for line in view.lines})
    parts = [(currency, view.within(currency)) for currency in currencies]
    found = []
    for at in REGISTRY.values():
        if at.per_currency:
            found += [Attribute(name=at.name, value=at.compute(v), unit=c) for c, v in parts]
        else:
            found.append(Attribute(name=at.name, value=at.compute(view), unit=at.unit))
    return found
