"""`bureau member`: admission, changes and suspension of members."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from bureau.admin import enrolment
from bureau.admin.bureau_folder import addresses_of, trust_of
from bureau.admin.enum_names import LEVELS, MEMBER_STATES, PURPOSES, ROLES
from bureau.admin.operator import CallError
from bureau.cli import credentials
from bureau.cli.common import (
    Dir,
    Output,
    Shown,
    clock_of,
    echo_status,
    group,
    operator_of,
    settings_of,
    show,
    show_one,
)
from bureau.cli.exit_codes import Exit, Stop
from bureau_keys.profile import settings_text
from bureau_keys.secret_files import write_private
from bureau_keys.state_note import StateNote
from bureau_keys.terminal import write_out
from creditbureau.v1.members_pb2 import (
    MEMBER_STATE_ACTIVE,
    MEMBER_STATE_SUSPENDED,
    Member,
    Quota,
)

app = group("Members: admission, changes, suspension, keys and certificates.")
app.add_typer(credentials.keys, name="keys")
app.add_typer(credentials.certificates, name="cert")

MemberId = Annotated[str, typer.Argument(metavar="ID", help="The member's id.")]
LIST_COLUMNS = (
    *("member_id", "display_name", "state", "roles", "purposes", "jurisdiction", "group"),
    "reciprocity",
)


ROLE_HELP = f"Role, of {', '.join(ROLES.all)}; repeatable."
PURPOSE_HELP = (
    f"Purpose for which the member may inquire, of {', '.join(PURPOSES.all)}; repeatable."
)


@app.command()
def add(
    member_id: MemberId,
    role: Annotated[list[int], typer.Option(parser=ROLES.parser(), metavar="ROLE", help=ROLE_HELP)],
    name: Annotated[str, typer.Option(help="Display name; empty uses the id.")] = "",
    purpose: Annotated[
        list[int] | None,
        typer.Option(parser=PURPOSES.parser(), metavar="PURPOSE", help=PURPOSE_HELP),
    ] = None,
    quota: Annotated[int, typer.Option(min=0, help="Directory evaluations per day.")] = 100_000,
    jurisdiction: Annotated[
        str, typer.Option(help="ISO 3166-1 alpha-2; empty uses that of the bureau.")
    ] = "",
    group_id: Annotated[
        str, typer.Option("--group", help="Id that the members of a group share.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the member's profile. [default: ./ID]", show_default=False),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            min=0, help="Days that the certificate is valid; 0 uses the value from bureau.toml."
        ),
    ] = 0,
    csr: Annotated[
        Path | None,
        typer.Option(help="Certificate request that the member made.", exists=True, dir_okay=False),
    ] = None,
    key_possession: Annotated[
        Path | None,
        typer.Option(
            help="Signed proof of possession of the member's key.", exists=True, dir_okay=False
        ),
    ] = None,
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Admit a member and write its profile.

    With --csr and --key-possession the member keeps its private keys and gets only its
    certificate and the keys to trust.
    """
    settings = settings_of(folder)
    clock = clock_of(settings)
    if (csr is None) != (key_possession is None):
        raise Stop(Exit.USAGE, "--csr and --key-possession go together")
    if csr and key_possession:
        possession = credentials.read_possession(key_possession)
        kit = enrolment.equip_with_own_keys(
            settings, member_id, csr.read_bytes(), possession, clock, days
        )
    else:
        kit = enrolment.new_kit(settings, member_id, clock, days)
    profile_folder = out or Path(member_id)
    with operator_of(folder) as operator:
        operator.checkpoint()  # fails before anything is written if the bureau is away
        # Saved before the admission: an admitted member without its keys cannot act.
        kit.save(profile_folder)
        try:
            member, receipt = enrolment.admit(
                operator,
                kit,
                display_name=name or member_id,
                roles=role,
                purposes=purpose or [],
                jurisdiction=jurisdiction or settings.jurisdiction,
                quota=quota,
                group=group_id,
            )
        except CallError as error:
            if error.status == "UNAVAILABLE":
                echo_status(
                    f"the admission's outcome is unknown; its profile stays in {profile_folder}"
                )
            else:
                shutil.rmtree(profile_folder)
            raise
    echo_status(f"admitted {member_id} at log index {receipt.leaf_index}")
    echo_status(f"its profile: {profile_folder}")
    show_one(described(member), output)


@app.command("list")
def list_all(folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """List all members."""
    with operator_of(folder) as operator:
        show((described(member) for member in operator.members()), output, LIST_COLUMNS)


@app.command("show")
def show_member(member_id: MemberId, folder: Dir = None, output: Shown = Output.TABLE) -> None:
    """Show one member."""
    with operator_of(folder) as operator:
        show_one(described(operator.member(member_id)), output)


@app.command()
def profile(member_id: MemberId, folder: Dir = None) -> None:
    """Print a member's current profile.toml; it holds no secret."""
    settings = settings_of(folder)
    with operator_of(folder) as operator:
        operator.member(member_id)
    places = (addresses_of(settings), settings.directory_addresses)
    write_out(settings_text(member_id, *places, trust_of(settings)))


@app.command()
def suspend(
    member_id: MemberId,
    note: Annotated[
        str, typer.Option(help="Reason, for the member alone; written to a file.")
    ] = "",
    folder: Dir = None,
) -> None:
    """Suspend a member: refuse its calls and keep the records it furnished."""
    _set_state(folder, member_id, MEMBER_STATE_SUSPENDED, note)


@app.command()
def resume(
    member_id: MemberId,
    note: Annotated[
        str, typer.Option(help="Reason, for the member alone; written to a file.")
    ] = "",
    folder: Dir = None,
) -> None:
    """Resume a suspended member."""
    _set_state(folder, member_id, MEMBER_STATE_ACTIVE, note)


@app.command()
def change(
    member_id: MemberId,
    name: Annotated[str | None, typer.Option(help="Display name.")] = None,
    role: Annotated[
        list[int] | None, typer.Option(parser=ROLES.parser(), metavar="ROLE", help=ROLE_HELP)
    ] = None,
    purpose: Annotated[
        list[int] | None,
        typer.Option(parser=PURPOSES.parser(), metavar="PURPOSE", help=PURPOSE_HELP),
    ] = None,
    no_purposes: Annotated[
        bool, typer.Option("--no-purposes", help="Remove every purpose.")
    ] = False,
    quota: Annotated[int | None, typer.Option(min=0, help="Directory evaluations per day.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help="Quota, for example statements-per-day=5000; carried-statements-per-day for "
            "the subjects' statements that the member carries. 0 uses the value from "
            "bureau.toml. Repeatable.",
        ),
    ] = None,
    group_id: Annotated[
        str | None, typer.Option("--group", help="Group id; '' removes the member from its group.")
    ] = None,
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Change the given fields; --role and --purpose replace the whole list."""
    if all(option is None for option in (name, quota, group_id)) and not (
        role or purpose or no_purposes or limit
    ):
        raise Stop(Exit.USAGE, "nothing to change: name at least one option")
    if purpose and no_purposes:
        raise Stop(Exit.USAGE, "--purpose and --no-purposes exclude each other")
    with operator_of(folder) as operator:
        member = operator.member(member_id)
        if name is not None:
            member.display_name = name
        if role:
            member.roles[:] = role  # type: ignore[assignment]
        if purpose or no_purposes:
            member.purposes[:] = purpose or []  # type: ignore[assignment]
        if quota is not None:
            member.directory_quota = quota
        for each in limit or []:
            _set_limit(member, each)
        if group_id is not None:
            member.group = group_id
        changed, receipt = operator.change(member)
    echo_status(f"changed {member_id} at log index {receipt.leaf_index}")
    show_one(described(changed), output)


def _set_limit(member: Member, limit: str) -> None:
    """Set one quota of a member from `NAME=N`."""
    name, _, number = limit.partition("=")
    quota = member.carried_quota if name.startswith("carried-") else member.quota
    field = name.removeprefix("carried-").replace("-", "_")
    if field not in Quota.DESCRIPTOR.fields_by_name or not number.isdecimal():
        known = ", ".join(
            descriptor.name.replace("_", "-") for descriptor in Quota.DESCRIPTOR.fields
        )
        raise Stop(
            Exit.USAGE,
            f"--limit {limit} is no quota: give NAME=N, with one of {known}, or carried- before it",
        )
    setattr(quota, field, int(number))


def described(member: Member) -> dict[str, Any]:
    """Return the shown fields of a member."""
    return {
        "member_id": member.member_id,
        "display_name": member.display_name,
        "state": MEMBER_STATES.word(member.state),
        "roles": ROLES.words(member.roles),
        "purposes": PURPOSES.words(member.purposes),
        "jurisdiction": member.jurisdiction,
        "group": member.group,
        "directory_quota": member.directory_quota,
        "quota": _amounts(member.quota),
        "carried_quota": _amounts(member.carried_quota),
        "reciprocity": LEVELS.word(member.reciprocity),
        "create_time": member.create_time.ToJsonString(),
        "keys": [credentials.described_key(key) for key in member.keys],
        "certificates": list(member.certificate_fingerprints),
    }


def _amounts(quota: Quota) -> dict[str, int]:
    """Return the quotas that the operator signed, by name."""
    return {field.name: value for field, value in quota.ListFields()}


def _set_state(folder: Path | None, member_id: str, state: int, text: str) -> None:
    note_digest = b""
    if text:
        # On disk before it is sent: the salt is nowhere else.
        note = StateNote(text)
        note_digest = note.digest
        notes = settings_of(folder).folder / "member-notes"
        notes.mkdir(mode=0o700, exist_ok=True)
        path = notes / f"{member_id}-{note_digest.hex()[:16]}.json"
        write_private(path, note.to_json())
        echo_status(
            f"the reason is in {path}: give the file to {member_id}, no other member reads it"
        )
    with operator_of(folder) as operator:
        member, receipt = operator.set_state(member_id, state, note_digest)
    echo_status(
        f"{member_id} is {MEMBER_STATES.word(member.state)} from log index {receipt.leaf_index} on"
    )
