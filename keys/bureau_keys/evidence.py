"""Evidence that is whole, and the pages that carry it with each manifest once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bureau_keys.errors import WrongAnswer
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.report_pb2 import Evidence, EvidencePage


class EvidencePiece(NamedTuple):
    """One furnished record, with everything that proves it.

    Attributes:
        tradeline_id: The tradeline that it is for.
        month: yyyymm; 0 for the record of a facility action.
        record: The record's bytes.
        record_index: Place of the record in its submission.
        proof: Inclusion proof of the record in the manifest's root.
        manifest: The submission's manifest, signed by the furnisher.
        receipt: The receipt of the submission.
    """

    tradeline_id: str
    month: int
    record: bytes
    record_index: int
    proof: tuple[bytes, ...]
    manifest: Envelope
    receipt: Receipt


def read_page(page: EvidencePage) -> list[EvidencePiece]:
    """Return the evidence of a page, each piece with its manifest.

    Raises:
        WrongAnswer: A piece refers to a manifest that the page does not have.
    """
    pieces = []
    for piece in page.evidence:
        if not 0 <= piece.manifest_index < len(page.manifests):
            raise WrongAnswer(
                f"evidence refers to manifest {piece.manifest_index} of {len(page.manifests)}"
            )
        manifest = page.manifests[piece.manifest_index]
        pieces.append(
            EvidencePiece(
                piece.tradeline_id,
                piece.month,
                piece.record,
                piece.record_index,
                tuple(piece.proof),
                manifest.envelope,
                manifest.receipt,
            )
        )
    return pieces


def write_page(pieces: Iterable[EvidencePiece]) -> EvidencePage:
    """Return a page of evidence that has each manifest once."""
    page = EvidencePage()
    places: dict[tuple[bytes, bytes], int] = {}
    for piece in pieces:
        manifest = piece.manifest.SerializeToString(deterministic=True)
        receipt = piece.receipt.SerializeToString(deterministic=True)
        if (manifest, receipt) not in places:
            places[manifest, receipt] = len(page.manifests)
            page.manifests.add(envelope=piece.manifest, receipt=piece.receipt)
        page.evidence.append(
            Evidence(
                tradeline_id=piece.tradeline_id,
                month=piece.month,
                manifest_index=places[manifest, receipt],
                record=piece.record,
                record_index=piece.record_index,
                proof=piece.proof,
            )
        )
    return page
