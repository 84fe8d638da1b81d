"""A count of the connections that carried a call.

gRPC for Python reports neither the end of a handshake nor its failure. It asks for the
certificate once for each connection it accepts (`tls.py`), and every call names its peer:
the difference is the connections that failed their handshake or never made a call.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from bureau import metrics

# Seconds after which gRPC has closed a connection: its age and grace, in `server.py`.
# A peer that comes back later is another connection, from the same port.
MAX_AGE_S = 630.0


@dataclass(slots=True)
class Connections:
    """The peers that called lately: two generations, the older one dropped at its age."""

    _current: set[str] = field(default_factory=set)
    _previous: set[str] = field(default_factory=set)
    _since: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, peer: str) -> None:
        """Count the connection of a peer at its first call."""
        if peer in self._current:
            return
        with self._lock:
            if peer in self._current:
                return
            if time.monotonic() > self._since + MAX_AGE_S:
                self._previous, self._current = self._current, set()
                self._since = time.monotonic()
            if peer not in self._previous:
                metrics.connections_used.inc()
            self._current.add(peer)
