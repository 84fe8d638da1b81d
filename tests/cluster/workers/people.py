"""The people of a run: the same for every worker, from the run's seed.

Every agent has a few people as its customers.
"""

from __future__ import annotations

from tests.cluster.control_files import TopologyMap

PEOPLE_OF_AN_AGENT = 8
# Of an agent's people, so many write nothing.
QUIET_PEOPLE = 2
# Where wallets leave people's keys for the auditor, who looks at what each of them sees.
KEYS = "people"
# Where they leave every key that they made for a person, in force or not.
EVERY_KEY = "keys"
# Where they name the people who write nothing: the operator may erase what is told of them.
QUIET = "quiet"
# Each lender repairs an account of so many people, sells debts of theirs, and furnishes an
# account of theirs that was silent.
REPAIRED_PEOPLE = 3
Identifier = tuple[str, str, str]


def identifiers(topology: TopologyMap) -> list[Identifier]:
    """Never-issued United States social security numbers, other ones for every seed."""
    people = len(topology.of_kind("agent")) * PEOPLE_OF_AN_AGENT
    return [
        ("US", "SSN", f"000-{10 + topology.seed % 90:02}-{number:04}") for number in range(people)
    ]


def repaired_by(topology: TopologyMap, lender: str) -> list[int]:
    """Return the indices of the people of whom a lender repairs an account.

    No account is repaired of people who write nothing: the operator may erase it.
    """
    lenders = [member.member_id for member in topology.of_kind("lender")]
    places = [index for index in writers(topology) if lenders[index % len(lenders)] == lender]
    return places[:REPAIRED_PEOPLE]


def writers(topology: TopologyMap) -> list[int]:
    """Return the indices of the people about whom the operator erases nothing."""
    return [
        index
        for index in range(len(identifiers(topology)))
        if index % PEOPLE_OF_AN_AGENT < PEOPLE_OF_AN_AGENT - QUIET_PEOPLE
    ]


def buyer_from(topology: TopologyMap, lender: str) -> str:
    """Return the lender that buys the debts of a lender; empty if there is no other one."""
    lenders = [member.member_id for member in topology.of_kind("lender")]
    buyer = lenders[(lenders.index(lender) + 1) % len(lenders)]
    return "" if buyer == lender else buyer


def places_of(topology: TopologyMap, agent: str) -> range:
    """Return the indices of an agent's people."""
    number = [member.member_id for member in topology.of_kind("agent")].index(agent)
    return range(number * PEOPLE_OF_AN_AGENT, (number + 1) * PEOPLE_OF_AN_AGENT)
