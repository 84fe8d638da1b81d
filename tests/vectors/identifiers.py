"""The registry of identifier schemes, and identifiers in the one spelling of all members."""

from __future__ import annotations

from typing import Any

from bureau_keys.identifiers import WrongIdentifier, normalise, registry

Parts = tuple[str, str, str]

GOOD: dict[str, Parts] = {
    "a number with dashes": ("US", "ssn", "000-12-3456"),
    "lower case": ("cn", "Resident-Id", "11010519491231002x"),
    "spaces, dots and slashes": (" u s ", "s.s/n", "0.0/0 123456"),
    "full-width characters": ("ＵＳ", "ssn", "０００－１２－３４５６"),
    "dashes and spaces of other widths": ("US", "ssn", "000\u201312\u20143456\u3000\u00a0"),
    "the one spelling itself": ("US", "SSN", "000123456"),
    "a full-width letter in lower case": ("CN", "resident-id", "11010519491231002ｘ"),
    "a taxpayer's number": ("US", "itin", "912-70-1234"),
    "an employer's number": ("US", "ein", "12-3456789"),
    "a check digit of the resident id": ("CN", "resident-id", "110101199003071233"),
    "a leap day": ("CN", "resident-id", "110101200002290018"),
    "a company": ("CN", "uscc", "9 1 110000 600037341L"),
    "two check digits": ("BR", "cpf", "123.456.789-09"),
    "a check digit of ten, written 0": ("BR", "cpf", "100.000.001-08"),
    "a digit by Luhn": ("CA", "sin", "123-456-782"),
    "a digit by ISO 7064, MOD 11,10": ("DE", "steuer-id", "36 574 261 809"),
    "letters and digits": ("IN", "pan", "acupa7085r"),
    "twelve digits": ("JP", "my-number", "1234 5678 9018"),
    "weights below zero": ("NL", "bsn", "1112.22.333"),
    "weights modulo 10": ("PL", "pesel", "44051401359"),
    "a passport": ("FR", "passport", "12ab34567"),
    "the shortest passport": ("FR", "passport", "AB123"),
}
BAD: dict[str, Parts] = {
    "an empty country": ("", "ssn", "000123456"),
    "a country of three letters": ("USA", "ssn", "000123456"),
    "a country in digits": ("840", "ssn", "000123456"),
    "a country that is none": ("ZZ", "passport", "AB12345"),
    "a code that is reserved": ("UK", "passport", "AB12345"),
    "a code for users": ("XK", "passport", "AB12345"),
    "a country in Cyrillic letters": ("\u0421\u041d", "resident-id", "11010519491231002X"),
    "an empty scheme": ("US", "", "000123456"),
    "a scheme that is none": ("US", "social-security", "000123456"),
    "a scheme of another country": ("CN", "ssn", "000123456"),
    "nothing but dashes": ("US", "ssn", "--"),
    "a bar": ("US", "ssn", "00012345|6"),
    "a full-width bar": ("US", "ssn", "00012345｜6"),
    "a tab": ("US", "ssn", "00012\t3456"),
    "an invisible character": ("US", "ssn", "00012\u200b3456"),
    "a digit less": ("US", "ssn", "000-12-345"),
    "a digit more": ("US", "ssn", "000-12-34567"),
    "a letter for a digit": ("US", "ssn", "000-12-345O"),
    "digits of another script": ("US", "ssn", "٠٠٠١٢٣٤٥٦"),
    "257 digits": ("US", "ssn", "1" * 257),
    "a mistyped check digit": ("CN", "resident-id", "110105194912310021"),
    "two digits that changed places": ("CN", "resident-id", "11010519491231020X"),
    "a day that is none": ("CN", "resident-id", "110105194902300020"),
    "a resident id of fifteen digits": ("CN", "resident-id", "110105491231002"),
    "an X that is a Cyrillic letter": ("CN", "resident-id", "11010519491231002\u0425"),
    "a letter that the code leaves out": ("CN", "uscc", "9111000060003734IL"),
    "a company's mistyped code": ("CN", "uscc", "91110000600037341M"),
    "a second check digit": ("BR", "cpf", "123.456.789-00"),
    "a wrong digit by Luhn": ("CA", "sin", "123-456-783"),
    "a wrong digit by MOD 11,10": ("DE", "steuer-id", "36574261808"),
    "a digit that stands for no remainder": ("NL", "bsn", "100000060"),
    "a passport of four characters": ("FR", "passport", "AB12"),
    "a passport of ten characters": ("FR", "passport", "AB12345678"),
}
# Right in form, never issued: for tests, and refused where the profile says so.
NEVER_ISSUED: dict[str, Parts] = {
    "area 000": ("US", "ssn", "000-12-3456"),
    "area 666": ("US", "ssn", "666-12-3456"),
    "area 900": ("US", "ssn", "900-12-3456"),
    "area 999": ("US", "ssn", "999-12-3456"),
    "group 00": ("US", "ssn", "123-00-4567"),
    "serial 0000": ("US", "ssn", "123-45-0000"),
    "a number on sample cards": ("US", "ssn", "078-05-1120"),
    "a taxpayer's number in another area": ("US", "itin", "812-70-1234"),
    "a taxpayer's number in another group": ("US", "itin", "912-93-1234"),
    "a prefix that is not in use": ("US", "ein", "07-1234567"),
    "a province that is none": ("CN", "resident-id", "000105194912310024"),
    "eleven times one digit": ("BR", "cpf", "111.111.111-11"),
    "a number for tests": ("DE", "steuer-id", "02476291358"),
}
ISSUED: dict[str, Parts] = {
    "the lowest area": ("US", "ssn", "001-01-0001"),
    "the area before 666": ("US", "ssn", "665-12-3456"),
    "the area after 666": ("US", "ssn", "667-12-3456"),
    "the highest area": ("US", "ssn", "899-99-9999"),
    "a taxpayer's number": ("US", "itin", "912-70-1234"),
    "a resident": ("CN", "resident-id", "11010519491231002X"),
}


def schemes() -> dict[str, Any]:
    """The registry, for programs in other languages."""
    return {"registry": dict(registry())}


def vectors() -> list[dict[str, Any]]:
    return [
        *(_vector(f"form: {name}", parts) for name, parts in (GOOD | BAD).items()),
        *(_vector(f"test: {name}", parts) for name, parts in NEVER_ISSUED.items()),
        *(
            _vector(f"production: {name}", parts, issued_only=True)
            for name, parts in (NEVER_ISSUED | ISSUED).items()
        ),
    ]


def _vector(name: str, parts: Parts, *, issued_only: bool = False) -> dict[str, Any]:
    country, scheme, identifier = parts
    vector: dict[str, Any] = {
        "name": name,
        "country": country,
        "scheme": scheme,
        "identifier": identifier,
        "issued_only": issued_only,
        "valid": True,
    }
    try:
        vector["input"] = normalise(*parts, issued_only=issued_only).decode()
    except WrongIdentifier as error:
        vector |= {"valid": False, "part": error.part}
    return vector
