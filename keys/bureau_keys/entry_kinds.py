"""Kinds of statements: those that become entries of the log, and those that never do."""

from __future__ import annotations

from typing import Literal, TypeAlias

# A leaf names its kind, so a kind is part of the wire format and is never renamed.
EntryKind: TypeAlias = Literal[
    "admission",
    "attestation",
    "complaint",
    "complaint-answer",
    "complaint-decision",
    "complaint-escalation",
    "consent",
    "consent-change",
    "consent-request",
    "consent-request-decline",
    "consent-request-withdrawal",
    "credential",
    "decision",
    "deletion",
    "dispute",
    "dispute-addition",
    "dispute-answer",
    "erasure",
    "evaluation",
    "hold",
    "hold-lift",
    "inquiry",
    "inquiry-denial",
    "key-approval",
    "key-repudiation",
    "key-rotation",
    "member-change",
    "member-state",
    "notice-choice",
    "portfolio-inquiry",
    "replay",
    "standard",
    "submission",
    "subject-statement",
]
# Statements that are checked and answered, and leave no entry.
UnloggedKind: TypeAlias = Literal["possession", "subject-request"]
StatementKind: TypeAlias = EntryKind | UnloggedKind
