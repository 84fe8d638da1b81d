"""The options of a run, and the one command that repeats it."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.faults import CATALOGUE
from tests.cluster.topology.topology import Size

ALL, NONE = "all", "none"


class UnknownFaultError(ValueError):
    """A fault that is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run.

    Attributes:
        seconds: For how long the bureau works under faults.
        faults: Names of the catalogue.
        said: As the faults were asked for: `all`, or their names.
        seed: Of the schedule, and of what the workers do.
        out: Where the run's folder goes.
    """

    size: Size
    seconds: float
    faults: tuple[str, ...]
    said: str
    seed: int
    out: Path

    @property
    def command(self) -> str:
        """The command that repeats the run."""
        words = {
            "nodes": self.size.nodes,
            "seconds": f"{self.seconds:g}",
            "faults": self.said,
            "seed": self.seed,
            "lenders": self.size.lenders,
            "wallets": self.size.wallets,
            "out": self.out,
        }
        arguments = " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in words.items())
        return f"make cluster ARGS={shlex.quote(arguments)}"

    def new_folder(self) -> Path:
        """An empty folder for the run, named by its time and seed."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = (self.out / f"{stamp}-seed-{self.seed}").resolve()
        folder.mkdir(parents=True)
        return folder


def parse(words: Sequence[str] | None = None) -> Options | None:
    """The options; None if only the catalogue was asked for.

    Raises:
        UnknownFaultError: There is no such fault.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster",
        description="Raises a bureau of many nodes, breaks it on purpose, and audits it.",
    )
    size = Size()
    parser.add_argument("--nodes", type=int, default=size.nodes)
    parser.add_argument("--minutes", type=float, help="how long the bureau works under faults")
    parser.add_argument("--seconds", type=float, help="the same in seconds (default: 60)")
    parser.add_argument("--faults", default=ALL, metavar="all|none|NAME,NAME")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("build/cluster"), metavar="FOLDER")
    parser.add_argument("--lenders", type=int, default=size.lenders)
    parser.add_argument("--wallets", type=int, default=size.wallets)
    parser.add_argument("--list-faults", action="store_true", help="tell what can go wrong")
    given = parser.parse_args(words)
    if given.list_faults:
        return None
    return Options(
        size=Size(given.nodes, given.lenders, given.wallets),
        seconds=60 * given.minutes if given.minutes else given.seconds or 60.0,
        faults=named(given.faults),
        said=given.faults,
        seed=given.seed,
        out=given.out,
    )


def named(said: str) -> tuple[str, ...]:
    """The faults that somebody named.

    Raises:
        UnknownFaultError: One is not in the catalogue; the message names those there are.
    """
    if said == ALL:
        return tuple(CATALOGUE)
    names = tuple(name.strip() for name in said.split(",") if name.strip() not in {"", NONE})
    if unknown := [name for name in names if name not in CATALOGUE]:
        raise UnknownFaultError(
            f"no such fault: {', '.join(unknown)}; there are {', '.join(CATALOGUE)}"
        )
    return names
