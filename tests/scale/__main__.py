"""`python -m tests.scale [--bench build/bench.json --measured "when, on what"] [--write]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.scale.costs import COMMITTED, Costs
from tests.scale.tables import TABLES, filled

DOCUMENT = Path("docs/scale.md")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--bench", type=Path, help="take the costs from a run of the bench")
    parser.add_argument("--measured", default="", help="when and on what that was")
    parser.add_argument("--write", action="store_true", help="into costs.toml and docs/scale.md")
    arguments = parser.parse_args()
    if arguments.bench:
        costs = Costs.of_bench(arguments.bench, arguments.measured)
    else:
        costs = Costs.committed()
    if arguments.write:
        COMMITTED.write_text(costs.toml(), "utf-8")
        DOCUMENT.write_text(filled(DOCUMENT.read_text("utf-8"), Costs.committed()), "utf-8")
        return
    for name, make in TABLES.items():
        print(f"\n{name}\n\n{make(costs)}")


if __name__ == "__main__":
    main()
