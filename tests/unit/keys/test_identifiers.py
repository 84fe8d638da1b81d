"""Identifiers: one spelling of each, and no other person's."""

from __future__ import annotations

import itertools
import random
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import isin

from bureau_keys.errors import MalformedMessage
from bureau_keys.identifiers import (
    ANY_COUNTRY,
    Scheme,
    WrongIdentifier,
    countries,
    is_issued,
    normalise,
    registry,
    scheme_of,
    schemes,
    schemes_of,
)

# The module of python-stdnum that judges each scheme, and the check characters at its end.
LIBRARY = {
    "ssn": ("us.ssn", 1),
    "itin": ("us.itin", 1),
    "ein": ("us.ein", 1),
    "resident-id": ("cn.ric", 1),
    "uscc": ("cn.uscc", 1),
    "cpf": ("br.cpf", 2),
    "sin": ("ca.sin", 1),
    "steuer-id": ("de.idnr", 1),
    "pan": ("in_.pan", 1),
    "my-number": ("jp.in_", 1),
    "bsn": ("nl.bsn", 1),
    "pesel": ("pl.pesel", 1),
}
# Bodies of which few numbers made by chance are right: with a date, a county, letters.
BODIES = {
    "resident-id": ["11010519491231002", "36042619910101007", "11010120000229001"],
    "uscc": ["91110000600037341", "91350100M000100Y4"],
    "steuer-id": ["3657426180", "2647591368", "6599973970"],
    "pan": ["ACUPA7085", "AAAPL1234", "ZZZCZ0001"],
    "pesel": ["4405140135", "0207080362", "9009051542"],
    "cpf": ["123456789", "100000001", "529982247"],
}


def test_every_scheme_but_the_passport_is_held_against_the_library() -> None:
    assert {scheme.name for scheme in schemes()} - {"passport"} == LIBRARY.keys()


@pytest.mark.parametrize("name", LIBRARY)
def test_the_registry_agrees_with_the_library(name: str) -> None:
    [scheme] = [scheme for scheme in schemes() if scheme.name == name]
    module, length = LIBRARY[name]
    library = import_module(f"stdnum.{module}")
    chance, compared = random.Random(name), 0
    bodies = list(BODIES.get(name, ()))
    kept = len(scheme.alphabets) - length
    bodies += ["".join(map(chance.choice, scheme.alphabets[:kept])) for _ in range(300)]
    for body in bodies:
        ends = ["".join(end) for end in itertools.product(*scheme.alphabets[kept:])]
        theirs = {end for end in ends if _is_valid(library, body + end)}
        ours = {end for end in ends if _passes(scheme, body + end)}
        # The library also knows which county there was when, and which digits repeat.
        assert theirs <= ours, body
        if theirs:
            compared += 1
            assert theirs == ours, body
    assert compared >= 3


def _is_valid(library: Any, number: str) -> bool:
    try:
        return bool(library.is_valid(number))
    except KeyError:  # of a county, in stdnum.cn.ric
        return False


def _passes(scheme: Scheme, number: str) -> bool:
    try:
        normalise(scheme.country, scheme.name, number, issued_only=True)
    except WrongIdentifier:
        return False
    return True


def test_the_countries_are_those_of_the_standard() -> None:
    assert len(countries()) == 249
    assert countries() <= set(isin._country_codes)
    assert not {"UK", "EU", "XK", "ZZ", "AN", "SU"} & countries()


def test_every_scheme_of_the_registry_is_whole() -> None:
    keys = [(scheme.country, scheme.key) for scheme in schemes()]
    assert len(keys) == len(set(keys))
    for entry, scheme in zip(registry()["scheme"], schemes(), strict=True):
        length = len(scheme.alphabets)
        assert scheme.country in {*countries(), ANY_COUNTRY}, scheme.name
        assert all((scheme.source, scheme.form, scheme.title)), scheme.name
        assert all(len(pattern) == length for pattern in scheme.never_issued), scheme.name
        assert {check.method for check in scheme.checks} <= {"weights", "luhn", "mod-11-10"}
        assert all(len(check.weights) < length for check in scheme.checks), scheme.name
        assert entry.keys() <= {
            *("country", "name", "title", "form", "shape", "shortest", "date", "check"),
            *("issued", "never_issued", "source"),
        }


def test_a_country_lists_its_own_schemes_first() -> None:
    assert [scheme.name for scheme in schemes_of("us")] == ["ssn", "itin", "ein", "passport"]
    assert [scheme.name for scheme in schemes_of("FR")] == ["passport"]


SAMPLES = {
    ("US", "SSN"): "000123456",
    ("CN", "RESIDENTID"): "11010519491231002X",
    ("CN", "USCC"): "91110000600037341L",
    ("IN", "PAN"): "ACUPA7085R",
    ("FR", "PASSPORT"): "12AB34567",
}
BETWEEN = st.sampled_from(["", " ", "-", ".", "/", "\u2014", "\u3000", "\u00a0", "\uff0d"])


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_every_spelling_of_one_identifier_is_one_input(key: tuple[str, str], data: Any) -> None:
    def spelled(text: str) -> str:
        return "".join(data.draw(BETWEEN) + data.draw(st.sampled_from(forms(c))) for c in text)

    written = tuple(spelled(part) for part in (*key, SAMPLES[key]))
    assert normalise(*written) == "|".join((*key, SAMPLES[key])).encode()


def forms(character: str) -> list[str]:
    wide = chr(ord(character) + 0xFEE0)
    return [character, character.lower(), wide, wide.lower()]


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_one_wrong_character_is_no_other_persons_identifier(
    key: tuple[str, str], data: Any
) -> None:
    sample = SAMPLES[key]
    index = data.draw(st.integers(0, len(sample) - 1))
    other = data.draw(st.characters(exclude_characters=sample[index]))
    changed = sample[:index] + other + sample[index + 1 :]
    try:
        normal = normalise(*key, changed)
    except WrongIdentifier:
        return
    # The same person in another spelling, or a number without a check digit.
    assert normal == "|".join((*key, sample)).encode() or not scheme_of(*key).checks


@pytest.mark.parametrize("text", ["", " ", "-./", "a|b", "a\nb", "a\x00", "a\u200bb", "9" * 257])
@pytest.mark.parametrize("index", range(3))
def test_a_part_that_is_no_text_is_named_and_not_shown(text: str, index: int) -> None:
    parts = ["US", "SSN", "900123456"]
    parts[index] = text
    with pytest.raises(MalformedMessage) as refused:
        normalise(*parts)
    assert isinstance(refused.value, WrongIdentifier)
    assert refused.value.part == ("country", "scheme", "identifier")[index]
    assert len(text) < 2 or text not in str(refused.value)


def test_an_identifier_in_the_wrong_place_is_not_shown() -> None:
    for parts in (
        ("900123456", "SSN", "US"),
        ("US", "900123456", "SSN"),
        ("US", "SSN", "90012345"),
    ):
        with pytest.raises(WrongIdentifier) as refused:
            normalise(*parts)
        assert "9001" not in str(refused.value)


def test_the_message_has_the_fix() -> None:
    for parts, words in (
        (("USA", "ssn", "1"), "USA is not a country of ISO 3166-1; write its two letters"),
        (("US", "sssn", "1"), "write one of: ssn, itin, ein, passport"),
        (("US", "ssn", "1"), "write nine digits"),
        (("CN", "resident-id", "110105194902300020"), "characters 7 to 14 .* not a date"),
        (("CN", "resident-id", "110105194912310021"), "check character .* compare it"),
    ):
        with pytest.raises(WrongIdentifier, match=words):
            normalise(*parts)


@pytest.mark.parametrize("area", ["000", "666", *map(str, range(900, 1000, 11))])
def test_areas_that_were_never_issued_are_for_tests(area: str) -> None:
    number = f"{area}-12-3456"
    assert normalise("US", "ssn", number) == f"US|SSN|{area}123456".encode()
    with pytest.raises(WrongIdentifier, match="never issued"):
        normalise("US", "ssn", number, issued_only=True)


def test_every_other_area_was_issued() -> None:
    ssn = scheme_of("US", "ssn")
    issued = {area for area in range(1000) if is_issued(ssn, f"{area:03}123456")}
    assert issued == {*range(1, 666), *range(667, 900)}
