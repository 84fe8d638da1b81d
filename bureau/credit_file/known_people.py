"""The people of a batch about whom something is on file that few people have.

It is read once, for all of them together: what most people lack then costs no further query. It is
read after the batch has waited for its consents and accounts: what another node committed meanwhile
comes before the batch in the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bureau.credit_file.history import DELETION_MASK
from bureau.store import queries as q
from bureau.store.database import Connection


class KnownPeople(NamedTuple):
    """People of a batch with something on file before it.

    Attributes:
        disputed: Those with a dispute that was not answered.
        deleted: Those with an account of which something was deleted.
        monitored: Those whom a member monitors, or monitored.
    """

    disputed: AbstractSet[str] = frozenset()
    deleted: AbstractSet[str] = frozenset()
    monitored: AbstractSet[str] = frozenset()

    @classmethod
    def read(cls, db: Connection, people: Iterable[str]) -> KnownPeople:
        """Read who of some people has something on file."""
        known: defaultdict[str, set[str]] = defaultdict(set)
        for subject_id, thing in db.all_in(q.known_of_people, sorted(people), mask=DELETION_MASK):
            known[thing].add(subject_id)
        return cls(known[q.DISPUTED], known[q.DELETED], known[q.MONITORED])
