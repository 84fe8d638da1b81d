"""The database is migrated under load, to a version that the nodes do not run yet."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

from tests.cluster.faults import later_version
from tests.cluster.faults.fault import DATABASE, Fault
from tests.cluster.topology.topology import Topology

TABLES = ("consent", "inquiry", "record", "submission")
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Migrate(Fault):
    """A later version's revisions are applied while nodes of this one serve, and go on serving."""

    table: str
    length_s: ClassVar[tuple[float, float]] = (2.0, 4.0)

    @property
    def takes(self) -> frozenset[str]:
        """The schema: no other fault of the database at once."""
        return frozenset({DATABASE})

    def inject(self, topology: Topology) -> None:
        """Expands: a column, and an index over it."""
        folder = topology.folder / "revisions"
        later_version.add_revisions(folder, self.table)
        command = [sys.executable, "-m", later_version.__name__]
        with (topology.folder / "logs" / "migration.log").open("ab") as log:
            subprocess.run(
                [*command, str(folder), topology.postgres.primary.url],
                check=True,
                stdout=log,
                stderr=log,
                timeout=PATIENCE_S,
            )

    def heal(self, topology: Topology) -> None:
        """Leave the added column: migrations only go forward."""
