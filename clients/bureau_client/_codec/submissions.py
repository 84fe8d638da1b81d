"""Reads accepted submissions."""

from __future__ import annotations

from collections.abc import Sequence

from bureau_client._codec.scalars import moment_or_none
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.receipts import Receipt
from bureau_client.models.submissions import RecordWarning, Submission
from creditbureau.v1 import furnishing_pb2


def read_submission(
    message: furnishing_pb2.Submission, *, manifest: bytes = b"", receipt: Receipt | None = None
) -> Submission:
    """Read an accepted submission."""
    return Submission(
        submission_id=message.submission_id,
        kind=SubmissionKind(message.kind),
        record_count=message.record_count,
        new_tradeline_count=message.new_tradeline_count,
        label=message.label,
        create_time=moment_or_none(message.create_time),
        leaf_index=message.leaf_index,
        manifest=manifest,
        receipt=receipt,
    )


def read_warning(message: furnishing_pb2.RecordWarning, indexes: Sequence[int]) -> RecordWarning:
    """Read a warning about records of a batch.

    A record that the batch does not have is left out: the batch is stored, whatever the warning
    says.

    Args:
        indexes: For each record of the batch, its index among those passed to `submit`.
    """
    return RecordWarning(
        rule=message.rule,
        field=message.field,
        message=message.message,
        indexes=tuple(
            indexes[position] for position in message.record_indexes if 0 <= position < len(indexes)
        ),
    )
