"""The counts of a trailer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.layout import ASSOCIATED, BASE, TRAILER, layouts
from bureau_client.files.metro2.reader import Metro2Record
from bureau_keys.contradictions import Severity

_COUNTED = ("social_security_number", "date_of_birth", "telephone_number")
_PERSONS = ("BASE", "J1", "J2")
_NONE = {"", "0" * 9, "0" * 10}
ACCOUNTS, _BLOCKS = "total_base_records", "block_count"


class Totals:
    """Counts of a file's records, as in its trailer."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._records = 0
        self._blocks = 0

    def add(self, record: Metro2Record) -> None:
        """Count a record."""
        self._records += 1
        self._blocks += bool(record.block)
        if record.kind != BASE:
            return
        self._counts[ACCOUNTS] += 1
        for segment in record.segments:
            if segment.kind in ASSOCIATED:
                self._counts[f"total_{segment.kind}"] += 1
            if segment.kind not in _PERSONS:
                continue
            values = segment.values
            if segment.kind == BASE:
                self._counts[f"total_status_{values.get('account_status')}"] += 1
            self._counts["total_ecoa_Z"] += values.get("ecoa_code") == "Z"
            for name in _COUNTED:
                if values.get(name) is not None and values[name] not in _NONE:
                    self._counts[f"total_{name}_{segment.kind}"] += 1
                    self._counts[f"total_{name}_all"] += 1

    def trailer(self) -> dict[str, int]:
        """Return the trailer's counts by their names."""
        names = [f.name for f in layouts()[TRAILER].fields if f.kind == "count"]
        return {name: self._counts[name] for name in names} | {_BLOCKS: self._records}

    def compare(self, record: Metro2Record) -> Iterator[Finding]:
        """Yield findings on a trailer's wrong counts.

        Args:
            record: The trailer, already added.
        """
        counted = record.first.values
        # Unreadable counts have their own findings.
        counts = {name: count for name, count in self.trailer().items() if name in counted}
        blank = [name for name in counts if counted[name] is None and name != ACCOUNTS]
        for name, count in counts.items():
            if name != _BLOCKS and name not in blank and counted[name] != count:
                expected = f"{count}, as the file has"
                # Accounts that are missing are nowhere else to be seen; the other counts are of
                # fields, which one typed character changes.
                severity = Severity.ERROR if name == ACCOUNTS else Severity.WARNING
                yield self._finding(record, severity, name, expected)
        # Writers may put any number of records into a block.
        blocks = counted.get(_BLOCKS)
        if isinstance(blocks, int) and not self._blocks <= blocks <= self._records:
            expected = f"{self._blocks or self._records}, as the file has"
            yield self._finding(record, Severity.WARNING, _BLOCKS, expected)
        if blank:
            yield Finding(
                "M2-TRAILER-BLANK", Severity.WARNING, record.number, TRAILER,
                f"{len(blank)} blank counts", "counts, zero filled",
                "Write the counts; blank ones are not compared",
            )  # fmt: skip

    @staticmethod
    def _finding(record: Metro2Record, severity: Severity, name: str, expected: str) -> Finding:
        return Finding(
            "M2-TRAILER-COUNT", severity, record.number, f"{TRAILER}.{name}",
            record.first.text_of(name), expected,
            "Count again, or send the records that are missing",
            byte=record.first.byte_of(name),
        )  # fmt: skip
