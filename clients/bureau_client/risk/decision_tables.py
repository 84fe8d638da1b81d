"""Decision tables of a policy, read from its graph of the JSON Decision Model.

The graph has one input, one output, and tables between them. Other nodes of the model are
refused: expressions are computed inputs of the policy, and functions would be programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bureau_client.risk.documents import Problem
from bureau_client.risk.policy import Policy, PolicyError

OUTPUTS = ("outcome", "limit", "price_band")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `field` is the input that it tests or the output that it gives."""

    id: str
    field: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a table.

    Attributes:
        tests: Tests by name of input, without blank cells.
        outputs: Cells by name of output.
    """

    id: str
    tests: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table: the first rule whose tests all hold gives the outputs."""

    name: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rules: tuple[Rule, ...]

    def path(self, rule: str = "", cell: str = "", text: str | None = None) -> str:
        """Return the path of a part of the table, for a problem."""
        path = f"table {self.name!r}"
        if rule:
            path += f", rule {rule!r}"
        if cell:
            path += f", cell {cell!r}"
        return path if text is None else f"{path}, {text!r}"


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class _Column(_Node):
    id: str = Field(min_length=1)
    field: str
    name: str = ""
    type: str = ""


class _Content(_Node):
    """Content of a table; the settings that would change its meaning have one value."""

    hit_policy: Literal["first"]
    inputs: list[_Column]
    outputs: list[_Column] = Field(min_length=1)
    rules: list[dict[str, str]] = Field(min_length=1)
    pass_through: Literal[False] = False
    pass_thorough: Literal[False] = False  # an old spelling of rule editors
    input_field: None = None
    output_path: None = None
    execution_mode: Literal["single"] = "single"


class _Plain(_Node):
    id: str = Field(min_length=1)
    name: str = ""
    type: Literal["inputNode", "outputNode"]
    position: dict[str, float] = Field(default_factory=dict)
    content: dict[Literal["schema"], Literal[""]] | None = None


class _TableNode(_Node):
    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    type: Literal["decisionTableNode"]
    position: dict[str, float] = Field(default_factory=dict)
    content: _Content


class _Edge(_Node):
    id: str = ""
    source_id: str
    target_id: str
    type: Literal["edge"] = "edge"


class _Graph(_Node):
    nodes: list[Annotated[_Plain | _TableNode, Field(discriminator="type")]]
    edges: list[_Edge]


def read_tables(policy: Policy) -> tuple[Table, ...]:
    """Read the tables of a policy's graph.

    Raises:
        PolicyError: The graph has another node than input, output and decision tables, a
            setting that changes the meaning of a table, or a column or cell that nothing
            declares.
    """
    try:
        graph = _Graph.model_validate(policy.graph)
    except ValidationError as error:
        raise PolicyError(policy.name, _shape_problems(policy, error)) from error
    nodes = [node for node in graph.nodes if isinstance(node, _TableNode)]
    problems = [*_wiring_problems(graph, nodes)]
    for node in nodes:
        problems += _node_problems(policy, node)
    problems += _output_problems(nodes)
    if problems:
        raise PolicyError(policy.name, problems)
    return tuple(map(_table_of, nodes))


def _shape_problems(policy: Policy, error: ValidationError) -> list[Problem]:
    problems = []
    for fault in error.errors(include_url=False, include_input=False):
        path = list(fault["loc"])
        name = "graph"
        if path[:1] == ["nodes"] and len(path) > 1:
            node = policy.graph["nodes"][path[1]]
            name = f"table {node['name']!r}" if isinstance(node, dict) and "name" in node else name
        message = fault["msg"]
        if fault["type"] == "union_tag_invalid":
            message = "only input, output and decision tables are allowed; compute in inputs"
        problems.append(Problem(f"{name}, {'.'.join(map(str, path))}", message))
    return problems


def _wiring_problems(graph: _Graph, tables: list[_TableNode]) -> Iterator[Problem]:
    for kind in ("inputNode", "outputNode"):
        if (count := sum(node.type == kind for node in graph.nodes)) != 1:
            yield Problem("graph", f"has {count} nodes of type {kind}, exactly one is expected")
            return
    ids = [node.id for node in graph.nodes]
    if len(set(ids)) != len(ids):
        yield Problem("graph", "two nodes have the same id")
    (first,) = (node.id for node in graph.nodes if node.type == "inputNode")
    (last,) = (node.id for node in graph.nodes if node.type == "outputNode")
    edges = {(edge.source_id, edge.target_id) for edge in graph.edges}
    expected = {edge for table in tables for edge in ((first, table.id), (table.id, last))}
    names = {node.id: node.name or node.id for node in graph.nodes}
    for source, target in sorted(edges ^ expected):
        fault = "is missing" if (source, target) in expected else "is not allowed"
        yield Problem(
            f"graph, edge from {names.get(source, source)!r} to {names.get(target, target)!r}",
            f"{fault}; each table is between input and output",
        )


def _node_problems(policy: Policy, node: _TableNode) -> Iterator[Problem]:
    path = f"table {node.name!r}"
    content = node.content
    for column in content.inputs:
        if column.field not in policy.by_name:
            yield Problem(
                f"{path}, column {column.id!r}", f"the input {column.field!r} is not declared"
            )
    for column in content.outputs:
        if column.field not in OUTPUTS:
            known = ", ".join(OUTPUTS)
            yield Problem(f"{path}, column {column.id!r}", f"gives {column.field!r}, not {known}")
    columns = [*content.inputs, *content.outputs]
    for part in ("id", "field"):
        values = [getattr(column, part) for column in columns]
        for value in {value for value in values if values.count(value) > 1}:
            yield Problem(f"{path}, column {value!r}", f"two columns have this {part}")
    ids = [rule.get("_id", "") for rule in content.rules]
    known_cells = {"_id", "_description", *(column.id for column in columns)}
    for index, (id_, rule) in enumerate(zip(ids, content.rules, strict=True)):
        if not id_ or ids.count(id_) > 1:
            yield Problem(f"{path}, rule {index}", f"has the `_id` {id_!r}; give it one of its own")
        for cell in rule.keys() - known_cells:
            yield Problem(f"{path}, rule {id_!r}, cell {cell!r}", "belongs to no column")
        for column in content.outputs:
            if not rule.get(column.id, "").strip():
                yield Problem(
                    f"{path}, rule {id_!r}, cell {column.field!r}", "is empty; give the output"
                )


def _output_problems(nodes: list[_TableNode]) -> Iterator[Problem]:
    outputs = [column.field for node in nodes for column in node.content.outputs]
    if "outcome" not in outputs:
        yield Problem("graph", "no table gives the output 'outcome'")
    for output in OUTPUTS:
        if outputs.count(output) > 1:
            yield Problem("graph", f"two tables give the output {output!r}")
    names = [node.name for node in nodes]
    if len(set(names)) != len(names):
        yield Problem("graph", "two tables have the same name")


def _table_of(node: _TableNode) -> Table:
    content = node.content
    inputs = tuple(Column(column.id, column.field) for column in content.inputs)
    outputs = tuple(Column(column.id, column.field) for column in content.outputs)
    rules = tuple(
        Rule(
            id=rule["_id"],
            tests={
                column.field: cell for column in inputs if (cell := rule.get(column.id, "").strip())
            },
            outputs={column.field: rule[column.id].strip() for column in outputs},
        )
        for rule in content.rules
    )
    return Table(node.name, inputs, outputs, rules)


def engine_graph(tables: tuple[Table, ...]) -> dict[str, Any]:
    """Return the graph that the engine runs: the tables, each with the index of its rule.

    The index comes as an output of its own, `rule_0` for the first table, so that a table in
    which no rule applied is never taken for one that did.
    """
    nodes: list[dict[str, Any]] = [
        {"id": "input", "type": "inputNode", "name": "input"},
        {"id": "output", "type": "outputNode", "name": "output"},
    ]
    edges = []
    for number, table in enumerate(tables):
        outputs = [column.field for column in table.outputs]
        rules = [
            {"_id": rule.id, f"rule_{number}": str(index)}
            | dict(rule.tests)
            | {output: rule.outputs[output] for output in outputs}
            for index, rule in enumerate(table.rules)
        ]
        content = {
            "hitPolicy": "first",
            "inputs": [_engine_column(column.field) for column in table.inputs],
            "outputs": [*map(_engine_column, outputs), _engine_column(f"rule_{number}")],
            "rules": rules,
        }
        node = {"id": f"table_{number}", "type": "decisionTableNode", "name": table.name}
        nodes.append(node | {"content": content})
        edges += [("input", node["id"]), (node["id"], "output")]
    wires = [
        {"id": f"edge_{number}", "type": "edge", "sourceId": source, "targetId": target}
        for number, (source, target) in enumerate(edges)
    ]
    return {"nodes": nodes, "edges": wires}


def _engine_column(field: str) -> dict[str, str]:
    return {"id": field, "name": field, "field": field}
