"""Show the person's own credit file, in sentences and as months."""

from __future__ import annotations

from starlette.responses import Response

from bureau_client.models.reports import Report
from bureau_portal.heatmap import heatmap, legend
from bureau_portal.sentences import (
    attribute_meaning,
    attribute_value,
    figures,
    frozen_lines,
    line_sentences,
    omission_sentences,
    summary_sentences,
    verification_sentences,
)
from bureau_portal.site import Visit


async def page(visit: Visit) -> Response:
    """Show the whole file."""
    file: Report = visit.views["file"]
    words = visit.words
    lines = [
        (line, list(line_sentences(line, words)), list(figures(line, words)))
        for line in file.tradelines
    ]
    return visit.render(
        "file.html",
        file=file,
        summary=list(summary_sentences(file.summary, words)),
        frozen=list(frozen_lines(file, words)),
        lines=lines,
        heatmap=heatmap(file.tradelines, words),
        legend=legend(words),
        omissions=list(omission_sentences(file, words)),
        attributes=[
            (one.name, attribute_meaning(one.name, words), attribute_value(one, words))
            for one in file.attributes
        ],
        verification=list(verification_sentences(file, visit.portal.profile.trust.origin, words)),
    )


async def set_statement(visit: Visit) -> Response:
    """Let the person sign their own statement on the file."""
    text = visit.field("text")
    return visit.sign(
        lambda wallet: wallet.set_statement(text), back="/file", done="file.statement_set"
    )
