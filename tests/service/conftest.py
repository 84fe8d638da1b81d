"""What tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.scenario import database_of


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Each of the databases in turn; empty for the bureau's own choice."""
    with database_of(request.param, tmp_path_factory.mktemp("database")) as url:
        yield url
