"""The accounts of a file, on disk, so that memory does not grow with the file."""

from __future__ import annotations

import sqlite3
from datetime import date

from bureau_client.files.metro2.rules import KEPT, PREVIOUS
from bureau_client.files.metro2.values import Value

_DATE_AT = KEPT.index("date_of_first_delinquency")


class Accounts:
    """Accounts of a file by number, with their fields, in a temporary database."""

    def __init__(self) -> None:
        # An empty name is a temporary database on disk, with a small cache.
        # The reader of a file that is not read to its end may be collected in any thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._insert = f"INSERT INTO account VALUES ({', '.join('?' * (len(KEPT) + 2))})"  # noqa: S608
        columns = ", ".join(f"k{number}" for number in range(len(KEPT)))
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f"CREATE TABLE account (number TEXT PRIMARY KEY, record INT, {columns}) WITHOUT ROWID;"
            "BEGIN;"
        )

    def put(self, number: str, record: int, fields: dict[str, Value]) -> int | None:
        """Store an account.

        Returns:
            The number of an earlier record with this account; None without one.
        """
        row = [fields.get(name) for name in KEPT]
        row[_DATE_AT] = str(row[_DATE_AT] or "")
        try:
            self._database.execute(self._insert, (number, record, *row))
        except sqlite3.IntegrityError:
            row_before = self._database.execute(
                "SELECT record FROM account WHERE number = ?", (number,)
            ).fetchone()
            return int(row_before[0])
        return None

    def previous(self, number: str) -> dict[str, Value]:
        """Return an account's fields, under the names that rules use; empty if it is unknown."""
        row = self._database.execute("SELECT * FROM account WHERE number = ?", (number,)).fetchone()
        if row is None:
            return {}
        fields: dict[str, Value] = dict(zip(KEPT, row[2:], strict=True))
        day = fields["date_of_first_delinquency"]
        fields["date_of_first_delinquency"] = date.fromisoformat(str(day)) if day else None
        return {PREVIOUS + name: value for name, value in fields.items()}

    def close(self) -> None:
        """Close and remove the database."""
        self._database.close()
