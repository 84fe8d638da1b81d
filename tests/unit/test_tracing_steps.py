"""A step that is taken for several calls at once is in the trace of each."""

from __future__ import annotations

import pytest

from bureau import tracing
from bureau.errors import Refusal


class Recorded:
    """A span that notes its steps and its end."""

    trace_id = ""

    def __init__(self) -> None:
        self.steps: dict[str, Recorded] = {}
        self.ended = ""

    def start_step(self, name: str) -> Recorded:
        step = self.steps[name] = Recorded()
        return step

    def end(self, reason: str = "OK", member_id: str = "") -> None:
        self.ended = reason + member_id


def test_each_call_that_is_traced_has_the_step() -> None:
    first, last = Recorded(), Recorded()
    with tracing.steps([first, None, last], "commit") as spans:
        assert spans == [first.steps["commit"], None, last.steps["commit"]]
        assert not first.steps["commit"].ended
    assert [span.steps["commit"].ended for span in (first, last)] == ["OK", "OK"]


def test_no_call_is_traced() -> None:
    with tracing.steps([None, None], "commit") as spans:
        assert list(spans) == [None, None]


def test_a_step_that_fails_says_why_in_each() -> None:
    spans = [Recorded(), Recorded()]
    with pytest.raises(Refusal), tracing.steps(spans, "commit"):
        raise Refusal("CONFLICT", "with words that no trace has")
    assert {span.steps["commit"].ended for span in spans} == {"CONFLICT"}
