"""`bureau-lender policy` and `bureau-lender decide`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from bureau_client import Purpose, SigningKey
from bureau_client.risk.policy import reference_policies
from bureau_client.risk.signed_policy import sign_policy
from creditbureau.v1 import report_pb2
from tests.unit.client.fakes import CONSENT, SUBJECT, FakeBureau
from tests.unit.client.risk_values import APPLICANT, active, document, rule_of
from tests.unit.client.test_risk_notices import LETTERHEAD
from tests.unit.client.test_sdk_cli import Run, bureau, query, run

__all__ = ["bureau", "run"]  # fixtures


@pytest.fixture
def folder(bureau: FakeBureau, tmp_path: Path) -> Path:
    """A folder with a saved report, an applicant, a letterhead and a policy."""
    bureau.terms["outcome"] = report_pb2.REPORT_OUTCOME_NO_HIT
    client = bureau.lender()
    report = client.query(SUBJECT, purpose=Purpose.CREDIT_APPLICATION, consent_id=CONSENT)
    report.save(tmp_path / "report.json")
    (tmp_path / "applicant.json").write_text(json.dumps(APPLICANT))
    lines = [f'{name} = "{value}"' for name, value in dataclasses.asdict(LETTERHEAD).items()]
    (tmp_path / "letterhead.toml").write_text("\n".join(lines))
    (tmp_path / "policy.json").write_bytes(reference_policies()["cards-US"])
    return tmp_path


def test_a_reference_policy_is_printed_checked_and_signed(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("policy", "reference") == 0
    assert capsys.readouterr().out.split() == list(reference_policies())
    assert run("policy", "reference", "cards-CN") == 0
    assert capsys.readouterr().out.encode() == reference_policies()["cards-CN"]
    assert run("policy", "reference", "cards-FR") == 5
    assert run("policy", "check", folder / "policy.json") == 0
    assert "15 golden cases pass" in capsys.readouterr().err
    assert run("policy", "sign", folder / "policy.json", "--to", folder / "signed.json") == 0


def test_a_broken_policy_is_neither_checked_nor_signed(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = document("cards-US")
    rule_of(changed, "late")["outcome_late_months"] = "> > 3"
    (folder / "policy.json").write_text(json.dumps(changed))
    assert run("policy", "check", folder / "policy.json") == 5
    assert "rule 'late', cell 'late_months', '> > 3'" in capsys.readouterr().err
    assert run("policy", "sign", folder / "policy.json", "--to", folder / "signed.json") == 5
    assert not (folder / "signed.json").exists()


@pytest.mark.parametrize("suffix", [".pdf", ".html", ".txt"])
def test_a_decision_and_its_notice(
    run: Run, folder: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("policy", "sign", folder / "policy.json", "--to", folder / "signed.json") == 0
    notice = folder / f"notice{suffix}"
    arguments = ["--policy", folder / "signed.json", "--inputs", folder / "applicant.json"]
    arguments += ["--letterhead", folder / "letterhead.toml", "--language", "zh"]
    report = folder / "report.json"
    assert run("decide", report, *arguments, "--notice", notice, "--output", "json") == 0
    decision = json.loads(capsys.readouterr().out)
    assert (decision["outcome"], decision["limit"]) == ("COUNTER_OFFER", 50_000)
    assert decision["reasons"][0]["code"] == "regb.no_credit_file"
    assert notice.read_bytes().startswith(b"%PDF" if suffix == ".pdf" else (b"<!doc", b"Hill"))
    assert run("decide", report, *arguments, "--notice", folder / "notice.doc") == 5


def test_a_policy_that_this_member_did_not_sign_decides_nothing(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [folder / "report.json", "--inputs", folder / "applicant.json", "--policy"]
    assert run("decide", *arguments, folder / "policy.json") == 5
    assert "sign it with `bureau-lender policy sign`" in capsys.readouterr().err
    foreign = sign_policy(active("cards-US").policy, SigningKey.generate())
    (folder / "foreign.json").write_text(foreign)
    assert run("decide", *arguments, folder / "foreign.json") == 5
    assert "does not count for the signer" in capsys.readouterr().err


def test_a_report_that_does_not_verify_is_not_decided_on(
    run: Run, bureau: FakeBureau, folder: Path
) -> None:
    assert run("policy", "sign", folder / "policy.json", "--to", folder / "signed.json") == 0
    query(FakeBureau()).save(folder / "report.json")
    arguments = ["--policy", folder / "signed.json", "--inputs", folder / "applicant.json"]
    assert run("decide", folder / "report.json", *arguments) == 5
