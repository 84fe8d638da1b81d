"""One person piles up as much as the bounds of a policy would let them if they were lifted:
the cost of the next statement of each kind and of each list, beside a person with one page of
each.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice

from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, dispute_pb2
from creditbureau.v1.consents_pb2 import (
    GrantConsentResponse,
    ListConsentsRequest,
    SubjectRequest,
)
from creditbureau.v1.dispute_pb2 import DisputeOpening
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.furnishing_pb2 import ListDisputedRecordsRequest
from creditbureau.v1.record_pb2 import TradelineSnapshot
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.reporting_pb2 import EVIDENCE_LEVEL_NONE, Inquiry, QueryReportRequest
from creditbureau.v1.subjects_pb2 import (
    GetFileRequest,
    GetFileResponse,
    ListDisputesRequest,
    ListInquiriesRequest,
    OpenDisputeRequest,
    SetStatementRequest,
    SubjectStatement,
)
from tests.bench.fixture import LoadedBureau
from tests.bench.load import Load
from tests.bench.measure import Measure, bench, percentile
from tests.bench.people import NEWEST_MONTH, Account, Person, record
from tests.bench.statements import PURPOSE, attestation, consent, subject_header

# The member that inquires.
LENDER = "alder"
# A page of each, so that the lists that are compared have the same length.
FEW = 100
# Calls of each kind in one round.
ROUND = 20
FIELDS = sorted(TradelineSnapshot.DESCRIPTOR.fields_by_name)


@dataclass(slots=True)
class Piler:
    """A person, and a furnisher of theirs, which is their agent too."""

    loaded: LoadedBureau
    person: Person
    furnisher: str
    tradeline_id: str = ""
    consent_id: str = ""
    _serial: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        furnisher = self.loaded.lenders[self.furnisher]
        key = attestation(self._origin, self.person, self.furnisher, furnisher.key)
        furnisher.call("Subjects/AttestKey")(key)
        grant = furnisher.call("Consents/GrantConsent")
        grant(consent(self._origin, self.person, self.furnisher, codes_pb2.ACTION_FURNISH))
        self.loaded.lenders[self.furnisher].call("Furnishing/SubmitRecords")(self.submission())
        answer = self.loaded.lenders[self.furnisher].call("Subjects/GetFile")(self.file())
        file = Report.FromString(GetFileResponse.FromString(answer).file.payload)
        (line, *_) = (
            tradeline for tradeline in file.tradelines if tradeline.member_id == self.furnisher
        )
        self.tradeline_id = line.tradeline_id
        granted = GrantConsentResponse.FromString(grant(self.consent()))
        self.consent_id = granted.consent.consent_id

    def dispute(self) -> bytes:
        """A dispute of another field or month than those before."""
        month, number = divmod(next(self._serial), len(FIELDS))
        opening = DisputeOpening(
            header=self._header(),
            subject_id=self.person.subject_id,
            tradeline_id=self.tradeline_id,
            month=(1950 + month // 12) * 100 + month % 12 + 1,
            field=FIELDS[number],
            reason=dispute_pb2.DISPUTE_REASON_WRONG_AMOUNT,
            narrative="I paid this.",
        )
        return OpenDisputeRequest(opening=seal(opening, self.person.key)).SerializeToString()

    def statement(self) -> bytes:
        """A statement for the readers of the file."""
        said = SubjectStatement(header=self._header(), text=f"statement {next(self._serial)}")
        return SetStatementRequest(statement=seal(said, self.person.key)).SerializeToString()

    def consent(self) -> bytes:
        """A consent to inquire about the person."""
        return consent(self._origin, self.person, LENDER)

    def inquiry(self) -> bytes:
        """An inquiry about the person."""
        lender = self.loaded.lenders[LENDER]
        inquiry = Inquiry(
            header=lender.header(),
            subject_id=self.person.subject_id,
            purpose=PURPOSE,
            consent_id=self.consent_id,
            evidence=EVIDENCE_LEVEL_NONE,
        )
        return QueryReportRequest(inquiry=seal(inquiry, lender.key)).SerializeToString()

    def submission(self) -> bytes:
        """A month of the disputed account."""
        (account,) = self.person.accounts
        return self.loaded.lenders[self.furnisher].submission([record(account, NEWEST_MONTH)])

    def file(self) -> bytes:
        """A request for the person's own file."""
        return GetFileRequest(subject_request=self._reading("Subjects/GetFile")).SerializeToString()

    def own_disputes(self) -> bytes:
        """A request for the first page of the person's disputes."""
        request = self._reading("Subjects/ListDisputes")
        return ListDisputesRequest(subject_request=request).SerializeToString()

    def disputed_records(self) -> bytes:
        """The furnisher's request for the first page of disputes."""
        return ListDisputedRecordsRequest(page_size=FEW).SerializeToString()

    def consents(self) -> bytes:
        """A request for the first page of the person's consents."""
        request = self._reading("Consents/ListConsents")
        return ListConsentsRequest(subject_request=request).SerializeToString()

    def inquiries(self) -> bytes:
        """A request for the first page of the inquiries about the person."""
        request = self._reading("Subjects/ListInquiries")
        return ListInquiriesRequest(subject_request=request).SerializeToString()

    def _reading(self, method: str) -> Envelope:
        request = SubjectRequest(header=self._header(), method=f"creditbureau.v1.{method}")
        return seal(request, self.person.key)

    def _header(self) -> Header:
        return subject_header(self._origin, self.person)

    @property
    def _origin(self) -> str:
        return self.loaded.settings.origin


Request = Callable[[Piler], bytes]
# What is piled up, in this order: a report of a person with many disputes takes its time.
PILED: dict[str, tuple[str, Request]] = {
    "inquiry": ("Reporting/QueryReport", Piler.inquiry),
    "consent": ("Consents/GrantConsent", Piler.consent),
    "statement": ("Subjects/SetStatement", Piler.statement),
    "dispute": ("Subjects/OpenDispute", Piler.dispute),
}
READ: dict[str, tuple[str, Request]] = {
    "furnisher's page of disputes": ("Furnishing/ListDisputedRecords", Piler.disputed_records),
    "person's page of disputes": ("Subjects/ListDisputes", Piler.own_disputes),
    "person's page of consents": ("Consents/ListConsents", Piler.consents),
    "person's page of inquiries": ("Subjects/ListInquiries", Piler.inquiries),
    "submission": ("Furnishing/SubmitRecords", Piler.submission),
}


@bench("piles")
def piles(loaded: LoadedBureau) -> Iterator[Measure]:
    """The p50 of one caller, after a person piled up `pile` of each kind."""
    many, few = (_piler(loaded, furnisher) for furnisher in ("birch", "cedar"))
    for piler, wanted in ((few, FEW), (many, loaded.size.pile)):
        for method, make in PILED.values():
            _send(piler, method, make, wanted, Load())
    for name, (method, make) in {**PILED, **READ}.items():
        loads = [(many, Load()), (few, Load())]
        for _ in range(loaded.size.rounds):
            for piler, load in loads:
                _send(piler, method, make, ROUND, load, callers=1)
        (_, piled), (_, alone) = loads
        yield Measure(
            name=f"{name} after {loaded.size.pile} of each kind, p50",
            value=percentile(piled.latencies_ms, 0.5),
            unit="ms",
            baseline=percentile(alone.latencies_ms, 0.5),
        )


def _piler(loaded: LoadedBureau, furnisher: str) -> Piler:
    """Somebody new, with an account at a furnisher."""
    subject_id = uuid.uuid4().hex
    account = Account(furnisher, f"pile-{subject_id[:8]}", subject_id)
    person = Person(subject_id, SigningKey.generate(), (account,), months=1)
    return Piler(loaded, person, furnisher)


def _send(
    piler: Piler, method: str, make: Request, wanted: int, load: Load, callers: int = 16
) -> None:
    """Sends fresh requests in parts, each signed shortly before it is sent."""
    agent = LENDER if method.startswith("Reporting/") else piler.furnisher
    call = piler.loaded.lenders[agent].call(method)
    for start in range(0, wanted, 1000):
        part = [make(piler) for _ in islice(count(start), min(1000, wanted - start))]
        load.run(piler.loaded.bureau.pid, call, part, callers)
