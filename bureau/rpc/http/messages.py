"""Messages in the two forms that HTTP carries: protobuf's JSON and its wire format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import Message

from bureau.errors import FieldViolation, Refusal
from bureau.rpc.methods import rules_of
from bureau_keys.printable import printable

JSON, WIRE = "json", "proto"
# Bytes of JSON for each byte of the largest request: base64 takes 4/3 of what it encodes.
JSON_FACTOR = 2
# Characters of a parser's message, and of a field's path, that a refusal quotes.
MAX_MESSAGE, MAX_PATH = 500, 200
# Characters of JSON that begin a value or a part: statements are bytes in Base64, so that requests
# have few. The most is in ids of a portfolio, one comma each.
MARKS = (b"[", b"{", b",")
MAX_MARKS = 50_000

FIX = "Send a POST with the message that the contract names, in protobuf's JSON form: docs/http.md."

_UNKNOWN = re.compile(r'has no field named "(?P<name>.*?)" at "\w+\.?(?P<path>[^"]*)"', re.DOTALL)
_AT = re.compile(r' at "?[A-Z]\w*\.(?P<path>[\w.\[\]]+)')
# json_format wraps the error of a field once for each message around it.
_WRAPPED = re.compile(r"^(?:Failed to parse \w+ field: )*")
_WRAPPING = re.compile(r"Failed to parse (\w+) field: ")


class Body(NamedTuple):
    """The body of a request.

    Attributes:
        form: `json` or `proto`.
        data: Its bytes.
    """

    form: str
    data: bytes


class Form:
    """A codec of the Connect library that leaves bodies as they are: the guard's thread parses
    them, after the checks that come first.
    """

    def __init__(self, form: str) -> None:
        self._form = form

    def name(self) -> str:
        """Return the form's name in content types."""
        return self._form

    def encode(self, message: bytes) -> bytes:
        """Return an answer, which is in this form already."""
        return message

    def decode(self, data: bytes | bytearray, message_class: type[Body]) -> Body:
        """Return a request's body."""
        return message_class(self._form, bytes(data))


def max_body_bytes(method: MethodDescriptor) -> int:
    """Return the size of the largest body of a method's request, before it is parsed."""
    return JSON_FACTOR * rules_of(method).max_bytes


def malformed(message: str, violations: Sequence[FieldViolation] = ()) -> Refusal:
    """Return the refusal of a request that is not one of HTTP's."""
    refusal = Refusal("MALFORMED_MESSAGE", message, violations)
    refusal.fix = FIX
    return refusal


def to_wire(request_class: type[Message], body: Body) -> bytes:
    """Return a request in the wire format.

    Raises:
        Refusal: MALFORMED_MESSAGE for JSON that is not the message's.
    """
    if body.form == WIRE:
        return body.data
    name = request_class.DESCRIPTOR.name
    # The parser keeps all threads waiting while it makes a value of each.
    if sum(map(body.data.count, MARKS)) > MAX_MARKS:
        raise malformed(f"the JSON has more than {MAX_MARKS} brackets, braces and commas")
    try:
        text = body.data.decode()
        # json_format takes an empty list for an empty message.
        if not text.lstrip().startswith("{"):
            raise malformed("the body is no JSON object")
        message = Parse(text, request_class())
    except UnicodeDecodeError as error:
        raise malformed("the JSON is not UTF-8") from error
    except ParseError as error:
        raise _refusal(name, str(error)) from None
    except RecursionError as error:
        raise malformed("the JSON is nested too deeply") from error
    return message.SerializeToString()


def from_wire(answer_class: type[Message], data: bytes, form: str) -> bytes:
    """Return an answer in the form of its request."""
    if form == WIRE:
        return data
    return MessageToJson(answer_class.FromString(data), indent=None).encode()


def _refusal(name: str, error: str) -> Refusal:
    """Return the refusal of JSON that is not the message's; it names the field."""
    wrapping = _WRAPPED.match(error)
    cause = error[wrapping.end() :] if wrapping else error
    path = ".".join(_WRAPPING.findall(wrapping.group())) if wrapping else ""
    if unknown := _UNKNOWN.search(cause):
        path = ".".join(filter(None, (unknown["path"], unknown["name"])))
    elif field := _AT.search(cause):
        path = field["path"]
    cause = printable(" ".join(cause.rstrip(".").split())[:MAX_MESSAGE])
    message = f"the JSON is no {name}: {cause}"
    if not path:
        return malformed(message)
    return malformed(message, [FieldViolation(printable(path[:MAX_PATH]), "json", cause)])
