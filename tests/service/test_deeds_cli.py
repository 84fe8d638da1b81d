"""A person lists what they can dispute and complain about, and goes on with the ids."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from bureau_client import (
    ActionReason,
    ComplaintKind,
    ComplaintState,
    DisputeOutcome,
    FacilityAction,
    FacilityActionKind,
    Initiator,
    Month,
)
from tests.programs import output_of
from tests.service.client_calls import decision_on
from tests.service.scenario import account, open_scenario
from tests.service.test_decisions import wallet_folder

MAY = Month(2024, 5)


def test_the_ids_of_lines_and_deeds_are_those_that_dispute_and_complaint_take(
    tmp_path: Path,
) -> None:
    with open_scenario("acme") as scenario:
        folder, person = wallet_folder(scenario, tmp_path / "wallet")
        acme, snapshot = scenario.lenders["acme"], account(person, "card", MAY)
        scenario.submit("acme", snapshot)
        frozen = FacilityAction(
            account_ref=snapshot.account_ref,
            kind=FacilityActionKind.FREEZE,
            initiator=Initiator.LENDER,
            reasons=(ActionReason.POLICY_CHANGE,),
            effective_time=scenario.now() - timedelta(minutes=1),
        )
        scenario.submit("acme", frozen)
        acme.record_decision(decision_on(scenario.report(person, "acme")))
        scenario.agent.save(tmp_path / "agent")
        own = ("--wallet", folder, "--profile", tmp_path / "agent", "--output", "json")

        # The id of the line opens a dispute; the list then shows that it is disputed.
        (line,) = json.loads(output_of("bureau-wallet", "dispute", "lines", *own))
        about = ("--field", "balance_minor", "--reason", "wrong-amount")
        opened = output_of("bureau-wallet", "dispute", "open", line["tradeline_id"], *about, *own)
        assert json.loads(opened)["tradeline_id"] == line["tradeline_id"]
        (line,) = json.loads(output_of("bureau-wallet", "dispute", "lines", *own))
        assert line["dispute"] == "OPEN"
        (dispute,) = person.disputes()
        acme.answer_dispute(dispute.dispute_id, DisputeOutcome.ACCURATE)

        # Every deed is listed once, with the kinds that fit it; each of them is taken.
        deeds = json.loads(output_of("bureau-wallet", "complaint", "deeds", *own))
        by_kinds = {tuple(deed["complaint_kinds"]): deed for deed in deeds}
        assert set(by_kinds) == {
            ("ACTION_WITHOUT_REASON", "REVIEW_MISSED"),
            ("INQUIRY_NOT_ASKED_FOR",),
            ("DECISION_WITHOUT_NOTICE",),
            ("EMPTY_ANSWER",),
            ("DATA_KEPT_TOO_LONG",),
        }
        assert len(deeds) == len({deed["deed"] for deed in deeds})
        freeze = by_kinds["ACTION_WITHOUT_REASON", "REVIEW_MISSED"]
        kind = "action-without-reason"
        output_of("bureau-wallet", "complaint", "open", "acme", kind, freeze["deed"], *own)
        for kinds, deed in by_kinds.items():
            if deed is not freeze:
                person.complain("acme", ComplaintKind[kinds[0]], deed["deed"])
        listed = json.loads(output_of("bureau-wallet", "complaint", "deeds", *own))
        complained = {tuple(deed["complaint_kinds"]) for deed in listed if deed["complaint"]}
        assert complained == set(by_kinds)
        assert {each.state for each in person.complaints()} == {ComplaintState.OPEN}

        # The answer and the escalation show the complaint with what proves it.
        scenario.profiles["acme"].save(tmp_path / "acme")
        lender = ("--profile", tmp_path / "acme", "--output", "json")
        complaint_id = person.complaints()[0].complaint_id
        words = ("--narrative", "We were asked to.")
        answer = output_of(
            "bureau-lender", "complaint", "answer", complaint_id, "rejected", *words, *lender
        )
        escalated = output_of("bureau-wallet", "complaint", "escalate", complaint_id, *own)
        for shown, state in ((answer, "ANSWERED"), (escalated, "ESCALATED")):
            complaint = json.loads(shown)
            assert (complaint["state"], complaint["proved"]) == (state, True)
            assert complaint["number"] == person.complaints()[0].number
