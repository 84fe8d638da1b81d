"""Refusals of a real bureau, in the words of the command lines: the option that was typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from bureau_client import IdentificationMethod
from bureau_client.cli import lender, wallet
from bureau_client.wallet_folder import WalletFolder
from tests.service.scenario import Scenario, fresh_number, open_scenario

Shown = Callable[..., str]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme") as scenario:
        yield scenario


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Run a command that is refused; return its error on one line."""

    def run(main: Callable[[], None], *words: object) -> str:
        monkeypatch.setattr("sys.argv", ["bureau", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code not in {0, 2}
        return " ".join(capsys.readouterr().err.split())

    return run


def test_a_lender_reads_the_option_of_what_is_wrong(
    scenario: Scenario, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario.profiles["acme"].save(tmp_path / "acme")
    monkeypatch.setenv("BUREAU_PROFILE", str(tmp_path / "acme"))
    subject = scenario.lenders["acme"].subject_id("US", "ssn", fresh_number())
    query = ("query", subject, "--purpose", "credit-application", "--consent")
    # Found by the SDK.
    assert "--consent: is 'x'; write a UUID" in shown(lender.main, *query, "x")
    action = ("act", "A-1", "freeze", "--reason", "fraud-suspected")
    assert "--new-ref: belongs to" in shown(lender.main, *action, "--new-ref", "A-2")
    assert "--record: " in shown(lender.main, *action, "--record", "x:0")
    # Found by the bureau.
    answer = ("dispute", "answer", uuid4(), "accurate")
    assert "DISPUTE_ID: no dispute with this id" in shown(lender.main, *answer)
    assert "--narrative: " in shown(lender.main, *answer, "--narrative", "\N{RIGHT-TO-LEFT MARK}")
    assert "--version: no standard" in shown(lender.main, "standard", "--version", 7)


def test_a_person_reads_the_option_of_what_is_wrong(
    scenario: Scenario, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = scenario.lenders["acme"]
    scenario.agent.save(tmp_path / "agent")
    folder = WalletFolder.create(
        tmp_path / "wallet", acme.subject_id("US", "ssn", fresh_number()), None
    )
    with folder.open(scenario.agent) as own:
        acme.attest(
            own.binding(),
            method=IdentificationMethod.IN_PERSON,
            identify_time=datetime.now(UTC),
        )
    monkeypatch.setenv("BUREAU_PROFILE", str(tmp_path / "agent"))
    monkeypatch.setenv("BUREAU_WALLET", str(tmp_path / "wallet"))
    grant = ("grant", "acme", "--action", "inquire", "--purpose", "credit-application")
    kept = shown(wallet.main, *grant, "--section", "summary", "--mode", "store")
    assert "--keep-days: must be above zero with --mode store" in kept
    assert "--uses-a-month: " in shown(
        wallet.main, *grant, "--section", "summary", "--uses-a-month", 2**31
    )
    assert "GRANTEE: no member has this id" in shown(
        wallet.main, "grant", "nemo", "--action", "furnish"
    )
    assert "CONSENT_ID: the subject has no consent" in shown(wallet.main, "revoke", uuid4())
    lift = ("hold", "lift", uuid4(), "--member", "acme")
    assert "--until: needed to lift for one member" in shown(wallet.main, *lift)
    dispute = ("dispute", "open", "ab" * 16, "--reason", "wrong-amount", "--field")
    assert "--field: no field of a snapshot" in shown(wallet.main, *dispute, "colour")
    assert "--until: must lie in the future" in shown(
        wallet.main, "hold", "place", "security-freeze", "--until", "2020-01-01"
    )
