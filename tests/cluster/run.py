"""A run, step by step."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.auditor import Verdict, audit
from tests.cluster.faults import CATALOGUE, Cast
from tests.cluster.launcher import finish, running_workers
from tests.cluster.live import View
from tests.cluster.nemesis import FaultError, Nemesis
from tests.cluster.options import Options
from tests.cluster.report import write
from tests.cluster.schedule import plan
from tests.cluster.topology.startup import running_topology
from tests.cluster.topology.topology import Topology


def run(options: Options, folder: Path, view: View) -> Verdict:
    """Raises a topology, breaks it, mends it, and says what the auditor found.

    Raises:
        NotReadyError: The topology did not come up, or did not come back.
        FaultError: The harness could not begin a fault, or could not end it.
    """
    (folder / "command").write_text(options.command + "\n", "utf-8")
    with running_topology(folder, options.size, options.seed, view.phase) as topology:
        # 1. The topology is up. What this machine can show of the faults, at their times.
        view.topology = topology
        missing = {name: CATALOGUE[name].kind.missing(topology) for name in options.faults}
        for name in options.faults:
            if missing[name]:
                view.phase(f"without {name}: {missing[name]}")
        names = [name for name in options.faults if not missing[name]]
        schedule = plan(options.seed, names, cast_of(topology), options.seconds)
        view.nemesis = nemesis = Nemesis(topology, schedule)

        # 2. The workers begins.
        view.phase("workers begin")
        with running_workers(topology) as workers:
            # 3. Faults, each alone and then several at once.
            topology.timeline.tell("phase", "faults")
            view.phase(f"{len(schedule)} faults in {options.seconds:.0f} s")
            nemesis.run(options.seconds)
            # 4. All is healed; what is unknown is settled.
            view.phase("everything healed; workers settle what is unknown")
            topology.await_service()
            topology.timeline.tell("phase", "settling")
            failed = finish(topology, workers)
            if failed:
                raise FaultError("; ".join(failed))
        # 5. What is true now, against what everybody was told.
        topology.timeline.tell("phase", "audit")
        view.phase("audit")
        verdict = audit(folder)
    # 6. The page, and the verdict for machines.
    write(folder, verdict)
    return verdict


def cast_of(topology: Topology) -> Cast:
    """Whom faults may befall."""
    return Cast(
        nodes=tuple(node.name for node in topology.nodes),
        serving=tuple(node.name for node in topology.serving),
        lenders=tuple(m.member_id for m in topology.members if m.kind == "lender"),
    )
