"""Writes the field rules of records as a table, by which the bureau checks a batch column by
column: at run time only protovalidate can read the rules in the descriptors.
"""  # noqa: INP001  (a script of `make protos`, not a package)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

HEAD = '''\
"""Generated from `protos/`; never edited."""

from collections.abc import Mapping
from typing import Any

# The rules of `buf.validate` by message, field and name of the rule.
FIELD_RULES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
'''
# The files of the records of a batch and of all that they hold.
FILES = {"creditbureau/v1/codes.proto", "creditbureau/v1/record.proto"}


def table(contract: FileDescriptorSet, validate: Any) -> str:
    """Return the module's text.

    Args:
        contract: The files, parsed after `validate` was imported, so that the rules of fields
            are known.
        validate: The generated module of `buf/validate/validate.proto`.
    """
    lines = [HEAD.rstrip("\n")]
    for file in contract.file:
        if file.name in FILES:
            for message in file.message_type:
                entries = list(_entries(message, validate))
                lines += [f'    "{file.package}.{message.name}": {{', *entries, "    },"]
    return "\n".join([*lines, "}"]) + "\n"


def _entries(message: DescriptorProto, validate: Any) -> Iterator[str]:
    """Yield the fields that have rules, and rules of the message itself under an empty name."""
    whole = message.options.Extensions[validate.message]
    if whole.ByteSize():
        yield f'        "": {_shown(_rules(whole))},'
    for choice in message.oneof_decl:
        rules = _rules(choice.options.Extensions[validate.oneof])
        if rules:
            yield f'        "{choice.name}": {_shown(rules)},'
    for field in message.field:
        rules = _rules(field.options.Extensions[validate.field])
        if rules:
            yield f'        "{field.name}": {_shown(rules)},'


def _rules(rules: Message) -> dict[str, Any]:
    """Return rules by name: those of the field's type, `int32.gte` as `gte`, without its name."""
    named: dict[str, Any] = {}
    for field, value in rules.ListFields():
        if field.message_type is None:
            named[field.name] = list(value) if field.is_repeated else value
        elif field.containing_oneof is not None:
            named |= _rules(value)
        else:
            named[field.name] = str(value)
    return named


def _shown(rules: dict[str, Any]) -> str:
    """Return rules as Python, in double quotes."""
    return "{" + ", ".join(f'"{name}": {_literal(value)}' for name, value in rules.items()) + "}"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    return repr(value)
