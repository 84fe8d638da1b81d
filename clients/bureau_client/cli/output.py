"""Output of the SDK's command lines: results through the renderer of all programs."""

from __future__ import annotations

from bureau_client.models.months import Month
from bureau_keys.command_line.output import (
    Output,
    emit_many,
    emit_one,
    emit_stream,
    plain,
)
from bureau_keys.terminal import Terminal

__all__ = ["Output", "emit_many", "emit_one", "emit_stream", "err", "out", "plain"]

# Characters. Width of a report in a pipe or a file, where no terminal limits it.
PIPE_WIDTH = 160
out = Terminal(pipe_width=PIPE_WIDTH)
err = Terminal(stderr=True)

plain.register(Month, str)
