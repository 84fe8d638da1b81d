"""Share one bureau and one portal among the tests of each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bureau_portal.site import Portal
from tests.portal.life import Life, lived
from tests.portal.serving import served


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with lived() as life:
        yield life


@pytest.fixture(scope="module")
def portal(life: Life) -> Iterator[Portal]:
    with served(life.scenario) as portal:
        yield portal
