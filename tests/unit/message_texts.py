"""Read from the sources which messages a program can print, with their values left open."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

# Calls that print what they are given, ask it, or carry it to a table.
SINKS = {"CheckResult", "confirm", "echo_status", "fail", "print_error", "progress_bar"}
SINKS |= {"Finding", "ReasonRule", "for_people", "found", "prompt", "say", "_say"}
# Names of attributes and variables that have a message.
NAMES = {"FIXES", "detail", "fix", "message", "problem"}
# Errors that end no command: the bureau's answers to members, and faults of the program.
OTHERS = {"AssertionError", "FormError", "NotImplementedError", "Refusal", "Refusal.of_field"}
OTHERS |= {"RuntimeError", "TypeError", "_unfit"}
# Arguments of errors that are no messages.
CODES = {"param_hint", "reason", "style"}
# Texts of one place; a text that has more of them is no message.
MOST = 64

FIELD = re.compile(r"\{\d*\}")

# Names of reasons and statuses.
CODE = re.compile(r"[A-Z_]+")

Values = Mapping[str, Sequence[ast.expr]]


def messages_in(path: Path) -> Iterator[str]:
    """Yield the messages in a module, each value as `{0}`."""
    tree = ast.parse(path.read_text("utf-8"))
    whole = values_in(tree.body)
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = {id(node) for scope in scopes for node in ast.walk(scope) if node is not scope}
    for scope in [scope for scope in scopes if id(scope) not in inside]:
        known = {**whole, **values_in(scope.body)}
        yield from _messages(ast.walk(scope), known)
    yield from _messages((node for node in ast.walk(tree) if id(node) not in inside), whole)


def values_in(body: Sequence[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Return the values that a block assigns to each name."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names, values = node.targets[0].elts, getattr(node.value, "elts", [])
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name):
                    assigned.setdefault(name.id, []).append(value)
        elif isinstance(node, ast.NamedExpr):
            assigned.setdefault(node.target.id, []).append(node.value)
    return assigned


def name_of(node: ast.expr) -> str:
    """Return the last part of a name: `fix` of `self.fix`."""
    return ast.unparse(node).rpartition(".")[2]


def _messages(nodes: Iterator[ast.AST], known: Values) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if ast.unparse(node.exc.func) not in OTHERS:
                yield from _of_call(node.exc, known)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name_of(node.func) in SINKS:
                yield from _of_call(node, known, least_words=1)
            elif name == "super().__init__":
                yield from _of_call(node, known)
        elif isinstance(node, ast.Assign) and name_of(node.targets[0]) in NAMES:
            yield from _with_words(_texts(node.value, known))


def _of_call(call: ast.Call, known: Values, least_words: int = 2) -> Iterator[str]:
    named = [one.value for one in call.keywords if one.arg not in CODES]
    for value in (*call.args, *named):
        yield from _with_words(_texts(value, known), least_words)


def _with_words(texts: Sequence[str], least: int = 2) -> Iterator[str]:
    """Yield the texts that are messages: one word alone is a code or the name of a field."""
    for text in texts:
        own = FIELD.sub("", text)
        words = len(text.split()) if any(map(str.isalpha, own)) else 0
        if words >= least and not text.startswith("'--") and not CODE.fullmatch(text):
            yield text


def _texts(node: ast.expr, known: Values, depth: int = 4) -> list[str]:
    """Return the texts that an expression can be; none if it has no words of its own."""
    parts = [] if depth == 0 else _parts(node, known, depth - 1)
    texts = ["".join(part) for part in product(*parts)] if parts else []
    return [_numbered(text) for text in texts[:MOST]]


def _parts(node: ast.expr, known: Values, depth: int) -> list[list[str]]:
    match node:
        case ast.Constant(value=str(text)):
            return [[text.replace("{", "\0")]]
        case ast.JoinedStr(values=values):
            return [_part(value, known, depth) for value in values]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            sides = [_part(left, known, depth), _part(right, known, depth)]
            return [] if sides == [["{}"], ["{}"]] else sides
        case ast.IfExp(body=body, orelse=orelse):
            return [[*_texts(body, known, depth), *_texts(orelse, known, depth)]]
        case ast.Dict(values=values):
            return [[text for value in values for text in _texts(value, known, depth)]]
        case ast.Name(id=name) if name in known:
            own = [text for value in known[name] for text in _texts(value, known, depth)]
            return [own] if own else []
        case _:
            return []


def _part(node: ast.expr, known: Values, depth: int) -> list[str]:
    """Return the texts of a part of a message; a value of which nothing is known is a field."""
    is_value = isinstance(node, ast.FormattedValue)
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    if is_value and isinstance(inner, ast.Name) and not inner.id.isupper():
        return ["{}"]
    return [text.replace("{0}", "{}") for text in _texts(inner, known, depth)] or ["{}"]


def _numbered(text: str) -> str:
    before, *rest = text.split("{}")
    numbered = before + "".join(f"{{{index}}}{part}" for index, part in enumerate(rest))
    return numbered.replace("\0", "{")
