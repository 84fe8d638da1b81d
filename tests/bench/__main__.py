"""Figures beside baselines of the same run: `python -m tests.bench [--quick] [--only NAME]`.

Servers run on one core and the load on another. A call that fails ends the run.
Read the ratios: absolute figures depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bureau import logs
from tests.bench import process
from tests.bench.fixture import QUICK, Size, open_loaded_bureau
from tests.bench.growth import EACH
from tests.bench.machine import head
from tests.bench.measure import BENCHES, Measure

OUTPUT = Path("build/bench.json")
WIDTH = 120
# In the order in which they run.
MODULES = (
    "startup",
    "envelopes",
    "proofs",
    "reports",
    "submissions",
    "consents",
    "directory",
    "alerts",
    "many",
    "mixed",
    "piles",
    "bulk",
    "importing",
    "memory",
    "metro2",
    "arrow",
    "decisions",
    "study",
    "nodes",
    "workers",
    "plain",
    "growth",
    "stored",
)


def main() -> None:
    for module in MODULES:
        importlib.import_module(f"tests.bench.{module}")
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, for a first look")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES), metavar="NAME")
    parser.add_argument("--accounts", type=int, help=f"of the part growth; a multiple of {EACH}")
    arguments = parser.parse_args()
    if arguments.accounts is not None and (arguments.accounts <= 0 or arguments.accounts % EACH):
        parser.error(f"--accounts {arguments.accounts}: name a multiple of {EACH}")
    size = QUICK if arguments.quick else Size()
    size = replace(size, growth=arguments.accounts or size.growth)
    chosen = [name for name in BENCHES if not arguments.only or name in arguments.only]

    # Now: by its end the checkout may be another one.
    run = head(f"{'quick' if arguments.quick else 'full'}, growth to {size.growth:,} accounts")
    logs.configure("warning")
    console = Console(stderr=True)
    measures: list[Measure] = []
    os.sched_setaffinity(0, process.LOAD_CORE)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        console.print("building a bureau with people and their files …")
        with open_loaded_bureau(Path(folder), size) as loaded:
            for name in chosen:
                console.print(f"{name} …")
                measures += BENCHES[name](loaded)
    OUTPUT.parent.mkdir(exist_ok=True)
    result = run | {"rows": [measure.json() for measure in measures]}
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    output = Console()
    output.width = max(output.width, WIDTH)
    for name, value in run.items():
        output.print(f"{name}: {value}")
    output.print(_table(measures))


def _table(measures: list[Measure]) -> Table:
    table = Table("measure", title=str(OUTPUT))
    for column in ("value", "baseline", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("target")
    table.add_column("met")
    for measure in measures:
        mark = {True: "[green]yes", False: "[red]no", None: ""}[measure.is_met]
        ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
        baseline = "" if measure.baseline is None else _figure(measure.baseline)
        table.add_row(
            measure.name,
            f"{_figure(measure.value)} {measure.unit}",
            baseline,
            ratio,
            str(measure.target or ""),
            mark,
        )
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
