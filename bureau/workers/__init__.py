"""Several processes that serve one node: `bureau serve --workers N` with N above 1.

A supervisor (`supervisor.py`) starts the workers, restarts one that dies, and ends with them.
Each worker is a node of its own (`bureau.main.Server`) on the same port and database. `sharing.py`
lists what the workers of a node share.
"""
