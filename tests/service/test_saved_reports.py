"""Saved reports of a running bureau: every verifier accepts and refuses the same files."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from bureau.cli import main as bureau_main
from bureau_client import Auditor, EvidenceLevel, Purpose, Report
from bureau_client.cli.lender import app as lender_app
from bureau_client.errors import BureauError
from bureau_client.verify import verify_bundle
from bureau_keys.errors import Contradiction, KeysError, RecordMismatch
from bureau_keys.profile import Profile
from bureau_keys.saved_report import NOT_PROVEN, SavedReport, advice
from bureau_keys.signing import SigningKey
from creditbureau.v1.codes_pb2 import ROLE_OPERATOR
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import MEMBER_STATE_SUSPENDED, Member
from creditbureau.v1.report_pb2 import Evidence, EvidencePage
from creditbureau.v1.report_pb2 import Report as ReportMessage
from creditbureau.v1.reporting_pb2 import PortfolioProof
from tests.service.scenario import account, open_scenario
from tests.service.watching import JUNE, MAY, monitor

Parts = dict[str, Any]
Change = Callable[[Parts], object]


@dataclass(frozen=True)
class Saved:
    """Reports of each kind, saved, and the profile folder to verify them with."""

    reports: dict[str, Path]
    profile: Profile
    folder: Path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder = tmp_path_factory.mktemp("saved")
    with (
        open_scenario("acme", "brook") as scenario,
        Auditor(scenario.bureau.add_member("auditor", ["auditor"]), clock=scenario.now) as auditor,
    ):
        person = scenario.person()
        monitor(person, "acme")
        scenario.submit("brook", account(person, "card", MAY), account(person, "card", JUNE))
        scenario.submit("acme", account(person, "loan", MAY))
        lender = scenario.lenders["acme"]
        (portfolio,) = lender.portfolio(Purpose.ACCOUNT_REVIEW)
        single = lender.query(
            person.subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=scenario.inquiring(person, "acme"),
            evidence=EvidenceLevel.ALL,
        )
        plain = lender.query(
            person.subject_id,
            purpose=Purpose.CREDIT_APPLICATION,
            consent_id=scenario.inquiring(person, "acme"),
        )
        reports = {
            "single": single,
            "portfolio": portfolio,
            "replay": lender.replay(plain.request_id, plain.subject_id),
            "evidenced-replay": lender.replay(single.request_id, single.subject_id),
            "audited-replay": auditor.replay(single.request_id, single.subject_id),
            "portfolio-replay": lender.replay(portfolio.request_id, person.subject_id),
            "file": person.file(),
        }
        for name, report in reports.items():
            report.save(folder / f"{name}.json")
        scenario.profiles["acme"].save(folder / "profile")
        paths = {name: folder / f"{name}.json" for name in reports}
        yield Saved(paths, scenario.profiles["acme"], folder / "profile")


def verifiers(saved: Saved, path: Path) -> dict[str, Callable[[], object]]:
    """Return every way to verify a file, by name."""
    trust, folder = saved.profile.trust, str(saved.folder)
    return {
        "keys": lambda: SavedReport.from_json(path.read_bytes()).verify(trust),
        "sdk": lambda: verify_bundle(Report.load(path), trust),
        "bureau": lambda: bureau_main(["report", "verify", "--trust", folder, str(path)]),
        "bureau-lender": lambda: lender_app(
            ["verify", "--profile", folder, str(path)], standalone_mode=False
        ),
    }


def is_verified(verify: Callable[[], object]) -> bool:
    try:
        verify()
    except SystemExit as stop:
        return not stop.code
    except (KeysError, BureauError):
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "single",
        "portfolio",
        "replay",
        "evidenced-replay",
        "audited-replay",
        "portfolio-replay",
        "file",
    ],
)
def test_every_verifier_accepts_a_genuine_report(saved: Saved, name: str) -> None:
    results = verifiers(saved, saved.reports[name])
    assert {verifier: is_verified(verify) for verifier, verify in results.items()} == dict.fromkeys(
        results, True
    )


def test_a_replay_has_the_evidence_of_its_report(saved: Saved) -> None:
    parts = ("evidence", "receipt", "request", "report")
    single, *replays = (
        json.loads(saved.reports[name].read_text())
        for name in ("single", "evidenced-replay", "audited-replay")
    )
    page = EvidencePage.FromString(base64.b64decode(single["evidence"]))
    assert len(page.evidence) == 3
    for replay in replays:
        assert {part: replay[part] == single[part] for part in parts} == dict.fromkeys(parts, True)


def edit(part: str, kind: type[Message], change: Callable[[Any], object]) -> Change:
    """Change the message in a part, or in the first of several."""

    def apply(parts: Parts) -> None:
        several = isinstance(parts[part], list)
        message = kind.FromString(base64.b64decode(parts[part][0] if several else parts[part]))
        change(message)
        text = base64.b64encode(message.SerializeToString(deterministic=True)).decode()
        parts[part] = [text, *parts[part][1:]] if several else text

    return apply


def edit_evidence(change: Callable[[Evidence], object]) -> Change:
    """Change the first piece of evidence."""
    return edit("evidence", EvidencePage, lambda page: change(page.evidence[0]))


def edit_report(change: Callable[[ReportMessage], object]) -> Change:
    def apply(envelope: Envelope) -> None:
        report = ReportMessage.FromString(envelope.payload)
        change(report)
        envelope.payload = report.SerializeToString(deterministic=True)

    return edit("report", Envelope, apply)


def exchange(part: str, other: str) -> Callable[[Parts, Saved], object]:
    return lambda parts, saved: parts.update(
        {part: json.loads(saved.reports[other].read_text())[part]}
    )


def set_key_index(name: str, index: int) -> Change:
    def apply(member: Member) -> None:
        for key in member.keys:
            setattr(key, name, index)

    return edit("furnishers", Member, apply)


BOTH, SINGLE, PORTFOLIO = ("single", "portfolio"), ("single",), ("portfolio",)
ALTERATIONS: dict[str, tuple[tuple[str, ...], Callable[..., object]]] = {
    "report: a changed balance": (
        BOTH,
        edit_report(lambda r: setattr(r.tradelines[0], "balance_minor", 1)),
    ),
    "report: another subject": (BOTH, edit_report(lambda r: setattr(r, "subject_id", "0" * 32))),
    "report: no signature": (BOTH, edit("report", Envelope, lambda e: e.ClearField("signatures"))),
    "report: not base64": (BOTH, lambda parts: parts.update(report="no base64")),
    "report: missing": (BOTH, lambda parts: parts.pop("report")),
    "report: of the portfolio": (SINGLE, exchange("report", "portfolio")),
    "request: more bytes": (
        BOTH,
        edit("request", Envelope, lambda e: setattr(e, "payload", e.payload + b"\x08\x01")),
    ),
    "request: another type": (
        BOTH,
        edit("request", Envelope, lambda e: setattr(e, "payload_type", "text/plain")),
    ),
    "request: of the portfolio": (SINGLE, exchange("request", "portfolio")),
    "request: of a subject": (BOTH, exchange("request", "file")),
    "request: missing": (BOTH, lambda parts: parts.pop("request")),
    "receipt: missing": (BOTH, lambda parts: parts.pop("receipt")),
    "receipt: of the portfolio": (SINGLE, exchange("receipt", "portfolio")),
    "receipt: of one report": (("portfolio",), exchange("receipt", "single")),
    "receipt: another kind": (
        BOTH,
        edit("receipt", Receipt, lambda r: setattr(r, "kind", "consent")),
    ),
    "receipt: another leaf": (
        BOTH,
        edit("receipt", Receipt, lambda r: setattr(r, "leaf_index", r.leaf_index + 1)),
    ),
    "receipt: another answer": (
        BOTH,
        edit("receipt", Receipt, lambda r: setattr(r, "answer_digest", bytes(32))),
    ),
    "portfolio: missing": (PORTFOLIO, lambda parts: parts.pop("portfolio")),
    "portfolio: another count": (
        PORTFOLIO,
        edit("portfolio", PortfolioProof, lambda p: setattr(p, "count", 2)),
    ),
    "portfolio: another root": (
        PORTFOLIO,
        edit("portfolio", PortfolioProof, lambda p: setattr(p, "root", bytes(32))),
    ),
    "place: of the portfolio": (SINGLE, exchange("portfolio", "portfolio")),
    "evidence: another record": (
        SINGLE,
        edit_evidence(lambda e: setattr(e, "record", e.record + b"\x00")),
    ),
    "evidence: another tradeline": (
        SINGLE,
        edit_evidence(lambda e: setattr(e, "tradeline_id", "0" * 32)),
    ),
    "evidence: another manifest": (
        SINGLE,
        edit_evidence(lambda e: setattr(e, "manifest_index", 9)),
    ),
    "evidence: one missing": (
        SINGLE,
        edit("evidence", EvidencePage, lambda page: page.evidence.pop()),
    ),
    "evidence: all missing": (SINGLE, edit("evidence", EvidencePage, EvidencePage.Clear)),
    "furnishers: missing": (SINGLE, lambda parts: parts.update(furnishers=[])),
    "furnishers: no statement": (
        SINGLE,
        edit("furnishers", Member, lambda m: m.ClearField("statements")),
    ),
    "furnishers: keys before their time": (SINGLE, set_key_index("valid_from_index", 0)),
    "furnishers: keys withdrawn at once": (SINGLE, set_key_index("valid_to_index", 1)),
    "format: another": (BOTH, lambda parts: parts.update(format="another")),
    "format: nothing else": (
        BOTH,
        lambda parts: [parts.pop(name) for name in list(parts) if name != "format"],
    ),
}
CASES = [(name, kind) for name, (kinds, _) in ALTERATIONS.items() for kind in kinds]


@pytest.mark.parametrize(("alteration", "kind"), CASES)
def test_every_verifier_refuses_an_altered_report(
    saved: Saved, tmp_path: Path, alteration: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = json.loads(saved.reports[kind].read_text())
    _, change = ALTERATIONS[alteration]
    needs_saved = alteration.partition(": ")[2] in {
        "of the portfolio",
        "of a subject",
        "of one report",
    }
    change(parts, saved) if needs_saved else change(parts)
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(parts))
    results = verifiers(saved, path)
    assert {verifier: is_verified(verify) for verifier, verify in results.items()} == dict.fromkeys(
        results, False
    )
    # Anyone who held the file may have altered it, so that the fix accuses nobody.
    printed = capsys.readouterr().err
    assert "other members" not in " ".join(printed.split())


def test_every_verifier_reads_the_trust_from_the_profile_only(saved: Saved) -> None:
    trust = saved.profile.trust
    bundle = SavedReport.from_json(saved.reports["single"].read_bytes())
    unknown = SigningKey.generate().verify_key.raw
    for wrong in (replace(trust, report_keys=(unknown,)), replace(trust, origin="another/log")):
        with pytest.raises(KeysError):
            bundle.verify(wrong)
        with pytest.raises(BureauError):
            verify_bundle(Report.load(saved.reports["single"]), wrong)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\x00", '{"format": 1}'])
def test_every_verifier_refuses_another_file(saved: Saved, tmp_path: Path, text: str) -> None:
    (tmp_path / "other").write_text(text)
    results = verifiers(saved, tmp_path / "other")
    assert not any(is_verified(verify) for verify in results.values())


def test_only_a_contradiction_of_the_bureau_is_to_be_shown_to_members() -> None:
    assert "other members" in advice(Contradiction("x"))
    assert advice(RecordMismatch("x")) == RecordMismatch.fix
    assert advice(KeysError("x")) == NOT_PROVEN


@pytest.mark.parametrize(
    "junk", [b"[" * 200_000, b'{"a":' * 100_000, b"\xff\xfe", b"9" * 5000], ids=range(4)
)
def test_a_malformed_file_does_not_stop_the_others(
    saved: Saved, tmp_path: Path, junk: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_bytes(junk)
    results = verifiers(saved, spoilt)
    assert not any(map(is_verified, results.values()))
    capsys.readouterr()
    command = ["report", "verify", "--trust", str(saved.folder), "--output", "json"]
    with pytest.raises(SystemExit) as stopped:
        bureau_main([*command, str(spoilt), str(saved.reports["single"])])
    assert stopped.value.code == 5
    rows = [row["verified"] for row in json.loads(capsys.readouterr().out)]
    assert rows == [False, True]


def test_a_saved_report_shows_signed_names_alone(saved: Saved, tmp_path: Path) -> None:
    """Names, groups and times that no party signed are in the file, and are not shown."""
    parts = json.loads(saved.reports["single"].read_text())
    genuine = verify_bundle(Report.load(saved.reports["single"]), saved.profile.trust)

    def flatter(member: Member) -> None:
        member.display_name, member.group = "Somebody Else, N.A.", "giants"
        member.roles.append(ROLE_OPERATOR)
        member.create_time.FromSeconds(1)
        member.state, member.directory_quota = MEMBER_STATE_SUSPENDED, 7

    edit("furnishers", Member, flatter)(parts)
    (tmp_path / "flattered.json").write_text(json.dumps(parts))
    shown = verify_bundle(Report.load(tmp_path / "flattered.json"), saved.profile.trust)
    for member, honest in zip(shown.furnishers, genuine.furnishers, strict=True):
        assert replace(member, encoded=b"") == replace(honest, encoded=b"")
        assert member.display_name
        assert member.create_time
