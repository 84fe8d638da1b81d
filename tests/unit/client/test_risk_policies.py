"""Policies as data: reference policies, activation, and every way in which one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_client import SigningKey
from bureau_client.risk.activation import activate
from bureau_client.risk.cells import boundaries, check_tables
from bureau_client.risk.decision_tables import read_tables
from bureau_client.risk.engine import Engine
from bureau_client.risk.inputs import complete_values
from bureau_client.risk.policy import (
    GoldenCase,
    PolicyError,
    load_policy,
    read_policy,
    reference_policies,
)
from bureau_client.risk.scores import points_of, scores_of_case
from bureau_client.risk.signed_policy import read_signed_policy, sign_policy
from bureau_client.risk.zen_text import compile_cell
from tests.unit.client.risk_values import (
    active,
    document,
    input_of,
    policy_of,
    rule_of,
    table_of,
)

Change = Callable[[dict[str, Any]], object]
GOLDEN = [
    pytest.param(name, case, id=f"{name}: {case.name}")
    for name, text in reference_policies().items()
    for case in read_policy(text).golden
]


@pytest.mark.parametrize(("name", "case"), GOLDEN)
def test_a_golden_case_comes_out_as_expected(name: str, case: GoldenCase) -> None:
    policy = active(name)
    scores = scores_of_case(policy.policy, policy.scorecards, case)
    read = {**case.inputs, **points_of(scores)}
    values = complete_values(policy.policy, policy.expressions, read)
    assessment = policy.engine.assess(values)
    assert assessment.outcome == case.expect.outcome
    assert assessment.limit == case.expect.limit
    assert assessment.price_band == (case.expect.price_band or "")


def test_there_are_policies_for_cards_and_their_lines_in_both_jurisdictions() -> None:
    documents = {name: json.loads(text) for name, text in reference_policies().items()}
    assert {(each["kind"], each["jurisdiction"]) for each in documents.values()} == {
        ("application", "US"),
        ("application", "CN"),
        ("line", "US"),
        ("line", "CN"),
    }


def set_cell(rule: str, cell: str, text: str) -> Change:
    return lambda changed: rule_of(changed, rule).update({f"outcome_{cell}": text})


def drop_cell(rule: str, cell: str) -> Change:
    return lambda changed: rule_of(changed, rule).pop(f"outcome_{cell}")


def set_input(name: str, **values: Any) -> Change:
    return lambda changed: input_of(changed, name).update(values)


def drop_rule(rule: str) -> Change:
    return lambda changed: table_of(changed)["rules"].remove(rule_of(changed, rule))


def drop_case(name: str) -> Change:
    return lambda changed: changed["golden"].remove(
        next(case for case in changed["golden"] if case["name"] == name)
    )


def set_setting(**values: Any) -> Change:
    return lambda changed: table_of(changed).update(values)


BROKEN: list[tuple[str, Change, str]] = [
    # Cells that the engine would skip silently.
    (
        "a cell that does not parse",
        set_cell("late", "late_months", "> > 3"),
        "table 'Outcome', rule 'late', cell 'late_months', '> > 3': does not parse",
    ),
    (
        "a cell without its end",
        set_cell("late", "late_months", "[1..3"),
        "rule 'late', cell 'late_months', '[1..3': does not parse",
    ),
    (
        "an unknown name",
        set_cell("late", "late_months", "> limt"),
        "rule 'late', cell 'late_months', '> limt': names 'limt'",
    ),
    (
        "a call",
        set_cell("late", "late_months", "> rand(3)"),
        "rule 'late', cell 'late_months', '> rand(3)': names 'rand'",
    ),
    (
        "arithmetic",
        set_cell("late", "late_months", "> 3 + 1"),
        "rule 'late', cell 'late_months', '> 3 + 1': has the sign '+'",
    ),
    (
        "a text for a number",
        set_cell("late", "late_months", "> '3'"),
        "rule 'late', cell 'late_months', \"> '3'\": compares the integer with the text '3'",
    ),
    (
        "a value outside of the enumeration",
        set_cell("no-file", "file", "'NOHIT'"),
        "rule 'no-file', cell 'file', \"'NOHIT'\": names 'NOHIT', which is not among HIT, NO_HIT",
    ),
    (
        "an order of booleans",
        set_cell("exposure", "within_exposure", "< true"),
        "rule 'exposure', cell 'within_exposure', '< true': fails for the value False",
    ),
    (
        "a null that never comes",
        set_cell("late", "late_months", "null"),
        "rule 'late', cell 'late_months', 'null': tests for null",
    ),
    (
        "a branch that does not expect null",
        set_input("late_months", missing="branch", default=None),
        "rule 'late', cell 'late_months', '>= 3': fails for the value null",
    ),
    (
        "a cell that never holds",
        set_cell("late", "late_months", "> 20000"),
        "rule 'late', cell 'late_months', '> 20000': holds for no allowed value",
    ),
    (
        "a cell that always holds",
        set_cell("late", "late_months", ">= 0"),
        "rule 'late', cell 'late_months', '>= 0': holds for every allowed value",
    ),
    (
        "a character of another language",
        set_cell("late", "late_months", "> 3 ; 4"),
        "rule 'late', cell 'late_months', '> 3 ; 4': the character ';' is not allowed",
    ),
    # Outputs.
    (
        "a missing output",
        drop_cell("late", "outcome"),
        "rule 'late', cell 'outcome': is empty",
    ),
    (
        "an outcome without its end",
        set_cell("late", "outcome", "'DECLINE"),
        "rule 'late', cell 'outcome', \"'DECLINE\": is neither a constant nor the name",
    ),
    (
        "an unknown outcome",
        set_cell("late", "outcome", "'DENY'"),
        "rule 'late', cell 'outcome', \"'DENY'\": is not an outcome of the kind",
    ),
    (
        "an outcome of lines",
        set_cell("late", "outcome", "'FREEZE'"),
        "rule 'late', cell 'outcome', \"'FREEZE'\": is not an outcome of the kind",
    ),
    (
        "an offer without a limit and a price",
        lambda changed: (
            set_cell("no-file", "limit", "null")(changed),
            rule_of(changed, "standard", "Price").update(price_price_band="null"),
        ),
        "rule 'no-file', cell 'outcome', \"'COUNTER_OFFER'\": COUNTER_OFFER needs a limit",
    ),
    (
        "a computed limit in a cell",
        set_cell("income", "limit", "affordable_limit / 2"),
        "rule 'income', cell 'limit', 'affordable_limit / 2': is neither a constant",
    ),
    (
        "a limit that is no amount",
        set_cell("income", "limit", "history_months"),
        "rule 'income', cell 'limit', 'history_months': is the input 'history_months', not an int",
    ),
    (
        "an unknown price band",
        lambda changed: rule_of(changed, "prime", "Price").update(price_price_band="'Z'"),
        "table 'Price', rule 'prime', cell 'price_band', \"'Z'\": is not a declared price band",
    ),
    # Rules.
    (
        "no last rule for everybody",
        drop_rule("approve"),
        "table 'Outcome', rule 'income': is the last rule and has tests",
    ),
    (
        "a silent decline of everybody else",
        set_cell("approve", "outcome", "'DECLINE'"),
        "rule 'approve': gives DECLINE to everybody whom no other rule describes",
    ),
    (
        "a rule that hides others",
        drop_cell("late", "late_months"),
        "rule 'late': has no test and hides the rules after it",
    ),
    (
        "a rule that no golden case reaches",
        drop_case("often past due"),
        "table 'Outcome', rule 'late': is reached by no golden case",
    ),
    (
        "a decline without a reason",
        lambda changed: [input_of(changed, "inquiries").pop(key) for key in ("reason", "neutral")],
        "rule 'inquiries': gives DECLINE by inputs without a reason",
    ),
    (
        "a neutral value that declines",
        set_input("inquiries", neutral=9),
        "rule 'inquiries', cell 'inquiries', '> 6': holds for the neutral value 9",
    ),
    (
        "two rules of one name",
        lambda changed: rule_of(changed, "late").update(_id="losses"),
        "table 'Outcome', rule 1: has the `_id` 'losses'",
    ),
    (
        "a cell of no column",
        set_cell("late", "late_month", "> 3"),
        "rule 'late', cell 'outcome_late_month': belongs to no column",
    ),
    # Golden cases.
    (
        "a limit that was changed by mistake",
        set_cell("late", "late_months", ">= 4"),
        "golden case 'often past due': outcome is 'APPROVE', expected 'DECLINE'",
    ),
    (
        "an order that is not monotone",
        set_cell("late", "late_months", "3"),
        "input 'late_months': betters DECLINE to APPROVE at 4",
    ),
    # Inputs.
    (
        "an input that nothing uses",
        lambda changed: changed["inputs"].append(
            input_of(changed, "inquiries") | {"name": "unused"}
        ),
        "input 'unused': is used by no rule",
    ),
    (
        "a column that is not declared",
        lambda changed: changed["inputs"].remove(input_of(changed, "inquiries")),
        "table 'Outcome', column 'outcome_inquiries': the input 'inquiries' is not declared",
    ),
    (
        "an unknown fact of the report",
        set_input("file", key="result"),
        "input 'file': the key 'result' is unknown",
    ),
    (
        "a key that is no attribute's",
        set_input("inquiries", key="inquiries 6m"),
        "input 'inquiries': the key 'inquiries 6m' is not NAME or NAME.CURRENCY",
    ),
    (
        "an expression that does not parse",
        set_input("burden", key="scheduled / "),
        "input 'burden', 'scheduled / ': ",
    ),
    (
        "an expression over an unknown name",
        set_input("burden", key="scheduled / income"),
        "input 'burden', 'scheduled / income': names 'income'",
    ),
    (
        "an expression with chance in it",
        set_input("burden", key="rand(scheduled)"),
        "input 'burden', 'rand(scheduled)': calls 'rand'",
    ),
    (
        "a number without a range",
        lambda changed: input_of(changed, "inquiries").pop("maximum"),
        "inputs.10: Value error, a number has `minimum` and `maximum`",
    ),
    (
        "a reason that is no term",
        set_input("inquiries", reason="regb.bad_feeling"),
        "inputs.10: Value error, reason 'regb.bad_feeling' is unknown",
    ),
    (
        "a default outside of the range",
        set_input("inquiries", default=-1),
        "inputs.10: Value error, `default` is -1, outside 0 to 10000",
    ),
    # The graph.
    (
        "a program",
        lambda changed: changed["graph"]["nodes"].append(
            {"id": "f", "type": "functionNode", "name": "Script", "content": {"source": ""}}
        ),
        "table 'Script', nodes.4: only input, output and decision tables are allowed",
    ),
    (
        "another hit policy",
        set_setting(hitPolicy="collect"),
        "table 'Outcome', nodes.1.decisionTableNode.content.hitPolicy: Input should be 'first'",
    ),
    (
        "a setting that passes inputs on",
        set_setting(passThrough=True),
        "table 'Outcome', nodes.1.decisionTableNode.content.passThrough",
    ),
    (
        "a table that is not connected",
        lambda changed: changed["graph"]["edges"].pop(0),
        "graph, edge from 'Request' to 'Outcome': is missing",
    ),
    (
        "a field that the format does not have",
        lambda changed: changed.update(outcome="DECLINE"),
        "outcome: Extra inputs are not permitted",
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), [pytest.param(*rest, id=name) for name, *rest in BROKEN]
)
def test_a_broken_policy_is_refused_by_table_rule_and_cell(change: Change, expected: str) -> None:
    changed = document("cards-US")
    change(changed)
    with pytest.raises(PolicyError) as refused:
        activate(policy_of(changed))
    assert expected in str(refused.value)


def test_every_problem_is_named_at_once() -> None:
    changed = document("cards-US")
    set_cell("late", "late_months", "> > 3")(changed)
    set_cell("inquiries", "inquiries", "> x")(changed)
    with pytest.raises(PolicyError) as refused:
        activate(policy_of(changed))
    assert [problem.path for problem in refused.value.problems] == [
        "table 'Outcome', rule 'late', cell 'late_months', '> > 3'",
        "table 'Outcome', rule 'inquiries', cell 'inquiries', '> x'",
    ]


CELLS = [
    (row["_id"], column["id"], column["field"])
    for row in table_of(document("cards-US"))["rules"]
    for column in table_of(document("cards-US"))["inputs"]
    if column["id"] in row
]
NUMBER = st.sampled_from(["0", "1", "2.5", "6", "-3", "true", "null", "'HIT'", "x"])
TEST = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!=", ""]), NUMBER),
    st.builds("[{}..{}]".format, NUMBER, NUMBER),
    st.builds("not in [{}, {}]".format, NUMBER, NUMBER),
)
TEXT = st.one_of(
    TEST,
    st.builds("{} {} {}".format, TEST, st.sampled_from(["and", "or", ","]), TEST),
    st.text(st.sampled_from("<>=!()[],$.'\"0123456789+-*/ abnullinotrueHIT;#{}"), max_size=12),
)


@settings(max_examples=200)
@given(st.sampled_from(CELLS), TEXT, st.booleans(), st.data())
def test_no_cell_is_skipped_silently(
    cell: tuple[str, str, str], text: str, may_be_missing: bool, data: st.DataObject
) -> None:
    """Tables with any text in a cell are refused, or each cell of them gives true or false."""
    changed = document("cards-US")
    rule, column, name = cell
    if may_be_missing:
        input_of(changed, name)["missing"] = "branch"
        input_of(changed, name).pop("default", None)
        for row in (*table_of(changed)["rules"], *table_of(changed, "Price")["rules"]):
            row.pop(f"outcome_{name}", None)
            row.pop(f"price_{name}", None)
            if row.get("outcome_limit") == name:
                row["outcome_limit"] = "5"
    rule_of(changed, rule)[column] = text
    try:
        policy = policy_of(changed)
        tables = read_tables(policy)
    except PolicyError:
        return
    if [*check_tables(policy, tables)]:
        return
    values = {}
    for declared in policy.inputs:
        cells = [
            rule.tests[declared.name]
            for table in tables
            for rule in table.rules
            if declared.name in rule.tests
        ]
        points: list[Any] = [*boundaries(declared, cells)]
        points += [None] if declared.missing == "branch" else []
        values[declared.name] = data.draw(st.sampled_from(points), declared.name)
    results = [
        [compile_cell(test)(values[name]) for name, test in rule.tests.items()]
        for rule in tables[0].rules
    ]
    first = next(index for index, row_results in enumerate(results) if all(row_results))
    assert Engine(policy, tables).assess(values).rule == first


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": 1, "name": 2}', '{"a": NaN}', "\xff"])
def test_a_text_that_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        read_policy(text.encode("latin-1"))


def test_the_digest_is_of_the_content_and_not_of_its_form() -> None:
    name = "cards-CN"
    text = reference_policies()[name]
    compact = json.dumps(json.loads(text), sort_keys=True)
    assert read_policy(text).digest == read_policy(compact).digest
    changed = document(name)
    changed["version"] = "2"
    assert policy_of(changed).digest != read_policy(text).digest


def test_a_signed_policy_is_the_same_policy() -> None:
    key = SigningKey.generate()
    policy = active("cards-US").policy
    signed = sign_policy(policy, key)
    keys = {key.verify_key.key_id: key.verify_key}
    assert read_signed_policy(signed, keys).digest == policy.digest
    assert json.loads(signed)["payloadType"] == "application/vnd.creditbureau.policy.v1+json"


def test_a_policy_that_was_signed_by_another_key_or_changed_is_refused() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    signed = json.loads(sign_policy(active("cards-US").policy, key))
    keys = {key.verify_key.key_id: key.verify_key}
    with pytest.raises(PolicyError, match="does not count"):
        read_signed_policy(json.dumps(signed), {other.verify_key.key_id: other.verify_key})
    payload = json.loads(sign_policy(active("cards-CN").policy, other))["payload"]
    with pytest.raises(PolicyError, match="does not verify"):
        read_signed_policy(json.dumps(signed | {"payload": payload}), keys)
    with pytest.raises(PolicyError, match="payload type"):
        read_signed_policy(json.dumps(signed | {"payloadType": "text/plain"}), keys)
    with pytest.raises(PolicyError, match="sign it with"):
        read_signed_policy(reference_policies()["cards-US"], keys)


def test_a_policy_is_read_from_its_file(tmp_path: Any) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(reference_policies()["cards-US"])
    assert load_policy(file).name == "cards-us"
