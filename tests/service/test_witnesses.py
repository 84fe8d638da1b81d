"""A bureau and its witnesses: receipts that they stand behind, and what they catch."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import make_url

from bureau.admin.bureau_folder import InitOptions, create, trust_of
from bureau.admin.check_results import CheckResult, Health
from bureau.admin.doctor import examine
from bureau.admin.offline_credentials import register_operator_certificate
from bureau.clock import Clock
from bureau.config import Settings
from bureau.errors import Refusal
from bureau.main import Server
from bureau.testing import RunningBureau, running_bureau
from bureau_client import (
    AsyncLender,
    Auditor,
    DeadlineExceeded,
    Lender,
    NotWitnessed,
    Profile,
    Receipt,
    Report,
    RetryPolicy,
    SigningKey,
    Unavailable,
    VerificationFailed,
)
from bureau_client.verify import verify_bundle, verify_witnessed, witnesses_of
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.note import parse_vkey
from tests.service.postgres import Postgres, both, running_postgres
from tests.service.test_standby import CANCEL, WAITING
from tests.service.witnesses import WitnessProcess, witnesses
from tests.unit.operator.lived_in import live_in

CONFLICT = 6
SOON, LATER = timedelta(seconds=1), timedelta(seconds=120)


@dataclass
class Scenario:
    """A bureau that serves, and who watches it."""

    bureau: RunningBureau
    watchers: list[WitnessProcess]

    def member(self, name: str, quorum: int = 0) -> Profile:
        return self.bureau.add_member(name, ["furnisher", "auditor"]).requiring(quorum)

    def doctor(self) -> dict[str, CheckResult]:
        """What the doctor says of each witness, by its short name."""
        results = {result.subject: result for result in examine(self.bureau.settings)}
        return {
            watcher.name.partition(".")[0]: results[f"witness {watcher.name}"]
            for watcher in self.watchers
        }


@contextmanager
def open_scenario(
    folder: Path, names: Sequence[str], plan: InitOptions | None = None
) -> Iterator[Scenario]:
    """A bureau with a witness of each name."""
    settings = create(folder / "bureau", plan or InitOptions())
    watchers = witnesses(folder, trust_of(settings), names)
    try:
        with running_bureau(
            folder / "bureau", witnesses=[watcher.setting for watcher in watchers]
        ) as bureau:
            yield Scenario(bureau, watchers)
    finally:
        for watcher in watchers:
            watcher.stop()


def write(profile: Profile) -> Receipt:
    """A write of a member's."""
    with Lender(profile) as lender:
        return lender.add_key(SigningKey.generate())


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


def errands(name: str, outcome: str) -> float:
    """How many of this process's errands to a witness ended so."""
    labels = {"witness": f"{name}.example/witness", "outcome": outcome}
    return REGISTRY.get_sample_value("bureau_witness_errands_total", labels) or 0.0


def test_a_receipt_waits_for_its_witnesses(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1", "w2", "w3"]) as scenario:
        acme = scenario.member("acme", quorum=2)
        receipt = write(acme)
        assert len(witnesses_of(receipt.checkpoint, acme.trust)) >= 2
        assert receipt.tree_size > receipt.leaf_index

        # Who asks for none has none at first, and more on asking.
        plain = write(acme.requiring(0))
        assert witnesses_of(plain.checkpoint, acme.trust) == ()
        with Lender(acme) as lender:
            more = lender.wait_for_witnesses(plain, quorum=3)
            assert len(verify_witnessed(more.checkpoint, acme.trust, 3)) == 3
            assert (more.leaf_index, more.salt) == (plain.leaf_index, plain.salt)
            assert lender.wait_for_witnesses(more, quorum=3) == more
        with Auditor(acme) as auditor:
            newest = auditor.checkpoint(cosignatures=3)
            assert newest.size >= more.tree_size
            assert set(newest.witnesses) == {watcher.name for watcher in scenario.watchers}
            audit = auditor.audit()
            assert audit.ok
            assert audit.witnessed is not None
            assert audit.witnessed.size >= newest.size
        assert {result.health for result in scenario.doctor().values()} == {Health.OK}


def test_an_asynchronous_client_waits_too(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1"]) as scenario:
        acme = scenario.member("acme")

        async def ask() -> tuple[Receipt, Receipt]:
            async with AsyncLender(acme.requiring(1)) as lender:
                first = await lender.add_key(SigningKey.generate())
            async with AsyncLender(acme) as lender:
                plain = await lender.add_key(SigningKey.generate())
                return first, await lender.wait_for_witnesses(plain)

        for receipt in asyncio.run(ask()):
            assert witnesses_of(receipt.checkpoint, acme.trust) == ("w1.example/witness",)


def test_a_profile_comes_with_the_witnesses(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1"]) as scenario:
        profile = scenario.bureau.add_member("acme")
        assert profile.trust.witnesses == tuple(watcher.key for watcher in scenario.watchers)
        profile.requiring(1).save(tmp_path / "acme")
        assert Profile.load(tmp_path / "acme").trust == profile.requiring(1).trust


def test_a_saved_report_is_witnessed(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1", "w2"]) as scenario:
        saved = live_in(scenario.bureau, tmp_path).saved_report
        profile = scenario.member("acme", quorum=2)
        report = Report.load(saved)
        with Auditor(profile) as auditor:
            with pytest.raises(NotWitnessed) as refused:
                auditor.verify_report(report)
            assert "wait_for_witnesses(receipt)" in str(refused.value)
            assert report.receipt is not None
            witnessed = replace(report, receipt=auditor.wait_for_witnesses(report.receipt))
            witnessed.save(tmp_path / "witnessed.json")
    # Offline, and by who trusts the witnesses alone.
    again = verify_bundle(Report.load(tmp_path / "witnessed.json"), profile.trust)
    assert again.request_id == report.request_id


def test_a_witness_that_is_away(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1", "w2"]) as scenario:
        acme = scenario.member("acme", quorum=2)
        write(acme)
        scenario.watchers[1].kill()
        plain = write(acme.requiring(0))  # the bureau goes on
        with Lender(acme) as lender:
            with pytest.raises(NotWitnessed) as refused:
                lender.wait_for_witnesses(plain, timeout=SOON)
            assert refused.value.receipt == plain
            assert (
                len(witnesses_of(lender.wait_for_witnesses(plain, quorum=1).checkpoint, acme.trust))
                == 1
            )
            assert scenario.doctor()["w2"].health is Health.WARN
            # It comes back, and is brought what it has missed.
            scenario.watchers[1].start()
            receipt = lender.wait_for_witnesses(plain, timeout=LATER * 2)
            assert len(witnesses_of(receipt.checkpoint, acme.trust)) == 2


def test_a_write_that_was_not_witnessed_took_effect(tmp_path: Path) -> None:
    with open_scenario(tmp_path, ["w1"]) as scenario:
        acme = scenario.member("acme")
        scenario.watchers[0].kill()
        key = SigningKey.generate()
        with (
            pytest.MonkeyPatch.context() as patch,
            Lender(acme.requiring(1)) as lender,
        ):
            patch.setattr("bureau_client._operations.cosigning.WITNESS_TIMEOUT", SOON)
            with pytest.raises(NotWitnessed) as refused:
                lender.add_key(key)
            held = {key.public_key for key in lender.member("acme").keys}
            assert key.verify_key.raw in held
            assert refused.value.receipt is not None
            assert refused.value.receipt.kind == "credential"


@pytest.mark.parametrize("extra", [0, 3])
def test_a_forked_log_is_caught(tmp_path: Path, extra: int) -> None:
    """The operator is the adversary: it copies the database and lets both copies grow,
    under the log's own key.
    """
    with open_scenario(tmp_path, ["w1", "w2"]) as scenario:
        acme = scenario.member("acme", quorum=1)
        write(acme)
        scenario.bureau.server.stop()
        other = tmp_path / "other"
        shutil.copytree(scenario.bureau.folder, other)
        scenario.bureau.restart()
        # One goes on before its witnesses, to a size at which a proof says all.
        receipt = write(acme)
        while (size := receipt.tree_size) & (size - 1) == 0:
            receipt = write(acme)
        with Auditor(acme) as auditor:
            seen = auditor.checkpoint(cosignatures=2)
            while seen.size & (seen.size - 1) == 0 or seen.size < size:
                write(acme)
                seen = auditor.checkpoint(cosignatures=2)
        scenario.bureau.server.stop()

        # The other grows to the same size, or beyond, where no witness is asked.
        with running_bureau(other) as forked:
            there = replace(acme, addresses=(forked.address,)).requiring(0)
            while (last := write(there)).tree_size < seen.size + extra:
                pass

        # Nobody cosigns it, and a node that hears of it adds nothing.
        with running_bureau(
            other, witnesses=[watcher.setting for watcher in scenario.watchers]
        ) as forked:
            there = replace(acme, addresses=(forked.address,))
            refused_for_a_witness(there, "it answers 4")
            eventually(
                lambda: all(
                    watcher.shown(expected=None)["evidence"] for watcher in scenario.watchers
                )
            )
            with Lender(there) as lender, pytest.raises(NotWitnessed):
                lender.wait_for_witnesses(last, timeout=SOON)
            check_evidence(scenario, seen.size)
            eventually(lambda: errands("w1", "refused") > 0)
            sick = Scenario(forked, scenario.watchers).doctor()
            assert {result.health for result in sick.values()} == {Health.FAIL}

            # A client that holds a head of each refuses.
            with Auditor(there) as auditor, pytest.raises(VerificationFailed):
                auditor.consistency(seen.note, auditor.checkpoint().note)
            with Auditor(there) as auditor:
                audit = auditor.audit(since=seen.note)
                assert audit.fault is not None
                assert not audit.ok


def refused_for_a_witness(profile: Profile, why: str) -> None:
    """No write is taken, as a witness has cosigned another log."""
    with (
        Lender(profile.requiring(0), policy=RetryPolicy(attempts=1)) as lender,
        pytest.raises(Unavailable, match="has cosigned another log") as refused,
    ):
        lender.add_key(SigningKey.generate())
    assert refused.value.reason == "NODE_UNFIT"
    assert why in str(refused.value)


def check_evidence(scenario: Scenario, size: int) -> None:
    """Each witness holds two checkpoints that convict the log, by its own key."""
    trust = trust_of(scenario.bureau.settings)
    key = parse_vkey(trust.log_key).key
    for watcher in scenario.watchers:
        pieces = watcher.shown(expected=CONFLICT)["evidence"]
        forks = [piece for piece in pieces if piece["verdict"] == "fork"]
        assert forks
        for piece in forks:
            cosigned = open_checkpoint(piece["cosigned"], trust.origin, key)
            second = open_checkpoint(piece["other"], trust.origin, key)
            assert cosigned.size == size
            assert (second.size, second.root) != (cosigned.size, cosigned.root)


def test_two_heads_of_one_size_are_a_fork_to_any_client(tmp_path: Path) -> None:
    with open_scenario(tmp_path, []) as scenario:
        acme = scenario.member("acme")
        scenario.bureau.server.stop()
        other = tmp_path / "other"
        shutil.copytree(scenario.bureau.folder, other)
        scenario.bureau.restart()
        one = write(acme)
        scenario.bureau.server.stop()
        with running_bureau(other) as forked:
            there = replace(acme, addresses=(forked.address,))
            two = write(there)
            assert one.tree_size == two.tree_size
            with Auditor(there) as auditor, pytest.raises(VerificationFailed, match="forked"):
                auditor.consistency(one.checkpoint, two.checkpoint)


def test_a_database_that_went_back_is_caught(tmp_path: Path) -> None:
    """Even where the operator takes away what the node kept of it."""
    with open_scenario(tmp_path, ["w1"]) as scenario:
        acme = scenario.member("acme", quorum=1)
        write(acme)
        scenario.bureau.server.stop()
        database = scenario.bureau.folder / "bureau.db"
        older = database.read_bytes()
        scenario.bureau.restart()
        for _ in range(4):
            receipt = write(acme)
        scenario.bureau.server.stop()
        database.write_bytes(older)
        scenario.bureau.settings.kept_checkpoint.unlink()

        before = errands("w1", "ahead")
        pem = (scenario.bureau.settings.operator_folder / "tls.pem").read_bytes()
        with pytest.raises(Refusal, match="has cosigned another log"):  # offline neither
            register_operator_certificate(scenario.bureau.settings, pem, Clock())
        scenario.bureau.restart()
        refused_for_a_witness(acme, f"it has cosigned size {receipt.tree_size}")
        assert errands("w1", "ahead") > before
        check = scenario.doctor()["w1"]
        assert check.health is Health.FAIL
        assert f"it has cosigned size {receipt.tree_size}" in check.finding
        with Lender(acme) as lender, pytest.raises(VerificationFailed, match="has lost leaf"):
            lender.wait_for_witnesses(replace(receipt, checkpoint=plain_of(receipt)))
        # The operator asks no witness, and it grows again, beyond what was seen: another history.
        witnesses = scenario.bureau.overrides.pop("witnesses")
        scenario.bureau.restart()
        plain = acme.requiring(0)
        while write(plain).tree_size <= receipt.tree_size:
            pass
        scenario.bureau.overrides["witnesses"] = witnesses
        scenario.bureau.restart()
        refused_for_a_witness(acme, "it answers 422")
        with Auditor(acme) as auditor, pytest.raises(VerificationFailed):
            auditor.consistency(receipt.checkpoint, auditor.checkpoint().note)


def plain_of(receipt: Receipt) -> str:
    """Its checkpoint without the witnesses' lines."""
    text, _, lines = receipt.checkpoint.rpartition("\n\n")
    return f"{text}\n\n{lines.splitlines()[0]}\n"


def test_what_one_machine_has_is_not_brought(tmp_path: Path) -> None:
    """A commit that does not wait for the standby is there for all to see; the witness
    would not forget it, the promoted standby would not know it.
    """
    with running_postgres() as postgres:
        standby = postgres.standby(synchronous=True)
        plan = InitOptions(database_url=both(postgres.new_database(), standby))
        with open_scenario(tmp_path, ["w6"], plan) as scenario:
            (witness,) = scenario.watchers
            acme = scenario.member("acme")
            size = write(acme.requiring(1)).tree_size
            eventually(lambda: postgres.psql(WAITING) == "0")
            standby.stop()
            name = make_url(scenario.bureau.settings.database).database or ""
            shown = "SELECT max(tree_size) FROM checkpoint"
            writer = threading.Thread(target=write_in_vain, args=(acme,))
            writer.start()
            eventually(lambda: postgres.psql(WAITING) != "0")
            postgres.psql(CANCEL)
            eventually(lambda: int(postgres.psql(shown, name)) > size)
            writer.join()
            # The feeder has found it, and waits for the standby before it sends it.
            eventually(lambda: postgres.psql(WAITING) != "0")
            assert witness.shown()["logs"][0]["size"] == size
            standby.start()
            eventually(lambda: witness.shown()["logs"][0]["size"] > size)


def write_in_vain(profile: Profile) -> None:
    """A write that gets no answer."""
    policy = RetryPolicy(write_seconds=3, attempts=1)
    with Lender(profile, policy=policy) as lender, pytest.raises((Unavailable, DeadlineExceeded)):
        lender.add_key(SigningKey.generate())


def test_nodes_of_one_log_bring_the_same(postgres: Postgres, tmp_path: Path) -> None:
    plan = InitOptions(database_url=postgres.migrated_database())
    with open_scenario(tmp_path, ["w4", "w5"], plan) as scenario:
        changes = {"node": "node-2", "listen": "127.0.0.1:0"}
        settings = Settings.load(
            scenario.bureau.folder,
            witnesses=[watcher.setting for watcher in scenario.watchers],
            **changes,
        )
        second = Server(settings)
        second.start()
        try:
            acme = replace(
                scenario.member("acme", quorum=2),
                addresses=(scenario.bureau.address, second.address),
            )
            receipts = [write(acme) for _ in range(6)]
            scenario.bureau.server.stop()
            # Who is left serves the other's cosignatures, and goes on.
            patient = RetryPolicy(attempts=8)
            with Lender(acme, policy=patient) as lender:
                receipts.append(lender.add_key(SigningKey.generate()))
                for receipt in receipts:
                    assert len(verify_witnessed(receipt.checkpoint, acme.trust)) == 2
            for name in ("w4", "w5"):
                assert errands(name, "cosigned") > 0
                assert not any(
                    errands(name, wrong) for wrong in ("refused", "misunderstood", "ahead")
                )
        finally:
            second.stop()
    assert all(watcher.shown()["evidence"] == [] for watcher in scenario.watchers)
