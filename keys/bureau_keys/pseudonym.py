"""Subject ids through an oblivious, verifiable evaluation (RFC 9497, mode VOPRF,
ristretto255-SHA512): the evaluator learns neither identifier nor subject id.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from voprf import ristretto

from bureau_keys.errors import BadProof, MalformedMessage

MAX_BATCH = 256
ELEMENT_BYTES = 32
SUBJECT_ID_BYTES = 16
_DROPPED = str.maketrans("", "", " -./\u00a0")


def normalise(country: str, scheme: str, identifier: str) -> bytes:
    """`country|scheme|identifier` in the one form in which all members write it.

    NFKC, upper case, without spaces, dashes, dots and slashes.

    Raises:
        MalformedMessage: A part is empty or has control characters or a bar.
    """
    parts = []
    for part in (country, scheme, identifier):
        clean = unicodedata.normalize("NFKC", part).upper().translate(_DROPPED)
        if not clean or "|" in clean or any(unicodedata.category(c)[0] == "C" for c in clean):
            raise MalformedMessage("country, scheme and identifier must be plain, non-empty text")
        parts.append(clean)
    return "|".join(parts).encode()


class Blinded:
    """The client's side of one batch."""

    def __init__(self, inputs: Sequence[bytes]) -> None:
        """Args:
        inputs: Normalised identifiers, 1 to 256.
        """
        if not 1 <= len(inputs) <= MAX_BATCH:
            raise MalformedMessage(f"a batch has 1 to {MAX_BATCH} inputs")
        pairs = [ristretto.Client.blind(data) for data in inputs]
        self._clients = [client for client, _ in pairs]
        self.elements = [blinded.serialize() for _, blinded in pairs]

    def finalize(self, evaluated: bytes, public_key: bytes) -> list[str]:
        """The subject ids, in order.

        Args:
            evaluated: What the evaluator answered.
            public_key: The directory's key.

        Raises:
            BadProof: The answer is not by this key over these elements.
        """
        try:
            key = ristretto.PublicKey.deserialize(public_key)
            output = ristretto.VerifiableBatchOutput.deserialize(evaluated)
            results = ristretto.Client.finalize_batch(self._clients, output, key)
        except Exception as error:
            raise BadProof("the directory's answer does not verify under its key") from error
        return [result[:SUBJECT_ID_BYTES].hex() for result in results]


def blind_many(inputs: Sequence[bytes]) -> tuple[Blinded, list[bytes]]:
    """Blinds normalised identifiers: what to keep, and what to send."""
    blinded = Blinded(inputs)
    return blinded, blinded.elements


class Evaluator:
    """The directory's side."""

    def __init__(self, evaluator: ristretto.Evaluator) -> None:
        self._evaluator = evaluator

    @classmethod
    def from_seed(cls, seed: bytes) -> Evaluator:
        """The evaluator of a secret seed of 32 bytes (DeriveKeyPair)."""
        return cls(ristretto.Evaluator.from_seed(seed, b"creditbureau directory"))

    @property
    def public_key(self) -> bytes:
        """Compressed ristretto255 element, 32 bytes."""
        return self._evaluator.public_key.serialize()

    def evaluate(self, elements: Sequence[bytes]) -> bytes:
        """Evaluated elements and their proof.

        Raises:
            MalformedMessage: An element is none, or there are too many.
        """
        if not 1 <= len(elements) <= MAX_BATCH:
            raise MalformedMessage(f"a batch has 1 to {MAX_BATCH} elements")
        try:
            blinded = [ristretto.BlindedInput.deserialize(element) for element in elements]
        except Exception as error:
            raise MalformedMessage("not a ristretto255 element") from error
        return self._evaluator.evaluate_batch(blinded).serialize()
