"""An inquiry as the database holds it: with it a report is built again."""

from __future__ import annotations

from typing import NamedTuple


class StoredInquiry(NamedTuple):
    """The columns of an inquiry, in the order of its table.

    Attributes:
        entry_key: Key of its entry; None for a denied one or a replay that schemas before
            0008 did not log.
        log_size: The log size that the report was read at; -1 for a denied one or a replay.
        rules_version: The version of the rules that shaped the report.
        level: The reciprocity level that the member had earned.
        report_digest: SHA-256 of the report's payload; None for a denied one, and a
            portfolio's inquiry of a schema before 0010.
    """

    inquiry_key: int
    subject_id: str
    member_id: str
    inquiry_id: str
    consent_id: str
    purpose: int
    kind: int
    outcome: int
    denial_reason: str
    create_us: int
    entry_key: int | None
    log_size: int
    rules_version: str
    level: int
    report_digest: bytes | None

    def new_row(self) -> dict[str, object]:
        """Return the columns of a new row; the database gives out the key."""
        columns = self._asdict()
        del columns["inquiry_key"]
        return columns
