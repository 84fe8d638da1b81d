"""A bureau always has an operator, and tells members no more of each other than needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bureau.admin.operator import CallError, Operator
from bureau.testing import RunningBureau, running_bureau
from creditbureau.v1 import codes_pb2, members_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import GetMemberRequest
from tests.service.raw import Raw


@pytest.fixture(scope="module")
def bureau() -> Iterator[RunningBureau]:
    with running_bureau() as bureau:
        yield bureau


def test_the_last_operator_cannot_shut_everybody_out(bureau: RunningBureau) -> None:
    with Operator(bureau.operator) as operator:
        me = operator.member("operator")
        (certificate,) = me.certificate_fingerprints
        with pytest.raises(CallError, match="without an operator"):
            operator.withdraw_certificate("operator", certificate)
        me.roles[:] = [codes_pb2.ROLE_AUDITOR]
        with pytest.raises(CallError, match="without an operator"):
            operator.change(me)
        # Nothing of it was done.
        assert operator.member("operator").roles == [codes_pb2.ROLE_OPERATOR]
        bureau.add_member("deputy", ["operator"])
        me = operator.member("deputy")
        me.roles[:] = [codes_pb2.ROLE_AUDITOR]
        operator.change(me)


def test_other_members_see_every_statement_about_a_member(bureau: RunningBureau) -> None:
    acme = Raw(bureau.add_member("acme", ["auditor"]))
    bureau.add_member("brook", ["furnisher"])
    with Operator(bureau.operator) as operator:
        operator.set_state("brook", members_pb2.MEMBER_STATE_SUSPENDED)
    request = GetMemberRequest(member_id="brook", with_statements=True)
    whole = Raw(bureau.operator).send("Members/GetMember", request).reply.member
    shown = acme.send("Members/GetMember", request).reply.member

    def kinds(member: members_pb2.Member) -> list[str]:
        return [kind_of(statement.envelope) for statement in member.statements]

    assert kinds(shown) == kinds(whole) == ["admission", "member-state-change"]
    assert (shown.directory_quota, list(shown.certificate_fingerprints)) == (0, [])


def kind_of(envelope: Envelope) -> str:
    return envelope.payload_type.removeprefix("application/vnd.creditbureau.").partition(".")[0]
