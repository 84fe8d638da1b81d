"""Show the log: its growth by day, its newest checkpoints, and who cosigned them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from starlette.responses import Response

from bureau_client import verify
from bureau_client.errors import NotWitnessed
from bureau_client.models.audits import Checkpoint
from bureau_client.models.operations import DaySize
from bureau_portal.site import Visit
from bureau_portal.staff.answers import shown
from bureau_portal.staff.profiles import Staff

DAYS = 30
# Size of the picture, in units of its own.
WIDTH, HEIGHT, GAP = 600.0, 120.0, 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A day in the picture of the log's growth.

    Attributes:
        added: Leaves that were added on the day.
        x: Left edge.
        y: Upper edge.
    """

    size: DaySize
    added: int
    x: float
    y: float
    width: float
    height: float


async def page(visit: Visit) -> Response:
    """Show growth, checkpoints and cosignatures."""

    def read(staff: Staff) -> dict[str, Any]:
        trust = staff.profile.trust
        newest = staff.auditor.checkpoint()
        cosigned = _cosigned(staff)
        return {
            "bars": bars_of(staff.observer.log_growth(days=DAYS + 1)),
            "newest": newest,
            "newest_times": verify.witness_times(newest.note, trust),
            "cosigned": cosigned,
            "cosigned_times": verify.witness_times(cosigned.note, trust) if cosigned else {},
            "trust": trust,
        }

    return await shown(visit, "staff/log.html", read, width=WIDTH, height=HEIGHT)


def bars_of(days: Sequence[DaySize]) -> list[Bar]:
    """Return a bar for each day but the first, as high as the leaves that the day added."""
    added = [later.tree_size - earlier.tree_size for earlier, later in pairwise(days)]
    most = max([*added, 1])
    step = WIDTH / max(len(added), 1)
    return [
        Bar(
            size,
            count,
            x=round(number * step, 2),
            y=round(HEIGHT - HEIGHT * count / most, 2),
            width=round(step - GAP, 2),
            height=round(HEIGHT * count / most, 2),
        )
        for number, (size, count) in enumerate(zip(days[1:], added, strict=True))
    ]


def _cosigned(staff: Staff) -> Checkpoint | None:
    """Return the newest checkpoint that a witness of the profile has cosigned; None without one."""
    if not staff.profile.trust.witnesses:
        return None
    try:
        return staff.auditor.checkpoint(cosignatures=1)
    except NotWitnessed:
        return None
