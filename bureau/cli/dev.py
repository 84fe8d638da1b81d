"""`bureau dev`: a whole bureau on this machine, for development; never for production."""

from __future__ import annotations

import re
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from importlib.resources import files
from itertools import chain
from pathlib import Path
from string import Template
from typing import Annotated, Any

import typer

from bureau import logs
from bureau.admin.bureau_folder import InitOptions
from bureau.cli.common import Output, Shown, echo_status, group, show, show_one
from bureau.cli.exit_codes import Exit, Stop
from bureau.listen import ListenError
from bureau.sandbox.calls import COLUMNS, following, last_calls, text_of
from bureau.sandbox.folder import INITIAL, RESTORES, SAVES, SERVES, SandboxFolder
from bureau.sandbox.jurisdiction import DEFAULT, jurisdictions
from bureau.sandbox.magic import LANGUAGES, applicable_subjects, magic_subjects
from bureau.sandbox.node import SandboxNode
from bureau.sandbox.portal import PortalBeside, listener_at
from bureau.sandbox.remote import SandboxOperator, shown
from bureau.sandbox.seeding import FIRST
from bureau.sandbox.world import AGENT, ATTESTER, Person
from bureau.store.database import Database
from bureau_keys.command_line.output import emit_stream
from bureau_keys.terminal import write_out

app = group("Serve a sandbox: a bureau with lenders and people, for development.")
clock = group("The sandbox's clock.")
log_commands = group("The sandbox's log of calls.")
app.add_typer(clock, name="clock")
app.add_typer(log_commands, name="logs")

DEV_FOLDER = Path("bureau-dev")
BANNER = """\
┌───────────────────────────────────────────────────────────────────────┐
│ SANDBOX, NOT FOR PRODUCTION                                           │
│ Made-up people, lenders' keys beside the bureau's, a clock that moves │
└───────────────────────────────────────────────────────────────────────┘"""
PORTAL_FIX = "Stop the program that listens there, or pass another --portal-listen."
# Seconds between two looks for months that have ended.
CATCH_UP_S = 60.0
# Seconds between two looks at the parts of a running sandbox, and at a file that is followed.
LOOK_S = 0.2
# Seconds that a command waits for the start of a sandbox; then it says that none is served.
START_S = 60.0
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

DevDir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        envvar="BUREAU_DEV_DIR",
        help="Folder of the sandbox. [default: ./bureau-dev]",
        show_default=False,
    ),
]


@app.callback(invoke_without_command=True, no_args_is_help=False)
def dev(
    context: typer.Context,
    folder: DevDir = None,
    listen: Annotated[
        str | None,
        typer.Option(help=f"Address and port to listen on. [default: {InitOptions().listen}]"),
    ] = None,
    portal_listen: Annotated[
        str | None,
        typer.Option(
            help="Address and port of the portal; empty serves none. "
            "[default: 127.0.0.1:8080, or a free port]",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no line for each call.")] = False,
    jurisdiction: Annotated[
        str,
        typer.Option(
            help="Country whose law applies and in whose terms the people are: "
            f"{' or '.join(jurisdictions())}. [default: {DEFAULT}, or that of the folder]",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve a sandbox until Ctrl-C: a bureau with lenders, wallets, magic subjects and a portal.

    The first start makes the folder. Not for production.
    """
    context.obj = folder
    if context.invoked_subcommand is None:
        jurisdiction = jurisdiction.upper()
        if jurisdiction not in {"", *jurisdictions()}:
            known = " or ".join(jurisdictions())
            raise Stop(Exit.USAGE, f"--jurisdiction {jurisdiction}: use {known}")
        session = _Session(folder or DEV_FOLDER, listen, portal_listen, jurisdiction, quiet=quiet)
        session.run()


class _Session:
    """A run of `bureau dev`."""

    def __init__(
        self,
        path: Path,
        listen: str | None,
        portal_listen: str | None,
        jurisdiction: str,
        *,
        quiet: bool,
    ) -> None:
        self._path, self._listen, self._quiet = path, listen, quiet
        self._portal_listen, self._jurisdiction = portal_listen, jurisdiction
        self._ending = threading.Event()
        # Set once the sandbox's agent and its first person are there.
        self._has_people = threading.Event()
        self._is_seeded = False
        self._broken: BaseException | None = None

    def run(self) -> None:
        """Serve until a signal, and carry out what the sandbox's operator asks for."""
        logs.configure("warning")
        echo_status(BANNER)
        listen = self._listen or InitOptions().listen
        # 1. The folder, made if it is not there, and the portal's port.
        with (
            SandboxFolder.held(self._path, listen, country=self._jurisdiction) as folder,
            ExitStack() as running,
        ):
            listener = None
            if self._portal_listen != "":
                listener = running.enter_context(_bound(self._portal_listen))
            node = SandboxNode(folder, self._show_call, listen=self._listen)
            self._end_on_signals()
            # 2. The node serves; its people come while it does.
            node.start()
            running.callback(node.stop)
            echo_status(f"serving at {node.address}")
            threading.Thread(target=self._seed, args=(node,), name="seed", daemon=True).start()
            # 3. The portal, once somebody can sign in.
            portal = self._start_portal(node, listener, running) if listener else None
            # 4. Until the end: months that have ended are furnished.
            self._serve(node, portal)
        if self._broken is not None:
            raise self._broken

    def _end_on_signals(self) -> None:
        def end(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            self._ending.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def _start_portal(
        self, node: SandboxNode, listener: socket.socket, running: ExitStack
    ) -> PortalBeside | None:
        """Serve the portal; None if its extra is missing, or the sandbox ends before."""
        while not self._has_people.wait(LOOK_S):
            if self._ending.is_set() or node.has_ended:
                return None
        portal = PortalBeside(node, listener)
        running.callback(portal.stop)
        try:
            portal.start()
        except ValueError as error:
            echo_status(f"no portal is served: {error}")
            return None
        echo_status(f"the portal serves {portal.origin}/sandbox")
        return portal

    def _seed(self, node: SandboxNode) -> None:
        def show_first(person: Person) -> None:
            _write(first_call(node.folder, person))
            self._has_people.set()

        try:
            node.seed(show_first)
            self._has_people.set()
            self._is_seeded = True
            count = len(applicable_subjects(node.jurisdiction.country))
            echo_status(
                f"all {count} magic subjects are there: bureau dev subjects --dir {self._path}"
            )
            node.catch_up()
        except Exception as error:  # noqa: BLE001  (raised by the main thread)
            if not self._ending.is_set():
                self._broken = error
                self._ending.set()

    def _serve(self, node: SandboxNode, portal: PortalBeside | None) -> None:
        next_look, generation = time.monotonic() + CATCH_UP_S, node.generation
        while not self._ending.wait(LOOK_S):
            if node.broken is not None:
                raise node.broken
            if node.has_ended:
                raise Stop(Exit.UNAVAILABLE, f"stopped: {node.server.failure}")
            if node.generation != generation and not node.restoring.is_set():
                generation = node.generation
                if portal is not None:
                    portal.stop()
                    portal.start()
                echo_status(f"restored a snapshot; serving at {node.address}")
            if time.monotonic() > next_look and node.folder.is_seeded:
                node.catch_up()
                next_look = time.monotonic() + CATCH_UP_S

    def _show_call(self, call: dict[str, Any]) -> None:
        # The calls that make the magic subjects are in the log alone.
        if self._is_seeded and not self._quiet:
            echo_status(text_of(call))


def _bound(address: str | None) -> socket.socket:
    """Bind the portal's port.

    Raises:
        Stop: The address has another form.
    """
    try:
        return listener_at(address)
    except ListenError as error:
        raise Stop(Exit.UNAVAILABLE, str(error), PORTAL_FIX) from None
    except ValueError as error:
        raise Stop(Exit.USAGE, f"--portal-listen: {error}") from None


def first_call(folder: SandboxFolder, person: Person) -> str:
    """Return a first call, on the command line and in Python."""
    path = _shown_path(folder.path)
    subject = magic_subjects(folder.jurisdiction.country)[FIRST]
    text = files("bureau.sandbox").joinpath("data/first_call.txt").read_text("utf-8")
    return Template(text).substitute(
        lender=ATTESTER,
        name=FIRST,
        subject_id=person.subject_id,
        consent_id=person.consents[ATTESTER],
        profile=f"{path}/members/{ATTESTER}",
        wallet=f"{path}/wallets/{FIRST}",
        agent=f"{path}/members/{AGENT}",
        country=subject.country,
        scheme=subject.scheme,
        identifier=subject.identifier,
    )


def _shown_path(path: Path) -> str:
    """Return a path as a person types it in the present folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@app.command()
def subjects(
    context: typer.Context,
    folder: DevDir = None,
    language: Annotated[
        str, typer.Option(help=f"Language of the words: {' or '.join(LANGUAGES)}.")
    ] = LANGUAGES[0],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all of them are there.")] = False,
    output: Shown = Output.TABLE,
) -> None:
    """List the magic subjects: names, identifiers, ids, and what each shows."""
    if language not in LANGUAGES:
        raise Stop(Exit.USAGE, f"--language {language}: use {' or '.join(LANGUAGES)}")
    if wait:
        _wait_for_start(folder or context.obj or DEV_FOLDER)
    sandbox = _open(context, folder)
    while wait and not sandbox.is_seeded:
        _require_served(sandbox)
        time.sleep(LOOK_S)
    ids = sandbox.subject_ids()
    rows = [
        {
            "name": subject.name,
            "identifier": f"{subject.country} {subject.scheme} {subject.identifier}"
            if subject.is_applicable
            else "",
            "subject_id": ids.get(subject.name, ""),
            "fault": subject.fault.value if subject.fault else "",
            "shows": subject.shows(language),
        }
        for subject in magic_subjects(sandbox.jurisdiction.country).values()
    ]
    show(rows, output)


@app.command()
def snapshot(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the new snapshot; empty lists all.")
    ] = "",
    folder: DevDir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Save the sandbox under a name: database, clock, keys, wallets. Without a name, list the
    snapshots.
    """
    sandbox = _open(context, folder)
    if not name:
        show(sandbox.list_snapshots(), output)
        return
    if _is_served(sandbox):
        with SandboxOperator.of(sandbox) as operator:
            operator.save_snapshot(name)
    else:
        with sandbox.lock(SAVES):
            sandbox.save_snapshot(name, Database(sandbox.settings().database))
    echo_status(f"saved {name}")


@app.command()
def restore(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the snapshot.")],
    folder: DevDir = None,
) -> None:
    """Restore a snapshot, with its clock; the node serves it at the same address."""
    _restore(_open(context, folder), name)
    echo_status(f"restored {name}")


@app.command()
def reset(context: typer.Context, folder: DevDir = None) -> None:
    """Restore the sandbox as it was when its magic subjects were there first."""
    _restore(_open(context, folder), INITIAL)
    echo_status("reset")


@clock.command("show")
def show_clock(context: typer.Context, folder: DevDir = None, output: Shown = Output.TABLE) -> None:
    """Show the sandbox's time."""
    with _operator(context, folder) as operator:
        show_one(shown(operator.clock()), output)


@clock.command("advance")
def advance_clock(
    context: typer.Context,
    ahead: Annotated[str, typer.Argument(metavar="TIME", help="31d, 2w or 12h.")],
    folder: DevDir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Move the clock forward; each month that ends on the way is furnished.

    Delinquencies age, consents and disputes end, and what is too old leaves reports.
    """
    span = _span(ahead)
    with _operator(context, folder) as operator:
        answer = operator.advance(span)
    months = [f"{month // 100}-{month % 100:02}" for month in answer.furnished_months]
    show_one({**shown(answer.clock), "furnished_months": months}, output)


@clock.command("freeze")
def freeze_clock(
    context: typer.Context, folder: DevDir = None, output: Shown = Output.TABLE
) -> None:
    """Freeze the clock at its present time."""
    with _operator(context, folder) as operator:
        show_one(shown(operator.freeze(frozen=True)), output)


@clock.command("resume")
def resume_clock(
    context: typer.Context, folder: DevDir = None, output: Shown = Output.TABLE
) -> None:
    """Let a frozen clock run on."""
    with _operator(context, folder) as operator:
        show_one(shown(operator.freeze(frozen=False)), output)


@log_commands.command("tail")
def tail(
    context: typer.Context,
    folder: DevDir = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Number of calls before the present one.")
    ] = 20,
    follow: Annotated[bool, typer.Option(help="Go on with each call that comes.")] = True,
    output: Shown = Output.TABLE,
) -> None:
    """Print the calls: time, member, method, purpose, outcome, milliseconds, request id."""
    sandbox = _open(context, folder)
    past = last_calls(sandbox.calls_file, lines)
    more = following(sandbox.calls_file, lambda: time.sleep(LOOK_S)) if follow else ()
    calls = chain(past, more)
    if output is Output.TABLE:
        for call in calls:
            _write(text_of(call) + "\n")
    else:
        emit_stream(({name: call[name] for name in COLUMNS} for call in calls), output)


def _write(text: str) -> None:
    """Write text to stdout, at once: others may read it through a pipe."""
    write_out(text)
    sys.stdout.flush()


def _open(context: typer.Context, folder: Path | None) -> SandboxFolder:
    """Return the sandbox of an option, of this command or of `dev`."""
    return SandboxFolder.open(folder or context.obj or DEV_FOLDER)


def _operator(context: typer.Context, folder: Path | None) -> SandboxOperator:
    sandbox = _open(context, folder)
    _require_served(sandbox)
    return SandboxOperator.of(sandbox)


def _restore(sandbox: SandboxFolder, name: str) -> None:
    if _is_served(sandbox):
        with SandboxOperator.of(sandbox) as operator:
            operator.restore_snapshot(name)
    else:
        with sandbox.lock(RESTORES):
            sandbox.restore_snapshot(name)


def _is_served(sandbox: SandboxFolder) -> bool:
    holder = sandbox.holder
    return holder is not None and holder.doing == SERVES


def _wait_for_start(path: Path) -> None:
    """Wait for a `bureau dev` that was started just before, and has not made its folder yet."""
    sandbox, end = SandboxFolder(path.resolve()), time.monotonic() + START_S
    if not sandbox.is_seeded and not _is_served(sandbox):
        echo_status(f"waiting for `bureau dev` to serve {_shown_path(sandbox.path)}")
    while not sandbox.is_seeded and not _is_served(sandbox) and time.monotonic() < end:
        time.sleep(LOOK_S)


def _require_served(sandbox: SandboxFolder) -> None:
    if not _is_served(sandbox):
        raise Stop(
            Exit.UNAVAILABLE,
            f"the sandbox {sandbox.path} is not served",
            f"Start it with `bureau dev --dir {_shown_path(sandbox.path)}`.",
        )


def _span(text: str) -> timedelta:
    """Read a span of time.

    Raises:
        Stop: The text has another form.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    if match is None:
        raise Stop(Exit.USAGE, f"{text!r} is no span of time; write 31d, 2w or 12h")
    return int(match[1]) * UNITS[match[2]]
