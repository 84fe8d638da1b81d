"""Files of the SDK: saved reports, wallets on disk."""

from __future__ import annotations

import base64
import dataclasses
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bureau_client import (
    EvidenceLevel,
    InvalidRequest,
    Member,
    NotAuthenticated,
    Purpose,
    Report,
    SigningKey,
    Unavailable,
    VerificationFailed,
    verify,
)
from bureau_client.wallet_folder import WalletFolder
from tests.unit.client.fakes import CONSENT, SUBJECT, FakeBureau, snapshot

# Saved reports


@pytest.fixture
def bureau() -> Any:
    return FakeBureau()


@pytest.fixture
def saved(bureau: FakeBureau, tmp_path: Path) -> Any:
    lender = bureau.lender()
    lender.submit([snapshot("A-1"), snapshot("A-2")])
    report = lender.query(
        SUBJECT,
        purpose=Purpose.CREDIT_APPLICATION,
        consent_id=CONSENT,
        evidence=EvidenceLevel.NEWEST,
    )
    path = tmp_path / "report.json"
    report.save(path)
    return report, path


def test_a_saved_report_verifies_offline(bureau: FakeBureau, saved: Any) -> None:
    report, path = saved
    verified = verify.verify_bundle(Report.load(path), bureau.trust)
    # Of the members a saved report shows what operators signed, and nothing else.
    nobody: dict[str, Any] = {"furnishers": (), "vouchers": ()}
    assert replace(Report.load(path), **nobody) == replace(report, **nobody)
    assert replace(verified, **nobody) == replace(report, **nobody)
    assert [signed_values(one) for one in verified.furnishers] == [
        signed_values(one) for one in report.furnishers
    ]


def signed_values(member: Member) -> tuple[object, ...]:
    return (
        member.member_id,
        member.display_name,
        member.roles,
        member.purposes,
        member.group,
        member.keys,
    )


def test_the_own_file_can_be_saved_too(bureau: FakeBureau, tmp_path: Path) -> None:
    file = bureau.wallet().file()
    file.save(tmp_path / "f")
    assert verify.verify_bundle(Report.load(tmp_path / "f"), bureau.trust) == file


def test_under_other_keys_nothing_verifies(saved: Any) -> None:
    _, path = saved
    with pytest.raises(VerificationFailed):
        verify.verify_bundle(Report.load(path), FakeBureau().trust)


@pytest.mark.parametrize("part", ["report", "request", "receipt", "evidence", "furnishers"])
@pytest.mark.parametrize("bit", [0, 77, 150, 301])
def test_a_changed_bit_anywhere_is_seen(
    bureau: FakeBureau, saved: Any, part: Any, bit: Any
) -> None:
    honest, path = saved
    parts = json.loads(path.read_text())
    text = parts[part][0] if isinstance(parts[part], list) else parts[part]
    data = bytearray(base64.b64decode(text))
    data[bit % len(data)] ^= 1
    changed = base64.b64encode(data).decode()
    parts[part] = [changed] if isinstance(parts[part], list) else changed
    path.write_text(json.dumps(parts))
    try:
        checked = verify.verify_bundle(Report.load(path), bureau.trust)
    except (VerificationFailed, InvalidRequest):
        return
    # A member's name and the asker's own signature are nobody's claim about the
    # subject; whatever the report says must be as it was.
    assert facts(checked) == facts(honest)


def facts(report: Report) -> Report:
    return dataclasses.replace(report, furnishers=(), inquiry=b"")


@pytest.mark.parametrize("part", ["receipt", "evidence", "furnishers"])
def test_what_is_missing_is_missed(bureau: FakeBureau, saved: Any, part: Any) -> None:
    _, path = saved
    parts = json.loads(path.read_text())
    if isinstance(parts[part], list):
        parts[part] = []
    elif part == "evidence":
        parts[part] = ""  # a page without a piece
    else:
        del parts[part]
    path.write_text(json.dumps(parts))
    with pytest.raises(VerificationFailed):
        verify.verify_bundle(Report.load(path), bureau.trust)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "x"}', "\x00", '{"format": 1}'])
def test_what_is_no_saved_report_is_said_so(tmp_path: Path, text: Any) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="not a saved report"):
        Report.load(path)


# Wallets


def open_with(bureau: FakeBureau, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bureau_client.sync.client.GrpcTransport", lambda _profile: bureau)


def test_a_wallet_is_kept_private(tmp_path: Path) -> None:
    WalletFolder.create(tmp_path / "w", SUBJECT)
    assert stat.S_IMODE((tmp_path / "w" / "key.pem").stat().st_mode) == 0o600
    with pytest.raises(InvalidRequest, match="already"):
        WalletFolder.create(tmp_path / "w", SUBJECT)
    assert WalletFolder.load(tmp_path / "w").subject_id == SUBJECT


def test_a_folder_without_a_wallet_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="does not hold a wallet"):
        WalletFolder.load(tmp_path)


def test_a_locked_wallet_needs_its_passphrase(bureau: FakeBureau, tmp_path: Path) -> None:
    WalletFolder.create(tmp_path / "w", SUBJECT, "secret")
    with pytest.raises(NotAuthenticated):
        WalletFolder.load(tmp_path / "w").open(bureau.profile())
    WalletFolder.load(tmp_path / "w", "secret").open(bureau.profile()).close()


def key_in(folder: Any) -> Any:
    return SigningKey.from_pem((folder / "key.pem").read_bytes()).verify_key.key_id


def test_a_rotation_replaces_the_key(
    bureau: FakeBureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_with(bureau, monkeypatch)
    folder = WalletFolder.create(tmp_path / "w", SUBJECT)
    before = key_in(folder.path)
    receipt = folder.rotate(bureau.profile())
    assert receipt is not None
    assert receipt.kind == "key-rotation"
    assert key_in(folder.path) != before
    assert not (folder.path / "next-key.pem").exists()


@pytest.mark.parametrize("went_through", [True, False])
def test_a_rotation_that_was_cut_off_is_finished(
    bureau: FakeBureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, went_through: Any
) -> Any:
    open_with(bureau, monkeypatch)
    monkeypatch.setattr("bureau_client._transport.grpc_sync.time.sleep", lambda _: None)
    folder = WalletFolder.create(tmp_path / "w", SUBJECT)
    bureau.fail = lambda _: Unavailable("cut off")
    with pytest.raises(Unavailable):
        folder.rotate(bureau.profile())
    kept = SigningKey.from_pem((folder.path / "next-key.pem").read_bytes()).verify_key.key_id

    def unknown_key(attempt: Any) -> Any:
        listing = attempt.call.method.path.endswith("ListInquiries")
        return NotAuthenticated("no", reason="BAD_SIGNATURE") if listing else None

    bureau.fail = (lambda _: None) if went_through else unknown_key
    receipt = folder.rotate(bureau.profile())
    assert (receipt is None) == went_through
    # The key that was on disk before anything was sent, not a third one.
    assert key_in(folder.path) == kept
