"""`bureau log`: the log as members see it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau.admin.forks import accept_fork
from bureau.admin.log_audit import audit_log
from bureau.admin.log_compare import compare_checkpoints
from bureau.admin.log_memory import ask_about, newest_checkpoint
from bureau.admin.operator import Operator
from bureau.cli.common import (
    Dir,
    Output,
    Shown,
    echo_status,
    group,
    in_table,
    operator_of,
    settings_of,
    show,
    show_one,
)
from bureau.cli.exit_codes import Exit, Stop
from bureau_keys.command_line.output import emit_text
from bureau_keys.fork_evidence import Finding, ForkEvidence
from bureau_keys.log_memory import MemoryFolder
from bureau_keys.merkle import leaf_hash, verify_inclusion
from bureau_keys.profile import Profile
from bureau_keys.receipt_checks import check_checkpoint, check_witnessed

app = group("The log: checkpoints, proofs, audit.")

ProfileFolder = Annotated[
    Path | None,
    typer.Option("--profile", help="Profile folder, instead of the operator's."),
]


@app.command()
def key(folder: Dir = None, profile: ProfileFolder = None, output: Shown = Output.TABLE) -> None:
    """Print the log's verifier key, which witnesses and auditors pin."""
    with _reader(folder, profile) as reader:
        log_key = reader.profile.trust.log_key
    emit_text(f"{log_key}\n", {"log_key": log_key}, output)


@app.command()
def checkpoint(
    cosigned: Annotated[
        int,
        typer.Option(
            min=0, max=16, help="Number of witnesses that must have cosigned the checkpoint."
        ),
    ] = 0,
    folder: Dir = None,
    profile: ProfileFolder = None,
    output: Shown = Output.TABLE,
) -> None:
    """Print the newest signed checkpoint, verified."""
    with _reader(folder, profile) as reader:
        note, trust = _checkpoint(reader, profile, cosigned), reader.profile.trust
        newest = check_checkpoint(note, trust)
        names = check_witnessed(note, trust, cosigned)
    if cosigned:
        echo_status(f"cosigned by {', '.join(names)}")
    fields = {
        "origin": newest.origin,
        "tree_size": newest.size,
        "root": newest.root.hex(),
        "witnesses": names,
        "checkpoint": note,
    }
    emit_text(note, fields, output)


@app.command()
def proof(
    index: Annotated[int, typer.Argument(min=0, help="Index of the leaf.")],
    size: Annotated[
        int, typer.Option(min=0, help="Tree size; 0 uses that of the newest checkpoint.")
    ] = 0,
    folder: Dir = None,
    profile: ProfileFolder = None,
    output: Shown = Output.TABLE,
) -> None:
    """Print the inclusion proof of a leaf: hashes in hex, the leaf's sibling first.

    A proof that leads to the newest checkpoint is verified.
    """
    with _reader(folder, profile) as reader:
        newest = check_checkpoint(reader.checkpoint(), reader.profile.trust)
        size = size or newest.size
        path = reader.inclusion_proof(index, size)
        if size == newest.size:
            (leaf,) = reader.leaves(index, index + 1)
            verify_inclusion(leaf_hash(leaf), index, size, path, newest.root)
    hashes = [part.hex() for part in path]
    shown = "\n".join(hashes) if output is Output.TABLE else hashes
    show_one({"leaf_index": index, "tree_size": size, "proof": shown}, output)


@app.command()
def verify(
    from_size: Annotated[
        int, typer.Option(min=0, help="Older tree size, whose consistency proof is checked too.")
    ] = 0,
    folder: Dir = None,
    profile: ProfileFolder = None,
    output: Shown = Output.TABLE,
) -> None:
    """Download every leaf and recompute every signed checkpoint."""
    with _reader(folder, profile) as reader:
        _checkpoint(reader, profile)
        audited = audit_log(reader, from_size)
    echo_status("the log holds: its leaves give the root of every signed checkpoint")
    show_one(
        {
            "origin": audited.checkpoint.origin,
            "tree_size": audited.checkpoint.size,
            "root": audited.checkpoint.root.hex(),
            "checkpoints": audited.checkpoints,
            "consistent_from": audited.consistent_from or None,
            "witnessed_size": audited.witnessed_size,
            "witnesses": audited.witnesses,
        },
        output,
    )


@app.command()
def compare(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Checkpoints that you or others kept, as `bureau log checkpoint` prints them.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    folder: Dir = None,
    profile: ProfileFolder = None,
    output: Shown = Output.TABLE,
) -> None:
    """Compare the newest checkpoint of each of the bureau's addresses with those of others.

    All must be of one log that only grew. Otherwise the exit code is 5, and the profile's folder
    keeps the two that contradict each other.
    """
    own = profile or settings_of(folder).operator_folder
    notes = {str(file): file.read_text("utf-8") for file in files or []}
    compared = compare_checkpoints(Profile.load(own), MemoryFolder(own), notes)
    rows = [
        {
            "source": each.source,
            "tree_size": each.checkpoint.size if each.checkpoint else None,
            "root": each.checkpoint.root.hex() if each.checkpoint else None,
            "problem": in_table(each.problem, output),
        }
        for each in compared
    ]
    show(rows, output)
    silent = sum(each.checkpoint is None for each in compared)
    if silent:
        message = f"{silent} of {len(compared)} sources did not answer; the others show one log"
        raise Stop(Exit.UNAVAILABLE, message, "Compare again when all addresses answer.")
    echo_status("one log: the largest checkpoint extends all others")


@app.command("check-evidence")
def check_evidence(
    file: Annotated[
        Path, typer.Argument(help="fork-evidence.json of a client.", exists=True, dir_okay=False)
    ],
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the log for the proof that is missing.")
    ] = False,
    folder: Dir = None,
    profile: ProfileFolder = None,
    output: Shown = Output.TABLE,
) -> None:
    """Verify two checkpoints that contradict each other; exit code 5 if they do not."""
    evidence = ForkEvidence.from_json(file.read_bytes())
    trust = Profile.load(profile or settings_of(folder).operator_folder).trust
    finding = evidence.check(trust)
    if ask and finding is Finding.OPEN:
        with _reader(folder, profile) as reader:
            finding = ask_about(reader, evidence)
    if finding is Finding.CONSISTENT:
        raise Stop(Exit.INVALID, finding.value)
    echo_status(finding.value)
    if finding is Finding.OPEN:
        echo_status("`--ask` asks the log again; without a valid proof it has lost one of them")
    notes = f"{evidence.kept}\n{evidence.seen}\n"
    fields = {"finding": finding.value, "kept": evidence.kept, "seen": evidence.seen}
    emit_text(notes, fields, output)


@app.command("accept-fork")
def accept(
    size: Annotated[
        int, typer.Option("--size", min=0, help="Number of entries in the database's log.")
    ],
    folder: Dir = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url", "--db", help="Database URL, instead of the one in bureau.toml."
        ),
    ] = None,
) -> None:
    """Allow the nodes of the folder to serve a database that went back in time: the log will fork.

    Members hold receipts for the missing entries. Read docs/operating.md first.
    """
    settings = settings_of(folder, database_url=database_url)
    given_up = accept_fork(settings, size)
    echo_status(
        f"given up: entries {given_up.size} to {given_up.kept_size}; members can prove them"
    )
    for file in given_up.evidence:
        echo_status(f"both checkpoints are in {file}: keep it")


def _checkpoint(reader: Operator, profile: Path | None, cosigned: int = 0) -> str:
    """Return the newest checkpoint, held to those that the profile's folder keeps."""
    note = reader.checkpoint(cosigned) if cosigned or profile is None else ""
    if profile is None:
        return note
    newest = newest_checkpoint(reader, MemoryFolder(profile), note)
    return note or newest


def _reader(folder: Path | None, profile: Path | None) -> Operator:
    return Operator(Profile.load(profile)) if profile else operator_of(folder)
