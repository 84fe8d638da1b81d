"""What every plan of one client shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from bureau_client.author import Author
from bureau_client.members import Vouched
from bureau_client.plans.plan import Clock
from bureau_client.verify.heads import SeenHeads
from bureau_keys.profile import Trust


@dataclass(slots=True, kw_only=True)
class Reader:
    """One client that signs nothing: whom it trusts, what it has seen.

    Attributes:
        trust: What it pins.
        clock: What time it is.
        heads: The checkpoints seen so far.
    """

    trust: Trust
    clock: Clock
    heads: SeenHeads = field(default_factory=SeenHeads)


@dataclass(slots=True, kw_only=True)
class Caller(Reader):
    """One client that signs.

    Attributes:
        author: Signs its statements; replaced when its key rotates.
        furnishers: Members whose keys were needed, by id.
    """

    author: Author
    furnishers: dict[str, Vouched] = field(default_factory=dict)
