"""The dashboard shows what the server exports, and nothing that it does not."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

from prometheus_client import REGISTRY

from bureau import metrics
from bureau.errors import REASONS
from bureau.ledger.witness_client import Outcome
from tests.deployment import DASHBOARD

DOCUMENT = json.loads(DASHBOARD.read_text("utf-8"))
PANELS = [panel for panel in DOCUMENT["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
QUERIES = [target["expr"] for target in TARGETS]
# Labels that Prometheus adds, and the one of buckets.
OF_PROMETHEUS = {"instance", "job", "le"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
# Metrics of Python's own library that the dashboard leaves: the collector is tuned once, at start;
# virtual memory says nothing about the memory in use.
LEFT = {
    "python_gc_objects_collected",
    "python_gc_objects_uncollectable",
    "python_gc_collections",
    "python_info",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
}


def exported() -> dict[str, set[str]]:
    """The samples of each metric in the server's registry."""
    return {
        family.name: {family.name + suffix for suffix in SUFFIXES[family.type]}
        for family in REGISTRY.collect()
    }


def named(query: str) -> set[str]:
    return set(re.findall(r"\b(?:bureau|process|python)_\w+", query))


def labels_of_metrics() -> dict[str, set[str]]:
    declared = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]
    return {metric.describe()[0].name: set(metric._labelnames) for metric in declared}


def test_every_metric_of_a_panel_is_exported() -> None:
    samples = set().union(*exported().values())
    assert {name for query in QUERIES for name in named(query)} <= samples


def test_every_exported_metric_is_shown_or_left() -> None:
    shown = {name for query in QUERIES for name in named(query)}
    families = exported()
    missing = {family for family, samples in families.items() if not samples & shown}
    assert missing == LEFT
    assert set(labels_of_metrics()) == {name for name in families if name.startswith("bureau_")}


def test_every_label_is_one_of_the_metric() -> None:
    by_metric = labels_of_metrics()
    for target in TARGETS:
        query = target["expr"]
        known = set(OF_PROMETHEUS)
        for family, samples in exported().items():
            if samples & named(query):
                known |= by_metric.get(family, set())
        used = set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|!~|=)", query))
        for listed in re.findall(r"\b(?:by|on) \(([^)]*)\)", query):
            used |= set(listed.split(", "))
        used |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert used <= known, query


def test_reasons_are_those_of_the_contract() -> None:
    listed = {
        reason
        for query in QUERIES
        for group in re.findall(r'reason(?:=~|!=)"([^"]*)"', query)
        for reason in group.split("|")
    }
    assert listed - {"OK"} <= set(REASONS)
    assert "OK" in listed


def test_queries_are_whole() -> None:
    for query in QUERIES:
        for opening, closing in ("()", "{}", "[]"):
            assert query.count(opening) == query.count(closing), query
        assert query.count('"') % 2 == 0, query
        # Counters and histograms as rates, over the range that the screen gives.
        for name in named(query):
            if name.endswith(("_total", "_bucket", "_sum", "_count")):
                pattern = rf"(?:rate|increase)\({name}\{{[^}}]*\}}\[[\w$]+\]\)"
                bare = re.sub(pattern, "", query)
                assert name not in bare or f"and on (instance, job) {name}" in bare, query


def test_panels_have_their_own_ids_and_places() -> None:
    ids = [panel["id"] for panel in DOCUMENT["panels"]]
    assert len(set(ids)) == len(ids)
    assert not [
        (one["title"], other["title"])
        for one, other in combinations(DOCUMENT["panels"], 2)
        if overlap(one["gridPos"], other["gridPos"])
    ]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_every_query_asks_the_chosen_source_and_nodes() -> None:
    names = {variable["name"] for variable in DOCUMENT["templating"]["list"]}
    assert names == {"datasource", "instance"}
    for target in TARGETS:
        assert target["datasource"]["uid"] == "${datasource}"
        assert 'instance=~"$instance"' in target["expr"]


def test_descriptions_name_outcomes_of_witnesses_that_there_are() -> None:
    (panel,) = [panel for panel in PANELS if "errands" in panel["targets"][0]["expr"]]
    named_there = set(re.findall(r"`(\w+)`", panel["description"]))
    assert named_there <= {outcome.value for outcome in Outcome}
