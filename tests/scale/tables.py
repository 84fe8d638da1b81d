"""The tables of `docs/scale.md`, made from the costs: the same costs, the same tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.scale.costs import Costs
from tests.scale.model import Bureau, Setting, head_limit
from tests.scale.nation import STANDBY_S, Demand, kept, mixed, need

SEED = 7
# Seconds simulated; long enough for some thousand requests.
SECONDS = 5.0
CALLERS = 16
# The database of a nation's bureau.
DATABASE_CORES = 32
SHARDS = (1, 4, 16, 64)


def costs_table(costs: Costs) -> str:
    """What was measured."""
    rows = [
        (
            name,
            f"{cost.node_s * 1000:.2f} ms",
            f"{cost.database_s * 1000:.2f} ms",
            f"{cost.head_fixed_s * 1000:.2f} ms + {cost.head_unit_s * 1000:.2f} ms each",
            f"{cost.stored_bytes:,.0f} bytes",
        )
        for name, cost in (("report", costs.report), ("submission of one record", costs.single))
    ]
    rows.append(
        (
            "record in a batch",
            f"{costs.record_node_s * 1e6:.0f} µs",
            f"{costs.record_database_s * 1e6:.0f} µs",
            "–",
            f"{costs.record_bytes:,.0f} bytes",
        )
    )
    return table(("", "a node", "the database", "head row, a commit", "stored"), rows)


def model_table(costs: Costs) -> str:
    """The model of the very machine that was measured, beside what was measured."""
    rows = []
    for nodes, measured in enumerate(costs.measured_rates, 1):
        setting = Setting(
            costs.report,
            nodes,
            costs.machine_cores,
            machine_cores=costs.machine_cores,
            caller_s=costs.caller_s,
        )
        result = Bureau(setting, SEED).closed_loop(CALLERS, SECONDS)
        rows.append((f"{nodes}", f"{measured:,.0f}", f"{result.rate:,.0f}"))
    return table(("nodes", "measured, reports/s", "the model's"), rows)


def nodes_table(costs: Costs) -> str:
    """More nodes with a core each, before a database with enough of them."""
    rows = []
    for nodes in (1, 2, 3, 6, 12, 24):
        setting = Setting(costs.report, nodes, DATABASE_CORES, STANDBY_S)
        result = Bureau(setting, SEED).closed_loop(CALLERS * nodes, SECONDS)
        rows.append(
            (
                f"{nodes}",
                f"{result.rate:,.0f}",
                f"{result.batch:.1f}",
                f"{result.percentile_s(0.5) * 1000:.0f} ms",
                f"{result.percentile_s(0.99) * 1000:.0f} ms",
                f"{result.nodes_busy:.0%}",
                f"{result.database_busy:.0%}",
                f"{result.head_busy:.0%}",
            )
        )
    head = ("nodes", "reports/s", "in a commit", "p50", "p99", "nodes", "database", "head row")
    return table(head, rows)


def demand_table(costs: Costs) -> str:
    """What the nation asks for at its peak, and the cores that it takes."""
    demand = Demand()
    needed = need(demand, costs)
    rates = (demand.reports_s, demand.consents_s, demand.records_s)
    rows = [
        (name, f"{rate:,.0f}", f"{node:.1f}", f"{database:.1f}")
        for name, rate, node, database in zip(
            ("reports", "consents", "records, in batches"),
            rates,
            needed.node_cores,
            needed.database_cores,
            strict=True,
        )
    ]
    total = ("together", "", f"{sum(needed.node_cores):.1f}", f"{sum(needed.database_cores):.1f}")
    head = ("at the peak", "a second", "cores of nodes", "cores of the database")
    return table(head, [*rows, total])


def storage_table(costs: Costs) -> str:
    """What is kept."""
    rows = [
        (
            part.what,
            f"{part.count / 1e9:,.1f} billion",
            f"{part.bytes_each:,.0f} bytes",
            f"{part.terabytes:,.1f} TB",
            f"{part.growth:,.1f} TB" if part.growth else "–",
            part.partitioned,
        )
        for part in kept(Demand(), costs)
    ]
    return table(("", "how many", "each", "in all", "a year", "partitioned"), rows)


def head_table(costs: Costs) -> str:
    """Where one head row ends, and what several bureaus of a part each make of it."""
    rows = []
    for shards in SHARDS:
        whole = Demand()
        part = replace(
            whole,
            tradelines=whole.tradelines / shards,
            reports_day=whole.reports_day / shards,
            subjects=whole.subjects / shards,
        )
        needed = need(part, costs)
        nodes = needed.nodes(whole.use)
        cost = mixed(part, costs)
        run = Bureau(Setting(cost, nodes, DATABASE_CORES, part.standby_s), SEED)
        rate = part.reports_s + part.consents_s
        simulated = run.open_loop(rate, SECONDS)
        keeps_up = simulated.rate > rate * 0.97
        rows.append(
            (
                f"{shards}",
                f"{part.leaves_s:,.0f}",
                f"{needed.head_share:.0%}",
                f"{nodes}",
                f"{simulated.percentile_s(0.5) * 1000:.0f} ms" if keeps_up else "grows",
                f"{simulated.percentile_s(0.99) * 1000:.0f} ms" if keeps_up else "grows",
                f"{sum(stored.terabytes for stored in kept(part, costs)):,.1f} TB",
            )
        )
    head = ("bureaus", "leaves/s each", "of a head row", "nodes each", "p50", "p99", "kept each")
    return table(head, rows)


def limits(costs: Costs) -> str:
    """The two figures that the text speaks of."""
    report = costs.report
    return (
        f"With the costs above one head row gives out at most "
        f"{head_limit(report, STANDBY_S):,.0f} leaves a second, with 256 statements in each "
        f"commit; the wait for the disk and the standby, "
        f"{(report.head_fixed_s + STANDBY_S) * 1000:.1f} ms a commit, is shared by all of them."
    )


TABLES: dict[str, Callable[[Costs], str]] = {
    "costs": costs_table,
    "model": model_table,
    "nodes": nodes_table,
    "demand": demand_table,
    "storage": storage_table,
    "head": head_table,
    "limits": limits,
}


def filled(text: str, costs: Costs) -> str:
    """A document with its tables made anew, each between `<!-- name -->` and `<!-- end -->`."""
    for name, make in TABLES.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = make(costs)
        text, count = between.subn(lambda match, body=body: f"{match[1]}{body}\n{match[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"the document has no place, or several, for the table {name}")
    measured = re.compile(r"(<!-- measured -->).*?(<!-- end -->)", re.DOTALL)
    return measured.sub(lambda match: f"{match[1]}{costs.measured}{match[2]}", text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
