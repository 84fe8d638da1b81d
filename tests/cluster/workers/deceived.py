"""A node that lies: its true replies, each altered by one lie on their way to an honest client.

The client reads what it could read at any time, so that nothing of it has an effect; what it
believes is a violation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bureau.config import Settings
from bureau_client import Auditor, BureauError, Lender, Profile, Statement, Wallet
from bureau_keys.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from bureau_keys.keyring import Keyring
from bureau_keys.note import parse_note
from creditbureau.v1.consent_pb2 import CONSENT_STATE_ACTIVE, CONSENT_STATE_REVOKED
from creditbureau.v1.decision_pb2 import DECISION_OUTCOME_KEEP, DecisionReceipt
from creditbureau.v1.log_pb2 import GetReceiptResponse
from creditbureau.v1.report_pb2 import Report
from tests.cluster.history import Operation, Outcome, now_ns
from tests.cluster.workers.base import HURRIED, WorkerBase
from tests.cluster.workers.journal import reason_of
from tests.service.liar import deceive

# Share of the lies to members that are about receipts.
RECEIPTS = 0.5
# Alters a reply in place; returns True if it did.
Alter = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Lie:
    """A lie about the reply of one method.

    Attributes:
        name: The lie in words.
        method: Name of the method whose reply it alters.
        alter: The alteration.
    """

    name: str
    method: str
    alter: Alter


def deceived_person(base: WorkerBase, chance: random.Random, wallet: Wallet) -> None:
    """Let a person read through a node that tells one of the lies about their file."""
    lie, read = chance.choice(PERSON)
    deceived = Wallet(
        _profile(base, chance),
        wallet.subject_id,
        wallet._signing.signer.key,
        policy=HURRIED,
    )
    with deceived:
        _believe(base, deceived, lie, lambda: read(deceived))


def deceived_member(base: WorkerBase, chance: random.Random, sent: Sequence[Statement]) -> None:
    """Let a member read through a node that tells one of the lies about the log."""
    profile = _profile(base, chance)
    # A statement that was sent again is there twice.
    known = list({statement.request_id: statement for statement in sent}.values())
    if len(known) > 1 and chance.random() < RECEIPTS:
        one, other = chance.sample(known, 2)
        with Lender(profile, policy=HURRIED) as lender:
            lie = Lie("another statement's receipt", "GetReceipt", _Replaced())

            def receipts() -> None:
                for statement in (one, other):
                    lender.receipt(statement.request_id, statement.envelope)

            _believe(base, lender, lie, receipts)
        return
    with Auditor(profile, policy=HURRIED) as auditor:
        fork = Lie("a forked checkpoint", "GetCheckpoint", _Forked(base))

        def checkpoints() -> None:
            auditor.checkpoint()
            auditor.checkpoint()

        _believe(base, auditor, fork, checkpoints)


def _profile(base: WorkerBase, chance: random.Random) -> Profile:
    """Return the member's profile at some node, for a client that remembers nothing afterwards:
    no client of a folder that has seen a fork believes the log again.
    """
    return replace(base.profile(chance.randrange(len(base.topology.nodes))), memory_folder=None)


class _Replaced:
    """Answers a request for a receipt with the receipt of the request before."""

    def __init__(self) -> None:
        self._first: GetReceiptResponse | None = None

    def __call__(self, reply: GetReceiptResponse) -> bool:
        if self._first is None:
            self._first = GetReceiptResponse.FromString(reply.SerializeToString())
            return False
        reply.CopyFrom(self._first)
        return True


class _Forked:
    """Signs another root with the log's own key, after the client has seen the true one."""

    def __init__(self, base: WorkerBase) -> None:
        settings = Settings.load(base.folder / "bureau")
        keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
        self._key, self._origin = keyring.get("log"), base.topology.origin
        self._seen = False

    def __call__(self, reply: Any) -> bool:
        if not self._seen:
            self._seen = True
            return False
        size = parse_checkpoint(parse_note(reply.checkpoint)[0]).size
        reply.checkpoint = sign_checkpoint(Checkpoint(self._origin, size, bytes(32)), self._key)
        return True


def _event_dropped(reply: Any) -> bool:
    if len(reply.events) < 2:
        return False
    del reply.events[len(reply.events) // 2]
    return True


def _balance_altered(reply: Any) -> bool:
    file = Report.FromString(reply.file.payload)
    if not file.tradelines:
        return False
    file.tradelines[0].balance_minor += 1
    reply.file.payload = file.SerializeToString(deterministic=True)
    return True


def _inquiry_attributed(reply: Any) -> bool:
    # A statement about several people comes as its digest: its signer is the bureau's word.
    altered = [
        line
        for line in reply.inquiries
        if line.member_id != "hostile" and reply.statements[line.statement - 1].HasField("envelope")
    ]
    for line in altered:
        line.member_id = "hostile"
    return bool(altered)


def _decision_altered(reply: Any) -> bool:
    for logged in reply.decisions:
        decision = DecisionReceipt.FromString(logged.envelope.payload)
        decision.outcome = DECISION_OUTCOME_KEEP
        logged.envelope.payload = decision.SerializeToString(deterministic=True)
    return bool(reply.decisions)


def _revoked_shown_active(reply: Any) -> bool:
    revoked = [one for one in reply.consents if one.state == CONSENT_STATE_REVOKED]
    for consent in revoked:
        consent.state = CONSENT_STATE_ACTIVE
    return bool(revoked)


PERSON: tuple[tuple[Lie, Callable[[Wallet], object]], ...] = (
    (Lie("an event dropped", "ListEvents", _event_dropped), Wallet.events),
    (Lie("a balance altered", "GetFile", _balance_altered), Wallet.file),
    (Lie("inquiries of another member", "ListInquiries", _inquiry_attributed), Wallet.inquiries),
    (Lie("another outcome of a decision", "ListDecisions", _decision_altered), Wallet.decisions),
    (Lie("a revoked consent shown active", "ListConsents", _revoked_shown_active), Wallet.consents),
)


def _believe(base: WorkerBase, client: Any, lie: Lie, read: Callable[[], object]) -> None:
    """Read through a lie; write down how it ended, if there was a reply to alter."""
    altered = False

    def tell(path: str, reply: Any) -> None:
        nonlocal altered
        if path.endswith(f"/{lie.method}"):
            altered = lie.alter(reply) or altered

    deceive(client, tell)
    begin = now_ns()
    outcome, reason, error = Outcome.OK, "", ""
    try:
        read()
    except BureauError as caught:
        outcome, reason, error = Outcome.FAILED, reason_of(caught), type(caught).__name__
    if altered:
        about = {"lie": lie.name, "error": error}
        operation = Operation(base.name, "lie", "", outcome, begin, now_ns(), reason, about=about)
        base.journal.history.add(operation)
