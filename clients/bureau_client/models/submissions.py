"""What came of submitting records."""

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
        submission_id: Names it in `Lender.submission`.
        new_tradeline_count: Accounts that the bureau had not seen before.
        label: The furnisher's own name for it.
        leaf_index: Its leaf in the log.
        manifest: The signed manifest, a serialised DSSE envelope; empty when the
            submission was listed.
        receipt: Proof that it is in the log; None when it was listed.
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
    """A record that was left out, and why.

    Attributes:
        index: Its place in what was passed to `submit`, from 0.
        violations: Everything that is wrong with it.
    """

    index: int
    record: Record
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What became of everything that was passed to `submit`."""

    submissions: tuple[Submission, ...]
    rejected: tuple[Rejection, ...] = ()

    @property
    def accepted_count(self) -> int:
        """Records that the bureau stored."""
        return sum(submission.record_count for submission in self.submissions)

    @property
    def new_tradeline_count(self) -> int:
        """Accounts that the bureau had not seen before."""
        return sum(submission.new_tradeline_count for submission in self.submissions)
