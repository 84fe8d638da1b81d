"""Portfolios: a stream of reports, each proved by the leaf of the one inquiry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from google.protobuf.message import DecodeError

from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.events import hold_report
from bureau_client._operations.operation import Operation
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.reporting import verified_report
from bureau_client._operations.streams import Stream
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import Purpose
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Report
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_keys.envelope import peek, seal
from bureau_keys.errors import BadProof, KeysError
from bureau_keys.portfolio import check_portfolio
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.reporting_pb2 import PortfolioProof, QueryPortfolioResponse

# Called with the index of each report that the bureau withholds.
OnWithheld = Callable[[int], None]
# Digits of the longest cursor: the index of one of at most 10,000 reports.
MAX_DIGITS = 5


def ignore_withheld(_index: int) -> None:
    """Pass over a report that the bureau withholds."""


def portfolio(
    context: SigningContext,
    purpose: Purpose,
    subject_ids: Iterable[str],
    on_withheld: OnWithheld,
) -> Stream[Report]:
    """Return the stream of reports on the calling member's customers, each verified."""
    inquiry = reporting_pb2.PortfolioInquiry(
        header=context.signer.header(),
        purpose=arguments.code(purpose, "purpose"),  # type: ignore[arg-type]
        subject_ids=map(arguments.subject_id, subject_ids),
    )
    sealed = seal(inquiry, context.signer.key)
    return _stream(context, sealed, inquiry, "", on_withheld)


def resume_portfolio(
    context: SigningContext, inquiry: bytes, after: str, on_withheld: OnWithheld
) -> Stream[Report]:
    """Return the stream of an earlier inquiry's reports after a cursor."""
    try:
        sealed = Envelope.FromString(inquiry)
        signed = peek(sealed, reporting_pb2.PortfolioInquiry)
    except (DecodeError, KeysError):
        raise arguments.refuse(
            "inquiry",
            "INVALID_FIELD",
            "is not a signed portfolio inquiry; pass Report.inquiry of one of its reports",
        ) from None
    if after and not (after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS):
        raise arguments.refuse(
            "after", "BAD_PAGE_TOKEN", f"{after!r} is not a cursor; pass Report.cursor"
        )
    return _stream(context, sealed, signed, after, on_withheld)


def _stream(
    context: SigningContext,
    sealed: Envelope,
    inquiry: reporting_pb2.PortfolioInquiry,
    after: str,
    on_withheld: OnWithheld,
) -> Stream[Report]:
    reader = _Reader(context, sealed, frozenset(inquiry.subject_ids), on_withheld)
    return Stream(
        methods.QUERY_PORTFOLIO,
        reader.request,
        reader.read,
        after,
        endless=False,
        request_id=inquiry.header.request_id,
        check_end=reader.check_end,
    )


class _Reader:
    """The state of one portfolio's stream: what its leaf commits to, and the next index."""

    def __init__(
        self,
        context: SigningContext,
        sealed: Envelope,
        named: frozenset[str],
        on_withheld: OnWithheld,
    ) -> None:
        self._context = context
        self._sealed = sealed
        self._named = named
        self._on_withheld = on_withheld
        self._receipt: Receipt | None = None
        self._start = PortfolioProof()
        self._next = 0
        self._is_opened = False
        self._subjects: set[str] = set()

    def request(self, cursor: str) -> reporting_pb2.QueryPortfolioRequest:
        """Return the request for the reports after a cursor."""
        self._next, self._is_opened = int(cursor or 0), False
        return reporting_pb2.QueryPortfolioRequest(inquiry=self._sealed, cursor=cursor)

    def read(self, message: QueryPortfolioResponse) -> Operation[Report | None]:
        """Verify and return the report of a message; None if the message has none.

        Raises:
            VerificationFailed: The report is not the next one that the leaf commits to.
        """
        is_first = not self._is_opened
        receipt = yield from self._begin(message)
        if is_first and self._next == self._start.count and not message.cursor:
            return None  # no report is left, and this message says so
        index = message.portfolio.index
        check_equal("The index of the report", index, self._next)
        if index >= self._start.count:
            raise _refused(f"The portfolio has a report {index}, and its leaf {self._start.count}")
        check_equal("The cursor after the report", message.cursor, str(index + 1))
        self._next += 1
        if message.withheld:
            self._on_withheld(index)
            return None
        return (yield from self._report(message, receipt))

    def check_end(self) -> None:
        """Check that the stream did not end before its last report.

        Raises:
            VerificationFailed: The stream has fewer reports than the leaf commits to.
        """
        if not self._is_opened or self._next != self._start.count:
            raise _refused(
                f"The portfolio ended before report {self._next} of {self._start.count}"
                if self._is_opened
                else "The portfolio ended without its receipt"
            )

    def _begin(self, message: QueryPortfolioResponse) -> Operation[Receipt]:
        """Return the receipt of the inquiry, verified in the first message of each stream."""
        if self._receipt is not None and self._is_opened:
            return self._receipt
        receipt = yield from verify_receipt_and_witnesses(
            self._context, message.receipt, self._sealed, kind="portfolio-inquiry"
        )
        start = PortfolioProof(count=message.portfolio.count, root=message.portfolio.root)
        with verifying("The portfolio"):
            check_portfolio(message.receipt, start)
            if self._named and start.count > len(self._named):
                raise BadProof(
                    f"it has {start.count} reports, and the inquiry names {len(self._named)} people"
                )
        if self._receipt is not None:
            check_equal("The leaf of the inquiry", receipt.leaf_index, self._receipt.leaf_index)
            check_equal("The root of the portfolio", start.root, self._start.root)
        self._receipt, self._start, self._is_opened = receipt, start, True
        return receipt

    def _report(self, message: QueryPortfolioResponse, receipt: Receipt) -> Operation[Report]:
        portfolio = PortfolioProof(
            count=self._start.count,
            root=self._start.root,
            index=message.portfolio.index,
            proof=message.portfolio.proof,
        )
        report = yield from verified_report(
            self._context, message.report, self._sealed, receipt, message.consent, portfolio
        )
        if report.subject_id in self._subjects:
            raise _refused(f"The portfolio has two reports on subject {report.subject_id}")
        yield from hold_report(self._context, report)
        # Last: a call that failed before this would leave a report that is sent again a second one.
        self._subjects.add(report.subject_id)
        return replace(report, cursor=message.cursor)


def _refused(message: str) -> VerificationFailed:
    return VerificationFailed(message, reason="WRONG_ANSWER", fix=TELL)
