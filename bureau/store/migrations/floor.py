"""For contracting revisions: which code may serve no more."""

from __future__ import annotations

import re

from alembic import op


def raise_floor(revision: str) -> None:
    """Code of earlier revisions may serve no more."""
    assert re.fullmatch(r"\d{4}", revision), "revisions are numbers of four digits"
    op.execute(f"UPDATE schema_floor SET revision = '{revision}'")  # noqa: S608  (digits)
