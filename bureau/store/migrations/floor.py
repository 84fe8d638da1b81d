"""The floor of the schema, for contracting revisions."""

from __future__ import annotations

import re

from alembic import op


def raise_floor(revision: str) -> None:
    """Raise the floor, so that code of earlier revisions may serve no more."""
    assert re.fullmatch(r"\d{4}", revision), "revisions are numbers of four digits"
    op.execute(f"UPDATE schema_floor SET revision = '{revision}'")  # noqa: S608  (digits)
