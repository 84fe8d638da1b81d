"""Submits a file: checks all rows first, then sends them, and lists the rejected rows."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
from collections.abc import Callable, Coroutine, Iterator, MutableSet, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from bureau_client._operations.batches import BATCH_RECORDS
from bureau_client.aio.lender import AsyncLender
from bureau_client.errors import BureauError, InvalidRequest
from bureau_client.files.places import Places
from bureau_client.files.rejects import Rejects
from bureau_client.files.sources import Reject, Row, Source, SubjectIds, place_of
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.progress import OnProgress, Progress
from bureau_client.models.submissions import Submission, SubmitResult
from bureau_client.models.violations import Violation
from bureau_client.sync.lender import Lender

Result = TypeVar("Result")
Submit = Callable[..., SubmitResult]

# End of the bureau's words if it refuses more records than its answer lists.
_MORE = re.compile(r"\(and (?:at least )?[0-9]+ more\)")
# Violations that a refusal lists at most: more are not read one by one, and each takes memory.
MOST_VIOLATIONS = 10_000
# Rows between two calls of `on_progress` while a file is checked.
_CHECKED_ROWS = 1000


@dataclass(slots=True)
class RowWarning:
    """A rule that rows break although they are imported: they are probably wrong.

    Attributes:
        name: Field of the file that the rule names.
        message: The fault and the fix.
        places: Places in the file of the rows that break the rule.
    """

    name: str
    message: str
    places: MutableSet[int] = field(default_factory=Places)


@dataclass(slots=True)
class Import:
    """Result of checking or importing a file.

    Attributes:
        row_count: Number of rows in the file.
        record_count: Number of records in the valid rows.
        accepted_count: Number of records that the bureau stored.
        submissions: The signed batches that the bureau accepted.
        rejects: Every rejected row, with its violations, in the order of the file.
        kinds: Number of records by the submission kind that the file gives; None where it
            gives none.
        warnings: Warnings about valid rows, of the check and of the bureau, by their rule.
    """

    row_count: int = 0
    record_count: int = 0
    accepted_count: int = 0
    submissions: list[Submission] = field(default_factory=list)
    rejects: Rejects = field(default_factory=Rejects)
    kinds: dict[SubmissionKind | None, int] = field(default_factory=dict)
    warnings: dict[str, RowWarning] = field(default_factory=dict)

    def warn(self, warning: Violation, row: Row) -> None:
        """Add a warning about a row; of one rule, each row is counted once."""
        shown = RowWarning(warning.field, warning.message)
        self.warnings.setdefault(warning.rule, shown).places.add(row.place)


def check_file(source: Source, *, on_progress: OnProgress | None = None) -> Import:
    """Read and check a file; nothing is sent.

    Args:
        source: The file.
        on_progress: Called with the number of rows; the total is unknown before the end.

    Raises:
        InvalidRequest: The file as a whole is wrong.
    """
    started = datetime.now(UTC)
    checked = Import()
    for row in source.check():
        checked.row_count += 1
        if row.violations:
            checked.rejects.add(Reject(row, row.violations))
        else:
            checked.record_count += row.record_count
            checked.kinds[row.kind] = checked.kinds.get(row.kind, 0) + row.record_count
            for warning in row.warnings:
                field_in_file = source.field(warning.field)
                checked.warn(dataclasses.replace(warning, field=field_in_file), row)
        if on_progress is not None and checked.row_count % _CHECKED_ROWS == 0:
            on_progress(Progress(checked.row_count, None, datetime.now(UTC) - started))
    return checked


def import_file(
    lender: Lender,
    source: Source,
    *,
    kind: SubmissionKind = SubmissionKind.ORIGINAL,
    label: str = "",
    skip_invalid: bool = False,
    on_progress: OnProgress | None = None,
) -> Import:
    """Submit a file. After a crash, the same call sends only the batches that are missing.

    Args:
        lender: The client that submits.
        source: The file.
        kind: Submission kind of the rows for which the file gives none.
        label: Label of the submissions; by default the file's name.
        skip_invalid: Skip invalid rows instead of refusing the file.
        on_progress: Called with rows and no total while the file is checked, then with
            records after each batch.

    Raises:
        InvalidRequest: Rows are invalid and not to be skipped: nothing of their batch was
            sent, and each violation's field names row and field. Or the file as a whole is
            wrong.
    """
    submit = partial(lender.submit, label=label or source.path.name)
    sending = _Sending(source, submit, lender.subject_ids, kind, on_progress)
    return sending.run(skip_invalid=skip_invalid)


async def import_file_async(
    lender: AsyncLender,
    source: Source,
    *,
    kind: SubmissionKind = SubmissionKind.ORIGINAL,
    label: str = "",
    skip_invalid: bool = False,
    on_progress: OnProgress | None = None,
) -> Import:
    """Submit a file with an `AsyncLender`, as `import_file`; a worker thread reads the file.

    `on_progress` is called in that thread.
    """
    loop = asyncio.get_running_loop()

    def wait(call: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(call, loop).result()

    def submit(*arguments: Any, **options: Any) -> SubmitResult:
        return wait(lender.submit(*arguments, label=label or source.path.name, **options))

    def subject_ids(identifiers: Any) -> Sequence[str]:
        return wait(lender.subject_ids(identifiers))

    sending = _Sending(source, submit, subject_ids, kind, on_progress)
    return await asyncio.to_thread(sending.run, skip_invalid=skip_invalid)


def refuse(source: Source, checked: Import) -> InvalidRequest:
    """Return the exception for a file with invalid rows; it lists the first violations."""
    violations = (
        dataclasses.replace(violation, field=f"{place_of(source, reject.row)}, {violation.field}")
        for reject in checked.rejects
        for violation in reject.violations
    )
    return InvalidRequest(
        f"{len(checked.rejects)} of {checked.row_count} rows are wrong; nothing was sent",
        reason="INVALID_FIELD",
        violations=list(islice(violations, MOST_VIOLATIONS)),
        fix="Correct the rows, or pass --skip-invalid to submit the others",
    )


@dataclass(frozen=True, slots=True)
class _Sending:
    """One run of an import."""

    source: Source
    submit: Submit
    subject_ids: SubjectIds
    kind: SubmissionKind
    on_progress: OnProgress | None

    def run(self, *, skip_invalid: bool) -> Import:
        checked = check_file(self.source, on_progress=self.on_progress)
        if checked.rejects and not skip_invalid:
            raise refuse(self.source, checked)
        try:
            self._send(checked, on_invalid="skip" if skip_invalid else "raise")
        except BureauError as error:
            # The accepted part of the failed chunk, and all chunks before.
            sent = error.partial.submissions if error.partial else ()
            error.partial = SubmitResult((*checked.submissions, *sent))
            raise
        return checked

    def _send(self, checked: Import, **options: str) -> None:
        digest = _digest(self.source)
        started = datetime.now(UTC)
        done = 0
        for kind_in_file in checked.kinds:
            kind = kind_in_file or self.kind
            rows = self.source.read(kind_in_file, self.subject_ids)
            for chunk in _chunks(rows):
                # The same rows of the same file are stored once.
                result = self._submit(chunk, kind=kind, idempotency_key=digest, **options)
                self._add(checked, chunk, result)
                done += sum(len(row.records) for row in chunk)
                self._report(done, checked.record_count, datetime.now(UTC) - started)

    def _submit(self, chunk: Sequence[Row], **options: Any) -> SubmitResult:
        try:
            return self.submit([record for row in chunk for record in row.records], **options)
        except BureauError as error:
            rows = _rows(chunk)
            violations = tuple(self._in_file(violation, rows) for violation in error.violations)
            if violations != error.violations:
                # The bureau's words name a record of the batch, which the sender does not know.
                more = _MORE.search(error.message)
                shown = f" {more[0]}: --skip-invalid lists all" if more else ""
                error.message = f"The bureau refuses rows of {self.source.path.name}{shown}"
                error.violations = violations
            raise

    def _add(self, checked: Import, chunk: Sequence[Row], result: SubmitResult) -> None:
        """Add the result of a chunk; a row with any rejected record is a reject."""
        checked.submissions += result.submissions
        checked.accepted_count += sum(len(row.records) for row in chunk) - len(result.rejected)
        rows = _rows(chunk)
        for warning in result.warnings:
            violation = Violation(warning.field, warning.rule, warning.message)
            for index in warning.indexes:
                checked.warn(violation, rows[index])
        refused: dict[int, tuple[Violation, ...]] = {}
        for rejection in result.rejected:
            position = rows[rejection.index].place
            refused[position] = refused.get(position, ()) + rejection.violations
        for row in chunk:
            if row.place in refused:
                checked.rejects.add(Reject(row, refused[row.place]))

    def _report(self, done: int, total: int, elapsed: timedelta) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(done, total, elapsed))

    def _in_file(self, violation: Violation, rows: Sequence[Row]) -> Violation:
        number = violation.field.removeprefix("records[").partition("]")[0]
        if not number.isdigit() or int(number) >= len(rows):
            return violation
        row = rows[int(number)]
        where = f"{place_of(self.source, row)}, {self.source.field(violation.field)}"
        return dataclasses.replace(violation, field=where)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield rows whose records fill a batch at most: the most that is in memory at a time.

    A chunk that is half full ends at a multiple of BATCH_RECORDS in the file, too: a row that is
    left out changes few chunks beside its own, so that the same import without it knows the
    others again.
    """
    chunk: list[Row] = []
    count = 0
    for row in rows:
        is_next = chunk and row.place // BATCH_RECORDS != chunk[-1].place // BATCH_RECORDS
        if chunk and (
            count + len(row.records) > BATCH_RECORDS or (is_next and 2 * count >= BATCH_RECORDS)
        ):
            yield chunk
            chunk, count = [], 0
        chunk.append(row)
        count += len(row.records)
    if chunk:
        yield chunk


def _rows(chunk: Sequence[Row]) -> list[Row]:
    """Return the row of each record of some rows."""
    return [row for row in chunk for _ in row.records]


def _digest(source: Source) -> str:
    with source.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
