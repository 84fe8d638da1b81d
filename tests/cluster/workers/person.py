"""A person whom an agent serves: the key that signs for them, and what they remember."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum

from bureau_client import Wallet


class KeyState(StrEnum):
    """The state of a person's keys."""

    OWN = "own"  # the person's key is in force
    WAITS = "waits"  # an attester has bound another one, which waits
    TAKEN = "taken"  # the other one is in force, and the person has not agreed
    LOST = "lost"  # two attesters have repudiated the only one


@dataclass
class Person:
    """Somebody with a key of their own, and what they remember.

    Attributes:
        wallet: Signs with the key in force.
        consents: Consents to inquire, and how each stands: `active`, `paused`,
            `revoked`, `replaced`, or `unknown` until a broken change of it is settled.
        grantees: The lender of each consent that a newer one may replace.
        repairer: The lender that repairs an account of theirs; empty for none.
        furnishing: Their consent that lets the repairer furnish; empty after its revocation.
        careful: Whether they freeze their file at times; the others' alerts never stop.
        quiet: True if they write nothing, so that the operator can erase all about them.
        bound: False until the outcome of a change of keys is known: nothing is signed then.
        keys: The state of their keys.
        other: A wallet of the key that waits; once that is in force, of the earlier key.
        other_id: Id of the key that an attester bound in place of the person's.
        granted_before: Ids of the consents that they had when another key took its place.
    """

    wallet: Wallet
    careful: bool
    repairer: str = ""
    furnishing: str = ""
    consents: dict[str, str] = field(default_factory=dict)
    grantees: dict[str, str] = field(default_factory=dict)
    hold: str = ""
    quiet: bool = False
    bound: bool = False
    keys: KeyState = KeyState.OWN
    other: Wallet | None = None
    other_id: str = ""
    granted_before: frozenset[str] = frozenset()
    turn: threading.Lock = field(default_factory=threading.Lock)
