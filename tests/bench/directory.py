"""Identifiers turned into subject ids: blinded elements evaluated a second."""

from __future__ import annotations

from collections.abc import Iterator

from bureau_keys.envelope import seal
from bureau_keys.identifiers import normalise
from bureau_keys.pseudonym import blind_many
from creditbureau.v1.directory_pb2 import EvaluateRequest, Evaluation
from tests.bench.calls import Requests, against_echo
from tests.bench.fixture import LoadedBureau
from tests.bench.measure import Measure, bench

LENDER = "alder"
BATCH = 256


@bench("directory")
def directory(loaded: LoadedBureau) -> Iterator[Measure]:
    """One element a call, as at a counter; then 256, as in a batch."""
    call = loaded.lenders[LENDER].call("Directory/Evaluate")
    yield from against_echo(loaded, "evaluations of one", call, _requests(loaded, 1), share=0.3)
    yield from against_echo(
        loaded,
        f"evaluations in batches of {BATCH}",
        call,
        _requests(loaded, BATCH),
        share=0.03,
        per_call=BATCH,
    )


def _requests(loaded: LoadedBureau, size: int) -> Requests:
    lender = loaded.lenders[LENDER]
    _, elements = blind_many([normalise("us", "ssn", f"900{i:06}") for i in range(size)])

    def make(count: int) -> list[bytes]:
        return [
            EvaluateRequest(
                evaluation=seal(
                    Evaluation(header=lender.header(), blinded_elements=elements), lender.key
                )
            ).SerializeToString()
            for _ in range(count)
        ]

    return make
