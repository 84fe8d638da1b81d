"""Faults of members while their requests are in flight."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bureau.admin.bureau_folder import load_authority
from bureau.admin.operator import Operator
from bureau.calendar import MICROSECONDS, utc
from bureau.clock import Clock
from bureau_keys.authority import new_key_and_csr
from bureau_keys.secret_files import write_private
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MEMBER_STATE_SUSPENDED
from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.history import sent_path_of
from tests.cluster.topology.topology import Topology
from tests.cluster.workers import ISSUER

DAY_S = 86_400
# Seconds for which a statement of the line agent is awaited, and between two looks.
STATEMENT_S, POLL_S = 5.0, 0.002


class MemberFault(Fault):
    """Something happens to one member."""

    member: str

    @property
    def takes(self) -> frozenset[str]:
        """The member; and the operator's statements want a database."""
        return frozenset({self.member, DATABASE})


@dataclass(frozen=True)
class RotateKey(MemberFault):
    """A lender changes its signing key while its statements are under way."""

    member: str

    def inject(self, topology: Topology) -> None:
        """Directs it to."""
        topology.directions.tell("rotate-key", self.member)

    def heal(self, topology: Topology) -> None:
        """Nothing is broken."""


@dataclass(frozen=True)
class SuspendMember(MemberFault):
    """A lender is suspended while its requests are under way, and let in again."""

    member: str

    def inject(self, topology: Topology) -> None:
        """The operator's statement."""
        with Operator(topology.answering()) as operator:
            operator.set_state(self.member, MEMBER_STATE_SUSPENDED)

    def heal(self, topology: Topology) -> None:
        """The operator's statement."""
        with Operator(topology.answering()) as operator:
            operator.set_state(self.member, MEMBER_STATE_ACTIVE)


@dataclass(frozen=True)
class ExpireCertificate(MemberFault):
    """A lender's certificate ends while it is used; later it gets a new one."""

    member: str
    valid_s: float
    length_s: ClassVar[tuple[float, float]] = (8.0, 11.0)

    def inject(self, topology: Topology) -> None:
        """Gives it a certificate that ends within seconds."""
        renew(topology, self.member, self.valid_s)

    def heal(self, topology: Topology) -> None:
        """Gives it one that lasts."""
        renew(topology, self.member, DAY_S)


@dataclass(frozen=True)
class RevokeConsent(Fault):
    """Somebody revokes a consent while inquiries under it are under way."""

    @property
    def takes(self) -> frozenset[str]:
        """Nothing but somebody's consent."""
        return frozenset({"consents"})

    def inject(self, topology: Topology) -> None:
        """Directs every wallet to."""
        topology.directions.tell("revoke")

    def heal(self, topology: Topology) -> None:
        """Nothing is broken."""


@dataclass(frozen=True)
class SendTwice(Fault):
    """Every lender sends each statement to two nodes at once, and again out of order."""

    @property
    def takes(self) -> frozenset[str]:
        """The retry behaviour of lenders, as the occupied part."""
        return frozenset({"retries"})

    def inject(self, topology: Topology) -> None:
        """Directs them to."""
        topology.directions.tell("twice")

    def heal(self, topology: Topology) -> None:
        """As usual again."""
        topology.directions.tell("once")


@dataclass(frozen=True)
class KillAgent(Fault):
    """The line agent of an issuer is killed while it sends a statement, and started again."""

    length_s: ClassVar[tuple[float, float]] = (0.5, 2.0)

    @property
    def takes(self) -> frozenset[str]:
        """The issuer."""
        return frozenset({ISSUER})

    def inject(self, topology: Topology) -> None:
        """SIGKILL, when it begins to send its next statement; soon, if it sends none."""
        sent = sent_path_of(topology.folder, ISSUER)
        size = sent.stat().st_size
        give_up = time.monotonic() + STATEMENT_S
        while sent.stat().st_size == size and time.monotonic() < give_up:
            time.sleep(POLL_S)
        topology.workers[ISSUER].kill()

    def heal(self, topology: Topology) -> None:
        """Starts it as a service manager would, with the state file that it left."""
        topology.workers[ISSUER].start()


@dataclass(frozen=True)
class Attack(Fault):
    """A member among the honest ones attacks."""

    how: str
    length_s: ClassVar[tuple[float, float]] = (5.0, 8.0)

    @property
    def takes(self) -> frozenset[str]:
        """The hostile member."""
        return frozenset({"hostile"})

    def inject(self, topology: Topology) -> None:
        """Directs it to."""
        topology.directions.tell("attack", "hostile", how=self.how)

    def heal(self, topology: Topology) -> None:
        """It rests."""
        topology.directions.tell("calm", "hostile")


def renew(topology: Topology, member_id: str, seconds: float) -> None:
    """Issues and registers a certificate for so many seconds, and tells its member."""
    now_us = Clock().now_us()
    key, request = new_key_and_csr(member_id)
    # An authority issues for whole days: this one began when it must have, to end in time.
    begun = utc(now_us - int((DAY_S - seconds) * MICROSECONDS))
    certificate = load_authority(topology.settings).issue_member(request, member_id, begun, days=1)
    with Operator(topology.answering()) as operator:
        operator.add_certificate(member_id, certificate)
    member = topology.member(member_id)
    for folder in (Path(member.profile), Path(member.directory)):
        write_private(folder / "tls.key", key)
        write_private(folder / "tls.pem", certificate)
    topology.directions.tell("reload", member_id)
