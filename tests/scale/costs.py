"""What things cost, measured by `make bench ARGS="--only nodes"`."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

COMMITTED = Path(__file__).with_name("costs.toml")


@dataclass(frozen=True, slots=True)
class CallCost:
    """One kind of call on PostgreSQL.

    Attributes:
        node_s: Processor time of a node, everything included.
        database_s: Processor time of the database, everything included.
        unit_s: Seconds of its unit in the writer, before the head row.
        head_fixed_s: Seconds that a commit holds the head row, however few are in it:
            mostly the wait for the disk.
        head_unit_s: And for each statement in it.
        stored_bytes: What it leaves in the database, indexes included.
    """

    node_s: float
    database_s: float
    unit_s: float
    head_fixed_s: float
    head_unit_s: float
    stored_bytes: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Everything that the model is fed with.

    Attributes:
        record_node_s: Processor time of a node for one record in a batch.
        record_database_s: The database's.
        record_bytes: What a record leaves in the database.
        account_bytes: Of an account with its history.
        consent_bytes: Of a consent.
        machine_cores: Of the machine that was measured: nodes, database and callers
            shared them.
        caller_s: Processor time of the caller for one report.
        measured_rates: Reports a second there, with one node, two and so on.
        measured: When and on what.
    """

    report: CallCost
    single: CallCost
    record_node_s: float
    record_database_s: float
    record_bytes: float
    account_bytes: float
    consent_bytes: float
    machine_cores: int
    caller_s: float
    measured_rates: tuple[float, ...]
    measured: str

    @classmethod
    def committed(cls) -> Costs:
        """Those that the document was made with."""
        values: dict[str, Any] = tomllib.loads(COMMITTED.read_text("utf-8"))
        calls = {name: CallCost(**values[name]) for name in ("report", "single")}
        rates = tuple(values["measured_rates"])
        return cls(**{**values, **calls, "measured_rates": rates})

    @classmethod
    def of_bench(cls, path: Path, measured: str) -> Costs:
        """Those of a run of the bench, from its `build/bench.json`.

        Raises:
            KeyError: The run did not measure the nodes.
        """
        rows = json.loads(path.read_text("utf-8"))["rows"]
        value = {row["name"]: row["value"] for row in rows}
        bulk = "bulk records, 1 on PostgreSQL"
        return cls(
            report=_call_cost(value, "reports"),
            single=_call_cost(value, "submissions of one record"),
            record_node_s=value[f"{bulk}, nodes' processor"] / 1000,
            record_database_s=value[f"{bulk}, database's processor"] / 1000,
            record_bytes=value["bulk records on PostgreSQL, stored for each"],
            account_bytes=value["an account on PostgreSQL, stored"],
            consent_bytes=value["a consent on PostgreSQL, stored"],
            machine_cores=int(value["cores of the machine"]),
            caller_s=value["reports, 1 on PostgreSQL, caller's processor"] / 1000,
            measured_rates=tuple(
                value[f"reports, {count} on PostgreSQL beside one on SQLite"] for count in (1, 2, 3)
            ),
            measured=measured,
        )

    def toml(self) -> str:
        """As `costs.toml` has it."""
        lines = [
            f'measured = "{self.measured}"',
            f"machine_cores = {self.machine_cores}",
            f"measured_rates = [{', '.join(f'{rate:.4g}' for rate in self.measured_rates)}]",
            *(
                f"{field.name} = {getattr(self, field.name):.4g}"
                for field in fields(self)
                if field.name.startswith(("record_", "account_", "consent_", "caller_"))
            ),
        ]
        for name, cost in (("report", self.report), ("single", self.single)):
            lines += ["", f"[{name}]", *(f"{key} = {v:.4g}" for key, v in asdict(cost).items())]
        return "\n".join(lines) + "\n"


def _call_cost(value: dict[str, float], name: str) -> CallCost:
    def commit(callers: str, what: str) -> float:
        return value[f"{name}, a commit, {callers}: {what}"]

    one_s, many_s = (
        commit(callers, "head row held") / 1000 for callers in ("one caller", "16 callers")
    )
    units = commit("16 callers", "statements")
    whole_s = (commit("16 callers", "in all") - commit("16 callers", "head row held")) / 1000
    # Two points make the line; a noisy pair must not make a negative cost.
    each_s = max(many_s - one_s, 0) / max(units - 1, 1)
    return CallCost(
        node_s=value[f"{name}, 1 on PostgreSQL, nodes' processor"] / 1000,
        database_s=value[f"{name}, 1 on PostgreSQL, database's processor"] / 1000,
        unit_s=whole_s / units,
        head_fixed_s=one_s - each_s,
        head_unit_s=each_s,
        stored_bytes=value[f"{name} on PostgreSQL, stored for each"],
    )
