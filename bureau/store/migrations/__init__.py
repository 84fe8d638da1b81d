"""Alembic's environment: forward only.

Nodes serve while a revision is applied, of this version and of the one before. So it
expands: new tables; new columns that may be null or have a server default; indices by
`index.build_index`, each in a revision of its own. Data are filled in by small updates.
What removes, renames or tightens waits for a version whose predecessor does without it
already, and calls `floor.raise_floor`.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "versions"
# The last revision in `versions`, by the names of the files: a node that starts does not load
# Alembic. A test compares it with Alembic's own view.
NEWEST = max(file.name.partition("_")[0] for file in FOLDER.glob("[0-9]*_*.py"))
