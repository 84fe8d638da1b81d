"""The numbers of persons in a Metro 2 file, as identifiers of one scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bureau_client._operations import arguments
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.incoming import number_of, persons_of
from bureau_client.files.metro2.reader import Metro2Record
from bureau_client.files.metro2.segments import MASK
from bureau_keys.contradictions import Severity
from bureau_keys.identifiers import WrongIdentifier, normalise, scheme_of


@dataclass(frozen=True, slots=True)
class PersonNumbers:
    """Country and scheme of the numbers of one file.

    Attributes:
        issued_only: Numbers that were never issued are errors.
    """

    country: str
    scheme: str
    issued_only: bool

    @classmethod
    def of(cls, country: str, scheme: str, *, issued_only: bool) -> Self:
        """Return the numbers of a country and a scheme.

        Raises:
            InvalidRequest: The registry has no such scheme of this country.
        """
        try:
            scheme_of(country, scheme)
        except WrongIdentifier as error:
            raise arguments.refuse(error.part, "INVALID_FIELD", str(error)) from None
        return cls(country, scheme, issued_only)

    def findings(self, record: Metro2Record) -> list[Finding]:
        """Return an error for each person whose number is not one of the scheme."""
        wrong = []
        for person in persons_of(record):
            try:
                if number := number_of(person):
                    normalise(self.country, self.scheme, number, issued_only=self.issued_only)
            except WrongIdentifier as error:
                wrong.append(
                    Finding(
                        "M2-IDENTITY",
                        Severity.ERROR,
                        record.number,
                        f"{person.kind}.social_security_number",
                        MASK,
                        f"a number of the scheme {self.scheme} of {self.country}",
                        _sentence(str(error)),
                    )
                )
        return wrong


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
