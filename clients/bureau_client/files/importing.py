"""Submits a file: checked whole first, then sent; what is left out can be mended."""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bureau_client.codes import SubmissionKind
from bureau_client.errors import BureauError, InvalidRequest, Violation
from bureau_client.files.sources import Reject, Source
from bureau_client.lender import Lender
from bureau_client.progress import OnProgress
from bureau_client.records import Record
from bureau_client.submissions import Submission


@dataclass(slots=True)
class Import:
    """What a file came to.

    Attributes:
        row_count: Rows in the file.
        record_count: Records that its sound rows say.
        accepted_count: Records that the bureau stored.
        submissions: The signed batches that it accepted.
        rejects: Every row that was left out, and why.
    """

    row_count: int = 0
    record_count: int = 0
    accepted_count: int = 0
    submissions: list[Submission] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    kinds: dict[SubmissionKind | None, int] = field(default_factory=dict)


def check_file(source: Source) -> Import:
    """Reads and checks a file without sending anything.

    Raises:
        InvalidRequest: The file as a whole is wrong.
    """
    found = Import()
    for row in source.check():
        found.row_count += 1
        if row.violations:
            found.rejects.append(Reject(row, row.violations))
        else:
            found.record_count += row.record_count
            found.kinds[row.kind] = found.kinds.get(row.kind, 0) + row.record_count
    return found


def import_file(
    lender: Lender,
    source: Source,
    *,
    kind: SubmissionKind = SubmissionKind.ORIGINAL,
    label: str = "",
    skip_invalid: bool = False,
    on_progress: OnProgress | None = None,
) -> Import:
    """Submits a file. After a crash, the same again sends only what is not there yet.

    Args:
        lender: Who submits.
        source: The file.
        kind: How it relates to what was sent before, where the file does not say.
        label: Its name at the bureau; else the file's name.
        skip_invalid: Leave wrong rows out instead of refusing the file.
        on_progress: Told after each batch.

    Raises:
        InvalidRequest: Rows are wrong and were not to be skipped, nothing of their batch
            was sent; each violation's field names the place and the field. Or the file as
            a whole is wrong.
    """
    found = check_file(source)
    if found.rejects and not skip_invalid:
        raise refuse(source, found)
    for of_rows, count in found.kinds.items():
        rows = _Records(source, lender, of_rows, count)
        try:
            result = lender.submit(
                rows,
                kind=of_rows or kind,
                label=label or source.path.name,
                on_progress=on_progress,
                on_invalid="skip" if skip_invalid else "raise",
                delivery=_delivery_of(source, of_rows or kind),
            )
        except BureauError as error:
            error.violations = tuple(_in_file(source, v, rows.sent) for v in error.violations)
            raise
        found.submissions += result.submissions
        found.accepted_count += result.accepted_count
        refused = {rows.sent[at.index]: at.violations for at in result.rejected}
        if refused:
            found.rejects += [
                Reject(row, refused[row.place]) for row in source.check() if row.place in refused
            ]
    found.rejects.sort(key=lambda reject: reject.row.place)
    return found


def refuse(source: Source, found: Import) -> InvalidRequest:
    """The exception for a file with wrong rows."""
    return InvalidRequest(
        f"{len(found.rejects)} of {found.row_count} rows are wrong; nothing was sent",
        reason="INVALID_FIELD",
        violations=[
            dataclasses.replace(
                violation, field=f"{source.place} {reject.row.place}, {violation.field}"
            )
            for reject in found.rejects
            for violation in reject.violations
        ],
        fix="Correct the rows, or pass --skip-invalid to submit the others",
    )


def _delivery_of(source: Source, kind: SubmissionKind) -> str:
    """What names a file's delivery: the same bytes, sent again, are stored once."""
    with source.path.open("rb") as stream:
        return f"{kind.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _in_file(source: Source, violation: Violation, sent: Sequence[int]) -> Violation:
    number = violation.field.removeprefix("records[").partition("]")[0]
    if not number.isdigit() or int(number) >= len(sent):
        return violation
    where = f"{source.place} {sent[int(number)]}, {source.field(violation.field)}"
    return dataclasses.replace(violation, field=where)


class _Records:
    """The records of a file's sound rows of one kind, once; notes the place of each."""

    def __init__(
        self, source: Source, lender: Lender, kind: SubmissionKind | None, count: int
    ) -> None:
        self.sent = array("Q")
        self._source = source
        self._lender = lender
        self._kind = kind
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        for row in self._source.read(self._kind, self._lender.subject_ids):
            for record in row.records:
                self.sent.append(row.place)
                yield record
