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
        table: The table of a code.
        length: In the character form, bytes.
        packed_length: In the packed form, bytes.
        packs: Whether the packed form holds a packed decimal.
        personal: Whether it says something of a person; masked in findings.
        required: Whether a blank is an error.
    """

    name: str
    kind: str
    table: str
    length: int
    packed_length: int
    packs: bool
    personal: bool
    required: bool


@dataclass(frozen=True)
class Layout:
    """The fields of a segment in their order.

    Attributes:
        once: Whether an account has at most one.
    """

    kind: str
    fields: tuple[Field, ...]
    once: bool = False

    @cached_property
    def length(self) -> int:
        """Of the character form, bytes."""
        return self.character.size

    @cached_property
    def packed_length(self) -> int:
        """Of the packed form, bytes."""
        return self.packed.size

    @cached_property
    def character(self) -> struct.Struct:
        """Cuts the character form."""
        return struct.Struct("".join(f"{field.length}s" for field in self.fields))

    @cached_property
    def packed(self) -> struct.Struct:
        """Cuts the packed form."""
        return struct.Struct("".join(f"{field.packed_length}s" for field in self.fields))

    @cached_property
    def index(self) -> dict[str, int]:
        """Where each field stands among the fields."""
        return {field.name: number for number, field in enumerate(self.fields)}

    @cached_property
    def checked(self) -> tuple[tuple[int, Field], ...]:
        """The fields that more is asked of than their form: index and field."""
        return tuple(
            (number, field)
            for number, field in enumerate(self.fields)
            if field.required or field.table or field.kind == "money"
        )

    def __getitem__(self, name: str) -> Field:
        return self.fields[self.index[name]]


def table_of(name: str) -> dict[str, Any]:
    """A data file of the format: `layout`, `codes`, `rules`."""
    at = files("bureau_client") / "data" / "metro2" / f"{name}.toml"
    return tomllib.loads(at.read_text("utf-8"))


@cache
def layouts() -> dict[str, Layout]:
    """Every layout by its segment's identifier."""
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
    """The codes of a table."""
    return frozenset(table_of("codes")["codes"][table].split())


@cache
def open_tables() -> frozenset[str]:
    """The tables that an unknown code is only a warning in."""
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
    )
