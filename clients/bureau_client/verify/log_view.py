"""The newest checkpoint that a client has seen, so that it cannot be shown two logs."""

from __future__ import annotations

import logging
import math
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from bureau_client.errors import VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_client.verify.receipts import verify_checkpoint
from bureau_client.verify.witnesses import trusted_witnesses
from bureau_keys.checkpoint import Checkpoint
from bureau_keys.cosignature import cosigned_at
from bureau_keys.errors import MalformedMessage
from bureau_keys.fork_evidence import ForkEvidence
from bureau_keys.log_memory import LogMemory, MemoryFolder
from bureau_keys.profile import Trust

logger = logging.getLogger("bureau_client")

# Proved checkpoints of which a client keeps the root; an older one is proved again if it is met
# again, which takes one call.
REMEMBERED = 1_000
# Least seconds between two writes of one client: a process that is killed forgets as much.
BETWEEN_WRITES_S = 1.0
# Least seconds between two samples: proofs of checkpoints of older statements that come with an
# answer, of which a report can bring hundreds.
BETWEEN_SAMPLES_S = 1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A checkpoint that the bureau has shown, its signature verified.

    Attributes:
        checkpoint: The checkpoint.
        note: The signed note.
        prefix: An older state that the inclusion proof of a receipt shows to be the start of
            the checkpoint's tree; None without a receipt.
    """

    checkpoint: Checkpoint
    note: str
    prefix: Checkpoint | None = None


class WitnessTimes(NamedTuple):
    """The times of the cosignatures of one checkpoint.

    Attributes:
        credible: Seconds since 1970, by the witness's name.
        faults: Findings about the other witnesses, whose cosignatures do not count.
    """

    credible: dict[str, int]
    faults: list[str]


class LogView:
    """The checkpoints that one client has seen; safe to share between threads.

    Each one is proved to be of the same log as the newest one, by the operation that sees it
    (`_operations.remembering`). With a folder the newest one outlives the client.
    """

    def __init__(self, trust: Trust, folder: MemoryFolder | None = None) -> None:
        self._trust = trust
        self._folder = folder
        self._lock = threading.RLock()
        self._thread = threading.local()
        self._operations = 0
        self._proved: OrderedDict[int, Sighting] = OrderedDict()
        self._newest: Sighting | None = None
        self._left: list[Sighting] = []
        # The newest cosigned checkpoint of each witness: its time, its size and the note.
        self._cosigned: dict[str, tuple[int, int, str]] = {}
        self._evidence: ForkEvidence | None = None
        self._loaded = folder is None
        self._written: LogMemory | None = None
        self._next_write_s = self._next_sample_s = 0.0
        self._warned = False

    @property
    def newest(self) -> Sighting | None:
        """The largest checkpoint that was proved; None before the first."""
        return self._newest

    def open(self) -> None:
        """Read what earlier clients of the folder have seen.

        Raises:
            VerificationFailed: A client has found that the log contradicts itself, or the
                folder keeps the checkpoint of another log.
        """
        with self._lock:
            if self._evidence is not None:
                raise self._refused("An earlier call of this client")
            if self._folder is None:
                return
            if self._folder.evidence_path.exists():
                raise self._refused("An earlier call in this folder")
            if not self._loaded:
                self._load(self._folder)
                self._loaded = True

    def see(self, sighting: Sighting) -> None:
        """Note a checkpoint for the proof at the end of the operation that is under way.

        Raises:
            VerificationFailed: The log signed another root of the same size.
        """
        if self.is_proved(sighting):
            return
        noted: list[Sighting] | None = getattr(self._thread, "noted", None)
        if noted is None:
            self.leave([sighting])
        else:
            noted.append(sighting)

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Count an operation of the client from its beginning to its end."""
        with self._lock:
            self._operations += 1
        try:
            yield
        finally:
            with self._lock:
                self._operations -= 1

    @property
    def has_several_operations(self) -> bool:
        """True while another operation of the client runs beside the caller's."""
        return self._operations > 1

    @contextmanager
    def noting(self, noted: list[Sighting]) -> Iterator[None]:
        """Collect the checkpoints that this thread sees meanwhile."""
        self._thread.noted = noted
        try:
            yield
        finally:
            self._thread.noted = None

    def may_sample(self) -> bool:
        """Return True once in BETWEEN_SAMPLES_S: the caller proves an older checkpoint then."""
        with self._lock:
            now_s = time.monotonic()
            due = now_s >= self._next_sample_s
            if due:
                self._next_sample_s = now_s + BETWEEN_SAMPLES_S
            return due

    def is_proved(self, sighting: Sighting) -> bool:
        """Return True for a checkpoint that was proved before.

        Raises:
            VerificationFailed: The log signed another root of the same size.
        """
        with self._lock:
            known = self._proved.get(sighting.checkpoint.size)
        if known is not None and known.checkpoint.root != sighting.checkpoint.root:
            raise self.contradiction(known, sighting)
        return known is not None

    def confirm(self, sighting: Sighting, anchor: Sighting | None) -> bool:
        """Remember a checkpoint that was proved to be of the same log as the newest one.

        Args:
            anchor: Newest checkpoint of the proof.

        Returns:
            False if another call has proved a newer checkpoint meanwhile that this one is
            not proved against.
        """
        with self._lock:
            size = sighting.checkpoint.size
            grows = anchor is None or size > anchor.checkpoint.size
            if grows and self._newest is not anchor:
                return False
            self._proved[size] = sighting
            if grows:
                self._newest = sighting
            if len(self._proved) > REMEMBERED:
                self._proved.popitem(last=False)
            return True

    def leave(self, sightings: list[Sighting]) -> None:
        """Leave checkpoints to the next call, which proves them before anything is sent."""
        with self._lock:
            self._left += sightings

    def left(self) -> list[Sighting]:
        """Return the checkpoints that earlier calls left."""
        with self._lock:
            return list(self._left)

    def settle(self, sighting: Sighting) -> None:
        """Take a checkpoint that was proved off those that are left."""
        with self._lock:
            self._left = [left for left in self._left if left != sighting]

    def cosigned_size(self, quorum: int) -> int:
        """Return the largest size that was seen with as many cosignatures; 0 before the first."""
        with self._lock:
            notes = {(size, note) for _, size, note in self._cosigned.values()}
        enough = [size for size, note in notes if len(self._times(note)) >= quorum]
        return max(enough, default=0)

    def see_cosigned(self, note: str, latest_s: float = math.inf) -> WitnessTimes:
        """Remember a cosigned checkpoint whose signature was verified.

        A witness whose time is impossible does not count, and stops no other.

        Args:
            latest_s: Latest credible time of a cosignature, seconds since 1970.
        """
        size = verify_checkpoint(note, self._trust).size
        credible, faults = dict[str, int](), list[str]()
        with self._lock:
            for name, time_s in self._times(note).items():
                known_s, known_size, _ = self._cosigned.get(name, (time_s, size, note))
                if time_s > latest_s:
                    faults.append(
                        f"the time of the witness {name} is ahead of this machine's clock: it "
                        f"cosigned size {size} at {time_s} (seconds since 1970)"
                    )
                elif (size - known_size) * (time_s - known_s) < 0:
                    faults.append(
                        f"the time of the witness {name} goes back: it cosigned size {known_size} "
                        f"at {known_s} and size {size} at {time_s} (seconds since 1970)"
                    )
                else:
                    credible[name] = time_s
                    if (size, time_s) >= (known_size, known_s):
                        self._cosigned[name] = time_s, size, note
        for fault in faults:
            logger.warning("%s; its cosignature does not count", fault)
        return WitnessTimes(credible, faults)

    def _times(self, note: str) -> dict[str, int]:
        return cosigned_at(note, trusted_witnesses(self._trust))

    def contradiction(
        self, kept: Sighting, seen: Sighting, proof: tuple[bytes, ...] = (), *, message: str = ""
    ) -> VerificationFailed:
        """Return the error about two checkpoints, with the evidence kept for good.

        Args:
            kept: Checkpoint that was seen before.
            seen: Checkpoint that contradicts it.
            proof: The log's proof between them, which does not verify.
            message: The failure; empty for a fork.
        """
        message = message or _fork(kept.checkpoint, seen.checkpoint)
        evidence = ForkEvidence(kept.note, seen.note, proof)
        with self._lock:
            self._evidence = evidence
        location = ""
        if self._folder is not None:
            try:
                self._folder.save_evidence(evidence)
                location = f"; both checkpoints are in {self._folder.evidence_path}"
            except OSError as error:
                self._warn(error)
        failure = VerificationFailed(message + location, reason="BAD_PROOF", fix=self._fix())
        failure.evidence = evidence
        return failure

    def write(self, *, closing: bool = False) -> Sighting | None:
        """Write the newest checkpoint to the folder, unless that was done a moment ago.

        Args:
            closing: Write in any case, and leave the proof to the folder's next client.

        Returns:
            The newest checkpoint of another process, which must be proved first; None once
            all is written.
        """
        folder = self._folder
        with self._lock:
            present = self._memory(LogMemory())
            if folder is None or not self._loaded or present == self._written:
                return None
            if not closing and not self._left and time.monotonic() < self._next_write_s:
                return None
            try:
                with folder.locked():
                    kept = folder.read()
                    other = self._unknown(kept.newest)
                    if other is not None and not closing:
                        return other
                    merged = self._memory(kept)
                    if other is not None:
                        unproved = (*merged.unproved, merged.newest)
                        merged = LogMemory(kept.newest, unproved, merged.cosigned)
                    folder.write(merged)
            except (OSError, MalformedMessage, VerificationFailed) as error:
                self._warn(error)
            else:
                self._written = present
            self._next_write_s = time.monotonic() + BETWEEN_WRITES_S
            return None

    def _memory(self, kept: LogMemory) -> LogMemory:
        """Return what this client has seen, joined with what the folder keeps."""
        own = [sighting.note for sighting in self._left]
        unproved = [note for note in kept.unproved if self._unknown(note)]
        newest = self._newest.note if self._newest else kept.newest
        cosigned = self._newest_cosigned(kept)
        return LogMemory(newest, tuple(dict.fromkeys([*unproved, *own])), cosigned)

    def _newest_cosigned(self, kept: LogMemory) -> tuple[str, ...]:
        """Return the newest cosigned checkpoint of each witness, by this client or the folder."""
        newest = dict(self._cosigned)
        for note in kept.cosigned:
            size = verify_checkpoint(note, self._trust).size
            for name, time_s in self._times(note).items():
                newest[name] = max(newest.get(name, (0, 0, "")), (time_s, size, note))
        return tuple(dict.fromkeys(note for _, _, note in newest.values()))

    def _unknown(self, note: str) -> Sighting | None:
        """Return the checkpoint of a kept note; None for one that was proved, or for no note."""
        if not note:
            return None
        sighting = Sighting(verify_checkpoint(note, self._trust), note)
        known = self._proved.get(sighting.checkpoint.size)
        return None if known and known.checkpoint == sighting.checkpoint else sighting

    def _load(self, folder: MemoryFolder) -> None:
        try:
            memory = folder.read()
            for note in filter(None, (memory.newest, *memory.unproved)):
                sighting = Sighting(verify_checkpoint(note, self._trust), note)
                if note == memory.newest:
                    self._newest = self._proved[sighting.checkpoint.size] = sighting
                else:
                    self._left.append(sighting)
            for note in memory.cosigned:
                self.see_cosigned(note)
        except OSError as error:
            self._warn(error)
        except (MalformedMessage, VerificationFailed) as error:
            raise VerificationFailed(
                f"{folder.path} holds no checkpoint of the log {self._trust.origin}: {error}",
                reason="BAD_PROOF",
                fix="Restore the file, or forget it with `forget-checkpoint` if the profile is of "
                "another bureau now",
            ) from None
        else:
            self._written = memory

    def _refused(self, where: str) -> VerificationFailed:
        location = "" if self._folder is None else f"; the evidence is {self._folder.evidence_path}"
        error = VerificationFailed(
            f"{where} found that the log contradicts itself, and nothing was sent{location}",
            reason="BAD_PROOF",
            fix=self._fix(),
        )
        error.evidence = self._evidence
        return error

    def _fix(self) -> str:
        if self._folder is None:
            return TELL
        return (
            "Show the file to the operator and the other members; `bureau log check-evidence` "
            "verifies it. `bureau-lender forget-checkpoint` or `bureau-wallet forget-checkpoint` "
            "lets this folder go on afterwards"
        )

    def _warn(self, error: Exception) -> None:
        if self._warned or self._folder is None:
            return
        self._warned = True
        warnings.warn(
            f"{self._folder.path} cannot be kept ({error}): this client remembers the newest "
            "checkpoint only until it ends",
            stacklevel=2,
        )


def _fork(kept: Checkpoint, seen: Checkpoint) -> str:
    """Return the message about two checkpoints of a forked log."""
    if kept.size == seen.size:
        return (
            f"The log is forked: it has signed two roots of size {kept.size}, {kept.root.hex()} "
            f"and {seen.root.hex()}"
        )
    older, newer = sorted((kept, seen), key=lambda checkpoint: checkpoint.size)
    return (
        f"The log's growth from size {older.size} to {newer.size} does not verify: it does not "
        f"prove that the tree with root {newer.root.hex()} begins with the tree with root "
        f"{older.root.hex()}"
    )
