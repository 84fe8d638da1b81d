"""Subject ids through an oblivious, verifiable evaluation (RFC 9497, mode VOPRF,
ristretto255-SHA512): the evaluator learns neither identifier nor subject id.
"""

from __future__ import annotations

from collections.abc import Sequence

from voprf import ristretto

from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.panics import Panic, contained

MAX_BATCH = 256
ELEMENT_BYTES = 32
SEED_BYTES = 32
SUBJECT_ID_BYTES = 16


class Blinded:
    """The client's side of one batch."""

    def __init__(self, inputs: Sequence[bytes]) -> None:
        """Blind the inputs.

        Args:
            inputs: Normalised identifiers (`identifiers.normalise`), 1 to 256, none of them empty.

        Raises:
            MalformedMessage: There are others.
        """
        if not 1 <= len(inputs) <= MAX_BATCH:
            raise MalformedMessage(f"a batch has 1 to {MAX_BATCH} inputs")
        if not all(inputs):
            raise MalformedMessage("an input is not empty")
        pairs = [ristretto.Client.blind(data) for data in inputs]
        self._clients = [client for client, _ in pairs]
        self.elements = [blinded.serialize() for _, blinded in pairs]

    def finalize(self, evaluated: bytes, public_key: bytes) -> list[str]:
        """Return the subject ids, in order.

        Args:
            evaluated: What the evaluator answered.
            public_key: The directory's key.

        Raises:
            BadProof: The answer is not by this key over these elements.
        """
        try:
            key = ristretto.PublicKey.deserialize(public_key)
            output = ristretto.VerifiableBatchOutput.deserialize(evaluated)
            with contained():  # where a proof does not hold, voprf 0.2.0 panics
                results = ristretto.Client.finalize_batch(self._clients, output, key)
        except (ValueError, Panic) as error:
            raise BadProof("the directory's answer does not verify under its key") from error
        return [result[:SUBJECT_ID_BYTES].hex() for result in results]


def blind_many(inputs: Sequence[bytes]) -> tuple[Blinded, list[bytes]]:
    """Blind normalised identifiers: what to keep, and what to send."""
    blinded = Blinded(inputs)
    return blinded, blinded.elements


class Evaluator:
    """The directory's side."""

    def __init__(self, evaluator: ristretto.Evaluator) -> None:
        self._evaluator = evaluator

    @classmethod
    def from_seed(cls, seed: bytes) -> Evaluator:
        """Return the evaluator of a secret seed (RFC 9497 DeriveKeyPair).

        Raises:
            MalformedMessage: The seed has not 32 bytes.
        """
        if len(seed) != SEED_BYTES:
            raise MalformedMessage("the directory's seed has 32 bytes")
        return cls(ristretto.Evaluator.from_seed(seed, b"creditbureau directory"))

    @property
    def public_key(self) -> bytes:
        """Compressed ristretto255 element, 32 bytes."""
        return self._evaluator.public_key.serialize()

    def evaluate(self, elements: Sequence[bytes]) -> bytes:
        """Return the evaluated elements and their proof, as `Blinded.finalize` takes them.

        Raises:
            MalformedMessage: An element is none (the identity is none either), or
                there are none or too many.
        """
        if not 1 <= len(elements) <= MAX_BATCH:
            raise MalformedMessage(f"a batch has 1 to {MAX_BATCH} elements")
        # The library would take what is longer, and ignore the rest.
        if any(len(element) != ELEMENT_BYTES for element in elements):
            raise MalformedMessage("a ristretto255 element has 32 bytes")
        try:
            blinded = [ristretto.BlindedInput.deserialize(element) for element in elements]
        except ValueError as error:
            raise MalformedMessage("not a ristretto255 element") from error
        return self._evaluator.evaluate_batch(blinded).serialize()
