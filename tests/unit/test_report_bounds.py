"""A report holds so much and no more of what one party adds to: the part that matters most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bureau.credit_file import report
from bureau.credit_file.filed import FiledAction, FiledTradeline
from creditbureau.v1 import dispute_pb2, record_pb2
from creditbureau.v1.dispute_pb2 import Dispute
from creditbureau.v1.record_pb2 import FacilityAction, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory

FREEZE = record_pb2.FACILITY_ACTION_KIND_FREEZE
CHANGE = record_pb2.FACILITY_ACTION_KIND_LIMIT_CHANGE
OPEN, ANSWERED = dispute_pb2.DISPUTE_STATE_OPEN, dispute_pb2.DISPUTE_STATE_ANSWERED
DAY_S = 86_400
# 2026-10-31, the end of the newest month.
NEWEST_S = 1_793_404_800


def dispute(number: int, state: int, size: int) -> Dispute:
    return Dispute(
        dispute_id=str(number),
        state=state,  # type: ignore[arg-type]
        narrative="x" * size,
    )


def line(name: str, kinds: list[int]) -> FiledTradeline:
    """A tradeline with an action a day, newest first."""
    actions = []
    for age, kind in enumerate(kinds):
        action = FacilityAction(kind=kind)  # type: ignore[arg-type]
        action.effective_time.FromSeconds(NEWEST_S - age * DAY_S)
        actions.append(FiledAction(action, RecordRef(record_index=age)))
    history = PaymentHistory(newest_month=202610, profile="0")
    snapshot = TradelineSnapshot(month=202610)
    return FiledTradeline(name, "acme", 1, history, snapshot, RecordRef(), list, actions)


@given(st.lists(st.tuples(st.sampled_from([OPEN, ANSWERED]), st.integers(0, 600_000)), max_size=20))
def test_open_disputes_come_first_and_then_the_newest(drawn: list[tuple[int, int]]) -> None:
    disputes = [dispute(number, *each) for number, each in enumerate(drawn)]
    shown = report.newest_disputes(disputes)
    assert sum(each.ByteSize() for each in shown) <= report.MAX_DISPUTE_BYTES
    assert [each for each in disputes if each in shown] == shown
    hidden = [each for each in disputes if each not in shown]
    newest_hidden = max(
        (int(dispute.dispute_id) for dispute in hidden if dispute.state == OPEN), default=-1
    )
    assert all(
        int(dispute.dispute_id) > newest_hidden for dispute in shown if dispute.state == OPEN
    )
    if newest_hidden >= 0:
        assert all(dispute.state == OPEN for dispute in shown)


@given(st.lists(st.lists(st.sampled_from([CHANGE, FREEZE]), max_size=60), max_size=60))
def test_freezes_in_force_come_first_and_then_the_newest_actions(drawn: list[list[int]]) -> None:
    lines = [line(str(number), kinds) for number, kinds in enumerate(drawn)]
    shown = report.shown_actions(lines, 120)
    assert sum(map(len, shown.values())) <= report.MAX_ALL_ACTIONS
    for each in lines:
        actions = shown.get(each.tradeline_id, [])
        assert [action for action in each.actions if action in actions] == actions
        assert len(actions) <= report.MAX_ACTIONS + 1
        freeze = next((action for action in each.actions if action.action.kind == FREEZE), None)
        assert freeze is None or freeze in actions
