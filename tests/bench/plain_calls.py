"""The calls of the plain service: JSON over HTTPS, on connections that stay open."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from urllib3 import HTTPSConnectionPool, Retry

from bureau.testing import free_port
from creditbureau.v1.record_pb2 import Record
from tests.bench import process
from tests.bench.calls import Requests
from tests.bench.fixture import LENDERS, Call, LoadedBureau, histories, serving
from tests.bench.load import CALLERS
from tests.bench.people import Person
from tests.bench.statements import PURPOSE, consent_id_of

SERVICE = (sys.executable, "-m", "tests.bench.plain_service")
# Attempts to connect to a service that starts, each after twice the pause of the one before.
START = Retry(connect=12, backoff_factor=0.01)
HEADERS = {"Content-Type": "application/json"}
# Fields of a snapshot that the plain service stores. Read here rather than from its tables, whose
# names are those of the bureau's: one process has one set of them.
FIELDS = (
    "month",
    "portfolio_type",
    "account_type",
    "currency",
    "open_date",
    "term_months",
    "interest_rate_ppm",
    "credit_limit_minor",
    "original_amount_minor",
    "status",
    "balance_minor",
    "amount_due_minor",
    "amount_paid_minor",
    "amount_past_due_minor",
    "days_past_due",
    "payments_missed",
    "last_payment_date",
    "classification",
)


@dataclass(frozen=True, slots=True)
class PlainService:
    """The process of the plain service, and the connections to it."""

    pid: int
    pool: HTTPSConnectionPool

    def call(self, path: str) -> Call:
        """Return an endpoint as a call, bytes to bytes; a status other than 200 raises."""

        def post(body: bytes) -> bytes:
            response = self.pool.request("POST", path, body=body, headers=HEADERS, retries=False)
            if response.status != 200:
                raise RuntimeError(f"{path} answered {response.status}: {response.data[:200]!r}")
            return response.data

        return post


@contextmanager
def serving_plain(
    loaded: LoadedBureau, folder: Path, cores: set[int] = process.SERVER_CORE
) -> Iterator[PlainService]:
    """Serve the plain service over a folder's database, with the certificate of the bureau."""
    port, credentials = free_port(), loaded.folder / "server"
    authority = loaded.lenders[LENDERS[0]].profile.ca_pem.decode()
    with (
        serving(*SERVICE, folder, f"{port}", credentials, log=folder / "log", cores=cores) as child,
        HTTPSConnectionPool(
            "127.0.0.1", port, maxsize=CALLERS, block=True, ca_cert_data=authority
        ) as pool,
    ):
        pool.request("GET", "/openapi.json", retries=START)
        yield PlainService(child.pid, pool)


def fill(loaded: LoadedBureau, service: PlainService) -> None:
    """Give the plain service the bureau's people: consents to inquire, and histories."""
    people = [*loaded.heavy, *loaded.people]
    service.call("/consents")(_consents(people))
    submit = service.call("/records")
    for lender in LENDERS:
        for batch in histories(people, lender):
            submit(submission(lender, batch))


def submission(lender: str, records: Sequence[bytes]) -> bytes:
    """Write the batch that a lender submits to the bureau as the plain service's body."""
    return _body(lender=lender, records=[_record(Record.FromString(raw)) for raw in records])


def inquiries(people: Sequence[Person], lender: str) -> Requests:
    """Make inquiries about people in turn, the first person first."""

    def make(count: int) -> list[bytes]:
        return [
            _body(
                subject_id=person.subject_id,
                lender=lender,
                purpose=PURPOSE,
                consent_id=consent_id_of(person, lender),
            )
            for person in islice(cycle(people), count)
        ]

    return make


def _record(record: Record) -> dict[str, Any]:
    snapshot = record.snapshot
    fields = {name: getattr(snapshot, name) for name in FIELDS}
    (party,) = snapshot.parties
    return {"account_ref": record.account_ref, "subject_id": party.subject_id, **fields}


def _consents(people: Sequence[Person]) -> bytes:
    today = datetime.now(UTC).date()
    return _body(
        consents=[
            {
                "id": consent_id_of(person, lender),
                "subject_id": person.subject_id,
                "lender": lender,
                "purpose": PURPOSE,
                "start_date": f"{today - timedelta(days=1)}",
                "expire_date": f"{today + timedelta(days=20)}",
            }
            for person in people
            for lender in LENDERS
        ]
    )


def _body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()
