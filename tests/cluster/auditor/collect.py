"""Asks every node, every server and every witness what is true now.

Reads through the SDK, at each node's own address, so that nothing the nemesis did to the
links is in between; a node's failure to answer is kept as evidence too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from bureau_client import (
    Auditor,
    BureauError,
    HoldState,
    InquiryOutcome,
    Lender,
    NotAuthenticated,
    NotFound,
    Notice,
    NoticeKind,
    Profile,
    RetryPolicy,
    SigningKey,
    Wallet,
    WrongState,
)
from bureau_client._operations import log as log_plans
from bureau_client._operations import methods
from bureau_client._operations.operation import Operation, call
from bureau_keys.checkpoint import parse_checkpoint
from bureau_keys.envelope import peek
from bureau_keys.note import parse_note
from bureau_keys.notice_checks import place_of
from creditbureau.v1 import log_pb2
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.cluster.auditor.checks.line_notices import KINDS
from tests.cluster.auditor.checks.notices import in_kinds
from tests.cluster.auditor.database import read_database
from tests.cluster.auditor.evidence import Delivered, Evidence, LineNotice, Node, SeenFile
from tests.cluster.auditor.statements import SentStatement, by_statement, opened
from tests.cluster.control_files import MemberAt, NodeAt, TopologyMap
from tests.cluster.history import Outcome, read_histories
from tests.cluster.timeline import read_timeline
from tests.cluster.workers.people import EVERY_KEY, KEYS
from tests.cluster.workers.receipts import digest_of_report, text_of

T = TypeVar("T")

PATIENT = RetryPolicy(read_seconds=20, attempts=4)
# Streams end by themselves when nothing more comes.
ALERTS = RetryPolicy(stream_seconds=2, attempts=1)
# Of the pairs of checkpoints, so many are proved by each node itself.
PROOFS = 64
EVERYTHING = 1 << 40
# Receipts that are asked of one node at a time: there are many.
AT_ONCE = 4
# Cursor of an alert that there is not: everything is behind it.
BEGINNING = 1


def collect(run: Path) -> Evidence:
    """All the evidence of a run."""
    topology = TopologyMap.load(run)
    operations = list(read_histories(run))
    statements = by_statement(operations)
    trust = Profile.load(_auditor(topology).profile).trust
    with ThreadPoolExecutor(len(topology.nodes)) as pool, ExitStack() as clients:
        askers = [_Asker(run, topology, node, clients) for node in topology.nodes]
        # Replays are entries of the log: every node answers after all of them.
        list(pool.map(lambda asker: asker.replay(statements), askers))
        nodes = list(pool.map(lambda asker: asker.ask(statements), askers))
    return Evidence(
        origin=trust.origin,
        log_key=trust.log_key,
        operations=operations,
        events=list(read_timeline(run)),
        nodes=nodes,
        databases=[read_database(name, url) for name, url in topology.servers.items()],
        operators=frozenset(f"members/{one.member_id}" for one in topology.of_kind("operator")),
        auditors=frozenset(f"members/{one.member_id}" for one in topology.of_kind("auditor")),
        kept=dict(_kept(run)),
        witnesses={witness.name: witness.key for witness in topology.witnesses},
        cosigned=dict(_cosigned(run)),
        forks=list(_forks(run)),
    )


@dataclass
class _Asker:
    """Asks one node, in everybody's name."""

    run: Path
    topology: TopologyMap
    node: NodeAt
    clients: ExitStack

    def __post_init__(self) -> None:
        self._failures: list[str] = []
        self._reports: dict[str, str] = {}
        self._auditor = self.clients.enter_context(
            Auditor(self._profile(_auditor(self.topology)), policy=PATIENT)
        )
        self._members = {
            member.member_id: self.clients.enter_context(
                Lender(self._profile(member), policy=PATIENT)
            )
            for member in self.topology.members
            if member.kind != "agent"
        }
        self._wallets = {wallet.subject_id: wallet for wallet in self._people()}

    def replay(self, statements: list[SentStatement]) -> None:
        """Have its share of the reports made again."""
        self._reports = dict(self._replays(statements))

    def ask(self, statements: list[SentStatement]) -> Node:
        """Everything that it answers."""
        kinds = ("lender", "issuer")
        lenders = [one.member_id for kind in kinds for one in self.topology.of_kind(kind)]
        checkpoints = self._try("checkpoints", self._notes) or []
        newest = self._try("checkpoint", self._auditor.checkpoint)
        leaves = self._try("leaves", partial(self._auditor.leaves, 0, EVERYTHING))
        return Node(
            self.node.name,
            newest=newest.note if newest else "",
            checkpoints=checkpoints,
            leaves=leaves or [],
            submissions={
                name: self._try(f"submissions of {name}", partial(self._listed, name)) or []
                for name in lenders
            },
            receipts=self._receipts(statements),
            replays=self._reports,
            disclosed={
                subject: self._try(f"inquiries on {subject}", partial(_disclosed, wallet)) or []
                for subject, wallet in self._wallets.items()
            },
            decisions=dict(self._decisions()),
            files=dict(self._files()),
            notices={subject: set(lines) for subject, lines in self._notices(NoticeKind.ERASURE)},
            returned=dict(self._notices(NoticeKind.REINSERTION)),
            noticed=dict(self._noticed()),
            lines=dict(self._lines()),
            deadlines=dict(self._deadlines()),
            erased=self._erased(),
            keys=dict(self._keys()),
            alerts=self._all_alerts(lenders),
            proofs=list(self._proofs(checkpoints)),
            failures=self._failures,
        )

    def _profile(self, member: MemberAt) -> Profile:
        return replace(Profile.load(member.profile), addresses=(self.node.direct,))

    def _people(self) -> Iterator[Wallet]:
        """Wallets with the keys that the workers left."""
        agent = self._profile(self.topology.of_kind("agent")[0])
        for path in sorted((self.run / KEYS).glob("*.pem")):
            key = SigningKey.from_pem(path.read_bytes(), None)
            yield self.clients.enter_context(Wallet(agent, path.stem, key, policy=PATIENT))

    def _try(self, what: str, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except BureauError as error:
            self._failures.append(f"{what}: {error}")
            return None

    def _notes(self) -> list[str]:
        plan: Operation[list[str]] = log_plans.list_notes()
        return self._auditor._driver.run(plan)

    def _listed(self, member: str) -> list[str]:
        return [one.submission_id for one in self._members[member].submissions()]

    def _receipts(self, statements: list[SentStatement]) -> dict[tuple[str, str], str]:
        keys = [(statement.signer, statement.request_id) for statement in statements]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(keys, pool.map(self._receipt, statements), strict=True))

    def _receipt(self, statement: SentStatement) -> str:
        """The receipt of a statement, or the reason why there is none."""
        kind, _, name = statement.signer.partition("/")
        client = self._members[name] if kind == "members" else self._wallets[name]
        envelope = opened(statement.first.envelope).SerializeToString(deterministic=True)
        try:
            return text_of(client.receipt(statement.request_id, envelope), envelope)
        except NotFound as error:
            return error.reason
        except BureauError as error:
            self._failures.append(f"receipt of {statement}: {error}")
            return error.reason

    def _replays(self, statements: list[SentStatement]) -> Iterator[tuple[str, str]]:
        """Every report again, each from one node: in turn."""
        names = [node.name for node in self.topology.nodes]
        queries = [statement for statement in statements if statement.first.kind == "query"]
        for statement in queries[names.index(self.node.name) :: len(names)]:
            if statement.outcome is Outcome.OK:
                answer = self._try(f"replay of {statement}", partial(self._replay, statement))
                if answer is not None:
                    yield statement.request_id, answer

    def _replay(self, statement: SentStatement) -> str:
        """Return the digest of a report that is made again, or the reason why it is not."""
        try:
            subject_id = peek(opened(statement.first.envelope), Inquiry).subject_id
            return digest_of_report(self._auditor.replay(statement.request_id, subject_id))
        except WrongState as error:
            return error.reason

    def _decisions(self) -> Iterator[tuple[str, list[str]]]:
        """Read the decisions that every subject is shown."""
        for subject, wallet in self._wallets.items():
            decisions = self._try(f"decisions on {subject}", wallet.decisions)
            if decisions is not None:
                yield subject, [one.decision_id for one in decisions]

    def _files(self) -> Iterator[tuple[str, SeenFile]]:
        """Read every subject's own file."""
        for subject, wallet in self._wallets.items():
            file = self._try(f"file of {subject}", wallet.file)
            if file is not None:
                count, head = file.event_count, file.event_chain_hash.hex()
                holds = {hold.hold_id for hold in file.holds if hold.state is HoldState.IN_FORCE}
                actions = {
                    line.tradeline_id: tuple(
                        action.record.submission_id for action in line.actions if action.record
                    )
                    for line in file.tradelines
                }
                balances = {line.tradeline_id: line.balance_minor for line in file.tradelines}
                yield (
                    subject,
                    SeenFile(
                        file.log_size,
                        count,
                        head,
                        frozenset(holds),
                        frozenset(actions),
                        actions,
                        balances,
                    ),
                )

    def _erased(self) -> set[str]:
        """Read the accounts whose erasures auditors are shown."""
        erasures = self._try("erasures", self._auditor.erasures) or []
        return {account.tradeline_id for erasure in erasures for account in erasure.accounts}

    def _notices(self, kind: NoticeKind) -> Iterator[tuple[str, list[str]]]:
        """Read the accounts of every subject's notices of a kind."""
        for subject, notices in self._all_notices.items():
            yield subject, [one.tradeline_id for one in notices if one.kind is kind]

    def _noticed(self) -> Iterator[tuple[str, list[tuple[int, str]]]]:
        """Read the leaf and the kind of every subject's notices of events of their chain."""
        for subject, notices in self._all_notices.items():
            listed = ((place_of(one.notice_id).leaf_index, one.kind.name) for one in notices)
            yield subject, [notice for one in listed if (notice := in_kinds(*one))]

    def _lines(self) -> Iterator[tuple[str, list[LineNotice]]]:
        """Read every subject's notices of what lenders did to lines."""
        for subject, notices in self._all_notices.items():
            yield (
                subject,
                [
                    LineNotice(place_of(one.notice_id).leaf_index, one.kind.name, one.tradeline_id)
                    for one in notices
                    if one.kind.name in KINDS.values()
                ],
            )

    def _deadlines(self) -> Iterator[tuple[str, list[tuple[str, int]]]]:
        """Read every subject's notices of deadlines that passed."""
        for subject, notices in self._all_notices.items():
            overdue = [one for one in notices if one.due_time is not None]
            yield subject, [(one.about_id, place_of(one.notice_id).time_us) for one in overdue]

    @cached_property
    def _all_notices(self) -> dict[str, list[Notice]]:
        """The notices of every subject."""
        read = {
            subject: self._try(f"notices of {subject}", wallet.notices)
            for subject, wallet in self._wallets.items()
        }
        return {subject: notices for subject, notices in read.items() if notices is not None}

    def _keys(self) -> Iterator[tuple[str, bool]]:
        """Try every key that workers made for a subject."""
        agent = self._profile(self.topology.of_kind("agent")[0])
        for path in sorted((self.run / EVERY_KEY).glob("*/*.pem")):
            key = SigningKey.from_pem(path.read_bytes(), None)
            with Wallet(agent, path.parent.name, key, policy=PATIENT) as wallet:
                try:
                    wallet.inquiries(limit=1)
                    yield path.stem, True
                except NotAuthenticated:
                    yield path.stem, False
                except BureauError as error:
                    self._failures.append(f"key {path.stem}: {error}")

    def _all_alerts(self, members: list[str]) -> dict[str, list[Delivered]]:
        """Read the alerts of all members at once: each stream waits for its end."""
        with ThreadPoolExecutor(len(members)) as pool:
            return dict(zip(members, pool.map(self._alerts, members), strict=True))

    def _alerts(self, member: str) -> list[Delivered]:
        """A member's alerts from the beginning, as they would come to a new stream."""
        alerts: list[Delivered] = []
        profile = self._profile(next(m for m in self.topology.members if m.member_id == member))
        try:
            with Lender(profile, policy=ALERTS) as lender:
                for alert in lender.alerts(BEGINNING):
                    cause = alert.cause_leaf_index, alert.consent_id, alert.kind.name
                    alerts.append(Delivered(alert.cursor, *cause))
        except BureauError as error:
            if error.reason != "DEADLINE":
                self._failures.append(f"alerts of {member}: {error}")
        return alerts

    def _proofs(self, notes: list[str]) -> Iterator[tuple[int, int, list[bytes]]]:
        """Consistency along the list of checkpoints, evenly chosen."""
        sizes = [size for note in notes if (size := size_of(note))]
        step = max(1, len(sizes) // PROOFS)
        chosen = sorted({*sizes[::step], *sizes[-1:]})
        for first, second in pairwise(chosen):
            act = partial(self._auditor._driver.run, _consistency(first, second))
            proof = self._try(f"consistency of {first} and {second}", act)
            if proof is not None:
                yield first, second, proof


def size_of(note: str) -> int:
    """The size that a checkpoint says, unverified."""
    return parse_checkpoint(parse_note(note)[0]).size


def _consistency(first: int, second: int) -> Operation[list[bytes]]:
    request = log_pb2.GetConsistencyProofRequest(first_size=first, second_size=second)
    reply = yield from call(methods.GET_CONSISTENCY_PROOF, request)
    return list(reply.proof)


def _disclosed(wallet: Wallet) -> list[str]:
    return [
        line.inquiry_id
        for line in wallet.inquiries()
        if line.outcome in {InquiryOutcome.REPORTED, InquiryOutcome.NO_HIT}
    ]


def _auditor(topology: TopologyMap) -> MemberAt:
    return topology.of_kind("auditor")[0]


def _kept(run: Path) -> Iterator[tuple[str, str]]:
    """Read the checkpoint files of the nodes."""
    for path in sorted((run / "nodes").glob("*/checkpoint-*")):
        yield path.name, path.read_text("utf-8")


def _books(run: Path) -> Iterator[tuple[str, sqlite3.Connection]]:
    for path in sorted((run / "witnesses").glob("*/*.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            yield path.parent.name, journal


def _cosigned(run: Path) -> Iterator[tuple[str, str]]:
    """Read the last checkpoint that each witness cosigned."""
    for name, journal in _books(run):
        yield from ((name, note) for (note,) in journal.execute("SELECT note FROM log") if note)


def _forks(run: Path) -> Iterator[str]:
    """Read the evidence of forks that witnesses hold."""
    for name, journal in _books(run):
        for size, root in journal.execute("SELECT size, root FROM evidence"):
            yield f"{name} was shown another root of size {size}: {root.hex()}"
