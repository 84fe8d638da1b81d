"""National identifiers: the one spelling of each, from the registry `identifiers.toml`.

All members write an identifier in the same bytes, and the directory turns equal bytes into one
subject id. An identifier that its scheme does not know is an error: it would become the id of
another person, or of none. Pure.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from bureau_keys.errors import MalformedMessage

# Characters of a part; a longer part is refused before anything else looks at it.
MAX_CHARACTERS = 256
ANY_COUNTRY = "*"
_DATE_CHARACTERS = 8


class WrongIdentifier(MalformedMessage):
    """A country, scheme or identifier that the registry does not have.

    The message never has the identifier itself.

    Attributes:
        part: `country`, `scheme` or `identifier`.
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True)
class CheckCharacter:
    """A check character; the registry's head has the methods."""

    method: str
    weights: tuple[int, ...] = ()
    modulus: int = 0
    total: int = 0
    ten_as_zero: bool = False


@dataclass(frozen=True, slots=True)
class Scheme:
    """An identifier scheme; the registry's head explains each field.

    Attributes:
        alphabets: The characters that each place may have.
        issued: Place and values of issued identifiers.
    """

    country: str
    name: str
    title: str
    form: str
    alphabets: tuple[str, ...]
    shortest: int
    date: int
    checks: tuple[CheckCharacter, ...]
    issued: tuple[tuple[int, tuple[str, ...]], ...]
    never_issued: tuple[str, ...]
    source: str

    @property
    def key(self) -> str:
        """The scheme's name in the one spelling: `RESIDENTID`."""
        return _plain("scheme", self.name)


def normalise(country: str, scheme: str, identifier: str, *, issued_only: bool = False) -> bytes:
    """Return `COUNTRY|SCHEME|IDENTIFIER` in the one spelling of all members.

    Case, width, spaces, dashes, dots and slashes do not matter.

    Args:
        issued_only: Refuse identifiers that were never issued; they are for tests.

    Raises:
        WrongIdentifier: The country is not one of ISO 3166-1 alpha-2, the registry has no such
            scheme for it, or the identifier is not one of the scheme.
    """
    country = _known_country(country)
    known = scheme_of(country, scheme)
    number = _plain("identifier", identifier)
    _check_form(known, number)
    _check_date(known, number)
    for check in known.checks:
        if not _holds(known, check, number):
            raise WrongIdentifier(
                "identifier",
                f"the check character does not fit the other characters of the {known.title}; "
                "compare it with the document",
            )
    if issued_only and not is_issued(known, number):
        raise WrongIdentifier(
            "identifier",
            f"this {known.title} was never issued to a person, and the profile sets "
            "issued_identifiers_only; compare it with the document",
        )
    return f"{country}|{known.key}|{number}".encode()


def is_issued(scheme: Scheme, number: str) -> bool:
    """Return False for an identifier of the right form that was never issued."""
    places = all(number.startswith(values, start - 1) for start, values in scheme.issued)
    return places and not any(_is_like(number, pattern) for pattern in scheme.never_issued)


def schemes_of(country: str) -> list[Scheme]:
    """Return the schemes of a country, its own first, then those of any country.

    Raises:
        WrongIdentifier: The country is not one of ISO 3166-1 alpha-2.
    """
    country = _known_country(country)
    own = [scheme for scheme in schemes() if scheme.country == country]
    return [*own, *(scheme for scheme in schemes() if scheme.country == ANY_COUNTRY)]


@cache
def countries() -> frozenset[str]:
    """Return the country codes of ISO 3166-1 alpha-2."""
    return frozenset(registry()["countries"].split())


@cache
def schemes() -> tuple[Scheme, ...]:
    """Return every scheme of the registry, in its order."""
    alphabets = registry()["alphabets"]
    return tuple(_scheme(entry, alphabets) for entry in registry()["scheme"])


@cache
def registry() -> Mapping[str, Any]:
    """Return the registry as its file has it."""
    text = files("bureau_keys").joinpath("identifiers.toml").read_text("utf-8")
    return MappingProxyType(tomllib.loads(text))


def _scheme(entry: Mapping[str, Any], alphabets: Mapping[str, str]) -> Scheme:
    return Scheme(
        country=entry["country"],
        name=entry["name"],
        title=entry["title"],
        form=entry["form"],
        alphabets=tuple(alphabets[letter] for letter in entry["shape"]),
        shortest=entry.get("shortest", len(entry["shape"])),
        date=entry.get("date", 0),
        checks=tuple(
            CheckCharacter(**{**check, "weights": tuple(check.get("weights", ()))})
            for check in entry.get("check", ())
        ),
        issued=tuple((rule["at"], tuple(rule["values"])) for rule in entry.get("issued", ())),
        never_issued=tuple(entry.get("never_issued", ())),
        source=entry["source"],
    )


def _known_country(country: str) -> str:
    code = _plain("country", country)
    if code not in countries():
        # A longer text may be an identifier in the wrong place.
        shown = f"{code} is not" if len(code) <= 3 else "this is not"
        raise WrongIdentifier(
            "country", f"{shown} a country of ISO 3166-1; write its two letters, for example US"
        )
    return code


def scheme_of(country: str, scheme: str) -> Scheme:
    """Return a scheme of a country by its name in any spelling.

    Raises:
        WrongIdentifier: The country is not one of ISO 3166-1 alpha-2, or the registry has no such
            scheme for it.
    """
    key, known = _plain("scheme", scheme), schemes_of(country)
    for candidate in known:
        if candidate.key == key:
            return candidate
    names = ", ".join(candidate.name for candidate in known)
    raise WrongIdentifier(
        "scheme", f"no identifier scheme of {country} has this name; write one of: {names}"
    )


def _check_form(scheme: Scheme, number: str) -> None:
    fits = scheme.shortest <= len(number) <= len(scheme.alphabets)
    if not fits or any(c not in known for c, known in zip(number, scheme.alphabets, strict=False)):
        raise WrongIdentifier(
            "identifier",
            f"the identifier has not the form of a {scheme.title}; write {scheme.form}",
        )


def _check_date(scheme: Scheme, number: str) -> None:
    if not scheme.date:
        return
    start = scheme.date - 1
    day = number[start : start + _DATE_CHARACTERS]
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        raise WrongIdentifier(
            "identifier",
            f"characters {scheme.date} to {start + _DATE_CHARACTERS} of the {scheme.title} are "
            "not a date; compare it with the document",
        ) from None


def _holds(scheme: Scheme, check: CheckCharacter, number: str) -> bool:
    if check.method == "luhn":
        return _luhn(number)
    if check.method == "mod-11-10":
        return _mod_11_10(number)
    covered = len(check.weights)
    values = [known.index(c) for c, known in zip(number, scheme.alphabets, strict=True)]
    weighed = sum(v * weight for v, weight in zip(values, check.weights, strict=False))
    value = (check.total - weighed) % check.modulus
    if check.ten_as_zero and value >= len(scheme.alphabets[covered]):
        value = 0
    return values[covered] == value


def _luhn(number: str) -> bool:
    """Return True if a number's last digit is right by ISO/IEC 7812-1."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(doubled) + sum(map(int, number[-1::-2]))) % 10 == 0


def _mod_11_10(number: str) -> bool:
    """Return True if a number's last digit is right by ISO 7064, MOD 11,10."""
    rest = 10
    for digit in number[:-1]:
        rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
    return (rest + int(number[-1])) % 10 == 1


def _is_like(number: str, pattern: str) -> bool:
    return len(number) == len(pattern) and all(
        wanted in (".", character) for character, wanted in zip(number, pattern, strict=True)
    )


def _plain(part: str, text: str) -> str:
    """Return a part in NFKC and upper case, without spaces, dashes, dots and slashes."""
    # NFKC after each step: upper case, and letters that a dash parted, can have other forms.
    upper = _nfkc(_nfkc(text).upper())
    clean = _nfkc("".join(c for c in upper if not _is_dropped(c)))
    if not clean:
        raise WrongIdentifier(part, f"the {part} is empty; write it as the document has it")
    if len(clean) > MAX_CHARACTERS:
        raise WrongIdentifier(part, f"the {part} has more than {MAX_CHARACTERS} characters")
    if "|" in clean or any(unicodedata.category(c)[0] == "C" for c in clean):
        raise WrongIdentifier(part, f"the {part} has a bar or an invisible character; remove it")
    return clean


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _is_dropped(character: str) -> bool:
    # Spaces and dashes of any width.
    return character in "./" or unicodedata.category(character) in {"Zs", "Pd"}
