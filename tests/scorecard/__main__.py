"""`python -m tests.scorecard [--people 2000] [--seed 7] [--panel FILE] [--write]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import polars as pl

from bureau.logs import configure
from bureau_client.risk.scorecard import Scorecard
from tests.scorecard import reference_policy
from tests.scorecard.card import DOCUMENT, RESULTS, TABLES, filled
from tests.scorecard.panel import Plan, read_panel
from tests.scorecard.training import train
from tests.scorecard.validation import results_of

ARTEFACT = Path("clients/bureau_client/data/scorecards/reference.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.scorecard", description=__doc__)
    parser.add_argument("--people", type=int, default=2000, help="persons of the population")
    parser.add_argument("--seed", type=int, default=7, help="seed of the population")
    parser.add_argument(
        "--panel", type=Path, help="Parquet file of the panel: read if there, otherwise written"
    )
    parser.add_argument(
        "--write", action="store_true", help="into the SDK, its policy, results.json and the card"
    )
    arguments = parser.parse_args()
    configure("error")
    plan = Plan(arguments.people, arguments.seed)
    begin = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {line}", file=sys.stderr, flush=True)

    if arguments.panel is not None and arguments.panel.exists():
        rows = pl.read_parquet(arguments.panel)
        plan = Plan(rows["population"][0], rows["seed"][0])
    else:
        rows = read_panel(plan, say)
        if arguments.panel is not None:
            rows.write_parquet(arguments.panel)
    scorecard, values = train(rows.filter(pl.col("reading").is_in(plan.training)))
    results = results_of(plan, rows, scorecard, values)
    if not arguments.write:
        for make in TABLES.values():
            print(f"\n{make(results, scorecard)}")
        return
    page, policy = DOCUMENT, reference_policy.POLICY
    texts = {
        policy: reference_policy.filled(policy.read_text("utf-8"), scorecard),
        page: filled(page.read_text("utf-8"), results, scorecard),
        ARTEFACT: artefact(scorecard),
        RESULTS: json.dumps(results, indent=1, ensure_ascii=False) + "\n",
    }
    for path, text in texts.items():
        path.write_text(text, "utf-8")


def artefact(scorecard: Scorecard) -> str:
    """Return the text of the scorecard's file: readable JSON of the canonical document."""
    return json.dumps(json.loads(scorecard.document), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
