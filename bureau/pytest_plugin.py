"""Fixtures for a lender's own tests: a real bureau for each test, and none before one asks.

::

    def test_two_missed_payments_are_declined(credit_bureau):
        person = credit_bureau.person()
        person.account("riverbank", months=24, missed=2)
        assert decide(person.report("hillside")) == "declined"

pytest loads this module in every environment that has `creditbureau`, so it imports nothing of
the server until a test asks for a bureau, which needs `creditbureau[server]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bureau.testing import SandboxBureau


JURISDICTION = "credit_bureau_jurisdiction"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of the jurisdiction."""
    parser.addini(
        JURISDICTION,
        "country in whose terms and under whose law the people of credit_bureau are: US or CN",
        default="US",
    )


@pytest.fixture(scope="session")
def credit_bureau_template(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """Make the sandbox that each test gets a copy of."""
    try:
        from bureau.testing import make_sandbox  # noqa: PLC0415  (see the module)
    except ModuleNotFoundError as missing:
        pytest.fail(
            f"credit_bureau needs {missing.name}: run `pip install 'creditbureau[server]'`",
            pytrace=False,
        )
    folder = tmp_path_factory.mktemp("credit-bureau") / "template"
    return make_sandbox(folder, jurisdiction=pytestconfig.getini(JURISDICTION))


@pytest.fixture
def credit_bureau(credit_bureau_template: Path, tmp_path: Path) -> Iterator[SandboxBureau]:
    """Serve a bureau of the test's own, with lenders and magic subjects."""
    from bureau.testing import running_sandbox  # noqa: PLC0415  (see the module)

    folder = tmp_path / "credit-bureau"
    with running_sandbox(folder, template=credit_bureau_template) as bureau:
        yield bureau
