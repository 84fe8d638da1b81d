"""Reports a second: inquiry in, signed report with its receipt out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from bureau_keys.envelope import seal
from creditbureau.v1.report_pb2 import REPORT_OUTCOME_HIT, Report
from creditbureau.v1.reporting_pb2 import (
    EVIDENCE_LEVEL_NEWEST,
    EVIDENCE_LEVEL_NONE,
    EvidenceLevel,
    Inquiry,
    QueryReportRequest,
    QueryReportResponse,
)
from tests.bench.calls import Requests, against_echo
from tests.bench.fixture import LoadedBureau
from tests.bench.load import CALLERS, Load
from tests.bench.measure import Measure, Target, bench, percentile
from tests.bench.people import Person
from tests.bench.statements import PURPOSE, consent_id_of

LENDER = "alder"
# Calls of each kind in one round.
ROUND = 100
# Callers of a node that more lenders use at once.
MANY = 48


@bench("reports")
def reports(loaded: LoadedBureau) -> Iterator[Measure]:
    """On ordinary files and on long ones, and with the furnishers' records."""
    call = loaded.lenders[LENDER].call("Reporting/QueryReport")
    for name, people, evidence, kind, least, callers in (
        ("reports", loaded.people, EVIDENCE_LEVEL_NONE, "plain", 0.27, CALLERS),
        ("reports to many callers", loaded.people, EVIDENCE_LEVEL_NONE, "plain", 0.3, MANY),
        ("reports on long files", loaded.heavy, EVIDENCE_LEVEL_NONE, "plain", None, CALLERS),
        ("reports with evidence", loaded.people, EVIDENCE_LEVEL_NEWEST, "plain", 0.22, CALLERS),
        ("reports with attributes", loaded.people, EVIDENCE_LEVEL_NONE, "full", 0.22, CALLERS),
    ):
        requests = inquiries(loaded, people, evidence, kind)
        _check(call(requests(1)[0]), people[0], evidence)
        yield from against_echo(
            loaded,
            name,
            call,
            requests,
            target=Target("ratio", "least", least) if least else None,
            share=1.0 if name == "reports" else 0.4,
            callers=callers,
        )


@bench("full")
def full(loaded: LoadedBureau) -> Iterator[Measure]:
    """A report with everything that a consent can open, attributes included, beside the
    plain one: both asked for by one caller, in turn.
    """
    call = loaded.lenders[LENDER].call("Reporting/QueryReport")
    plain, whole = Load(), Load()
    for _ in range(loaded.size.rounds):
        for load, kind in ((plain, "plain"), (whole, "full")):
            make = inquiries(loaded, loaded.people, EVIDENCE_LEVEL_NONE, kind)
            load.run(loaded.bureau.pid, call, make(ROUND), callers=1)
    report = Report.FromString(QueryReportResponse.FromString(whole.last).report.payload)
    assert len(report.attributes) > 60
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Measure(
            name=f"full report beside the plain one, {name} with one caller",
            value=percentile(whole.latencies_ms, share),
            unit="ms",
            baseline=percentile(plain.latencies_ms, share),
        )


def inquiries(
    loaded: LoadedBureau,
    people: Sequence[Person],
    evidence: EvidenceLevel.ValueType,
    kind: str = "plain",
    lender_name: str = LENDER,
) -> Requests:
    """Makes signed inquiries about people in turn, first of all the first."""
    lender = loaded.lenders[lender_name]

    def make(count: int) -> list[bytes]:
        return [
            QueryReportRequest(
                inquiry=seal(
                    Inquiry(
                        header=lender.header(),
                        subject_id=person.subject_id,
                        purpose=PURPOSE,
                        consent_id=consent_id_of(person, lender_name, kind),
                        evidence=evidence,
                    ),
                    lender.key,
                )
            ).SerializeToString()
            for person in islice(cycle(people), count)
        ]

    return make


def _check(answer: bytes, person: Person, evidence: EvidenceLevel.ValueType) -> None:
    """The report holds what was furnished."""
    response = QueryReportResponse.FromString(answer)
    report = Report.FromString(response.report.payload)
    assert report.outcome == REPORT_OUTCOME_HIT
    assert [len(line.history.profile) for line in report.tradelines] == [person.months] * len(
        person.accounts
    )
    expected = len(person.accounts) if evidence == EVIDENCE_LEVEL_NEWEST else 0
    assert len(response.evidence.evidence) == expected
