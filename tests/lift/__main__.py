"""`python -m tests.lift [--people 600] [--seed 11] [--write]`."""

from __future__ import annotations

import argparse
import json
import sys
import time

from bureau.logs import configure
from bureau_client.risk.scorecard import reference_scorecards
from tests.lift.measure import Plan, read_reports, results_of
from tests.lift.page import DOCUMENT, RESULTS, filled, lift_table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lift", description=__doc__)
    parser.add_argument("--people", type=int, default=600, help="persons of the population")
    parser.add_argument(
        "--seed", type=int, default=11, help="seed of the population; 7 trained the scorecard"
    )
    parser.add_argument("--write", action="store_true", help="into results.json and the page")
    arguments = parser.parse_args()
    configure("error")
    plan = Plan(arguments.people, arguments.seed)
    begin = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {line}", file=sys.stderr, flush=True)

    scorecard = reference_scorecards()["reference-us"]
    results = results_of(plan, read_reports(plan, say), scorecard)
    print(lift_table(results))
    if arguments.write:
        page = filled(DOCUMENT.read_text("utf-8"), results)
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
        DOCUMENT.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
