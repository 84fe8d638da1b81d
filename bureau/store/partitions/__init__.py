"""Declarative partitions of PostgreSQL under the same table names, for large bureaus.

What grows without end is cut by month of its time-ordered key, accounts by a hash of theirs.
An operator asks for it; a small bureau goes without. Queries and nodes know nothing of it, and
nodes serve meanwhile: tables are locked for moments, by transactions that step back where others
are in the way. Each step first looks how far an earlier run came, so that a run which was
killed is continued by the next one (docs/adr/0041-partitions-are-asked-for.md).
"""
