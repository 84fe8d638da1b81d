"""The catalogue of faults: a small class for each."""

from __future__ import annotations

from functools import partial
from random import Random

from tests.cluster.faults.database import (
    CrashDatabase,
    CutStandby,
    FullDisk,
    IsolatePrimary,
    KillPrimary,
    KillStandby,
    LagStandby,
    RestartDatabase,
    SlowDisk,
)
from tests.cluster.faults.fault import Cast, Entry, Fault, entry
from tests.cluster.faults.links import (
    DatabaseLinkFault,
    MembersLinkFault,
    PullCable,
    WitnessLinkFault,
)
from tests.cluster.faults.members import (
    Attack,
    ExpireCertificate,
    KillAgent,
    RevokeConsent,
    RotateKey,
    SendTwice,
    SuspendMember,
)
from tests.cluster.faults.migration import TABLES, Migrate
from tests.cluster.faults.nodes import (
    KillNode,
    KillWorker,
    PauseNode,
    RollingRestart,
    SkewClock,
)
from tests.cluster.topology.topology import WORKERS

__all__ = ["CATALOGUE", "Cast", "Entry", "Fault"]

ATTACKS = ("forgery", "replay", "enumeration", "junk", "flood")
SKEWS_S = (-600.0, -300.0, 300.0, 600.0)


def _members_link(chance: Random, cast: Cast, how: str) -> Fault:
    return MembersLinkFault(chance.choice(cast.nodes), how)


def _database_link(chance: Random, cast: Cast, how: str) -> Fault:
    return DatabaseLinkFault(chance.choice(cast.nodes), how)


def _attack(_chance: Random, _cast: Cast, how: str) -> Fault:
    return Attack(how)


def _link_entries() -> list[Entry]:
    effects = {
        "drop": "drops everything",
        "drop-one-way": "drops what comes back",
        "half-open": "is gone, and one side does not know",
        "refuse": "refuses and resets connections",
        "delay": "takes long",
        "throttle": "lets little through",
        "lose-answers": "carries requests, and breaks off before the answer",
    }
    return [
        Entry(
            f"{name}-{how}",
            f"The network between {between} {effect}.",
            kind,
            partial(draw, how=how),
        )
        for name, between, kind, draw in (
            ("members", "members and a node", MembersLinkFault, _members_link),
            ("database", "a node and the database", DatabaseLinkFault, _database_link),
        )
        for how, effect in effects.items()
        if (name, how) != ("database", "throttle")
    ]


CATALOGUE: dict[str, Entry] = {
    one.name: one
    for one in (
        entry("kill-node", KillNode, lambda c, cast: KillNode(c.choice(cast.serving))),
        entry(
            "kill-worker",
            KillWorker,
            lambda c, cast: KillWorker(cast.nodes[0], c.randrange(WORKERS)),
        ),
        entry("pause-node", PauseNode, lambda c, cast: PauseNode(c.choice(cast.nodes))),
        entry(
            "rolling-restart",
            RollingRestart,
            lambda c, cast: RollingRestart(tuple(c.sample(cast.nodes, len(cast.nodes)))),
        ),
        entry(
            "clock-skew",
            SkewClock,
            lambda c, cast: SkewClock(c.choice(cast.nodes), c.choice(SKEWS_S)),
        ),
        entry("database-restart", RestartDatabase, lambda _c, _cast: RestartDatabase()),
        entry("database-crash", CrashDatabase, lambda _c, _cast: CrashDatabase()),
        entry("failover", KillPrimary, lambda _c, _cast: KillPrimary()),
        entry("split-brain", IsolatePrimary, lambda _c, _cast: IsolatePrimary()),
        entry("standby-dead", KillStandby, lambda _c, _cast: KillStandby()),
        entry("standby-cut", CutStandby, lambda _c, _cast: CutStandby()),
        entry("standby-lag", LagStandby, lambda c, _cast: LagStandby(c.choice((0.1, 0.3)))),
        entry("slow-disk", SlowDisk, lambda c, _cast: SlowDisk(c.choice((0.1, 0.3)))),
        entry("full-disk", FullDisk, lambda _c, _cast: FullDisk()),
        *_link_entries(),
        entry(
            "witness-cut",
            WitnessLinkFault,
            lambda c, cast: WitnessLinkFault(c.choice(cast.nodes), "drop"),
        ),
        entry("cable-pulled", PullCable, lambda _c, cast: PullCable(cast.nodes[-1])),
        entry("send-twice", SendTwice, lambda _c, _cast: SendTwice()),
        entry("rotate-key", RotateKey, lambda c, cast: RotateKey(c.choice(cast.lenders))),
        entry("suspend", SuspendMember, lambda c, cast: SuspendMember(c.choice(cast.lenders))),
        entry("revoke", RevokeConsent, lambda _c, _cast: RevokeConsent()),
        entry(
            "expire-certificate",
            ExpireCertificate,
            lambda c, cast: ExpireCertificate(c.choice(cast.lenders), c.choice((3.0, 5.0))),
        ),
        entry("kill-agent", KillAgent, lambda _c, _cast: KillAgent()),
        entry("migration", Migrate, lambda c, _cast: Migrate(c.choice(TABLES))),
        *(
            Entry(
                how,
                f"A member among the honest ones attacks: {how}.",
                Attack,
                partial(_attack, how=how),
            )
            for how in ATTACKS
        ),
    )
}
