"""Alembic's environment: forward only.

Nodes serve while a revision is applied, of this version and of the one before. So it
expands: new tables; new columns that may be null or have a server default; indices by
`index.build_index`, each in a revision of its own. Data are filled in by small updates.
What removes, renames or tightens waits for a version whose predecessor does without it
already, and calls `floor.raise_floor`.
"""

# The last revision in `versions`; a test holds it against Alembic's own view.
NEWEST = "0011"
