"""Named figures about a credit file, from one registry.

Attributes look at the credit file as of the inquiry, and at nothing later. The registry
keeps retired definitions, so that earlier reports can be replayed. `docs/attributes.md` is
made from the registry (`python -m bureau.credit_file.attributes`).
"""

from __future__ import annotations

from collections.abc import Mapping

from bureau.credit_file.attributes.accounts import ACCOUNTS
from bureau.credit_file.attributes.definition import Definition
from bureau.credit_file.attributes.delinquency import DELINQUENCY
from bureau.credit_file.attributes.exposure import EXPOSURE
from bureau.credit_file.attributes.inquiries import INQUIRIES
from bureau.credit_file.attributes.other_debts import OTHER_DEBTS
from bureau.credit_file.attributes.payments import PAYMENTS
from bureau.credit_file.attributes.v2026_11 import RETIRED
from bureau.credit_file.attributes.view import View
from bureau.credit_file.filed import CreditFile
from creditbureau.v1.report_pb2 import Attribute

__all__ = ["REGISTRY", "Definition", "attributes_in", "attributes_of"]

# The definitions of the current version, in order of the report's attributes, then the
# retired ones.
REGISTRY: tuple[Definition, ...] = (
    *EXPOSURE,
    *PAYMENTS,
    *ACCOUNTS,
    *DELINQUENCY,
    *OTHER_DEBTS,
    *INQUIRIES,
    *RETIRED,
)


def attributes_in(version: str) -> dict[str, Definition]:
    """Return the attributes of a version of reports, by name.

    A retired definition has the place of its successor in the order.
    """
    names = dict.fromkeys(definition.name for definition in REGISTRY)
    present = {definition.name: definition for definition in REGISTRY if definition.is_in(version)}
    return {name: present[name] for name in names if name in present}


def attributes_of(
    file: CreditFile, definitions: Mapping[str, Definition], reader: str
) -> list[Attribute]:
    """Compute every attribute of a credit file, in the registry's order.

    An amount comes once for each currency of the tradelines. An attribute without a value is
    missing; its definition says what that means.

    Args:
        reader: Member id of the reader; empty for the subject.
    """
    view = View.of(file, reader)
    parts = view.by_currency()
    return [
        Attribute(
            name=definition.name,
            value=definition.compute(part),
            unit=definition.unit,
            currency=currency,
        )
        for definition in definitions.values()
        for currency, part in (parts.items() if definition.is_amount else [("", view)])
    ]
