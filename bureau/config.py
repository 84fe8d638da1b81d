"""Settings: `bureau.toml` in the bureau's folder, overridden by environment
variables with the prefix `BUREAU_`.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bureau.party_limits import PartyLimits
from bureau.quotas import Quotas
from bureau_keys.cosignature import parse_witness
from bureau_keys.errors import KeysError
from bureau_keys.note import Verifier

SETTINGS_FILE = "bureau.toml"
# File that marks the folder of a sandbox. No setting: the environment could turn that one on. Its
# name is not that of the folder `sandbox` where capitals and small letters are the same.
SANDBOX_FILE = "SANDBOX.txt"
# File with a sandbox's time, by which its node and the clients of its folder go.
SANDBOX_CLOCK = Path("sandbox/clock.json")
CHECKPOINT_FILE = "checkpoint-"
# Files beside those with a node's newest checkpoint: half written, and the evidence of forks.
NOT_KEPT = re.compile(r"\.(new|evidence|forked-\d+-at-\d+)$")
# A setting of the versions before worker processes: the number of requests at work at once.
EARLIER_NAME, EARLIER_VARIABLE = "workers", "BUREAU_WORKERS"
SERVICES = (
    "Directory",
    "Subjects",
    "Consents",
    "Furnishing",
    "Reporting",
    "Log",
    "Members",
    "Complaints",
    "Operations",
    "Notices",
)


class Witness(BaseModel):
    """A witness that cosigns the log's checkpoints.

    Attributes:
        url: Submission prefix of the witness (C2SP tlog-witness).
        key: Verifier key of its cosignatures, `name+hash+base64`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    key: str

    @field_validator("key")
    @classmethod
    def _is_a_witness_key(cls, key: str) -> str:
        try:
            parse_witness(key)
        except KeysError as error:
            raise ValueError(str(error)) from error
        return key

    @property
    def verifier(self) -> Verifier:
        """Name and key of the witness."""
        return parse_witness(self.key)


class Settings(BaseSettings):
    """Settings of one node. Relative paths start at the folder.

    Attributes:
        folder: Folder of the bureau.
        origin: Origin of the log: a name without a scheme, like
            `bureau.example/log`; the audience of every statement.
        listen: Address and port; port 0 lets the system choose.
        addresses: Addresses at which members reach the bureau; written to their profiles.
        directory_addresses: Addresses of a directory of its own.
        names: Additional host names and addresses in the node's certificate.
        database_url: `sqlite:///…` or `postgresql://…`.
        require_standby: Acknowledge nothing on a PostgreSQL server whose commits do not
            wait for a standby.
        jurisdiction: Country whose rules apply, ISO 3166-1 alpha-2.
        node: Name of this node among several.
        services: Services of the contract that this node serves.
        worker_processes: Number of processes by which `bureau serve` serves the node.
        calls: Number of requests at work at once, in each process.
        streams: Number of streams open at once on the node.
        drain_seconds: Seconds that a stopping node keeps accepting calls after its
            readiness turns false.
        grace_seconds: Seconds that a stopping node gives to the calls it has accepted.
        passphrase_file: File with the passphrase of the keyring.
        member_days: Days that certificates are valid.
        witnesses: Witnesses that cosign checkpoints; written to profiles.
        quorum: Number of cosignatures that a receipt needs, in profiles; a member may
            change its own.
        issued_identifiers_only: Profiles that are written refuse identifiers that were never
            issued, which serve for tests.
        limits: Limits of what one member or one person stores.
        metrics_listen: Address and port of the plain HTTP endpoint for metrics,
            liveness and readiness; none if empty.
        traces_to: URL of a collector that takes traces as OTLP over gRPC; none if empty.
        http_listen: Address and port of the entrance over HTTP, for partners that cannot speak
            gRPC; none if empty.
        log_level: `debug`, `info`, `warning` or `error`.
    """

    model_config = SettingsConfigDict(env_prefix="BUREAU_", extra="forbid", frozen=True)

    folder: Path
    origin: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./_-]{0,254}$")]
    listen: str = "127.0.0.1:7443"
    addresses: tuple[str, ...] = ()
    directory_addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    database_url: str = ""
    require_standby: bool = False
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "node-1"
    services: tuple[str, ...] = SERVICES
    worker_processes: Annotated[int, Field(ge=1, le=64)] = 1
    calls: Annotated[int, Field(ge=2, le=512)] = 32
    streams: Annotated[int, Field(ge=1, le=512)] = 64
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    grace_seconds: Annotated[float, Field(ge=0, le=300)] = 10
    passphrase_file: Path = Path("server/passphrase")
    member_days: Annotated[int, Field(ge=1, le=825)] = 397
    witnesses: Annotated[tuple[Witness, ...], Field(max_length=16)] = ()
    quorum: Annotated[int, Field(ge=0, le=16)] = 0
    issued_identifiers_only: bool = False
    quotas: Quotas = Quotas()
    limits: PartyLimits = PartyLimits()
    metrics_listen: str = ""
    traces_to: Annotated[str, Field(pattern=r"^(https?://[^\s/@]+)?$")] = ""
    http_listen: str = ""
    log_level: str = "info"

    @model_validator(mode="before")
    @classmethod
    def _has_no_earlier_name(cls, values: Any) -> Any:
        """Refuse `workers`, which was the number of threads: it must not start processes."""
        if isinstance(values, dict) and EARLIER_NAME in values:
            raise ValueError(
                f"workers = {values[EARLIER_NAME]}: the setting has another name: write calls for "
                "the requests at work at once, which it was; the processes that serve the node "
                "are worker_processes, or `bureau serve --workers`"
            )
        return values

    @field_validator("witnesses")
    @classmethod
    def _are_different(cls, witnesses: tuple[Witness, ...]) -> tuple[Witness, ...]:
        names = {witness.verifier.name for witness in witnesses}
        keys = {witness.verifier.key.raw for witness in witnesses}
        if min(len(names), len(keys)) < len(witnesses):
            raise ValueError("two witnesses share a name or a key: each needs its own")
        return witnesses

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.quorum > len(self.witnesses):
            raise ValueError(
                f"a quorum of {self.quorum} among {len(self.witnesses)} witnesses: "
                "name more witnesses or lower quorum"
            )
        return self

    @classmethod
    def load(cls, folder: str | Path, **overrides: Any) -> Settings:
        """Read the settings of a bureau's folder.

        Raises:
            FileNotFoundError: The folder has no bureau.toml.
            pydantic.ValidationError: A setting is wrong; the message names it.
            ValueError: bureau.toml is not TOML.
        """
        folder = Path(folder).resolve()
        path = folder / SETTINGS_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: create a bureau with `bureau init {folder}`"
            )
        overridden = {name: value for name, value in overrides.items() if value is not None}
        # The environment is searched for the settings of today alone.
        if (earlier := os.environ.get(EARLIER_VARIABLE)) is not None:
            overridden[EARLIER_NAME] = earlier
        try:
            return _from_file(path)(folder=folder, **overridden)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} is not TOML: {error}") from error

    @property
    def database(self) -> str:
        """URL of the database."""
        return self.database_url or f"sqlite:///{self.folder / 'bureau.db'}"

    @property
    def is_sandbox(self) -> bool:
        """True if the folder is a sandbox, which production code does not serve."""
        return (self.folder / SANDBOX_FILE).exists()

    @property
    def sandbox_clock(self) -> Path | None:
        """File with the time of a sandbox; None for production."""
        return self.folder / SANDBOX_CLOCK if self.is_sandbox else None

    @property
    def server_folder(self) -> Path:
        """Files of a serving node: TLS certificate and key, the authority's certificate, the
        keyring.
        """
        return self.folder / "server"

    @property
    def authority_folder(self) -> Path:
        """Files of the certificate authority; a serving node needs none of them."""
        return self.folder / "authority"

    @property
    def operator_folder(self) -> Path:
        """Profile of the operator."""
        return self.folder / "operator"

    @property
    def kept_checkpoint(self) -> Path:
        """File with the newest checkpoint, apart from the database."""
        return self.folder / f"{CHECKPOINT_FILE}{self.node}"

    def kept_checkpoints(self) -> list[Path]:
        """List the files with the newest checkpoint of every node of the folder."""
        files = self.folder.glob(f"{CHECKPOINT_FILE}*")
        return sorted(path for path in files if not NOT_KEPT.search(path.name))

    @property
    def fork_evidence(self) -> Path:
        """File for both checkpoints when the database went back in time."""
        return self.folder / f"{CHECKPOINT_FILE}{self.node}.evidence"

    def passphrase(self) -> bytes:
        """Read the passphrase of the keyring."""
        return (self.folder / self.passphrase_file).read_bytes().strip()


def _from_file(path: Path) -> type[Settings]:
    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *sources: PydanticBaseSettingsSource,
            **named: Any,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Return the sources by precedence: arguments, environment, file."""
            del sources
            file = TomlConfigSettingsSource(settings_cls, toml_file=path)
            return named["init_settings"], named["env_settings"], file

    return FileSettings
