"""All statements under one name: none hides another."""

import pkgutil
from collections import Counter
from importlib import import_module

from bureau.store import queries
from bureau.store.compiled import InQuery, Query


def test_no_statement_stands_in_two_rooms() -> None:
    rooms = [
        import_module(f"{queries.__name__}.{found.name}")
        for found in pkgutil.iter_modules(queries.__path__)
    ]
    names = Counter(
        name
        for room in rooms
        for name, value in vars(room).items()
        if isinstance(value, Query | InQuery)
    )
    assert names.most_common(1)[0][1] == 1
    assert set(names) >= {"add_entry", "add_consent", "file_tradelines"}
    assert all(hasattr(queries, name) for name in names if not name.startswith("_"))
