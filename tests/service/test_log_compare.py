"""An auditor compares what every address of a bureau, and others, were shown of its log."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from bureau.admin.operator import Operator
from bureau.testing import free_port, running_bureau
from bureau_client import Lender, SigningKey
from bureau_keys.profile import Profile
from tests.service.nodes import further_nodes
from tests.service.test_operator_cli import INVALID, OK, UNAVAILABLE, bureau


def write(profile: Profile) -> str:
    """Add a leaf to the log; its newest checkpoint."""
    with Lender(profile) as lender:
        lender.add_key(SigningKey.generate())
    with Operator(profile) as reader:
        return reader.checkpoint()


def test_nodes_and_kept_checkpoints_show_one_log(tmp_path: Path) -> None:
    with running_bureau(tmp_path / "bureau") as own, further_nodes(own, None) as nodes:
        profile = nodes.everywhere(own.add_member("audit", ["auditor"]))
        profile = replace(profile, memory_folder=None)
        profile.save(tmp_path / "audit")
        kept = tmp_path / "monday.checkpoint"
        kept.write_text(write(profile))
        write(profile)
        compare = ("log", "compare", kept, "--profile", tmp_path / "audit")
        done = bureau(*compare, "--output", "json")
        assert (done.code, "one log" in done.err) == (OK, True)
        assert [row["source"] for row in done.json] == [str(kept), *nodes.addresses]
        first, *newest = [row["tree_size"] for row in done.json]
        assert newest == [first + 1, first + 1]

        # An address that does not answer is named; the others are compared all the same.
        silent = replace(profile, addresses=(*nodes.addresses, f"127.0.0.1:{free_port()}"))
        silent.save(tmp_path / "silent")
        done = bureau("log", "compare", "--profile", tmp_path / "silent", "--output", "json")
        assert (done.code, "1 of 3 sources did not answer" in done.err) == (UNAVAILABLE, True)
        assert [bool(row["problem"]) for row in done.json] == [False, False, True]

        # A note that the log has not signed is refused by the name of its file.
        kept.write_text(kept.read_text().replace("\n", "\nx", 1))
        done = bureau(*compare)
        assert (done.code, str(kept) in done.err) == (INVALID, True)


def test_two_histories_are_kept_as_evidence(tmp_path: Path) -> None:
    with running_bureau(tmp_path / "bureau") as own:
        profile = replace(own.add_member("audit", ["auditor"]), memory_folder=None)
        own.server.stop()
        shutil.copytree(tmp_path / "bureau", tmp_path / "other")
        own.restart()
        with running_bureau(tmp_path / "other") as forked:
            kept = tmp_path / "theirs.checkpoint"
            kept.write_text(write(replace(profile, addresses=(forked.address,))))
            write(profile)
            both = replace(profile, addresses=(own.address, forked.address))
            both.save(tmp_path / "both")
            done = bureau("log", "compare", "--profile", tmp_path / "both")
            assert (done.code, "forked" in done.err) == (INVALID, True)
            # One node is enough for somebody who was shown the other log.
            profile.save(tmp_path / "audit")
            done = bureau("log", "compare", kept, "--profile", tmp_path / "audit")
            assert done.code == INVALID
        evidence = tmp_path / "audit" / "fork-evidence.json"
        done = bureau("log", "check-evidence", evidence, "--profile", tmp_path / "both")
        assert (done.code, "two histories" in done.err) == (OK, True)
