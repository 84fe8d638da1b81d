"""The server's clock: halted by small corrections, and right again after large ones."""

from __future__ import annotations

import time

import pytest

from bureau.calendar import MICROSECONDS
from bureau.clock import TRIMMED_US, Clock


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The machine's time of day in microseconds, to be moved."""
    wall_us = [1_800_000_000 * MICROSECONDS]
    monkeypatch.setattr(time, "time_ns", lambda: wall_us[0] * 1000)
    return wall_us


def test_a_small_step_back_halts_it(wall: list[int]) -> None:
    clock = Clock()
    begun = clock.now_us()
    wall[0] -= TRIMMED_US
    assert clock.now_us() == begun
    wall[0] += TRIMMED_US + 5
    assert clock.now_us() == begun + 5


def test_a_clock_that_was_set_right_is_followed(wall: list[int]) -> None:
    clock = Clock()
    right = clock.now_us()
    wall[0] += 600 * MICROSECONDS
    assert clock.now_us() == right + 600 * MICROSECONDS
    wall[0] = right + 1
    assert clock.now_us() == right + 1


def test_it_is_never_before_the_log(wall: list[int]) -> None:
    clock = Clock()
    log_us = wall[0] + 50 * MICROSECONDS
    clock.follow(log_us)
    clock.follow(log_us - 1)
    moment = clock.moment()
    assert (moment.now_us, moment.own_us) == (log_us, wall[0])
    wall[0] = log_us + 1
    assert clock.now_us() == log_us + 1


def test_a_sandbox_moves_it(wall: list[int]) -> None:
    assert Clock(offset_us=7).now_us() == wall[0] + 7


def test_a_sandbox_starts_at_another_time_and_goes_on(wall: list[int]) -> None:
    clock = Clock.moved_to(5 * MICROSECONDS)
    wall[0] += 3
    assert clock.now_us() == 5 * MICROSECONDS + 3


@pytest.mark.parametrize("moved_us", [-9, 0, 9])
def test_certificates_are_checked_by_both_clocks(wall: list[int], moved_us: int) -> None:
    clock = Clock.moved_to(wall[0] + moved_us)
    assert clock.span_us() == (wall[0] + min(moved_us, 0), wall[0] + max(moved_us, 0))
    clock.until_us = wall[0] + 50
    assert clock.span_us()[1] == wall[0] + 50
