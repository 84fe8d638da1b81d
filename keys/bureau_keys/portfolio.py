"""The answer to a portfolio inquiry: one digest in the log for all its reports.

The leaf of the inquiry commits to the number of the reports and to the RFC 6962 root over
them, in the order of the stream. A leaf of that tree is the SHA-256 of a report's payload, so
an inclusion proof of a few hashes shows that the log records a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from bureau_keys.errors import BadProof
from bureau_keys.merkle import Frontier, leaf_hash, verify_inclusion
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.reporting_pb2 import PortfolioProof

# Reports of one inquiry; a larger portfolio is refused and must be split.
MAX_REPORTS = 10_000


def answer_digest(count: int, root: bytes) -> bytes:
    """Return the digest by which a leaf commits to the reports of a portfolio."""
    return sha256(f"creditbureau/portfolio/v1\n{count}\n{root.hex()}\n".encode()).digest()


class ReportTree:
    """The tree over the reports of one portfolio inquiry.

    Attributes:
        count: Number of reports.
        root: The tree's root.
    """

    def __init__(self, digests: Sequence[bytes]) -> None:
        """Build the tree over the SHA-256 digests of the reports' payloads, in order."""
        frontier = Frontier()
        self._proofs = frontier.extend_with_proofs([leaf_hash(digest) for digest in digests])
        self.count = frontier.size
        self.root = frontier.root()

    @property
    def answer_digest(self) -> bytes:
        """The digest by which the inquiry's leaf commits to the reports."""
        return answer_digest(self.count, self.root)

    def start(self) -> PortfolioProof:
        """Return the count and the root, without the place of a report."""
        return PortfolioProof(count=self.count, root=self.root)

    def prove(self, index: int) -> PortfolioProof:
        """Return the whole proof of the report at an index."""
        proof = self._proofs[index]
        return PortfolioProof(count=self.count, root=self.root, index=index, proof=proof)


def check_portfolio(receipt: Receipt, portfolio: PortfolioProof) -> None:
    """Check that a leaf commits to the count and the root of a portfolio.

    Raises:
        BadProof: The leaf commits to another answer, or to none.
    """
    if not 0 <= portfolio.count <= MAX_REPORTS:
        raise BadProof(f"a portfolio has at most {MAX_REPORTS} reports, not {portfolio.count}")
    if receipt.answer_digest != answer_digest(portfolio.count, portfolio.root):
        raise BadProof(f"leaf {receipt.leaf_index} does not commit to this portfolio")


def check_portfolio_report(receipt: Receipt, payload: bytes, portfolio: PortfolioProof) -> None:
    """Check that a leaf commits to a report of a portfolio.

    Args:
        receipt: The verified receipt of the inquiry.
        payload: The report's bytes.
        portfolio: The place of the report, with its proof.

    Raises:
        BadProof: The report is not among those that the leaf commits to.
    """
    check_portfolio(receipt, portfolio)
    try:
        verify_inclusion(
            leaf_hash(sha256(payload).digest()),
            portfolio.index,
            portfolio.count,
            list(portfolio.proof),
            portfolio.root,
        )
    except BadProof as error:
        raise BadProof(f"the log records no such report of the portfolio: {error}") from error
