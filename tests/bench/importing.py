"""Import: a file of a gigabyte through `bureau-lender import`.

The file has the months of a crowd's accounts, one month of all accounts after the other, as a
lender's own books have them. The command checks it whole, signs batches of the SDK's size and
verifies each receipt, on the callers' core; its memory must not grow with the file.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import process
from tests.bench.fixture import BATCH, LENDERS, LoadedBureau
from tests.bench.measure import Measure, Target, bench
from tests.bench.people import months_back

LENDER = LENDERS[0]
IMPORT = str(Path(sys.executable).with_name("bureau-lender"))
MB = 1_000_000
# Accounts of one person, so that a gigabyte is five years of the crowd's accounts.
EACH = 10
MONTHS = 120
HEADER = (
    "account_ref,month,subject_id,portfolio_type,account_type,currency,open_date,status,"
    "credit_limit_minor,balance_minor,amount_due_minor,amount_paid_minor,last_payment_date,"
    "classification\n"
)
MOST_MIB = 160.0
# Seconds between two looks at the process.
LOOK_S = 0.05


@bench("import")
def importing(loaded: LoadedBureau) -> Iterator[Measure]:
    """Measure the rate of an import, and the most memory that its process took."""
    size = loaded.size.import_mb * MB
    with TemporaryDirectory(prefix="bench-import-") as folder:
        path, profile = Path(folder) / "accounts.csv", Path(folder) / "profile"
        rows = _write(loaded, path, size)
        # The member was admitted while the bureau listened elsewhere.
        known = loaded.lenders[LENDER].profile
        replace(known, addresses=(loaded.settings.listen,)).save(profile)
        log = Path(folder) / "import.log"
        used, started = process.cpu_seconds(loaded.bureau.pid), time.perf_counter()
        child = process.start(
            *(IMPORT, "import", str(path), "--profile", str(profile)),
            log=log,
            cores=process.LOAD_CORE,
        )
        peak = spent = 0.0
        while child.poll() is None:
            peak = max(peak, process.peak_memory_mib(child.pid))
            spent = process.cpu_seconds(child.pid)
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - started
        served = process.cpu_seconds(loaded.bureau.pid) - used
        assert child.returncode == 0, log.read_text("utf-8")
    name = f"import of {loaded.size.import_mb:,} MB"
    yield Measure(name=f"{name}, {rows:,} records", value=rows / seconds, unit="1/s")
    yield Measure(name=name, value=size / MB / seconds, unit="MB/s")
    yield Measure(
        name=f"{name}, by the client's processor time",
        value=rows / spent,
        unit="1/s",
    )
    yield Measure(name=f"{name}, by the bureau's processor time", value=rows / served, unit="1/s")
    yield Measure(
        name=f"{name}, the client's memory at the most",
        value=peak,
        unit="MiB",
        target=Target("value", "most", MOST_MIB),
    )


def _write(loaded: LoadedBureau, path: Path, size: int) -> int:
    """Write a file of `size` bytes at least; return the number of its rows."""
    people = [account.subject_id for account in loaded.crowd if account.lender == LENDER]
    dice = random.Random("import")
    rows = 0
    with path.open("w", encoding="ascii") as out:
        written = out.write(HEADER)
        for month in months_back(MONTHS):
            day = f"{month // 100}-{month % 100:02}"
            for number in range(EACH):
                for person, subject_id in enumerate(people):
                    limit = 100_000 + 37 * person
                    written += out.write(
                        f"import-{number}-{person},{day},{subject_id},revolving,18,USD,2012-03-15,"
                        f"current,{limit},{dice.randrange(limit)},{limit // 40},{limit // 40},"
                        f"{day}-05,normal\n"
                    )
                    rows += 1
                    # Whole batches, so that no part of a batch waits for the next one.
                    if written >= size and rows % BATCH == 0:
                        return rows
    raise AssertionError(f"the crowd has {written / MB:.0f} MB in {MONTHS} months")
