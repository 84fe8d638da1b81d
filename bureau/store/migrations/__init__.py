"""Alembic's environment: forward only."""

# The last revision in `versions`; a test holds it against Alembic's own view.
NEWEST = "0001"
