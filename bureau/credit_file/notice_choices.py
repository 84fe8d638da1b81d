"""The choices of subjects what to hear of, and through which agent.

A notice is judged by the choice that held when it arose: one of an entry by the last choice before
that entry, one by the clock by the last choice before its time. A later choice changes nothing
about it, however late a stream reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bureau.store import queries as q
from bureau.store.database import Connection

# The choice of a subject that made none: to hear of everything, through no agent.
NONE = q.StoredChoice("", 0, -1, 0, "", 0, "", "")


def choices_of(db: Connection, subject_ids: Collection[str]) -> dict[str, list[q.StoredChoice]]:
    """Read the choices of subjects that count, each in the order of the log."""
    choices: dict[str, list[q.StoredChoice]] = {subject_id: [] for subject_id in subject_ids}
    if choices:
        for choice in db.all_in(q.choices_of_subjects, sorted(choices)):
            choices[choice.subject_id].append(choice)
    return choices


def choice_at(choices: Iterable[q.StoredChoice], time_us: int, leaf_index: int) -> q.StoredChoice:
    """Return the choice that held when a notice arose.

    Args:
        choices: The choices of its subject, in the order of the log.
        leaf_index: Leaf of the entry that caused it; -1 for one that comes by the clock, which
            comes before the entries of its time.
    """
    last = NONE
    for choice in choices:
        if (choice.time_us, choice.leaf_index) >= (time_us, leaf_index):
            break
        last = choice
    return last
