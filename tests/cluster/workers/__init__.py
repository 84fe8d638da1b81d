"""Lenders, wallets, watchers, an issuer of cards, the operator and a hostile member, each a
process of its own.

All but the operator drive the SDK as a member's systems would, and write down what they did: every
statement with its outcome and receipt. Only the hostile one goes past the SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.cluster.control_files import TopologyMap

LENDER, WALLET, WATCHER, ISSUER = "lender", "wallet", "watcher", "issuer"
HOSTILE, OPERATOR = "hostile", "operator"
ROLES = (LENDER, WALLET, WATCHER, ISSUER, OPERATOR, HOSTILE)


@dataclass(frozen=True, slots=True)
class Hand:
    """One worker: what it does, its name, and the member in whose name it does it."""

    role: str
    name: str
    member: str

    def words(self) -> list[str]:
        """Its part of the command line."""
        return [self.role, "--name", self.name, "--member", self.member]


def workers(topology: TopologyMap) -> Iterator[Hand]:
    """Everybody who works in a topology; wallets first, since lenders wait for consents."""
    for number, agent in enumerate(topology.of_kind("agent"), 1):
        yield Hand(WALLET, f"wallet-{number}", agent.member_id)
    for lender in topology.of_kind("lender"):
        yield Hand(LENDER, lender.member_id, lender.member_id)
    for number, lender in enumerate(topology.of_kind("lender"), 1):
        yield Hand(WATCHER, f"watcher-{number}", lender.member_id)
    for issuer in topology.of_kind("issuer"):
        yield Hand(ISSUER, issuer.member_id, issuer.member_id)
    for operator in topology.of_kind("operator"):
        yield Hand(OPERATOR, operator.member_id, operator.member_id)
    for hostile in topology.of_kind("hostile"):
        yield Hand(HOSTILE, hostile.member_id, hostile.member_id)
