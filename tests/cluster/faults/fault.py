"""A fault: an idea, its particulars drawn by chance, a way to inject and a way to heal it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tests.cluster.topology.topology import Topology

DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Cast:
    """The names of the topology's parts, from which the random schedule chooses.

    Attributes:
        serving: Nodes, and the directory.
    """

    nodes: tuple[str, ...]
    serving: tuple[str, ...]
    lenders: tuple[str, ...]
    witnesses: tuple[str, ...] = ()


class Fault(ABC):
    """Something that goes wrong; its docstring's first line says what, to people.

    A fault is a small dataclass of its particulars. The fault is over when `heal` returns:
    from then on the bureau has ten seconds to serve everybody again.
    """

    # Seconds from its beginning to its healing, between which chance chooses.
    length_s: ClassVar[tuple[float, float]] = (4.0, 6.0)

    @property
    @abstractmethod
    def takes(self) -> frozenset[str]:
        """The parts of the topology that the fault occupies; faults that share none may overlap."""

    @abstractmethod
    def inject(self, topology: Topology) -> None:
        """Begins it."""

    @abstractmethod
    def heal(self, topology: Topology) -> None:
        """Ends it, whatever it came to; returns when what it broke is whole."""

    @classmethod
    def missing(cls, topology: Topology) -> str:
        """Why this machine cannot show it; empty if it can."""
        del topology
        return ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A fault of the catalogue.

    Attributes:
        draw: Chooses the particulars; the same chance gives the same.
        kind: The class of what is drawn.
    """

    name: str
    sentence: str
    kind: type[Fault]
    draw: Callable[[Random, Cast], Fault]


def entry(name: str, kind: type[Fault], draw: Callable[[Random, Cast], Fault]) -> Entry:
    """An entry that is described by its class."""
    assert kind.__doc__
    return Entry(name, kind.__doc__.partition("\n")[0], kind, draw)
