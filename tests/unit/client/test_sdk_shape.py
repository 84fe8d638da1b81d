"""The SDK's shape: generated clients, methods of the contract, one small protocol."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bureau_client
from bureau.rpc.methods import METHODS, SERVICES, name_of
from bureau_client import CreditBureau
from bureau_client._operations import methods
from bureau_client._operations.operation import Method
from tests.unit.client.fakes import FakeBureau

GENERATOR = Path(__file__).parents[3] / "clients" / "unasync.py"


def test_the_synchronous_clients_are_generated_from_the_asynchronous_ones() -> None:
    assert subprocess.call([sys.executable, GENERATOR, "--check"]) == 0


def test_the_table_has_every_method_that_is_served() -> None:
    contract = {
        f"{service.full_name}/{method.name}": method
        for service in SERVICES
        for method in service.methods
        if name_of(method) in METHODS
    }
    ours = {value.path: value for value in vars(methods).values() if isinstance(value, Method)}
    assert ours.keys() == contract.keys()
    for path, method in contract.items():
        assert method.input_type is ours[path].request.DESCRIPTOR
        assert method.output_type is ours[path].reply.DESCRIPTOR


def test_a_lender_is_a_credit_bureau() -> None:
    # Held statically: mypy refuses the assignment if the protocol is not met.
    bureau: CreditBureau = FakeBureau().lender()
    assert bureau.submit([]).accepted_count == 0


def test_what_is_exported_exists_and_is_described() -> None:
    for name in bureau_client.__all__:
        thing = getattr(bureau_client, name)
        assert getattr(thing, "__doc__", "x"), name


def test_values_are_frozen_and_light() -> None:
    report = FakeBureau().wallet().file()
    with pytest.raises(AttributeError):
        report.subject_id = "x"  # type: ignore[misc]
    assert not hasattr(report, "__dict__")
    # Bulk stays out of logs.
    assert "envelope" not in repr(report)
