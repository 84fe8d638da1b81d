"""One worker: `python -m tests.cluster.workers lender --run FOLDER --name NAME --member ID`."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from tests.cluster.control_files import TopologyMap
from tests.cluster.workers import ROLES
from tests.cluster.workers.base import WorkerBase

RATE = 3.0


def main() -> None:
    """Works until the run's folder says that it is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.workers")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--run", type=Path, required=True, help="the run's folder")
    parser.add_argument("--name", required=True, help="the worker's name")
    parser.add_argument("--member", required=True, help="in whose name it works")
    parser.add_argument("--rate", type=float, default=RATE, help="operations a second")
    options = parser.parse_args()
    topology = TopologyMap.load(options.run)
    member = next(one for one in topology.members if one.member_id == options.member)
    # Only the role's own module is loaded: ten processes begin at once.
    role = import_module(f"tests.cluster.workers.{options.role}")
    role.run(WorkerBase(options.run, options.name, topology, member, options.rate))


if __name__ == "__main__":
    main()
