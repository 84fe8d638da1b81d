"""The auditor over a real bureau: a short run in peace holds, in which only the line agent is
killed, and whatever is then planted in its database, its histories or its checkpoints is named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.keyring import Keyring
from bureau_keys.signing import SigningKey
from tests.cluster.auditor import Evidence, Verdict, audit, judge
from tests.cluster.auditor.database import read_tables, url_for
from tests.cluster.faults.members import KillAgent
from tests.cluster.history import Outcome, path_of, read_histories
from tests.cluster.launcher import finish, running_workers
from tests.cluster.report import PAGE, VERDICT, write
from tests.cluster.topology.startup import running_topology
from tests.cluster.topology.topology import Size, Topology

# Two halves of the run, between which the line agent is killed.
SECONDS = 10.0

# What even a short run in peace has to look at; the rest takes faults, or chance.
ALWAYS = (
    *("I1 once", "I1 listed", "I3 consent", "I3 limit", "I4 receipts", "I4 one tree"),
    *("I4 witnesses", "I4 everywhere", "I5 dense", "I6 root", "I7 order", "I7 time"),
    *(
        "whole",
        "asked for",
        "disclosed",
        "decisions",
        "decisions shown",
        "agent once",
        "agent actions",
        "agent reviews",
        "actions shown",
        "accounts shown",
        "deleted",
        "totals",
        "stale",
        "keys",
        "chains",
        "chain heads",
        "auditor",
    ),
)
# What a thief of the database, or a fault of the bureau's, could leave behind.
NEWEST = "(SELECT max(leaf_index) FROM entry)"
A_SUBMISSION = "(SELECT min(submission_key) FROM record)"
ANOTHERS = """
    UPDATE statement SET envelope =
        (SELECT s.envelope FROM statement s JOIN entry e USING (entry_key) WHERE e.leaf_index = 21)
    WHERE entry_key = (SELECT entry_key FROM entry WHERE leaf_index = 20)
"""
A_CARD = "(SELECT min(tradeline_key) FROM tradeline WHERE member_id = 'issuer')"
AGENT_DECIDED = """
    (SELECT min(leaf_index) FROM entry WHERE kind = 'decision' AND signer = 'members/issuer')
"""
# The first record of a card is a month, the others are actions.
AGENT_ACTED = """
    FROM record WHERE submission_key =
        (SELECT max(r.submission_key) FROM record r JOIN tradeline t USING (tradeline_key)
        WHERE t.member_id = 'issuer' AND r.submission_key >
            (SELECT min(submission_key) FROM record WHERE tradeline_key = r.tradeline_key))
"""
A_YEAR_LATER = "UPDATE entry SET time_us = time_us + 31536000000000 WHERE kind = 'inquiry'"
# All of them: the histories know of some, and of no single one for certain.
STOPPED = "UPDATE consent SET state = CASE state WHEN 1 THEN 3 ELSE 1 END"
PLANTED = {
    "a record is gone": (
        ("whole", "records has"),
        f"DELETE FROM record WHERE submission_key = {A_SUBMISSION} AND record_index = 0",
    ),
    "an effect is gone": (
        ("whole", "has no effect"),
        f"DELETE FROM submission WHERE submission_key = {A_SUBMISSION}",
    ),
    "a leaf is gone": (("I5 dense", "belongs"), "DELETE FROM entry WHERE leaf_index = 20"),
    "a statement is edited": (("I6 root", "not the one that was logged"), ANOTHERS),
    "the database is rolled back": (
        ("I4 one tree", "the log has forgotten"),
        f"DELETE FROM entry WHERE leaf_index = {NEWEST}",
    ),
    "a consent is changed by nobody": (("I3 state", "its subject's last word was"), STOPPED),
    "a use is forgotten": (
        ("I3 limit", "counts"),
        "UPDATE consent SET use_count = use_count - 1 WHERE use_count > 0",
    ),
    "an event is left out": (
        ("chains", "is not of the leaves about them"),
        "DELETE FROM event_link WHERE number = 2",
    ),
    "a key is repudiated by nobody": (
        ("keys", "by the log it is in force"),
        "UPDATE subject_key SET repudiated = 1 WHERE to_entry IS NULL",
    ),
    "a decision is about another report": (
        ("decisions", "is on no report of"),
        "UPDATE entry SET signer = 'members/brook' WHERE kind = 'decision'",
    ),
    "a decision of the line agent is gone": (
        ("agent once", "has 0 decisions"),
        f"DELETE FROM entry WHERE leaf_index = {AGENT_DECIDED}",
    ),
    "an action of the line agent is taken twice": (
        ("agent actions", "follows no decision"),
        f"INSERT INTO record SELECT submission_key, 1, tradeline_key, block {AGENT_ACTED}",
    ),
    "an action of the line agent is lost": (
        ("agent reviews", "the action on alert"),
        f"DELETE FROM record WHERE submission_key = (SELECT submission_key {AGENT_ACTED})",
    ),
    "an account has lost its records": (
        ("accounts shown", "last furnished with None"),
        f"DELETE FROM record WHERE tradeline_key = {A_CARD}",
    ),
    "accounts were not reported for a year": (("stale", "as reported, which is not"), A_YEAR_LATER),
    "a balance of a year ago is counted": (("totals", "of which 0 are open"), A_YEAR_LATER),
    "a time goes back": (
        ("I7 time", "older than the one before it"),
        "UPDATE entry SET time_us = time_us - 3600000000 WHERE leaf_index = 30",
    ),
}


@dataclass
class Scenario:
    """A run that is over, its bureau still serving, and the verdict on it."""

    folder: Path
    topology: Topology
    verdict: Verdict

    @property
    def evidence(self) -> Evidence:
        return self.verdict.evidence

    def log_key(self) -> SigningKey:
        settings = self.topology.settings
        return Keyring.open(settings.server_folder / "keyring", settings.passphrase()).get("log")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("audited")
    with running_topology(folder, Size(nodes=2, lenders=2, wallets=1), 7) as topology:
        with running_workers(topology) as workers:
            time.sleep(SECONDS / 2)
            KillAgent().inject(topology)
            KillAgent().heal(topology)
            time.sleep(SECONDS / 2)
            assert finish(topology, workers) == []
        yield Scenario(folder, topology, audit(folder))


def test_a_run_in_peace_holds(scenario: Scenario) -> None:
    assert [violation.what for violation in scenario.verdict.violations] == []
    looked = {finding.check: finding.looked for finding in scenario.verdict.findings}
    assert all(looked[name] for name in ALWAYS), looked
    write(scenario.folder, scenario.verdict)
    page = (scenario.folder / PAGE).read_text("utf-8")
    assert "Every promise was kept" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert (scenario.folder / VERDICT).stat().st_size


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_in_the_database_is_named(scenario: Scenario, name: str) -> None:
    (check, words), statement = PLANTED[name]
    primary = scenario.topology.postgres.primary
    engine = create_engine(url_for(primary.url))
    with engine.connect() as connection:
        assert connection.execute(text(statement)).rowcount
        changed = read_tables(primary.name, connection)
        connection.rollback()  # the next test finds the bureau as it was
    engine.dispose()
    databases = [changed, *(one for one in scenario.evidence.databases if one.name != primary.name)]
    named(judge(replace(scenario.evidence, databases=databases)), check, words)


def test_a_statement_dropped_from_a_history_is_named(scenario: Scenario) -> None:
    path = path_of(scenario.folder, "lender-1")
    whole = path.read_text("utf-8")
    submitted = next(
        one
        for one in scenario.evidence.operations
        if (one.worker, one.kind, one.outcome) == ("lender-1", "submit", Outcome.OK)
    )
    kept = [line for line in whole.splitlines(keepends=True) if submitted.request_id not in line]
    path.write_text("".join(kept), "utf-8")
    try:
        operations = list(read_histories(scenario.folder))
    finally:
        path.write_text(whole, "utf-8")
    named(judge(replace(scenario.evidence, operations=operations)), "asked for", "nobody knows of")


def test_a_fork_by_the_log_key_itself_is_named(scenario: Scenario) -> None:
    forked = sign_checkpoint(
        Checkpoint(scenario.evidence.origin, 25, bytes(32)), scenario.log_key()
    )
    kept = scenario.evidence.kept | {"checkpoint-node-1": forked}
    named(judge(replace(scenario.evidence, kept=kept)), "I4 one tree", "forked")


def named(verdict: Verdict, check: str, words: str) -> None:
    violations = [violation.what for violation in verdict.violations if violation.check == check]
    assert any(words in what for what in violations), violations
