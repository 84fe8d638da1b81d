"""The reports of one portfolio inquiry, as the database and the inquiry's leaf record them."""

from __future__ import annotations

from typing import NamedTuple

from bureau.store import queries as q
from bureau.store.database import Connection
from bureau_keys.portfolio import ReportTree


class StoredPortfolio(NamedTuple):
    """The reports of a portfolio inquiry, in the order of the stream.

    Attributes:
        keys: `inquiry_key` of each report's inquiry.
        tree: The tree over the reports' digests, whose root is in the leaf.
    """

    keys: tuple[int, ...]
    tree: ReportTree

    @classmethod
    def read(cls, db: Connection, entry_key: int) -> StoredPortfolio:
        """Read the portfolio of an entry."""
        reports = db.all(q.reports_of_entry, entry_key=entry_key)
        return cls(
            tuple(key for key, _ in reports),
            # A portfolio from before schema 0010 has no digests: nothing is proved of it.
            ReportTree([digest or b"" for _, digest in reports]),
        )
