"""`python -m tests.reconcile`: one run of any size, against a bureau in a process of
its own; exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bureau.admin.operator import Operator
from bureau_client import Month
from bureau_keys.profile import Profile
from tests.demo.__main__ import last_month
from tests.demo.sandbox import running_sandbox
from tests.reconcile.inbox import Size, make_inbox
from tests.reconcile.run import Verdict, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; 0 if the rebuilt tables are the truth."""
    size = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
        verdict = of_size(Path(folder), size)
    print(verdict.report.to_markdown())
    print(f"{size.issues}: {verdict}")
    return 0 if verdict.ok else 1


def of_size(folder: Path, size: Size) -> Verdict:
    """The verdict on a run, in a folder of its own."""
    inbox = make_inbox(folder, size)
    print(
        f"{size.subjects:,} subjects, {size.months} months up to {size.last}, "
        f"{len(inbox.lenders)} lenders, {len(inbox.deliveries):,} files",
        flush=True,
    )
    with (
        running_sandbox(folder / "bureau", keep=False) as sandbox,
        Operator(sandbox.operator) as operator,
    ):

        def admit(member_id: str, roles: Sequence[str], purposes: Sequence[str]) -> Profile:
            return sandbox.admit(operator, member_id, member_id.title(), roles, *purposes)

        return run(admit, inbox, lambda part: print(f"... {part}", flush=True))


def parse(arguments: Sequence[str] | None) -> Size:
    """How much is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.reconcile", description=__doc__)
    parser.add_argument("--subjects", type=int, default=2000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--lenders", type=int, default=40)
    parser.add_argument("--issues", default="nasty", help="creforge's profile: standard, nasty")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--last", type=Month.parse, default=last_month(), help="newest month, like 2026-10"
    )
    return Size(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
