"""Reads erasures."""

from __future__ import annotations

from bureau_client._codec.scalars import month_of
from bureau_client.models.erasures import ErasedAccount, Erasure
from bureau_client.models.receipts import Receipt
from creditbureau.v1 import erasure_pb2


def read_erasure(message: erasure_pb2.Erasure, statement: bytes, receipt: Receipt) -> Erasure:
    """Read an erasure."""
    return Erasure(
        erasure_id=message.header.request_id,
        member_id=message.member_id,
        subject_id=message.subject_id,
        before_month=month_of(message.before_month),
        accounts=tuple(
            ErasedAccount(account.tradeline_id, tuple(account.subject_ids))
            for account in message.accounts
        ),
        leaf_indices=tuple(erased.leaf_index for erased in message.statements),
        leaf_index=receipt.leaf_index,
        statement=statement,
        receipt=receipt,
    )
