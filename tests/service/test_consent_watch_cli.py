"""Changes of consents and deletions on the command lines of lender, person and operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bureau_client import ConsentMode
from tests.programs import output_of
from tests.service.scenario import Scenario, open_scenario
from tests.service.test_consent_watch import used
from tests.service.test_decisions import wallet_folder


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def test_a_lender_hears_deletes_and_confirms(scenario: Scenario, tmp_path: Path) -> None:
    folder, person = wallet_folder(scenario, tmp_path / "wallet")
    terms = {"mode": ConsentMode.STORE, "data_life": timedelta(seconds=1)}
    consent_id = scenario.inquiring(person, "acme", **terms)
    used(scenario, "acme", person, consent_id)
    since = scenario.now()
    person.revoke(consent_id, "I found \u4e00 another")
    for name, profile in (("agent", scenario.agent), ("acme", scenario.profiles["acme"])):
        profile.save(tmp_path / name)
    lender = ("--profile", tmp_path / "acme")
    own = ("--wallet", folder, "--profile", tmp_path / "agent")

    # The changes as JSON lines, with the note; a cursor goes on after the last one.
    watch = ("bureau-lender", "consent", "watch", *lender, "--for", 5)
    lines = [json.loads(line) for line in output_of(*watch).splitlines()]
    mine = [line for line in lines if line["consent"]["consent_id"] == consent_id]
    assert [(line["kind"], line["note"]) for line in mine] == [
        ("GRANTED", ""),
        ("REVOKED", "I found \u4e00 another"),
    ]
    assert mine[-1]["consent"]["delete_by_time"]
    assert output_of(*watch, "--after", lines[-1]["cursor"]) == ""
    listed = output_of(
        *("bureau-lender", "consents", *lender, "--output", "json", "--changed-since"),
        f"{since:%Y-%m-%dT%H:%M:%S}",
    )
    assert consent_id in {one["consent_id"] for one in json.loads(listed)}

    # Everybody sees that it is overdue, until it is confirmed.
    (row,) = json.loads(output_of("bureau-wallet", "deletions", *own, "--output", "json"))
    assert (row["grantee"], row["state"]) == ("acme", "overdue")
    overdue = ("bureau", "deletions", "--dir", scenario.bureau.folder, "--output", "json")
    (row,) = json.loads(output_of(*overdue))
    assert (row["member_id"], row["consent_id"], row["report_count"]) == ("acme", consent_id, 1)
    output_of("bureau-lender", "consent", "confirm-deletion", consent_id, *lender, "--reports", 1)
    assert json.loads(output_of(*overdue)) == []
    (row,) = json.loads(output_of("bureau-wallet", "deletions", *own, "--output", "json"))
    assert row["state"] == "confirmed late"
    assert "confirmed late" in output_of("bureau-wallet", "deletions", *own)
