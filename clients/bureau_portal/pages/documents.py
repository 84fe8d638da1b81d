"""Return the whole file to keep: as a PDF file, and as the bureau signed it."""

from __future__ import annotations

from starlette.responses import Response

from bureau_client.models.reports import Report
from bureau_portal.pdf import file_pdf
from bureau_portal.site import Visit

NAME = "my-credit-file"


async def pdf(visit: Visit) -> Response:
    """Return the file as a PDF file."""
    file, inquiries = visit.views["file"], visit.views["inquiries"]
    data = file_pdf(file, inquiries, visit.portal.profile.trust.origin, visit.words)
    return _download(data, "application/pdf", f"{NAME}.pdf")


async def saved(visit: Visit) -> Response:
    """Return the signed file with its proofs."""
    file: Report = visit.views["file"]
    return _download(file.saved().encode(), "application/json", f"{NAME}.json")


def _download(data: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)
