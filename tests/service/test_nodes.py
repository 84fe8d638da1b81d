"""Three nodes on one PostgreSQL race for the same things: what holds on one holds on all."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import psycopg
import pytest

from bureau.admin.erasure import Cause, erase_all
from bureau.admin.integrity import check_database
from bureau.admin.log_integrity import ENTRIES
from bureau.admin.operator import Operator
from bureau.calendar import MICROSECONDS
from bureau.clock import Clock
from bureau.ledger import log
from bureau.ledger.log import LoggedEntry
from bureau.store.database import Database
from bureau.store.errors import StorageError
from bureau.store.postgres import libpq
from bureau_keys.envelope import seal
from bureau_keys.pseudonym import Blinded
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    consent_pb2,
    consents_pb2,
    directory_pb2,
    members_pb2,
    reporting_pb2,
    subjects_pb2,
)
from tests.service.nodes import Nodes, at_once, further_nodes
from tests.service.postgres import Postgres
from tests.service.postgres_scenario import INQUIRE, LENDER, Scenario, open_scenario
from tests.service.raw import Answer, Person, Raw, attestation, snapshot

HOUR_US = 3600 * MICROSECONDS
ROUNDS = 12
PATIENCE_S = 60.0
# Answers, and whether something had been acknowledged before the question.
Asked: TypeAlias = "list[tuple[bool, Answer]]"
SUBMIT = "Furnishing/SubmitRecords"


@dataclass
class Deployment:
    """Nodes, with the lender's and the agent's way to each."""

    scenario: Scenario
    nodes: Nodes
    acme: list[Raw]
    agent: list[Raw]

    def person(self) -> Person:
        return self.scenario.person

    def attested(self) -> Person:
        """A new person, whose key is attested."""
        person = Person(uuid.uuid4().hex, SigningKey.generate(), self.scenario.person.origin)
        request = subjects_pb2.AttestKeyRequest(attestation=attestation(self.acme[0], person))
        assert self.acme[0].send("Subjects/AttestKey", request).code == "OK"
        return person

    def grant(self, person: Person, node: int = 0) -> Answer:
        """Send a person's consent to one of the nodes."""
        request = consents_pb2.GrantConsentRequest(consent=person.consent("acme", INQUIRE))
        return self.agent[node].send("Consents/GrantConsent", request)

    def granted(self, **changes: object) -> str:
        """A new consent to inquire; its id."""
        sealed = self.scenario.person.consent("acme", INQUIRE, **changes)
        request = consents_pb2.GrantConsentRequest(consent=sealed)
        answer = random.choice(self.agent).send("Consents/GrantConsent", request)
        assert answer.code == "OK", answer
        return str(answer.reply.consent.consent_id)

    def change(self, consent_id: str, transition: int) -> consents_pb2.ChangeConsentRequest:
        message = consent_pb2.ConsentChange(
            header=self.scenario.person.header(),
            consent_id=consent_id,
            transition=transition,  # type: ignore[arg-type]
        )
        return consents_pb2.ChangeConsentRequest(change=seal(message, self.scenario.person.key))


@pytest.fixture(scope="module")
def deployment(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("nodes") / "bureau"
    with (
        open_scenario(postgres.migrated_database(), folder) as scenario,
        # Clocks are never quite the same.
        further_nodes(
            scenario.bureau, Shifted(-8 * MICROSECONDS), Shifted(5 * MICROSECONDS)
        ) as nodes,
    ):
        yield Deployment(
            scenario, nodes, nodes.each(scenario.acme.profile), nodes.each(scenario.agent.profile)
        )
        alerts_in_order(scenario)


@dataclass(slots=True)
class Shifted(Clock):
    """The clock of a machine that is wrong by so much."""

    wrong_by_us: int = 0

    def __init__(self, wrong_by_us: int) -> None:
        super(Shifted, self).__init__()
        self.wrong_by_us = wrong_by_us

    def machine_us(self) -> int:
        return super(Shifted, self).machine_us() + self.wrong_by_us


def alerts_in_order(scenario: Scenario) -> None:
    """After all of it the database holds, and time went with the order of the log."""
    settings = scenario.bureau.settings
    database = Database(settings.database)
    try:
        assert check_database(database, settings).findings == []
        with database.snapshot() as db:
            times = [LoggedEntry(*row).time_us for row in ENTRIES.all(db)]
    finally:
        database.dispose()
    assert times == sorted(times)


def reasons(answers: list[Answer]) -> Counter[str]:
    return Counter(answer.reason or answer.code for answer in answers)


def test_uses_of_a_consent_are_counted_across_nodes(deployment: Deployment) -> None:
    consent_id = deployment.granted(max_uses=5)
    subject_id = deployment.scenario.person.subject_id
    calls = [
        partial(raw.query, subject_id, consent_id) for raw in deployment.acme for _ in range(6)
    ]
    assert reasons(at_once(calls)) == {"OK": 5, "CONSENT_EXHAUSTED": 13}


def test_what_is_revoked_on_one_node_is_revoked_on_all(deployment: Deployment) -> None:
    """By the order of the log, and by the order in which people see it."""
    for _ in range(ROUNDS):
        race = Race(deployment, deployment.granted())
        asking: list[Callable[[], Asked]] = [partial(race.ask, raw) for raw in deployment.acme]
        asked = at_once([race.revoke, *asking])
        for after, answer in (pair for pairs in asked for pair in pairs):
            assert answer.reason in {"", "CONSENT_REVOKED"}, answer
            assert not (after and answer.code == "OK")
            if answer.code == "OK":
                assert answer.reply.receipt.leaf_index < race.revoked_at


@dataclass
class Race:
    """Inquiries under a consent, and its revocation."""

    deployment: Deployment
    consent_id: str
    revoked_at: int = 1 << 62

    def revoke(self) -> Asked:
        request = self.deployment.change(self.consent_id, consent_pb2.CONSENT_TRANSITION_REVOKE)
        answer = random.choice(self.deployment.agent).send("Consents/ChangeConsent", request)
        assert answer.code == "OK", answer
        self.revoked_at = answer.reply.receipt.leaf_index
        return []

    def ask(self, raw: Raw) -> Asked:
        """Answers, and whether the revocation was acknowledged before the question."""
        answers = []
        for _ in range(3):
            after = self.revoked_at < 1 << 62
            answers.append(
                (after, raw.query(self.deployment.scenario.person.subject_id, self.consent_id))
            )
        return answers


def test_the_same_bytes_on_all_nodes_have_one_effect_and_one_receipt(
    deployment: Deployment,
) -> None:
    for _ in range(ROUNDS):
        request = deployment.scenario.submission()
        answers = at_once([partial(raw.send, SUBMIT, request) for raw in deployment.acme])
        assert reasons(answers) == {"OK": 3}
        assert len({answer.reply.SerializeToString() for answer in answers}) == 1


@pytest.mark.parametrize("transition", ["PAUSE", "REVOKE"])
def test_a_change_sent_to_all_nodes_is_made_once_and_refused_nowhere(
    deployment: Deployment, transition: str
) -> None:
    """Each node finds the change made that it is about to make: by itself."""
    code = consent_pb2.ConsentTransition.Value(f"CONSENT_TRANSITION_{transition}")
    for _ in range(ROUNDS):
        request = deployment.change(deployment.granted(), code)
        calls = [partial(raw.send, "Consents/ChangeConsent", request) for raw in deployment.agent]
        answers = at_once(calls)
        assert reasons(answers) == {"OK": 3}
        assert len({answer.reply.receipt.SerializeToString() for answer in answers}) == 1


def test_the_last_use_of_a_consent_sent_to_all_nodes_is_one_use(deployment: Deployment) -> None:
    for _ in range(ROUNDS):
        consent_id = deployment.granted(max_uses=1)
        sealed = deployment.acme[0].inquiry(deployment.scenario.person.subject_id, consent_id)
        request = reporting_pb2.QueryReportRequest(inquiry=sealed)
        calls = [partial(raw.send, "Reporting/QueryReport", request) for raw in deployment.acme]
        answers = at_once(calls)
        assert reasons(answers) == {"OK": 3}
        assert len({answer.reply.receipt.SerializeToString() for answer in answers}) == 1


def test_one_request_id_is_one_requests(deployment: Deployment) -> None:
    for _ in range(ROUNDS):
        name = str(uuid.uuid4())
        calls = []
        for raw in deployment.acme:
            record = snapshot(deployment.scenario.person.subject_id).SerializeToString(
                deterministic=True
            )
            request = raw.submission([record], header=raw.header(request_id=name))
            calls.append(partial(raw.send, SUBMIT, request))
        assert reasons(at_once(calls)) == {"OK": 1, "IDEMPOTENCY_CONFLICT": 2}


def test_nodes_that_want_the_same_rows_all_get_them(deployment: Deployment) -> None:
    """Batches hold the rows of all their units: crosswise, PostgreSQL ends one of them."""
    subject_id = deployment.scenario.person.subject_id
    accounts = [f"cross-{number}" for number in range(4)]

    def submit(raw: Raw, account: str) -> Answer:
        return raw.submit([snapshot(subject_id, account_ref=account, month=202404)])

    for _ in range(ROUNDS // 2):
        calls = [
            partial(submit, raw, account)
            for raw in deployment.acme
            for account in random.sample(accounts, len(accounts))
        ]
        assert reasons(at_once(calls)) == {"OK": len(calls)}


def rotation_of(person: Person) -> subjects_pb2.RotateKeyRequest:
    """A statement by which a person replaces their key."""
    key = SigningKey.generate()
    binding = subjects_pb2.KeyBinding(
        header=person.header(), subject_id=person.subject_id, public_key=key.verify_key.raw
    )
    rotation = subjects_pb2.KeyRotation(header=person.header(), binding=seal(binding, key))
    return subjects_pb2.RotateKeyRequest(rotation=seal(rotation, person.key))


@contextmanager
def key_held(url: str, person: Person) -> Iterator[psycopg.Connection[Any]]:
    """A connection that holds the lock of a person's key until it is rolled back."""
    with psycopg.connect(libpq(url)) as holder:
        query = "SELECT 1 FROM subject_key WHERE subject_id = %s FOR UPDATE"
        holder.execute(query, (person.subject_id,))
        yield holder
        holder.rollback()


def await_lock(url: str) -> None:
    """Wait until a connection waits for a lock of another."""
    with psycopg.connect(libpq(url), autocommit=True) as looking:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await_that(lambda: looking.execute(query).fetchone() != (0,))


def await_that(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_replaced_key_signs_nothing_behind_its_replacement(deployment: Deployment) -> None:
    """A person's key is replaced on one node while it signs on the others."""
    agents = deployment.agent
    for _ in range(ROUNDS):
        old = deployment.attested()
        calls = [partial(agents[1].send, "Subjects/RotateKey", rotation_of(old))]
        calls += [partial(deployment.grant, old, index % 3) for index in range(6)]
        replaced, *granted = at_once(calls)
        assert replaced.code == "OK", replaced
        for answer in granted:
            assert answer.reason in {"", "BAD_SIGNATURE"}, answer
            if answer.code == "OK":
                assert answer.reply.receipt.leaf_index < replaced.reply.receipt.leaf_index


def begun_before(
    deployment: Deployment, late: Callable[[], Answer], meanwhile: Callable[[], Answer]
) -> Answer:
    """Answer of a statement to the first node, whose batch begins before something else happens on
    another node, and judges it afterwards.

    Args:
        late: Sends the statement.
        meanwhile: Sends the other one, which must be accepted: by the last node, whose clock is
            ahead of the first one's.
    """
    url = deployment.scenario.bureau.settings.database
    waiting = deployment.nodes.servers[0].ledger._queue
    with ThreadPoolExecutor() as threads, ExitStack() as stack:
        others = [deployment.attested() for _ in range(2)]
        holders = [stack.enter_context(key_held(url, other)) for other in others]
        # 1. The node's writer waits for the first key; two statements queue up behind.
        threads.submit(deployment.grant, others[0])
        await_lock(url)
        threads.submit(deployment.grant, others[1])
        await_that(lambda: len(waiting) == 1)
        answer = threads.submit(late)
        await_that(lambda: len(waiting) == 2)
        # 2. Its next batch has them both, and waits for the second key.
        holders[0].rollback()
        await_that(lambda: len(waiting) == 0)
        await_lock(url)
        # 3. Something is committed that this batch does not know.
        assert meanwhile().code == "OK"
        holders[1].rollback()
        return answer.result()


def test_a_key_that_was_replaced_meanwhile_signs_nothing(deployment: Deployment) -> None:
    person = deployment.attested()
    answer = begun_before(
        deployment,
        partial(deployment.grant, person),
        partial(deployment.agent[2].send, "Subjects/RotateKey", rotation_of(person)),
    )
    assert answer.reason == "BAD_SIGNATURE", answer


def test_a_repudiation_undoes_what_the_key_signed_meanwhile(deployment: Deployment) -> None:
    birch = Raw(deployment.scenario.bureau.add_member("birch", LENDER))
    stolen = deployment.attested()
    first, second = (
        subjects_pb2.RepudiateKeyRequest(
            repudiation=seal(
                subjects_pb2.KeyRepudiation(
                    header=attester.header(),
                    subject_id=stolen.subject_id,
                    key_id=stolen.key.verify_key.key_id,
                ),
                attester.key,
            )
        )
        for attester in (deployment.acme[0], birch)
    )
    assert deployment.acme[0].send("Subjects/RepudiateKey", first).code == "OK"
    answer = begun_before(
        deployment,
        partial(birch.send, "Subjects/RepudiateKey", second),
        partial(deployment.grant, stolen, node=2),
    )
    assert answer.code == "OK", answer
    assert len(answer.reply.undoing.consent_ids) == 1


def test_the_directory_counts_across_nodes(deployment: Deployment) -> None:
    meter = deployment.scenario.bureau.add_member("meter", LENDER, quota=10)

    def evaluate(raw: Raw) -> Answer:
        blinded = Blinded([uuid.uuid4().bytes for _ in range(2)])
        message = directory_pb2.Evaluation(header=raw.header(), blinded_elements=blinded.elements)
        request = directory_pb2.EvaluateRequest(evaluation=seal(message, raw.key))
        return raw.send("Directory/Evaluate", request)

    calls = [partial(evaluate, raw) for raw in deployment.nodes.each(meter) for _ in range(4)]
    assert reasons(at_once(calls)) == {"OK": 5, "QUOTA_EXCEEDED": 7}


def test_a_quota_counts_across_nodes_and_belongs_to_one_party(deployment: Deployment) -> None:
    bureau = deployment.scenario.bureau
    profile = bureau.add_member("busy", LENDER)
    with Operator(bureau.operator) as operator:
        busy = operator.member("busy")
        busy.quota.statements_per_day = 7
        operator.change(busy)

    def evaluate(raw: Raw) -> Answer:
        message = directory_pb2.Evaluation(
            header=raw.header(), blinded_elements=Blinded([uuid.uuid4().bytes]).elements
        )
        request = directory_pb2.EvaluateRequest(evaluation=seal(message, raw.key))
        return raw.send("Directory/Evaluate", request)

    answers = [evaluate(raw) for _ in range(3) for raw in deployment.nodes.each(profile)]
    assert [answer.reason for answer in answers] == [""] * 7 + ["QUOTA_EXCEEDED"] * 2
    assert evaluate(deployment.acme[0]).code == "OK"


def test_the_bureau_keeps_an_operator(deployment: Deployment) -> None:
    """Two operators suspend each other at the same moment, on two nodes."""

    def suspend(raw: Raw, whom: str, state: int = members_pb2.MEMBER_STATE_SUSPENDED) -> Answer:
        message = members_pb2.MemberStateChange(
            header=raw.header(),
            member_id=whom,
            state=state,  # type: ignore[arg-type]
        )
        request = members_pb2.SetMemberStateRequest(change=seal(message, raw.key))
        return raw.send("Members/SetMemberState", request)

    profile = deployment.scenario.bureau.add_member("deputy", ["operator"])
    first, second = Raw(deployment.scenario.bureau.operator), deployment.nodes.each(profile)[1]
    for _ in range(ROUNDS):
        answers = at_once([partial(suspend, first, "deputy"), partial(suspend, second, "operator")])
        assert reasons(answers)["OK"] == 1, answers
        left, gone = (first, "deputy") if answers[0].code == "OK" else (second, "operator")
        revived = suspend(left, gone, members_pb2.MEMBER_STATE_ACTIVE)
        assert revived.code == "OK", revived


def test_what_is_erased_is_gone_whoever_adds_to_it(deployment: Deployment) -> None:
    """The operator erases old accounts while members furnish more of their months."""
    subject_id = deployment.scenario.person.subject_id
    settings = deployment.scenario.bureau.settings
    old = Cause(before_month=201901)

    def furnish(raw: Raw, name: str) -> list[Answer]:
        months = (201801, 201802, 201803, 201804)
        return [
            raw.submit([snapshot(subject_id, account_ref=name, month=month, open_date=20170131)])
            for month in months
        ]

    def erase() -> list[Answer]:
        for _ in range(6):
            erase_all(settings, old, Clock())
        return []

    for number in range(ROUNDS // 3):
        calls: list[Callable[[], list[Answer]]] = [
            partial(furnish, raw, f"old-{number}") for raw in deployment.acme
        ]
        for answers in at_once([erase, *calls]):
            assert reasons(answers) in ({}, {"OK": 4}), answers
    erase_all(settings, old, Clock())


@pytest.mark.parametrize("hours", [2, -2])
def test_a_node_whose_clock_is_wrong_writes_nothing(deployment: Deployment, hours: int) -> None:
    wrong = Shifted(hours * HOUR_US)
    with further_nodes(deployment.scenario.bureau, wrong) as nodes:
        _, skewed = nodes.each(deployment.scenario.acme.profile)
        age = timedelta(hours=-hours)
        manifest = [
            snapshot(deployment.scenario.person.subject_id).SerializeToString(deterministic=True)
        ]
        # Whatever the statement's own time: the right one, or the one that node takes for it.
        for header in (skewed.header(), skewed.header(age=age)):
            answer = skewed.send(SUBMIT, skewed.submission(manifest, header=header))
            assert (answer.code, answer.reason) == ("UNAVAILABLE", "NODE_UNFIT"), answer
        answer = deployment.acme[0].send(SUBMIT, deployment.scenario.submission())
        assert answer.code == "OK", answer


def test_a_node_that_was_frozen_with_the_head_row_holds_nobody_up_for_long(
    deployment: Deployment,
) -> None:
    """The database ends its transaction, and it cannot go on with it afterwards."""
    frozen = Database(deployment.scenario.bureau.settings.database, "frozen-1")
    held, over = threading.Event(), threading.Event()

    def hold() -> bool:
        try:
            with frozen.transaction() as db:
                log.confirm_durable(db)
                db.settle()
                held.set()
                over.wait(300)
        except StorageError:
            return False
        return True

    def write() -> bool:
        held.wait(300)
        answers = [
            raw.send(SUBMIT, deployment.scenario.submission(), timeout=300)
            for raw in deployment.acme
        ]
        over.set()
        return reasons(answers) == {"OK": 3}

    try:
        assert at_once([hold, write]) == [False, True]
    finally:
        frozen.dispose()


def test_a_clock_that_jumps_is_noticed_by_the_next_call(deployment: Deployment) -> None:
    """Not a second later: until then fresh statements would be refused as expired."""
    clock = Shifted(0)
    with further_nodes(deployment.scenario.bureau, clock) as nodes:
        _, raw = nodes.each(deployment.scenario.acme.profile)
        for wrong_by_us in (HOUR_US, -HOUR_US):
            assert raw.send(SUBMIT, deployment.scenario.submission()).code == "OK"
            clock.wrong_by_us = wrong_by_us
            answer = raw.send(SUBMIT, deployment.scenario.submission())
            assert (answer.code, answer.reason) == ("UNAVAILABLE", "NODE_UNFIT"), answer
            clock.wrong_by_us = 0
