"""The journal of a line agent, which may be killed: each statement is on disk before it is sent.

What a killed process left without an outcome is settled by the same bytes, as everybody's is, when
the run ends: until then its agent alone does its work.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from bureau_client import Receipt, Statement
from tests.cluster.history import Operation, Outcome, open_lines, operation_of, write_line
from tests.cluster.workers.journal import Attempt, Client, Journal, OpenOperation


@dataclass
class AgentJournal(Journal):
    """One agent's; it makes one attempt at a time, whichever of its threads signs.

    Attributes:
        sent: File of the statements that it has begun to send.
    """

    sent: Path = field(kw_only=True)
    _file: IO[bytes] = field(init=False)
    _bytes_of: dict[str, set[bytes]] = field(init=False, default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.present = SimpleNamespace()
        self._file = open_lines(self.sent)

    def recover(self, history: Path, client: Client) -> None:
        """Keep what earlier processes sent without an outcome, to be settled.

        Args:
            history: The history of these processes.
            client: Who can send it again.
        """
        lines = [json.loads(line) for line in history.read_bytes().splitlines()]
        known = {(line["request_id"], line["envelope"]) for line in lines}
        for line in map(json.loads, self.sent.read_bytes().splitlines()):
            operation, statement = operation_of(line["operation"]), _statement(line)
            self._bytes_of[statement.request_id].add(statement.envelope)
            if (operation.request_id, operation.envelope) not in known:
                known.add((operation.request_id, operation.envelope))
                self._keep(OpenOperation(operation, statement, client))

    def heard(self, statement: Statement) -> None:
        """Write down a statement of the present attempt before it is sent."""
        if attempt := self.attempt_under_way:
            request = base64.b64encode(statement.request).decode()
            operation = self._operation(attempt, statement)
            line = {"operation": asdict(operation), "method": statement.method, "request": request}
            write_line(self._file, line)
            self._bytes_of[statement.request_id].add(statement.envelope)
        super().heard(statement)

    def _answered(
        self,
        attempt: Attempt,
        statement: Statement,
        client: Client,
        receipt: Receipt | None = None,
    ) -> None:
        """Write down a statement whose answer came, or keep it until its outcome is known.

        A decision or action that an earlier process signed is signed again under its request id:
        the bureau has accepted the one or the other. An inquiry is signed again, or its report
        replayed, only after the bureau refused the first as too old.
        """
        operation = self._operation(attempt, statement)
        is_replayed = _is_replay(attempt.signed[-1])
        if is_replayed or len(self._bytes_of[statement.request_id]) > 1:
            self._keep(OpenOperation(operation, statement, client))
        elif statement is not attempt.signed[-1]:
            refused = replace(operation, outcome=Outcome.FAILED, reason="EXPIRED_REQUEST")
            self.history.add(refused)
        else:
            super()._answered(attempt, statement, client, receipt)

    def _operation(self, attempt: Attempt, statement: Statement) -> Operation:
        operation = super()._operation(attempt, statement)
        if _is_replay(statement):
            about = {"alert": attempt.about["alert"]}
            return replace(operation, kind="replay", about=about)
        return operation


def _is_replay(statement: Statement) -> bool:
    return statement.method.endswith("/ReplayReport")


def _statement(line: dict[str, Any]) -> Statement:
    operation = operation_of(line["operation"])
    return Statement(
        line["method"],
        operation.request_id,
        base64.b64decode(operation.envelope),
        base64.b64decode(line["request"]),
    )
