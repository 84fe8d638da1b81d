"""The policy of the issuer's line agent: each review changes the line.

It freezes a line that has a balance, as every card of the issuer's has, and restores one that is
frozen: whatever is acted on twice shows.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from bureau_client.risk.activation import activate
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.policy import read_policy

REASON = "regb.excessive_obligations"
INPUTS = [
    {
        "name": "balance",
        "source": "line",
        "key": "balance_minor",
        "type": "integer",
        "unit": "USD",
        "minimum": 0,
        "maximum": 1_000_000_00,
        "missing": "refuse",
        "neutral": 0,
        "reason": REASON,
        "basis": {"select": "line"},
    },
    {"name": "frozen", "source": "line", "key": "frozen", "type": "boolean", "missing": "refuse"},
]
# The first rule that matches decides.
RULES = [
    {"_id": "restore", "_description": "A freeze ends", "frozen": "true", "outcome": "'RESTORE'"},
    {"_id": "freeze", "_description": "A balance", "balance": "> 0", "outcome": "'FREEZE'"},
    {"_id": "keep", "_description": "Everything else", "outcome": "'KEEP'"},
]
GOLDEN: list[dict[str, Any]] = [
    {
        "name": "a balance",
        "inputs": {"balance": 1, "frozen": False},
        "expect": {"outcome": "FREEZE", "reasons": [REASON]},
    },
    {
        "name": "a frozen line",
        "inputs": {"balance": 1, "frozen": True},
        "expect": {"outcome": "RESTORE"},
    },
    {
        "name": "no balance",
        "inputs": {"balance": 0, "frozen": False},
        "expect": {"outcome": "KEEP"},
    },
]


@cache
def card_policy() -> ActivePolicy:
    """Return the active policy."""
    return activate(read_policy(json.dumps(_document())))


def _document() -> dict[str, Any]:
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "field": name} for name in ("frozen", "balance")],
        "outputs": [{"id": "outcome", "name": "outcome", "field": "outcome"}],
        "rules": RULES,
    }
    nodes: list[dict[str, Any]] = [
        {"id": "request", "type": "inputNode", "name": "Request"},
        {"id": "table", "type": "decisionTableNode", "name": "Outcome", "content": table},
        {"id": "response", "type": "outputNode", "name": "Response"},
    ]
    edges = [
        {"id": f"{source}_{target}", "type": "edge", "sourceId": source, "targetId": target}
        for source, target in (("request", "table"), ("table", "response"))
    ]
    return {
        "format": "creditbureau.policy.v1",
        "name": "harness-cards",
        "version": "1",
        "jurisdiction": "US",
        "kind": "line",
        "currency": "USD",
        "inputs": INPUTS,
        "graph": {
            "nodes": [node | {"position": {"x": 0, "y": 0}} for node in nodes],
            "edges": edges,
        },
        "golden": GOLDEN,
    }
