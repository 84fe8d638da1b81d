"""What a bureau of a nation would need, from what this one costs.

`costs.py` has what a call costs, as measured by `make bench`; `model.py` simulates nodes
that share a database and take turns at the log's head row; `nation.py` reckons what a
nation asks for; `tables.py` lays both out as the tables of `docs/scale.md`.
`python -m tests.scale` prints them, `--write` puts them into the document.
"""
