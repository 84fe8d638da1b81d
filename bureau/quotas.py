"""Quotas: the statements and bytes that one party may store in a minute and in a day.

A party is a member, by the statements that it signs; an agent, by the statements of subjects
that it carries; or a subject, by their own. Each counts for itself: the flood of one subject
leaves the other subjects of its agent their quotas, and the agent's quota bounds the flood of
subjects that an agent makes up.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from bureau_keys.signer_name import SignerName, member_id_of, subject_id_of

PartyKind: TypeAlias = Literal["member", "agent", "subject"]
Amount = Annotated[int, Field(ge=1, lt=1 << 62)]
MIB = 1 << 20


class Quota(BaseModel):
    """The quota of one party. A statement is accepted while less than the quota is used, so
    the last one may exceed the bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    statements_per_minute: Amount
    bytes_per_minute: Amount
    statements_per_day: Amount
    bytes_per_day: Amount


class MemberQuota(Quota):
    """The quota of a member's own statements."""

    statements_per_minute: Amount = 30_000
    bytes_per_minute: Amount = 1024 * MIB
    statements_per_day: Amount = 2_000_000
    bytes_per_day: Amount = 65_536 * MIB


class AgentQuota(Quota):
    """The quota of the subjects' statements that a member carries."""

    statements_per_minute: Amount = 6_000
    bytes_per_minute: Amount = 64 * MIB
    statements_per_day: Amount = 500_000
    bytes_per_day: Amount = 4096 * MIB


class SubjectQuota(Quota):
    """The quota of one subject's statements."""

    statements_per_minute: Amount = 300
    bytes_per_minute: Amount = 4 * MIB
    statements_per_day: Amount = 3_000
    bytes_per_day: Amount = 32 * MIB


class Quotas(BaseModel):
    """The quotas of parties for which the operator signed no others.

    Attributes:
        member: Of the statements that a member signs.
        agent: Of the subjects' statements that a member carries.
        subject: Of the statements of one subject.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: MemberQuota = MemberQuota()
    agent: AgentQuota = AgentQuota()
    subject: SubjectQuota = SubjectQuota()


class Party(NamedTuple):
    """A party whose statements are counted."""

    kind: PartyKind
    party_id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.party_id}"


def parties_of(signer: SignerName, carrier: str) -> list[Party]:
    """List the parties that a statement counts for.

    Args:
        carrier: Id of the member that makes the call; empty outside of a call.
    """
    if subject_id := subject_id_of(signer):
        agent = [Party("agent", carrier)] if carrier else []
        return [Party("subject", subject_id), *agent]
    return [Party("member", member_id_of(signer))]
