"""Databases of earlier releases, whose reports the present code replays byte for byte.

`<release>.sql.gz` is the dump of a SQLite database, `<release>.json` the origin, the
jurisdiction and the SHA-256 of every report that the release gave. Neither holds a private
key. Record a release's database with its own code, before the release is tagged:
`python -m tests.releases.record`. A recorded release is never recorded again.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
RELEASES = sorted(path.stem for path in FOLDER.glob("*.json"))


class Recorded(NamedTuple):
    """A release's database and the reports that the release gave.

    Attributes:
        reports: SHA-256 of each report, by inquiry id and subject id.
    """

    origin: str
    jurisdiction: str
    reports: dict[tuple[str, str], str]


def restore(release: str, database: Path) -> Recorded:
    """Restore a release's database into a file."""
    with sqlite3.connect(database) as connection:
        connection.executescript(
            gzip.decompress((FOLDER / f"{release}.sql.gz").read_bytes()).decode()
        )
    connection.close()
    recorded = json.loads((FOLDER / f"{release}.json").read_text("utf-8"))
    reports = {
        (entry["inquiry_id"], entry["subject_id"]): entry["sha256"] for entry in recorded["reports"]
    }
    return Recorded(recorded["origin"], recorded["jurisdiction"], reports)
