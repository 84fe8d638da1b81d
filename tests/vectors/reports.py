"""Reports as files, with all that verifies them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from bureau_keys.cosignature import cosign
from bureau_keys.envelope import digest, payload_type_of, seal
from bureau_keys.evidence import write_page
from bureau_keys.portfolio import ReportTree
from bureau_keys.profile import Trust
from creditbureau.v1 import codes_pb2, reporting_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import SubjectRequest
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.report_pb2 import EvidencePage, Report
from creditbureau.v1.reporting_pb2 import ConsentProof, PortfolioProof
from creditbureau.v1.subjects_pb2 import KeyRotation
from tests.vectors.cast import (
    NOON_US,
    OPERATOR,
    REPORTS,
    SUBJECT,
    TRUST,
    WITNESS_KEYS,
    WITNESSES,
    Log,
    flipped,
    header,
    key,
    moment,
    request_id,
    secret,
    trust_of,
)
from tests.vectors.consents import attestation, binding, logged
from tests.vectors.evidence import SECTIONS, Furnished, furnished, report, tradeline

FORMAT = "creditbureau/report-bundle/v1"
CONSENT = request_id("consent")
assert payload_type_of(Report).endswith("/vnd.creditbureau.report.v1+protobuf")


@dataclass(slots=True)
class Saved:
    """The parts of a saved report."""

    report: Envelope
    request: Envelope
    evidence: EvidencePage
    furnishers: list[Message]
    vouchers: list[Message]
    receipt: Receipt | None
    consent: ConsentProof | None = None
    portfolio: PortfolioProof | None = None

    def text(self, **changes: Any) -> str:
        parts: dict[str, Any] = {
            "format": FORMAT,
            "report": _base64(self.report),
            "request": _base64(self.request),
            "evidence": _base64(self.evidence),
            "furnishers": [_base64(member) for member in self.furnishers],
            "vouchers": [_base64(member) for member in self.vouchers],
        }
        if self.receipt is not None:
            parts["receipt"] = _base64(self.receipt)
        if self.consent is not None:
            parts["consent"] = _base64(self.consent)
        if self.portfolio is not None:
            parts["portfolio"] = _base64(self.portfolio)
        parts |= changes
        kept = {name: value for name, value in parts.items() if value is not None}
        return json.dumps(kept, indent=1) + "\n"


def _base64(message: Message) -> str:
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode("ascii")


def _consent(log: Log, *, rotated: bool = False, **changes: Any) -> ConsentProof:
    """Return the proof of the subject's consent, under a key that acme attested."""
    signer = f"subjects/{SUBJECT}"
    own = key("person")
    keys = [
        logged(log, "attestation", attestation(own), key("acme/2")),
    ]
    if rotated:
        new = key("person/2")
        rotation = KeyRotation(header=header(signer, "rotation"), binding=binding(new))
        keys.append(logged(log, "key-rotation", rotation, own))
        own = new
    fields: dict[str, Any] = {
        "header": header(signer, "consent"),
        "subject_id": SUBJECT,
        "grantee": "brook",
        "actions": [codes_pb2.ACTION_INQUIRE, codes_pb2.ACTION_MONITOR],
        "purposes": [codes_pb2.PURPOSE_CREDIT_APPLICATION, codes_pb2.PURPOSE_ACCOUNT_REVIEW],
        "sections": SECTIONS,
        "history_months": 24,
        "start_time": moment(NOON_US),
        "expire_time": moment(NOON_US + 86_400_000_000),
    }
    signed = changes.pop("signed", own)
    consent = Consent(**(fields | changes))
    return ConsentProof(consent=logged(log, "consent", consent, signed), keys=keys)


def _saved(
    given: Furnished | None = None,
    consent: dict[str, Any] | None = None,
    asked_by: str = "brook",
    **changes: Any,
) -> Saved:
    given = given or furnished()
    given.all_of.admit("brook", key("brook"))
    proof = _consent(given.all_of.log, **(consent or {}))
    changes = {"log_size": given.all_of.log.size} | changes
    asked = reporting_pb2.Inquiry(
        header=header("members/brook", "inquiry"),
        subject_id=SUBJECT,
        purpose=codes_pb2.PURPOSE_CREDIT_APPLICATION,
        consent_id=CONSENT,
        evidence=reporting_pb2.EVIDENCE_LEVEL_ALL,
    )
    request = seal(asked, key(asked_by))
    built = report(request_digest=digest(request), consent_id=CONSENT, **changes)
    sealed = seal(built, REPORTS)
    receipt = given.all_of.log.append("inquiry", request, _digest(sealed))
    members: list[Message] = [given.all_of.members[name] for name in ("acme", "brook")]
    pieces = write_page([given.january, given.december])
    operator = given.all_of.members["operator"]
    return Saved(sealed, request, pieces, members, [operator], receipt, proof)


def _portfolio(others: int = 2, **changes: Any) -> Saved:
    """Return a report of a portfolio, the first of others that are not shown."""
    given = furnished()
    given.all_of.admit("brook", key("brook"))
    proof = _consent(given.all_of.log)
    asked = reporting_pb2.PortfolioInquiry(
        header=header("members/brook", "inquiry"), purpose=codes_pb2.PURPOSE_ACCOUNT_REVIEW
    )
    request = seal(asked, key("brook"))
    built = report(
        request_digest=digest(request),
        consent_id=CONSENT,
        purpose=codes_pb2.PURPOSE_ACCOUNT_REVIEW,
        log_size=given.all_of.log.size,
    )
    sealed = seal(built, REPORTS)
    tree = ReportTree([_digest(sealed), *(secret(f"report/{number}") for number in range(others))])
    position = tree.prove(0)
    receipt = given.all_of.log.append("portfolio-inquiry", request, tree.answer_digest)
    members: list[Message] = [given.all_of.members[name] for name in ("acme", "brook")]
    operator = given.all_of.members["operator"]
    saved = Saved(sealed, request, EvidencePage(), members, [operator], receipt, proof, position)
    return replace(saved, **changes)


def _digest(sealed: Envelope) -> bytes:
    return hashlib.sha256(sealed.payload).digest()


def _moved(**changes: Any) -> Saved:
    """Return a report of a portfolio with another place."""
    saved = _portfolio()
    assert saved.portfolio is not None, "a portfolio's report has a place"
    for name, value in changes.items():
        if name == "proof":
            saved.portfolio.proof[:] = value
        else:
            setattr(saved.portfolio, name, value)
    return saved


def _forged_in_portfolio() -> Saved:
    """Return a report that the report key signed, with a root of its own."""
    saved = _portfolio()
    _other_answer(saved)
    tree = ReportTree([_digest(saved.report), secret("report/0"), secret("report/1")])
    return replace(saved, portfolio=tree.prove(0))


def _uncommitted() -> Saved:
    """Return a report of a portfolio whose leaf covers no answer."""
    given = furnished()
    saved = _portfolio()
    given.all_of.admit("brook", key("brook"))
    _consent(given.all_of.log)
    return replace(saved, receipt=given.all_of.log.append("portfolio-inquiry", saved.request))


def _unasked() -> Saved:
    saved = _saved()
    del saved.furnishers[1]
    return saved


def _misplaced() -> dict[str, Saved]:
    """Return reports that the leaf of their portfolio does not commit to."""
    alone = replace(_saved(), portfolio=ReportTree([_digest(_saved().report)]).prove(0))
    return {
        "a report of a portfolio without its place": _portfolio(portfolio=None),
        "a report of a portfolio at another index": _moved(index=1),
        "a report of a portfolio with another count": _moved(count=2),
        "a report of a portfolio with another root": _moved(root=secret("root")),
        "a report of a portfolio without its proof": _moved(proof=[]),
        "a report of a portfolio with another proof": _moved(proof=[secret("hash")]),
        "a report that its portfolio's leaf does not commit to": _forged_in_portfolio(),
        "a report of a portfolio whose leaf covers no answer": _uncommitted(),
        "a report of one inquiry with a place in a portfolio": alone,
    }


def _own_file() -> Saved:
    asked = SubjectRequest(
        header=header(f"subjects/{SUBJECT}", "inquiry"),
        method="creditbureau.v1.Subjects/GetFile",
    )
    request = seal(asked, key("person"))
    built = report(
        request_digest=digest(request),
        member_id="",
        purpose=codes_pb2.PURPOSE_SUBJECT_DISCLOSURE,
    )
    return Saved(seal(built, REPORTS), request, EvidencePage(), [], [], None)


def vectors() -> list[dict[str, Any]]:
    keys = tuple(WITNESS_KEYS.values())
    one, two = (replace(TRUST, witnesses=keys, quorum=quorum) for quorum in (1, 2))
    old = replace(TRUST, report_keys=(key("old reports").verify_key.raw, *TRUST.report_keys))
    cases: dict[str, tuple[str, Trust, bool]] = {
        "a report": (_saved().text(), TRUST, True),
        "a report of a portfolio": (_portfolio().text(), TRUST, True),
        "the only report of a portfolio": (_portfolio(others=0).text(), TRUST, True),
        **{name: (saved.text(), TRUST, False) for name, saved in _misplaced().items()},
        "a subject's own file": (_own_file().text(), TRUST, True),
        "two report keys are pinned": (_saved().text(), old, True),
        "as many cosignatures as are needed": (_cosigned().text(), one, True),
        "fewer cosignatures than are needed": (_cosigned().text(), two, False),
        "a member of the file that nobody knows": (_saved().text(note="x"), TRUST, True),
        **{name: (_changed(change).text(), TRUST, False) for name, change in _WRONG.items()},
        "another format": (_saved().text(format="creditbureau/report-bundle/v2"), TRUST, False),
        **{
            f"without {name}": (_saved().text(**{name: None}), TRUST, False)
            for name in (
                "format",
                "report",
                "request",
                "evidence",
                "furnishers",
                "receipt",
                "consent",
            )
        },
        "an inquiry that another member signed": (_saved(asked_by="acme").text(), TRUST, False),
        "without the member that asked": (_unasked().text(), TRUST, False),
        "a consent under the subject's second key": (_saved(consent=ROTATED).text(), TRUST, True),
        **{
            f"a consent {name}": (_saved(consent=change).text(), TRUST, False)
            for name, change in _CONSENTS.items()
        },
        "a report that leaves out a section of its consent": (
            _saved(sections=SECTIONS[:2]).text(),
            TRUST,
            False,
        ),
        "a report read after its own inquiry": (_saved(log_size=99).text(), TRUST, False),
        "a tradeline twice": (_saved(tradelines=[tradeline(), tradeline()]).text(), TRUST, False),
        "a part that is not base64": (_saved().text(request="!"), TRUST, False),
        "a report for another bureau": (
            _saved(header=header("bureau", "inquiry", audience="other.example/log")).text(),
            TRUST,
            False,
        ),
        "a report in answer to another request id": (
            _saved(header=header("bureau", "another")).text(),
            TRUST,
            False,
        ),
        "a report on another subject": (_saved(subject_id="cd" * 16).text(), TRUST, False),
        "a report to another member": (_saved(member_id="acme").text(), TRUST, False),
        "a report for another purpose": (
            _saved(purpose=codes_pb2.PURPOSE_COLLECTION).text(),
            TRUST,
            False,
        ),
        "no JSON": ("report", TRUST, False),
    }
    return [
        {"name": name, "file": text, "trust": trust_of(trust), "valid": valid}
        for name, (text, trust, valid) in cases.items()
    ]


def _changed(change: Callable[[Saved], None]) -> Saved:
    saved = _saved()
    change(saved)
    return saved


def _cosigned() -> Saved:
    saved = _saved()
    assert saved.receipt is not None, "the report of a member has a receipt"
    name, own = next(iter(WITNESSES.items()))
    time_s = NOON_US // 1_000_000
    saved.receipt.checkpoint = cosign(saved.receipt.checkpoint, name, own, time_s)
    return saved


def _unsigned(saved: Saved) -> None:
    sig = saved.report.signatures[0]
    sig.sig = flipped(sig.sig)


def _other_key(saved: Saved) -> None:
    saved.report = seal(Report.FromString(saved.report.payload), OPERATOR)


def _other_request(saved: Saved) -> None:
    asked = reporting_pb2.Inquiry.FromString(saved.request.payload)
    asked.evidence = reporting_pb2.EVIDENCE_LEVEL_NONE
    saved.request = seal(asked, key("brook"))


def _other_answer(saved: Saved) -> None:
    altered = Report.FromString(saved.report.payload)
    altered.rules_version = "another"
    saved.report = seal(altered, REPORTS)


def _less_evidence(saved: Saved) -> None:
    del saved.evidence.evidence[1]


ROTATED = {"rotated": True}
_CONSENTS: dict[str, dict[str, Any]] = {
    "that nobody's key signed": {"signed": key("thief")},
    "under a key that was rotated": {"rotated": True, "signed": key("person")},
    "of another subject": {"subject_id": "cd" * 16},
    "for another member": {"grantee": "acme"},
    "for another action": {"actions": [codes_pb2.ACTION_FURNISH]},
    "for another purpose": {"purposes": [codes_pb2.PURPOSE_COLLECTION]},
    "that opens less": {"sections": SECTIONS[:2]},
    "for fewer months of history": {"history_months": 2},
    "for another kind of facility": {"portfolio_types": [codes_pb2.PORTFOLIO_TYPE_MORTGAGE]},
    "that has ended": {"expire_time": moment(NOON_US - 86_400_000_000)},
    "with another id": {"header": header(f"subjects/{SUBJECT}", "another")},
    "for another bureau": {
        "header": header(f"subjects/{SUBJECT}", "consent", audience="other.example/log")
    },
}


def _nobody(saved: Saved) -> None:
    saved.furnishers.clear()


_WRONG: dict[str, Callable[[Saved], None]] = {
    "one bit of the report's signature": _unsigned,
    "a key that is not pinned for reports": _other_key,
    "another request than was answered": _other_request,
    "another report than the log covers": _other_answer,
    "a month of evidence is missing": _less_evidence,
    "the furnisher is missing": _nobody,
}
