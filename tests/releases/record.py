"""Record this release's database: `python -m tests.releases.record`."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version

from bureau.config import Settings
from bureau_client import Purpose, Report
from creditbureau.v1.envelope_pb2 import Envelope
from tests.releases import FOLDER
from tests.service.scenario import account, open_scenario
from tests.service.test_replay import MAY, life, standards
from tests.service.watching import monitored


def record() -> None:
    """Write the dump and the digests of its reports, named after the release."""
    release = version("creditbureau")
    target = FOLDER / f"{release}.json"
    if target.exists():
        raise SystemExit(f"{target.name} exists: raise the version, then record the release")
    given: list[Report] = []
    with open_scenario("acme", "brook", "cedar") as scenario:
        standards(scenario)
        person, partner = scenario.person(), scenario.person()
        steps = life(scenario, person, partner)
        given.extend(scenario.report(person, "brook") for _ in steps)
        customer = monitored(scenario, "acme")
        scenario.submit("acme", account(customer, "card", MAY))
        given += scenario.lenders["acme"].portfolio(Purpose.ACCOUNT_REVIEW)
        scenario.later(timedelta(days=1))
        settings = Settings.load(scenario.bureau.folder)
        path = settings.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection:
            dump = "\n".join(connection.iterdump())
    recorded = {
        "origin": settings.origin,
        "jurisdiction": settings.jurisdiction,
        "reports": [
            {
                "inquiry_id": report.request_id,
                "subject_id": report.subject_id,
                "sha256": hashlib.sha256(Envelope.FromString(report.envelope).payload).hexdigest(),
            }
            for report in given
        ],
    }
    (FOLDER / f"{release}.sql.gz").write_bytes(gzip.compress(dump.encode(), 9, mtime=0))
    target.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    record()
