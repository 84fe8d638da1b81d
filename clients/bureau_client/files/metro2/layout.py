"""The layouts of records and segments, from `data/metro2/layout.toml`."""

from __future__ import annotations

import struct
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

HEADER, BASE, TRAILER = "HEADER", "BASE", "TRAILER"
# In the order in which they follow the base segment.
ASSOCIATED = ("J1", "J2", "K1", "K2", "K3", "K4", "L1", "N1")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a layout.

    Attributes:
        kind: text, digits, money, count, date, time, code, reserved.
        table: Name of a code's table.
        length: Length in the character form, bytes.
        packed_length: Length in the packed form, bytes.
        packs: True if the packed form holds a packed decimal.
        personal: True for personal data, which findings mask.
        required: True if a blank is an error.
        of_persons: True if a business may leave a required field blank.
    """

    name: str
    kind: str
    table: str
    length: int
    packed_length: int
    packs: bool
    personal: bool
    required: bool
    of_persons: bool


@dataclass(frozen=True)
class Layout:
    """The fields of a segment in their order.

    Attributes:
        once: True if an account has at most one such segment.
    """

    kind: str
    fields: tuple[Field, ...]
    once: bool = False

    @cached_property
    def length(self) -> int:
        """Length of the character form, bytes."""
        return self.character.size

    @cached_property
    def packed_length(self) -> int:
        """Length of the packed form, bytes."""
        return self.packed.size

    @cached_property
    def character(self) -> struct.Struct:
        """Splitter of the character form."""
        return struct.Struct("".join(f"{field.length}s" for field in self.fields))

    @cached_property
    def packed(self) -> struct.Struct:
        """Splitter of the packed form."""
        return struct.Struct("".join(f"{field.packed_length}s" for field in self.fields))

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each field."""
        return {field.name: number for number, field in enumerate(self.fields)}

    @cached_property
    def checked(self) -> tuple[tuple[int, Field], ...]:
        """Index and field of each field with rules beyond its form."""
        return tuple(
            (number, field)
            for number, field in enumerate(self.fields)
            if field.required or field.table or field.kind in {"money", "digits"}
        )

    def __getitem__(self, name: str) -> Field:
        return self.fields[self.index[name]]


def table_of(name: str) -> dict[str, Any]:
    """Read a data file of the format: `layout`, `codes`, `rules`."""
    path = files("bureau_client") / "data" / "metro2" / f"{name}.toml"
    return tomllib.loads(path.read_text("utf-8"))


@cache
def layouts() -> dict[str, Layout]:
    """Return every layout by its segment's identifier."""
    return {
        kind: Layout(
            kind,
            tuple(_field(entry, table) for entry in table["fields"]),
            once=table.get("once", False),
        )
        for kind, table in table_of("layout").items()
        if isinstance(table, dict)
    }


@cache
def codes(table: str) -> frozenset[str]:
    """Return the codes of a table."""
    return frozenset(table_of("codes")["codes"][table].split())


@cache
def open_tables() -> frozenset[str]:
    """Return the tables in which an unknown code is only a warning."""
    return frozenset(table_of("codes")["open"]["tables"])


def _field(entry: list[Any], table: dict[str, Any]) -> Field:
    name, kind, length = entry[:3]
    kind, _, codes_of = kind.partition(":")
    return Field(
        name=name,
        kind=kind,
        table=codes_of,
        length=length,
        packed_length=entry[3] if len(entry) > 3 else length,
        packs=len(entry) > 3 and kind != "reserved",
        personal=name in table["personal"],
        required=name in table["required"],
        of_persons=name in table.get("of_persons", ()),
    )
