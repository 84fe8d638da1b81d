"""Checks who has cosigned a checkpoint, beside the bureau."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from bureau_client.errors import NotWitnessed
from bureau_client.verify.checks import verifying
from bureau_keys.cosignature import cosigned_at, cosigners, parse_witness
from bureau_keys.note import Verifier
from bureau_keys.profile import Trust

# The first second, since 1970, that `datetime` does not have.
YEAR_10000_S = 253_402_300_800


def witnesses_of(note: str, trust: Trust) -> tuple[str, ...]:
    """Return the names of the trusted witnesses whose cosignature of a checkpoint verifies.

    Raises:
        VerificationFailed: It is no signed note.
    """
    with verifying("The checkpoint"):
        return tuple(cosigners(note, trusted_witnesses(trust)))


def verify_witnessed(note: str, trust: Trust, quorum: int | None = None) -> tuple[str, ...]:
    """Check that enough witnesses have cosigned a checkpoint.

    Args:
        note: The signed checkpoint, with its cosignatures.
        trust: Whose cosignatures count.
        quorum: How many are enough; None: as many as the trust says.

    Returns:
        Their names.

    Raises:
        NotWitnessed: Fewer trusted witnesses cosigned.
        VerificationFailed: It is no signed note.
    """
    needed = trust.quorum if quorum is None else quorum
    counted = witnesses_of(note, trust)
    if len(counted) < needed:
        raise NotWitnessed(
            f"The checkpoint has {len(counted)} cosignatures that count, {needed} are needed",
            reason="NOT_WITNESSED",
            fix="Ask the bureau for one with more: `wait_for_witnesses(receipt)` does",
        )
    return counted


def witness_times(note: str, trust: Trust) -> dict[str, datetime]:
    """Return the time of each cosignature of a checkpoint that verifies, by the witness's name.

    A time beyond the year 9999 is left out.

    Raises:
        VerificationFailed: It is no signed note.
    """
    with verifying("The checkpoint"):
        times = cosigned_at(note, trusted_witnesses(trust))
    return {
        name: datetime.fromtimestamp(time_s, UTC)
        for name, time_s in times.items()
        if time_s < YEAR_10000_S
    }


def trusted_witnesses(trust: Trust) -> tuple[Verifier, ...]:
    """Return the witnesses that a profile trusts."""
    return _parsed(trust.witnesses)


@lru_cache
def _parsed(keys: tuple[str, ...]) -> tuple[Verifier, ...]:
    return tuple(map(parse_witness, keys))
