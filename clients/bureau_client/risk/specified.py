"""The policy's own text of a reason that no term of the form has."""

from __future__ import annotations

from bureau_client.models.decisions import DecisionReason
from bureau_client.models.reasons import OTHER
from bureau_client.models.texts import nearest
from bureau_client.risk.policy import Input, Policy
from bureau_client.risk.zen_text import tokens_of

# Attributes of one reason: the contract's limit (DecisionReason.attributes).
MAX_ATTRIBUTES = 8


def attribute_names(policy: Policy, declared: Input) -> tuple[str, ...]:
    """Return the names of an input in a reason: an attribute by its key, a computed input by the
    inputs that it is computed from, and others by name.
    """
    if declared.source == "attribute":
        return (declared.key,)
    if declared.source != "computed":
        return (declared.name,)
    used = dict.fromkeys(tokens_of(declared.key).names)
    names = (name for other in used for name in attribute_names(policy, policy.by_name[other]))
    return tuple(dict.fromkeys(names))


def specified_text(policy: Policy, reason: DecisionReason, language: str) -> str:
    """Return the text of each input that a reason `other` follows from.

    Args:
        language: BCP 47; English if the policy has no text in it.
    """
    texts = [
        nearest(declared.specify, language)[0]
        for declared in policy.inputs
        if declared.reason == OTHER
        and {*attribute_names(policy, declared)[:MAX_ATTRIBUTES]} <= {*reason.attributes}
    ]
    return "; ".join(dict.fromkeys(texts))
