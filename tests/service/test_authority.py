"""Who may do what: every role with every method."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Iterator

import pytest

import creditbureau.v1
from bureau.rpc.methods import SERVICES
from bureau_keys.envelope import seal
from creditbureau.v1 import (
    codes_pb2,
    members_pb2,
)
from tests.service.calls import (
    ANYBODY,
    GOOD,
    MAY,
    ROLES,
    Scenario,
    ok,
    open_scenario,
)
from tests.service.raw import Raw


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as scenario:
        yield scenario


# The table is about the whole contract -------------------------------------------


def test_every_method_of_the_contract_is_in_the_table_once() -> None:
    names = [module.name for module in pkgutil.iter_modules(creditbureau.v1.__path__)]
    files = [
        importlib.import_module(f"creditbureau.v1.{name}").DESCRIPTOR
        for name in names
        if name.endswith("_pb2")
    ]
    contract = [
        f"{service.name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    assert sorted(contract) == sorted(MAY)
    assert {service.name for service in SERVICES} == {name.partition("/")[0] for name in contract}
    assert set(GOOD) == set(MAY)


def test_every_role_of_the_contract_is_in_the_table() -> None:
    names = {name.removeprefix("ROLE_").lower() for name in codes_pb2.Role.keys()}  # noqa: SIM118
    assert set(ROLES) == names - {"unspecified"}
    assert {role for roles in MAY.values() for role in roles.split()} == set(ROLES)


# Role × method -------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", MAY)
def test_a_role_opens_what_the_table_says(scenario: Scenario, method: str, role: str) -> None:
    raw = scenario.members[role]
    request = GOOD[method](scenario, raw)
    before = scenario.size()
    answer = raw.send(method, request)
    garbage = raw.send(method, b"\xff")
    if role in MAY[method].split():
        assert answer.code == "OK", answer
        assert garbage.reason == "MALFORMED_MESSAGE", garbage
        return
    # Refused before the request is looked at, and nothing is stored.
    for refused in (answer, garbage):
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED"), refused
        assert refused.fix
        assert all(needed in refused.message for needed in MAY[method].split()), refused
        assert uuid.UUID(refused.request_id)
    assert scenario.size() == before


@pytest.mark.parametrize("method", [name for name, roles in MAY.items() if roles != ANYBODY])
def test_all_other_roles_together_do_not_open_a_method(scenario: Scenario, method: str) -> None:
    others = [role for role in ROLES if role not in MAY[method].split()]
    everybody_else = "all-but-" + "-".join(sorted(MAY[method].split()))
    raw = scenario.members.get(everybody_else)
    if raw is None:
        profile = scenario.bureau.add_member(everybody_else, others, ["credit-application"])
        raw = scenario.members[everybody_else] = Raw(profile)
    answer = raw.send(method, b"")
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED"), answer


def test_one_of_several_roles_is_enough(scenario: Scenario) -> None:
    raw = Raw(scenario.bureau.add_member("universal", ROLES, ["credit-application"]))
    for method in MAY:
        answer = raw.send(method, b"")
        assert answer.reason != "ROLE_REQUIRED", (method, answer)


def test_a_role_that_is_taken_closes_its_methods_at_the_next_call(scenario: Scenario) -> None:
    raw = Raw(scenario.bureau.add_member("former", ["furnisher", "auditor"]))
    ok(raw.send("Furnishing/ListSubmissions", b""))
    operator = scenario.members["operator"]
    message = members_pb2.MemberChange(
        header=operator.header(),
        member_id="former",
        display_name="Former",
        roles=[codes_pb2.ROLE_AUDITOR],
    )
    request = members_pb2.ChangeMemberRequest(change=seal(message, operator.key))
    ok(operator.send("Members/ChangeMember", request))
    assert raw.send("Furnishing/ListSubmissions", b"").reason == "ROLE_REQUIRED"
    ok(raw.send("Log/GetCheckpoint", b""))
