"""Fields for the rules: of an account, and of the same account in the month before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from bureau_client.files.metro2.accounts import Accounts
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.layout import BASE, HEADER
from bureau_client.files.metro2.reader import Metro2Record, Reader
from bureau_client.files.metro2.rules import CHARACTER_OF
from bureau_client.files.metro2.values import Value
from bureau_keys.contradictions import Severity

# Fields of an L1 segment that rules use.
_CHANGE = ("change_indicator", "new_consumer_account_number", "new_identification_number")


def account_number(record: Metro2Record) -> str:
    """Return the account's number; empty if it cannot be read."""
    return str(record.first.values.get("consumer_account_number") or "")


def account_fields(record: Metro2Record) -> dict[str, Value]:
    """Return the fields for the rules, of the base segment and the others."""
    fields = dict(record.first.values)
    change = record.all("L1")
    for name in _CHANGE:
        fields[name] = change[0].values.get(name) if change else None
    fields["history_1"] = str(fields.get("payment_history_profile") or "")[:1]
    creditor = record.all("K1")
    fields["original_creditor_name"] = (
        creditor[0].values.get("original_creditor_name") if creditor else None
    )
    status = fields.get("account_status")
    if isinstance(status, str) and (character := CHARACTER_OF.get(status)):
        fields["status_character"] = character
    for segment in record.all("J1", "J2"):
        # Any person's bankruptcy counts.
        if segment.values.get("consumer_information_indicator"):
            fields["consumer_information_indicator"] = segment.values[
                "consumer_information_indicator"
            ]
    return fields


class PreviousMonth:
    """The accounts of the month before, by their numbers."""

    def __init__(self, accounts: Accounts, stream: BinaryIO) -> None:
        """Read the file of that month; `check` reports a file that breaks off.

        Args:
            accounts: Store of its accounts.
            stream: The file, opened for reading bytes.
        """
        self._accounts = accounts
        self._day: Value = None
        self._broken: tuple[Finding, ...] = ()
        for record in Reader(stream):
            if record.kind == BASE and record.segments:
                fields = account_fields(record)
                accounts.put(account_number(record), record.number, fields)
                if renumbered := fields["new_consumer_account_number"]:
                    # This month's file has the account under its new number.
                    accounts.put(str(renumbered), record.number, fields)
            elif record.kind == HEADER and record.segments:
                self._day = record.first.values.get("activity_date")
            elif not record.kind:
                self._broken = record.findings

    def previous(self, number: str) -> dict[str, Value]:
        """Return an account's fields, under the names that rules use."""
        return self._accounts.previous(number)

    def check(self, header: Metro2Record) -> Iterator[Finding]:
        """Yield an error unless the other file is whole and of the month before."""
        for broken in self._broken:
            yield Finding(
                "M2-PREVIOUS", Severity.ERROR, header.number, "",
                f"{broken.rule} in the other file",
                "a whole file of the month before", "Compare with the file as it was sent",
            )  # fmt: skip
        day = header.first.values.get("activity_date")
        if not isinstance(day, date) or not isinstance(self._day, date):
            return
        if (day.year - self._day.year) * 12 + day.month - self._day.month != 1:
            yield Finding(
                "M2-PREVIOUS", Severity.ERROR, header.number, "HEADER.activity_date", f"{day}",
                f"the month after {self._day}, the date of the other file",
                "Compare with the file of the month before",
            )  # fmt: skip
