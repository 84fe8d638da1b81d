"""The state file of a line agent: each alert in work, written before anything about it is sent.

An SQLite database. An alert has the signed inquiry, so that a crash uses no consent twice, and
one plan for each line, decision and action, so that a restart repeats them and decides nothing
a second time. A finished alert stays until a newer one of the person is finished, for a day at
most: its report answers every alert that it covers. An alert that a crash left open is finished
by the next start, also if the bureau does not send it again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bureau_client._codec.decisions import read_decision, write_decision
from bureau_client._codec.records import encode_record, read_action
from bureau_client._codec.scalars import micros_of, moment_at
from bureau_client._operations.exclusive_file import ExclusiveFile
from bureau_client.agent.plans import LinePlan
from bureau_client.errors import Conflict, InvalidRequest
from bureau_client.models.alerts import Alert
from bureau_client.models.codes import AlertKind
from bureau_client.models.many import Inquiry
from creditbureau.v1.decision_pb2 import DecisionReceipt
from creditbureau.v1.envelope_pb2 import Envelope, Header

# Age of an alert in the file at most, from its begin or, if it is done, from its end. The bureau
# repeats the answer to an inquiry for a day; a later attempt would use the consent again.
MAX_AGE = timedelta(days=1)
# Number of the file's form, SQLite's `user_version`; files without one are of the first form. A
# release reads its own form and earlier ones.
FORM = 1
OPEN, FAILED, DONE = "open", "failed", "done"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (member_id TEXT NOT NULL, origin TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alert (
    alert_id TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    subject_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    tradeline_ids TEXT NOT NULL,
    create_us INTEGER NOT NULL,
    cause_leaf_index INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    state TEXT NOT NULL,
    inquiry BLOB,
    log_size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS alert_subject ON alert (subject_id);
CREATE TABLE IF NOT EXISTS plan (
    alert_id TEXT NOT NULL REFERENCES alert ON DELETE CASCADE,
    account_ref TEXT NOT NULL,
    inputs BLOB NOT NULL,
    decision BLOB,
    action BLOB,
    problem TEXT NOT NULL,
    action_leaf INTEGER,
    PRIMARY KEY (alert_id, account_ref)
);
"""


class AgentState:
    """The alerts in work of one member's agent; one process at a time.

    It is the `Journal` of the agent's inquiries: the reference of an inquiry is the alert's id.
    """

    def __init__(self, path: str | Path, member_id: str, origin: str) -> None:
        """Prepare to open a state file.

        Args:
            path: The file; created if it is missing.
            member_id: The member of the agent.
            origin: Origin of the bureau's log; the file of another member or bureau is refused.
        """
        self._path = Path(path)
        self._owner = member_id, origin
        self._lock = ExclusiveFile(self._path, self._in_use)
        self._db: sqlite3.Connection

    def __enter__(self) -> Self:
        """Lock the file and open it.

        Raises:
            Conflict: Another agent has the file open.
            InvalidRequest: The file is no state file, another member's, or one of a newer release.
        """
        self._lock.acquire(self._open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()
        self._lock.release()

    def begin(self, alert: Alert, now: datetime) -> None:
        """Write an alert, unless the file has it."""
        row = (
            *(alert.alert_id, alert.cursor, int(alert.kind), alert.subject_id, alert.consent_id),
            *(" ".join(alert.tradeline_ids), micros_of(alert.create_time), alert.cause_leaf_index),
            *(micros_of(now), OPEN, None, 0),
        )
        with self._db:
            marks = ", ".join("?" * len(row))
            self._db.execute(f"INSERT OR IGNORE INTO alert VALUES ({marks})", row)  # noqa: S608

    def sealed(
        self, inquiry: Inquiry, sign: Callable[[], Envelope], void: Envelope | None = None
    ) -> tuple[Envelope, bool]:
        """Return the signed inquiry of an alert; sign and write it first if it is new.

        See `bureau_client.protocols.Journal`.
        """
        alert_id = (inquiry.reference,)
        (written,) = self._db.execute(
            "SELECT inquiry FROM alert WHERE alert_id = ?", alert_id
        ).fetchone()
        kept = None if written is None else Envelope.FromString(written)
        if kept is not None and kept != void:
            return kept, True
        sealed = sign()
        encoded = sealed.SerializeToString(deterministic=True)
        with self._db:
            self._db.execute(
                "UPDATE alert SET inquiry = ? WHERE alert_id = ?", (encoded, *alert_id)
            )
        return sealed, False

    def keep(self, alert: Alert, log_size: int, plans: Iterable[LinePlan]) -> None:
        """Write the plans of an alert; a line that has its decision keeps it.

        Args:
            log_size: Log size of the report that they rest on.
        """
        rows = [_row(alert.alert_id, plan) for plan in plans]
        with self._db:
            self._db.execute(
                "DELETE FROM plan WHERE alert_id = ? AND decision IS NULL", (alert.alert_id,)
            )
            self._db.executemany("INSERT OR IGNORE INTO plan VALUES (?, ?, ?, ?, ?, ?, NULL)", rows)
            self._db.execute(
                "UPDATE alert SET log_size = ? WHERE alert_id = ?", (log_size, alert.alert_id)
            )

    def plans(self, alert: Alert) -> list[LinePlan]:
        """Return the plans of an alert."""
        rows = self._db.execute(
            "SELECT account_ref, inputs, decision, action, problem FROM plan WHERE alert_id = ?"
            " ORDER BY account_ref",
            (alert.alert_id,),
        )
        return [_plan(*row) for row in rows]

    def acted(self, alert: Alert, account_ref: str, leaf_index: int) -> None:
        """Write the leaf index of a line's facility action."""
        with self._db:
            self._db.execute(
                "UPDATE plan SET action_leaf = ? WHERE alert_id = ? AND account_ref = ?",
                (leaf_index, alert.alert_id, account_ref),
            )

    def fail(self, alert: Alert) -> None:
        """Mark an alert as failed."""
        with self._db:
            self._db.execute(
                "UPDATE alert SET state = ? WHERE alert_id = ?", (FAILED, alert.alert_id)
            )

    def finish(self, alert: Alert, now: datetime) -> None:
        """Mark an alert as done.

        An alert that is done with a report replaces the person's earlier ones, failed ones too.
        """
        with self._db:
            self._db.execute(
                "UPDATE alert SET state = ?, since_us = ? WHERE alert_id = ?",
                (DONE, micros_of(now), alert.alert_id),
            )
            self._db.execute(
                "DELETE FROM alert WHERE subject_id = ? AND cursor < ? AND state <> ? AND EXISTS"
                " (SELECT 1 FROM alert WHERE alert_id = ? AND state = ? AND log_size > 0)",
                (alert.subject_id, alert.cursor, OPEN, alert.alert_id, DONE),
            )

    def answers(self, alert: Alert) -> bool:
        """Return True if an alert needs no further report: it is done, its cause is in the report
        of an alert that is done, or the agent's own action caused it.
        """
        row = self._db.execute(
            "SELECT 1 FROM alert LEFT JOIN plan USING (alert_id) WHERE subject_id = ?"
            " AND (state = ? AND (alert_id = ? OR log_size > ?) OR action_leaf = ?)",
            (
                *(alert.subject_id, DONE, alert.alert_id),
                *(alert.cause_leaf_index, alert.cause_leaf_index),
            ),
        ).fetchone()
        return row is not None

    def unfinished(self) -> list[Alert]:
        """Return the open and failed alerts, the oldest first, without their texts."""
        rows = self._db.execute(
            "SELECT alert_id, cursor, kind, subject_id, consent_id, tradeline_ids, create_us,"
            " cause_leaf_index FROM alert WHERE state <> ? ORDER BY cursor",
            (DONE,),
        )
        return [_alert(*row) for row in rows.fetchall()]

    def prune(self, now: datetime) -> None:
        """Delete the alerts that are older than MAX_AGE.

        An open alert stays if it has a decision: the log may have the decision already, which the
        next start carries out. Its lines without a decision are deleted.
        """
        old = "SELECT alert_id FROM alert WHERE since_us < ?"
        before = (micros_of(now - MAX_AGE),)
        with self._db:
            self._db.execute(
                f"DELETE FROM plan WHERE decision IS NULL AND alert_id IN ({old})",  # noqa: S608
                before,
            )
            self._db.execute(
                "DELETE FROM alert WHERE since_us < ? AND NOT"
                " (state = ? AND EXISTS (SELECT 1 FROM plan WHERE plan.alert_id = alert.alert_id))",
                (*before, OPEN),
            )

    def _open(self) -> None:
        # Created for its owner alone: the plans tell of people.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        # `query_many` asks for the signed inquiry in a thread of its own, one at a time.
        self._db = sqlite3.connect(self._path, check_same_thread=False)
        try:
            (form,) = self._db.execute("PRAGMA user_version").fetchone()
            if form > FORM:
                raise self._newer(form)
            # A transaction is on disk before anything that rests on it is sent.
            self._db.executescript("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;" + _SCHEMA)
            self._db.execute(f"PRAGMA user_version = {FORM}")
            owner = self._db.execute("SELECT member_id, origin FROM owner").fetchone()
            if owner is None:
                with self._db:
                    self._db.execute("INSERT INTO owner VALUES (?, ?)", self._owner)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise self._refused(str(error)) from error
        except InvalidRequest:
            self._db.close()
            raise
        if owner not in {None, self._owner}:
            self._db.close()
            raise self._refused(f"it is of {owner[0]} at {owner[1]}")

    def _in_use(self) -> Conflict:
        return Conflict(
            f"The state file {self._path} is in use by another agent",
            reason="STATE_IN_USE",
            fix="Stop that agent first; one agent acts on the alerts of a member",
        )

    def _newer(self, form: int) -> InvalidRequest:
        return InvalidRequest(
            f"{self._path} has the form {form} of state files; this release reads up to {FORM}",
            reason="INVALID_FIELD",
            fix="Run the release that wrote the file; it finishes the alerts that are open",
        )

    def _refused(self, problem: str) -> InvalidRequest:
        return InvalidRequest(
            f"{self._path} is no state file of {self._owner[0]}: {problem}",
            reason="INVALID_FIELD",
            fix="Name the agent's state file, or a file that does not exist yet",
        )


def _row(alert_id: str, plan: LinePlan) -> tuple[object, ...]:
    decision, action = plan.decision, plan.action
    return (
        alert_id,
        plan.account_ref,
        plan.inputs,
        write_decision(decision, Header()).SerializeToString() if decision else None,
        # The salt belongs to the submission, which draws its own.
        encode_record(action, b"") if action else None,
        plan.problem,
    )


def _plan(
    account_ref: str, inputs: bytes, decision: bytes | None, action: bytes | None, problem: str
) -> LinePlan:
    return LinePlan(
        account_ref,
        inputs,
        None if decision is None else read_decision(DecisionReceipt.FromString(decision)),
        None if action is None else read_action(action),
        problem,
    )


def _alert(
    alert_id: str,
    cursor: int,
    kind: int,
    subject_id: str,
    consent_id: str,
    tradeline_ids: str,
    create_us: int,
    cause_leaf_index: int,
) -> Alert:
    return Alert(
        alert_id=alert_id,
        cursor=cursor,
        kind=AlertKind(kind),
        subject_id=subject_id,
        consent_id=consent_id,
        tradeline_ids=tuple(tradeline_ids.split()),
        create_time=moment_at(create_us),
        cause_leaf_index=cause_leaf_index,
        texts={},
    )
