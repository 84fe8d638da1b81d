"""The topology that a run raises: PostgreSQL twice, nodes, the directory, witnesses, members,
and a link of our own between any two of them."""
