"""Reciprocity: a member sees of others what it furnishes itself. Pure.

A member that furnishes accounts in good standing sees everything (FULL); one that
furnishes only accounts in default sees only those in default (DEFAULT_ONLY); one that furnishes
nothing sees its own (NONE). The level follows from the records furnished within the
policy's window; new members have a grace period. After the UK's Steering Committee on
Reciprocity (SCOR).
"""

from __future__ import annotations

from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.history import DELINQUENT
from creditbureau.v1 import members_pb2

FULL = members_pb2.RECIPROCITY_LEVEL_FULL
DEFAULT_ONLY = members_pb2.RECIPROCITY_LEVEL_DEFAULT_ONLY
NONE = members_pb2.RECIPROCITY_LEVEL_NONE


def limit_by_reciprocity(file: CreditFile, member_id: str, level: int) -> CreditFile:
    """Return a credit file as a member of a level may see it."""
    if level == FULL:
        return file
    kept = [
        line
        for line in file.tradelines
        if line.member_id == member_id or (level == DEFAULT_ONLY and is_in_default(line))
    ]
    return file._replace(tradelines=kept)


def is_in_default(line: FiledTradeline) -> bool:
    """Return True if a month of a tradeline was in default."""
    return not DELINQUENT.isdisjoint(line.history.profile)
