"""Pages of evidence: what is written is read again, and each manifest is there once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.errors import WrongAnswer
from bureau_keys.evidence import EvidencePiece, read_page, write_page
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.report_pb2 import Evidence, EvidencePage

pieces = st.lists(
    st.builds(
        EvidencePiece,
        tradeline_id=st.sampled_from(["a", "b"]),
        month=st.sampled_from([0, 202601, 202602]),
        record=st.binary(max_size=8),
        record_index=st.integers(0, 9999),
        proof=st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple),
        manifest=st.builds(Envelope, payload=st.sampled_from([b"one", b"two", b"three"])),
        receipt=st.builds(Receipt, leaf_index=st.integers(0, 2)),
    ),
    max_size=20,
)


@given(pieces)
def test_a_page_is_read_as_it_was_written(written: list[EvidencePiece]) -> None:
    page = write_page(written)
    assert read_page(EvidencePage.FromString(page.SerializeToString())) == written
    submissions = [logged.SerializeToString() for logged in page.manifests]
    assert len(submissions) == len(set(submissions))
    assert {piece.manifest_index for piece in page.evidence} == set(range(len(submissions)))


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1])
def test_a_piece_refers_to_a_manifest_of_its_page(index: int) -> None:
    page = write_page([EvidencePiece("a", 0, b"", 0, (), Envelope(), Receipt())])
    page.evidence.append(Evidence(manifest_index=index))
    with pytest.raises(WrongAnswer):
        read_page(page)
