"""Kinds of log entries."""

from __future__ import annotations

from typing import Literal, TypeAlias

# The kinds of `docs/wire-format.md`. They are literals and no enumeration: the kind is a
# column of the entry and a line of the leaf, and both take the plain string.
EntryKind: TypeAlias = Literal[
    "admission",
    "member-change",
    "member-state",
    "credential",
    "standard",
    "evaluation",
    "attestation",
    "key-rotation",
    "consent",
    "consent-change",
    "hold",
    "hold-lift",
    "dispute",
    "dispute-addition",
    "dispute-answer",
    "subject-statement",
    "submission",
    "inquiry",
    "portfolio-inquiry",
]
# Signed statements that are verified and never committed: a proof of possession, and a
# subject's request to read.
UncommittedKind: TypeAlias = Literal["possession", "subject-request"]
