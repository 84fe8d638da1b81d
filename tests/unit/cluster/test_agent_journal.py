"""The journal of a line agent has each statement before it is sent, and settles it after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from bureau_client import Conflict, Receipt, Statement
from tests.cluster.history import History, Operation, Outcome, path_of, read_histories
from tests.cluster.workers.agent_journal import AgentJournal
from tests.unit.cluster.test_journal import NO, RECEIPT, Client, statement

OTHER_BYTES = Conflict("other bytes", reason="IDEMPOTENCY_CONFLICT")


class Killed(BaseException):
    """The end of the process."""


def process(folder: Path, client: Client) -> AgentJournal:
    """The journal of one process of the agent."""
    journal = AgentJournal("issuer", History(folder, "issuer"), sent=folder / "sent-issuer.jsonl")
    journal.recover(path_of(folder, "issuer"), client)
    return journal


def send(journal: AgentJournal, client: Client, *sent: Statement, fails: bool = False) -> Receipt:
    """Sign statements in a thread of their own, as `query_many` does; the last one is answered."""

    def act() -> Receipt:
        for one in sent:
            thread = Thread(target=journal.heard, args=(one,))
            thread.start()
            thread.join()
        if fails:
            raise Killed
        return RECEIPT

    return journal.carry_out("decide", client, act, receipt=lambda receipt: receipt, alert="7-0")


def written(folder: Path) -> list[Operation]:
    return list(read_histories(folder))


def test_what_a_killed_process_sent_is_settled_by_the_same_bytes(tmp_path: Path) -> None:
    one, client = statement(), Client([RECEIPT])
    with pytest.raises(Killed):
        send(process(tmp_path, client), client, one, fails=True)
    assert written(tmp_path) == []
    process(tmp_path, client).close()
    (settled,) = written(tmp_path)
    assert (settled.request_id, settled.outcome) == (one.request_id, Outcome.OK)
    assert (settled.kind, settled.about) == ("decide", {"alert": "7-0"})
    assert process(tmp_path, client).unknown == 0


def test_a_decision_that_was_signed_before_a_kill_may_be_the_one_in_the_log(tmp_path: Path) -> None:
    one = statement()
    again = replace(one, envelope=statement().envelope)
    client = Client([RECEIPT, OTHER_BYTES])
    with pytest.raises(Killed):
        send(process(tmp_path, client), client, one, fails=True)
    journal = process(tmp_path, client)
    # The client found the earlier decision in the log, and returned its receipt.
    assert send(journal, client, again) is RECEIPT
    assert written(tmp_path) == []
    journal.close()
    first, second = written(tmp_path)
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.FAILED)
    assert first.envelope != second.envelope


def test_an_inquiry_that_was_too_old_was_refused(tmp_path: Path) -> None:
    client = Client()
    send(process(tmp_path, client), client, statement(), statement())
    old, new = written(tmp_path)
    assert (old.outcome, old.reason) == (Outcome.FAILED, "EXPIRED_REQUEST")
    assert new.outcome is Outcome.OK


def test_a_report_that_is_replayed_is_settled_with_its_inquiry(tmp_path: Path) -> None:
    client = Client([RECEIPT, RECEIPT])
    journal = process(tmp_path, client)
    send(journal, client, statement(), replace(statement(), method="v1.Reporting/ReplayReport"))
    journal.close()
    assert [(one.kind, one.outcome) for one in written(tmp_path)] == [
        ("decide", Outcome.OK),
        ("replay", Outcome.OK),
    ]


def test_a_refusal_is_written_down_and_raised(tmp_path: Path) -> None:
    client = Client()
    journal = process(tmp_path, client)

    def act() -> Receipt:
        journal.heard(statement())
        raise NO

    with pytest.raises(type(NO)):
        journal.carry_out("decide", client, act)
    assert [one.outcome for one in written(tmp_path)] == [Outcome.FAILED]


def test_a_line_that_a_kill_has_torn_is_left_out(tmp_path: Path) -> None:
    client = Client()
    send(process(tmp_path, client), client, statement())
    for path in (tmp_path / "sent-issuer.jsonl", path_of(tmp_path, "issuer")):
        path.write_text(path.read_text() + '{"operation": {"wor')
    send(process(tmp_path, client), client, statement())
    assert [one.outcome for one in written(tmp_path)] == [Outcome.OK, Outcome.OK]
