"""The contract's codes as words for people: `ROLE_FURNISHER` is `furnisher`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from google.protobuf.descriptor import EnumDescriptor

from creditbureau.v1.codes_pb2 import DESCRIPTOR as CODES
from creditbureau.v1.complaint_pb2 import DESCRIPTOR as COMPLAINTS
from creditbureau.v1.members_pb2 import DESCRIPTOR as MEMBERS


class EnumNames:
    """The words of one enum, in the order of its codes."""

    def __init__(self, enum: EnumDescriptor) -> None:
        prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
        self._words = {
            value.number: value.name.removeprefix(prefix).lower().replace("_", "-")
            for value in enum.values
            if value.number
        }
        self._codes = {word: code for code, word in self._words.items()}

    @property
    def all(self) -> Sequence[str]:
        """Every word."""
        return tuple(self._codes)

    def word(self, code: int) -> str:
        """Return the word for a code; the number of a code that this version does not know."""
        return self._words.get(code, str(code))

    def words(self, codes: Iterable[int]) -> list[str]:
        """Return the words for codes."""
        return [self.word(code) for code in codes]

    def code(self, word: str) -> int:
        """Return the code for a word.

        Raises:
            ValueError: The enum has no word like that; the message names its words.
        """
        try:
            return self._codes[word.lower().replace("_", "-")]
        except KeyError:
            raise ValueError(f"{word!r} is none of {', '.join(self._codes)}") from None

    def parser(self) -> Callable[[str], int]:
        """Return a parser of an option's value, which knows its words."""

        def parse(word: str) -> int:
            return self.code(word)

        parse.words = self.all  # type: ignore[attr-defined]
        return parse

    def codes(self, words: Iterable[str]) -> list[int]:
        """Return the codes for words."""
        return [self.code(word) for word in words]


ROLES = EnumNames(CODES.enum_types_by_name["Role"])
PURPOSES = EnumNames(CODES.enum_types_by_name["Purpose"])
CLASSIFICATIONS = EnumNames(CODES.enum_types_by_name["Classification"])
MEMBER_STATES = EnumNames(MEMBERS.enum_types_by_name["MemberState"])
LEVELS = EnumNames(MEMBERS.enum_types_by_name["ReciprocityLevel"])
COMPLAINT_KINDS = EnumNames(COMPLAINTS.enum_types_by_name["ComplaintKind"])
COMPLAINT_STATES = EnumNames(COMPLAINTS.enum_types_by_name["ComplaintState"])
COMPLAINT_OUTCOMES = EnumNames(COMPLAINTS.enum_types_by_name["ComplaintOutcome"])
