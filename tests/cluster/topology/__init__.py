"""The town that a run raises: PostgreSQL twice, nodes, the directory, witnesses, members,
and a way of our own between any two of them."""
