"""Subject ids: what RFC 9497 computes, and what nobody is made to believe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from voprf import ristretto

from bureau_keys.errors import BadProof, MalformedMessage
from bureau_keys.identifiers import normalise
from bureau_keys.panics import contained
from bureau_keys.pseudonym import MAX_BATCH, Blinded, Evaluator, blind_many
from tests.unit.keys import vectors

SEED = bytes(range(32))
DIRECTORY = Evaluator.from_seed(SEED)
# RFC 9497 appendix A.1.2, test vector 1.
RFC_SEED, RFC_INFO = b"\xa3" * 32, b"test key"
RFC_PUBLIC = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
RFC_BLINDED = "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"
RFC_EVALUATED = "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"
RFC_OUTPUT = (
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
    "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"
)


def rfc_evaluator() -> Evaluator:
    return Evaluator(ristretto.Evaluator.from_seed(RFC_SEED, RFC_INFO))


def test_the_standards_example() -> None:
    directory = rfc_evaluator()
    assert directory.public_key.hex() == RFC_PUBLIC
    answer = directory.evaluate([bytes.fromhex(RFC_BLINDED)])
    assert bytes.fromhex(RFC_EVALUATED) in answer
    state, elements = blind_many([b"\x00"])
    [subject_id] = state.finalize(directory.evaluate(elements), directory.public_key)
    assert subject_id == RFC_OUTPUT[:32]


def test_published_vectors() -> None:
    suites = vectors.load("voprf/allVectors.json")
    [suite] = [
        suite
        for suite in suites
        if suite["identifier"] == "ristretto255-SHA512" and suite["mode"] == 1
    ]
    library = ristretto.Evaluator.from_seed(*map(bytes.fromhex, (suite["seed"], suite["keyInfo"])))
    directory = Evaluator(library)
    assert directory.public_key.hex() == suite["pkSm"]
    for vector in suite["vectors"]:
        _check(directory, library, vector)


def _check(directory: Evaluator, library: ristretto.Evaluator, vector: dict[str, Any]) -> None:
    inputs, blinded, evaluated, outputs = (
        [bytes.fromhex(part) for part in vector[name].split(",")]
        for name in ("Input", "BlindedElement", "EvaluationElement", "Output")
    )
    assert [library.evaluate_known_input(data) for data in inputs] == outputs
    answer = directory.evaluate(blinded)
    for element in evaluated:
        assert element in answer
    # Blinds are random here, so that proofs are checked by the client, not by bytes.
    state, elements = blind_many(inputs)
    ids = state.finalize(directory.evaluate(elements), directory.public_key)
    assert ids == [output[:16].hex() for output in outputs]


def test_ids_are_the_same_each_time_and_for_everybody() -> None:
    inputs = [normalise("US", "ssn", f"900-00-{number:04}") for number in range(5)]
    results = set()
    for order in (inputs, inputs[::-1]):
        state, elements = blind_many(order)
        ids = state.finalize(DIRECTORY.evaluate(elements), DIRECTORY.public_key)
        results.add(tuple(sorted(zip(order, ids, strict=True))))
    assert len(results) == 1
    [pairs] = results
    assert len({subject_id for _, subject_id in pairs}) == 5
    assert all(len(subject_id) == 32 for _, subject_id in pairs)
    assert all(int(subject_id, 16) >= 0 for _, subject_id in pairs)


def test_the_directory_sees_nothing_twice() -> None:
    _, first = blind_many([b"US|SSN|900000000"])
    _, second = blind_many([b"US|SSN|900000000"])
    assert first != second
    assert [len(element) for element in first] == [32]


def test_another_directory_gives_other_ids() -> None:
    ids = set()
    for seed in (SEED, bytes(32)):
        directory = Evaluator.from_seed(seed)
        state, elements = blind_many([b"US|SSN|900000000"])
        ids.update(state.finalize(directory.evaluate(elements), directory.public_key))
    assert len(ids) == 2


def test_an_answer_under_another_key_is_not_believed(capfd: pytest.CaptureFixture[str]) -> None:
    other = Evaluator.from_seed(bytes(32))
    state, elements = blind_many([b"a", b"b"])
    answer = DIRECTORY.evaluate(elements)
    for evaluated, key in (
        (other.evaluate(elements), DIRECTORY.public_key),
        (answer, other.public_key),
        (answer, bytes(32)),
        (answer, b"\xff" * 32),
        (answer, b""),
        (b"", DIRECTORY.public_key),
        (answer[:-1], DIRECTORY.public_key),
        (answer + b"\0", DIRECTORY.public_key),
        # Answers to other elements: fewer, more, in another order.
        (DIRECTORY.evaluate(elements[:1]), DIRECTORY.public_key),
        (DIRECTORY.evaluate([*elements, elements[0]]), DIRECTORY.public_key),
        (DIRECTORY.evaluate(elements[::-1]), DIRECTORY.public_key),
    ):
        with pytest.raises(BadProof) as refused:
            state.finalize(evaluated, key)
        assert refused.value.reason == "BAD_PROOF"
    # A false answer does no harm to the true one, and prints nothing.
    assert len(state.finalize(answer, DIRECTORY.public_key)) == 2
    assert capfd.readouterr().err == ""


def test_what_others_write_beside_a_panic_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    with contained():
        os.write(2, b"of another thread")
    assert capfd.readouterr().err == "of another thread"


def test_any_changed_byte_of_an_answer_is_noticed() -> None:
    state, elements = blind_many([b"a", b"b"])
    answer = DIRECTORY.evaluate(elements)
    for index in range(len(answer)):
        changed = bytearray(answer)
        changed[index] ^= 1
        with pytest.raises(BadProof):
            state.finalize(bytes(changed), DIRECTORY.public_key)


def test_interrupts_are_not_taken_for_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    state, elements = blind_many([b"a"])
    answer = DIRECTORY.evaluate(elements)

    class Interrupted:
        @staticmethod
        def finalize_batch(*_: object) -> list[bytes]:
            raise KeyboardInterrupt

    monkeypatch.setattr("bureau_keys.pseudonym.ristretto.Client", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        state.finalize(answer, DIRECTORY.public_key)


@pytest.mark.parametrize("element", [b"", bytes(32), b"\xff" * 32, b"\x01" * 32])
def test_what_is_no_element_is_refused(element: bytes) -> None:
    _, elements = blind_many([b"a"])
    with pytest.raises(MalformedMessage) as refused:
        DIRECTORY.evaluate([*elements, element])
    assert refused.value.reason == "MALFORMED_MESSAGE"


def test_an_element_has_32_bytes() -> None:
    _, [element] = blind_many([b"a"])
    for other in (element[:31], element + b"\0"):
        with pytest.raises(MalformedMessage):
            DIRECTORY.evaluate([other])


def test_batches_have_1_to_256_elements() -> None:
    state, elements = blind_many([b"%d" % number for number in range(MAX_BATCH)])
    ids = state.finalize(DIRECTORY.evaluate(elements), DIRECTORY.public_key)
    assert len(set(ids)) == MAX_BATCH
    for wrong in ([], [*elements, elements[0]]):
        with pytest.raises(MalformedMessage):
            DIRECTORY.evaluate(wrong)
    for inputs in ([], [b"a"] * (MAX_BATCH + 1), [b"a", b""]):
        with pytest.raises(MalformedMessage):
            Blinded(inputs)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Evaluator.from_seed(seed)
