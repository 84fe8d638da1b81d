"""Reads accepted submissions."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_or_none
from bureau_client.models.codes import SubmissionKind
from bureau_client.models.receipts import Receipt
from bureau_client.models.submissions import Submission
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
