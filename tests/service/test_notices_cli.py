"""Notices on the command lines: a person lists, follows and chooses; an agent passes them on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bureau_client import FacilityActionKind, HoldKind
from tests.programs import output_of
from tests.service.scenario import Scenario, account, open_scenario
from tests.service.test_decisions import wallet_folder
from tests.service.watching import MAY, freeze


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario("acme", "brook") as scenario:
        yield scenario


def test_a_person_follows_and_an_agent_passes_on(scenario: Scenario, tmp_path: Path) -> None:
    folder, person = wallet_folder(scenario, tmp_path / "wallet")
    scenario.agent.save(tmp_path / "agent")
    own = ("--wallet", folder, "--profile", tmp_path / "agent")
    scenario.submit("acme", account(person, "card", MAY))
    freeze(scenario, "acme", account(person, "card", MAY).account_ref, FacilityActionKind.FREEZE)

    # In words: the sentence, and the reasons with what the person can do.
    shown = output_of("bureau-wallet", "notices", "list", *own, "--limit", 1)
    assert "has frozen a credit line" in " ".join(shown.split())
    assert "record" in shown
    assert "冻结" in output_of("bureau-wallet", "notices", "list", *own, "--language", "zh")
    assert output_of("bureau-wallet", "notices", *own) == output_of(
        "bureau-wallet", "notices", "list", *own
    )

    # The stream, from a cursor, without what the person does not want to hear of from then on.
    watch = ("bureau-wallet", "notices", "watch", *own, "--for", 4)
    lines = [json.loads(line) for line in output_of(*watch).splitlines()]
    assert [line["kind"] for line in lines][-2:] == ["NEW_ACCOUNT", "LINE_FROZEN"]
    choose = ("bureau-wallet", "notices", "choose", *own)
    output_of(*choose, "--without", "new-account", "--agent", "agent", "--notice-language", "zh")
    kept = json.loads(output_of(*choose, "--output", "json"))
    assert (kept["muted"], kept["agent_id"], kept["language"]) == (["NEW_ACCOUNT"], "agent", "zh")
    scenario.submit("acme", account(person, "loan", MAY))
    freeze(scenario, "acme", account(person, "loan", MAY).account_ref, FacilityActionKind.FREEZE)
    after = ("--after", lines[-1]["cursor"])
    assert [json.loads(line)["kind"] for line in output_of(*watch, *after).splitlines()] == [
        "LINE_FROZEN"
    ]

    # The agent hears that there is one, and continues where it was.
    person.place_hold(HoldKind.FRAUD_ALERT)
    cursor, mail = tmp_path / "cursor", tmp_path / "mail.jsonl"
    forward = ("bureau-wallet", "notices", "forward", "--profile", tmp_path / "agent")
    options = ("--cursor", cursor, "--file", mail, "--for", 4)
    output_of(*forward, *options)
    frozen, line = map(json.loads, mail.read_text().splitlines())
    assert frozen["kind"] == "LINE_FROZEN"
    assert (line["kind"], line["subject_id"], line["language"]) == (
        "HOLD_PLACED",
        person.subject_id,
        "zh",
    )
    output_of(*forward, *options)
    assert len(mail.read_text().splitlines()) == 2
    output_of(*choose, "--everything")
    assert json.loads(output_of(*choose, "--output", "json"))["agent_id"] == ""
