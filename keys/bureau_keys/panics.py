"""Panics of libraries in Rust: as exceptions, without their text on the standard error.

A panic prints a message, and often a backtrace, to file descriptor 2 before Python hears of
it. The one way to keep that text from the user is to point the descriptor elsewhere meanwhile.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2
# Start of the text of a panic, as Rust's standard library prints it.
_TEXT = b"\nthread '"
# One descriptor for all threads of the process.
_lock = threading.Lock()


class Panic(Exception):
    """A library in Rust panicked."""


@contextmanager
def contained() -> Iterator[None]:
    """Raise `Panic` for a panic in the block, and keep its text from the standard error.

    What other threads write to the descriptor meanwhile arrives when the block ends.

    Raises:
        Panic: The block panicked.
    """
    with _lock, tempfile.TemporaryFile() as kept:
        try:
            stderr = os.dup(STDERR)
        except OSError:  # a process without a standard error
            stderr = -1
        else:
            os.dup2(kept.fileno(), STDERR)
        panicked = False
        try:
            yield
        except BaseException as error:
            # The exception of PyO3 is no Exception, and its class cannot be imported.
            panicked = type(error).__name__ == "PanicException"
            if panicked:
                raise Panic(str(error)) from None
            raise
        finally:
            if stderr != -1:
                os.dup2(stderr, STDERR)
                kept.seek(0)
                text = kept.read()
                _write(stderr, text.partition(_TEXT)[0] if panicked else text)
                os.close(stderr)


def _write(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]
