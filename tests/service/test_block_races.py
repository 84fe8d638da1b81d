"""A debt is sold on one node while its person blocks it for identity theft on another one."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from bureau.credit_file.accounts import tradeline_id
from bureau_keys.envelope import digest, seal
from creditbureau.v1 import dispute_pb2, record_pb2, subjects_pb2
from tests.service.nodes import Nodes, at_once, further_nodes
from tests.service.postgres import Postgres
from tests.service.postgres_scenario import Scenario, open_scenario
from tests.service.raw import Answer, Person, Raw, snapshot

ROUNDS = 8
# Accounts that are furnished with the sale, so that storing it takes longer than the dispute.
OTHERS = 150
LONGEST_WAIT_S = 0.15


@pytest.fixture(scope="module")
def scenario(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("blocks") / "bureau"
    with open_scenario(postgres.migrated_database(), folder) as scenario:
        yield scenario


@pytest.fixture(scope="module")
def nodes(scenario: Scenario) -> Iterator[Nodes]:
    with further_nodes(scenario.bureau, None) as nodes:
        yield nodes


def sale(account_ref: str) -> record_pb2.Record:
    """The sale of an account outside the bureau."""
    action = record_pb2.FacilityAction(
        kind=record_pb2.FACILITY_ACTION_KIND_TRANSFER,
        initiator=record_pb2.INITIATOR_LENDER,
        reasons=[record_pb2.ACTION_REASON_POLICY_CHANGE],
    )
    action.effective_time.FromSeconds(int(time.time()) - 60)
    return record_pb2.Record(salt=os.urandom(32), account_ref=account_ref, action=action)


def block(agent: Raw, person: Person, account: str) -> Answer:
    """Dispute an account for identity theft, with both documents."""
    time.sleep(random.uniform(0, LONGEST_WAIT_S))
    opening = dispute_pb2.DisputeOpening(
        header=person.header(),
        subject_id=person.subject_id,
        tradeline_id=account,
        field="parties",
        reason=dispute_pb2.DISPUTE_REASON_IDENTITY_THEFT,
        narrative="I never opened this.",
        attachment_digests=[b"\1" * 32, b"\2" * 32],
    )
    request = subjects_pb2.OpenDisputeRequest(opening=seal(opening, person.key))
    return agent.send("Subjects/OpenDispute", request)


def test_no_sale_follows_a_block_in_the_log(scenario: Scenario, nodes: Nodes) -> None:
    """15 U.S.C. 1681m(f)(1): what is blocked is not sold, whichever node stores the sale."""
    acme, agent = nodes.each(scenario.acme.profile)[0], nodes.each(scenario.agent.profile)[1]
    person = scenario.person
    for number in range(ROUNDS):
        name = f"sold-{uuid.uuid4().hex[:8]}"
        # Each is another account: what is blocked does not return under another number.
        opened = snapshot(person.subject_id, account_ref=name, open_date=20200101 + number)
        request = acme.submission([opened.SerializeToString(deterministic=True)])
        assert acme.send("Furnishing/SubmitRecords", request).code == "OK"
        account = tradeline_id(digest(request.manifest), 0)
        others = [snapshot(person.subject_id, open_date=20210228) for _ in range(OTHERS)]
        sold, blocked = at_once(
            [partial(acme.submit, [sale(name), *others]), partial(block, agent, person, account)]
        )
        assert blocked.code == "OK", blocked
        assert sold.reason in {"", "WRONG_STATE"}, sold
        if sold.code == "OK":
            assert sold.reply.receipt.leaf_index < blocked.reply.receipt.leaf_index
