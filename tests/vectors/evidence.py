"""A tradeline of a report, and the record that its furnisher signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bureau_keys.evidence import EvidencePiece, write_page
from bureau_keys.merkle import inclusion_proof, leaf_hash
from bureau_keys.provenance import QUOTED
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, record_pb2, reporting_pb2
from creditbureau.v1.record_pb2 import Record
from creditbureau.v1.report_pb2 import (
    REPORT_OUTCOME_HIT,
    PaymentHistory,
    Report,
    Tradeline,
)
from tests.vectors.cast import SUBJECT, TRUST, encoded, flipped, header, key, trust_of
from tests.vectors.members import Consortium, consortium
from tests.vectors.trees import manifest, records

# January's snapshot is the first record of the batch, December's the second.
JANUARY, DECEMBER = 202601, 202512
# Sections of the consent that reports rest on, and the log size that reports are read at.
SECTIONS = [
    codes_pb2.SECTION_TRADELINES,
    codes_pb2.SECTION_PAYMENT_HISTORY,
    codes_pb2.SECTION_EVIDENCE,
]
LOG_SIZE = 8
OTHER = "1f3870be274f6c49b3e31a0c6728957f"
TRADELINE = "d3b07384d113edec49eaa6238ad5ff00"


@dataclass(slots=True)
class Furnished:
    """A batch that acme submitted, and what of it comes with a report."""

    all_of: Consortium
    raws: list[bytes]
    january: EvidencePiece
    december: EvidencePiece


def furnished(
    signed: SigningKey | None = None, *, kind: str = "submission", all_of: Consortium | None = None
) -> Furnished:
    """Let acme submit its records."""
    all_of, raws = all_of or consortium(), records()
    envelope, receipt = all_of.log.say(kind, manifest(raws), signed or key("acme"))
    hashes = [leaf_hash(raw) for raw in raws]

    def piece(index: int, month: int) -> EvidencePiece:
        return EvidencePiece(
            tradeline_id=TRADELINE,
            month=month,
            manifest=envelope,
            record=raws[index],
            record_index=index,
            proof=tuple(inclusion_proof(hashes, index)),
            receipt=receipt,
        )

    return Furnished(all_of, raws, piece(0, JANUARY), piece(1, DECEMBER))


def tradeline() -> Tradeline:
    """Return what a report says of acme's account, as acme furnished it."""
    newest = Record.FromString(records()[0]).snapshot
    line = Tradeline(
        tradeline_id=TRADELINE,
        member_id="acme",
        role=codes_pb2.PARTY_ROLE_JOINT,
        party_count=2,
        history=PaymentHistory(
            newest_month=JANUARY,
            profile="10D",
            balance_minor=[123_45, -5, 0],
            amount_due_minor=[50_00, 50_00, 0],
            amount_paid_minor=[0, 0, 0],
            amount_past_due_minor=[50_00, 50_00, 0],
        ),
    )
    for name in QUOTED:
        if not newest.DESCRIPTOR.fields_by_name[name].has_presence or newest.HasField(name):  # type: ignore[arg-type]
            setattr(line, name, getattr(newest, name))
    return line


def report(line: Tradeline | None = None, **changes: Any) -> Report:
    """Return a report on the subject to brook."""
    fields: dict[str, Any] = {
        "header": header("bureau", "inquiry"),
        "member_id": "brook",
        "subject_id": SUBJECT,
        "purpose": codes_pb2.PURPOSE_CREDIT_APPLICATION,
        "outcome": REPORT_OUTCOME_HIT,
        "log_size": LOG_SIZE,
        "sections": SECTIONS,
        "tradelines": [line or tradeline()],
    }
    return Report(**(fields | changes))


def vectors() -> list[dict[str, Any]]:
    good = furnished()
    late = consortium()
    late.withdraw_key("acme", key("acme"), "acme", key("acme/2"))
    early = furnished()
    early.all_of.withdraw_key("acme", key("acme"), "acme", key("acme/2"))
    others = furnished(key("thief"))
    other_kind = furnished(kind="credential")
    moved = good.january._replace(record_index=1)
    changed = good.january._replace(record=flipped(good.january.record, 3))
    relabelled = good.january._replace(month=DECEMBER)
    cases: dict[str, tuple[Furnished, EvidencePiece, Report, bool]] = {
        "the newest month": (good, good.january, report(), True),
        "an earlier month": (good, good.december, report(), True),
        "signed before its key was withdrawn": (early, early.january, report(), True),
        "signed with the second key": (
            second := furnished(key("acme/2")),
            second.january,
            report(),
            True,
        ),
        "signed after its key was withdrawn": (
            withdrawn := furnished(all_of=late),
            withdrawn.january,
            report(),
            False,
        ),
        "signed by somebody else": (others, others.january, report(), False),
        "logged as something else": (other_kind, other_kind.january, report(), False),
        "logged after the report's log size": (good, good.january, report(log_size=1), False),
        "another place in the batch": (good, moved, report(), False),
        "one bit of the record": (good, changed, report(), False),
        "a record of another month": (good, relabelled, report(), False),
        **{
            f"another {name}": (good, good.january, report(_changed_tradeline(name, value)), False)
            for name, value in (
                ("balance_minor", 999),
                ("status", codes_pb2.ACCOUNT_STATUS_CURRENT),
                ("original_creditor", "Somebody Else"),
                ("credit_limit_minor", None),
                ("role", codes_pb2.PARTY_ROLE_GUARANTOR),
                ("party_count", 1),
                ("currency", "EUR"),
            )
        },
        "another character of the newest month": (
            good,
            good.january,
            _history("profile", "00D"),
            False,
        ),
        "another character of an earlier month": (
            good,
            good.december,
            _history("profile", "11D"),
            False,
        ),
        "another balance of an earlier month": (
            good,
            good.december,
            _history("balance_minor", [123_45, 0, 0]),
            False,
        ),
        "a report on another subject": (good, good.january, report(subject_id="ef" * 16), False),
        "a tradeline of another furnisher": (
            good,
            good.january,
            report(_changed_tradeline("member_id", "brook")),
            False,
        ),
        "a tradeline that the report does not have": (
            good,
            good.january,
            report(_changed_tradeline("tradeline_id", "00" * 16)),
            False,
        ),
    }
    return [
        *(_vector(name, *case) for name, case in cases.items()),
        *_due(good),
    ]


def _vector(
    name: str, given: Furnished, piece: EvidencePiece, report: Report, valid: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "check": "provenance",
        "report": encoded(report),
        "evidence": encoded(write_page([piece])),
        "furnisher": "acme",
        "members": [encoded(member) for member in given.all_of.members.values()],
        "trust": trust_of(TRUST),
        "valid": valid,
    }


def _due(good: Furnished) -> list[dict[str, Any]]:
    newest, every = reporting_pb2.EVIDENCE_LEVEL_NEWEST, reporting_pb2.EVIDENCE_LEVEL_ALL
    both = [good.january, good.december]
    closed = report(sections=[codes_pb2.SECTION_TRADELINES])
    cases: dict[str, tuple[Report, int, list[EvidencePiece], bool]] = {
        "every month that was asked for": (report(), every, both, True),
        "a month is missing": (report(), every, both[:1], False),
        "the newest month alone was asked for": (report(), newest, both[:1], True),
        "the newest month is missing": (report(), newest, both[1:], False),
        "none was asked for": (report(), reporting_pb2.EVIDENCE_LEVEL_NONE, [], True),
        "the consent does not open evidence": (closed, every, [], True),
    }
    twice = report()
    twice.tradelines.add().CopyFrom(tradeline())
    twice.tradelines[1].tradeline_id = OTHER
    copied = [piece._replace(tradeline_id=OTHER) for piece in both]
    cases["one record for two tradelines"] = (twice, every, both + copied, False)
    transfer = record_pb2.FACILITY_ACTION_KIND_TRANSFER
    for name, kind, sold, valid in (
        ("sold by a TRANSFER of the month", transfer, JANUARY, True),
        ("sold in another month", transfer, DECEMBER, False),
        ("sold by another action", record_pb2.FACILITY_ACTION_KIND_CLOSE, JANUARY, False),
    ):
        line = tradeline()
        line.sold_month = sold
        effective = line.actions.add(kind=kind).effective_time
        effective.FromDatetime(datetime(JANUARY // 100, JANUARY % 100, 9, tzinfo=UTC))
        cases[name] = (report(line), newest, both[:1], valid)
    beyond = write_page(both)
    beyond.evidence[1].manifest_index = 1
    pages = {name: (*case[:2], write_page(case[2]), case[3]) for name, case in cases.items()}
    pages["a manifest that the page does not have"] = (report(), every, beyond, False)
    return [
        {
            "name": f"completeness: {name}",
            "check": "completeness",
            "report": encoded(report),
            "level": level,
            "evidence": encoded(page),
            "valid": valid,
        }
        for name, (report, level, page, valid) in pages.items()
    ]


def _changed_tradeline(name: str, value: Any) -> Tradeline:
    line = tradeline()
    if value is None:
        line.ClearField(name)  # type: ignore[arg-type]
    else:
        setattr(line, name, value)
    return line


def _history(name: str, value: Any) -> Report:
    line = tradeline()
    if isinstance(value, str):
        setattr(line.history, name, value)
    else:
        getattr(line.history, name)[:] = value
    return report(line)
