"""The channel between the supervisor and one worker: a pair of sockets with lines of JSON.

The supervisor sends the handover and nothing more; the worker sends `Beat` once a second. Each
side sees by the end of the channel that the other one has ended.
"""

from __future__ import annotations

import socket

from pydantic import BaseModel, ConfigDict, Field

from bureau.config import Settings
from bureau.workers.notices import Pipe


class Handover(BaseModel):
    """The start of a worker: nothing of it is on the command line or in the environment.

    Attributes:
        worker: Number of the worker, from 0.
        settings: Settings of the node, as the supervisor read them.
        passphrase: Passphrase of the keyring, in hexadecimal digits.
        as_json: Format of the log; None to choose by stderr.
        table: Descriptor of the shared table of limits.
        calls: Descriptor of the memory with the newest calls.
        pipes: Pipes for notices of commits, of all workers.
        metrics: Folder with the metrics of the node's workers.
        kept_turns: File by which workers take turns to write the kept checkpoint.
    """

    # An error about it must not print the passphrase, nor the password of the database.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    worker: int
    settings: dict[str, object]
    passphrase: str = Field(repr=False)
    as_json: bool | None
    table: int
    calls: int
    pipes: list[Pipe]
    metrics: str
    kept_turns: str

    def read_settings(self) -> Settings:
        """Return the settings of the node."""
        return Settings.model_validate(self.settings)


class Beat(BaseModel):
    """The state of a worker.

    Attributes:
        serving: True once its port is open.
        ready: True while it may be asked.
        failure: Lines of the error for which it ends; empty if there is none.
    """

    serving: bool = False
    ready: bool = False
    failure: list[str] = []


def send(channel: socket.socket, message: Handover | Beat) -> None:
    """Send a message."""
    channel.sendall(message.model_dump_json().encode() + b"\n")
