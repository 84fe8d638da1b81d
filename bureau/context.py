"""The context of every journey: the bureau's parts, assembled by `main`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bureau.call_batches import CallBatches
from bureau.clock import Clock
from bureau.codes import CodeSet
from bureau.enumeration_limiter import EnumerationLimiter
from bureau.errors import Refusal
from bureau.ledger.commit_queue import Writer
from bureau.ledger.commit_signal import CommitSignal
from bureau.party_limits import PartyLimits
from bureau.policy import Policy
from bureau.recent_calls import RecentCalls
from bureau.store.database import Database
from bureau_keys.pseudonym import Evaluator
from bureau_keys.signer_name import SignerName, member_signer
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2


@dataclass(frozen=True, slots=True)
class Bureau:
    """The bureau's parts.

    Attributes:
        origin: The log's origin, and the audience of every statement.
        policy: The rules of the place.
        report_key: Signs reports.
        evaluator: The directory's VOPRF key; None where another operator runs
            the directory.
        limits: Limits of what one member or one person stores.
        misses: Slows down members that guess consents or subjects.
        commits: Wakes the streams that follow committed entries.
        recent_calls: The newest calls of this node.
        inquiries: The inquiries that wait to be read together.
    """

    origin: str
    policy: Policy
    database: Database
    ledger: Writer
    clock: Clock
    report_key: SigningKey
    evaluator: Evaluator | None
    limits: PartyLimits = field(default_factory=PartyLimits)
    misses: EnumerationLimiter = field(default_factory=EnumerationLimiter)
    commits: CommitSignal = field(default_factory=CommitSignal)
    recent_calls: RecentCalls = field(default_factory=RecentCalls)
    inquiries: CallBatches[Any] = field(default_factory=CallBatches)

    @property
    def jurisdiction(self) -> str:
        """The jurisdiction (ISO 3166-1 alpha-2)."""
        return self.policy.jurisdiction


@dataclass(frozen=True, slots=True)
class Caller:
    """The calling member, identified by its registered certificate.

    Attributes:
        roles: Role codes.
        purposes: Purpose codes for which it may inquire.
    """

    member_id: str
    roles: CodeSet
    purposes: CodeSet
    jurisdiction: str

    @property
    def signer(self) -> SignerName:
        """The member's signer name in its statements."""
        return member_signer(self.member_id)

    @property
    def is_operator(self) -> bool:
        """True if the member runs the bureau."""
        return codes_pb2.ROLE_OPERATOR in self.roles

    def require_operator(self) -> None:
        """Raise ROLE_REQUIRED unless the caller is the operator."""
        if not self.is_operator:
            raise Refusal("ROLE_REQUIRED", "the method requires the role operator")
