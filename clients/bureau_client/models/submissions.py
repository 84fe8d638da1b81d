"""Results of submitting records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bureau_client.models.codes import SubmissionKind
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import Record
from bureau_client.models.violations import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One signed batch that the bureau accepted.

    Attributes:
        submission_id: Id of the submission, for `Lender.submission`.
        new_tradeline_count: Number of accounts new to the bureau; the bureau's word.
        label: The furnisher's own name for the submission.
        leaf_index: Index of its leaf in the log.
        manifest: The signed manifest, a serialised DSSE envelope.
        receipt: Proof that the submission is in the log.
    """

    submission_id: str
    kind: SubmissionKind
    record_count: int
    new_tradeline_count: int
    label: str
    create_time: datetime | None
    leaf_index: int
    manifest: bytes = field(default=b"", repr=False)
    receipt: Receipt | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was skipped, with its violations.

    Attributes:
        index: Index of the record among those passed to `submit`, from 0.
        violations: Every violation in the record.
    """

    index: int
    record: Record
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class RecordWarning:
    """A rule that records break although the bureau stored them: they are probably wrong.

    Attributes:
        rule: Id of the rule, one of docs/record-rules.md: `past-due-over-balance`.
        field: Field of the snapshot that the rule names.
        message: The fault and the fix.
        indexes: Indexes of the records among those passed to `submit`, ascending; empty if the
            bureau named no record of the batch.
    """

    rule: str
    field: str
    message: str
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """Result of a call of `submit`.

    Attributes:
        warnings: The bureau's warnings about records that this call stored.
    """

    submissions: tuple[Submission, ...]
    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[RecordWarning, ...] = ()

    @property
    def accepted_count(self) -> int:
        """Number of records that the bureau stored."""
        return sum(submission.record_count for submission in self.submissions)

    @property
    def new_tradeline_count(self) -> int:
        """Number of accounts new to the bureau."""
        return sum(submission.new_tradeline_count for submission in self.submissions)
