"""What a client remembers of the log, so that it cannot be shown two."""

from __future__ import annotations

import threading
from collections import OrderedDict

from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_keys.checkpoint import Checkpoint

REMEMBERED = 10_000


class LogView:
    """The roots of the checkpoints seen so far, by tree size.

    Two roots of one size prove a forked log. Whether a larger checkpoint extends
    a smaller one takes a consistency proof: `Auditor.audit` and
    `Auditor.consistency` ask for it. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._roots: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._newest: Checkpoint | None = None

    @property
    def newest(self) -> Checkpoint | None:
        """The largest checkpoint seen; None before the first."""
        return self._newest

    def remember(self, checkpoint: Checkpoint) -> None:
        """Remember a checkpoint whose signature was checked.

        Raises:
            VerificationFailed: Another root of the same size was seen before.
        """
        with self._lock:
            known = self._roots.setdefault(checkpoint.size, checkpoint.root)
            if known != checkpoint.root:
                raise VerificationFailed(
                    f"The log is forked: it has signed two roots of size {checkpoint.size}, "
                    f"{known.hex()} and {checkpoint.root.hex()}",
                    reason="BAD_PROOF",
                    fix=TELL,
                )
            if self._newest is None or checkpoint.size > self._newest.size:
                self._newest = checkpoint
            if len(self._roots) > REMEMBERED:
                self._roots.popitem(last=False)
