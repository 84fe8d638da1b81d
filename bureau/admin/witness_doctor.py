"""Examination of the witnesses: each gets the request for a cosignature that the node sends."""

from __future__ import annotations

from collections.abc import Iterator

from bureau.admin.check_results import CheckResult, Health
from bureau.config import Settings, Witness
from bureau.ledger import log
from bureau.ledger.witness_client import Outcome, WitnessClient, WitnessError
from bureau.store import queries as q
from bureau.store.database import Database

FIXES = {
    Outcome.UNREACHABLE: "Ask its operator; members whose quorum needs it wait meanwhile.",
    Outcome.MISUNDERSTOOD: "Compare its url and key in bureau.toml with what its operator says.",
    Outcome.REFUSED: "See docs/witnesses.md, 'When a witness refuses', before anything else.",
    Outcome.AHEAD: "Do not serve; see docs/operating.md, 'A database that went back in time'.",
}


def ask_witnesses(database: Database, settings: Settings) -> Iterator[CheckResult]:
    """Ask each witness to cosign the newest checkpoint. The bureau stores none of the answers."""
    if not settings.witnesses:
        yield CheckResult(Health.OK, "witnesses", "none: the log has its own signature only")
        return
    for witness in settings.witnesses:
        yield _asked(database, witness)


def _asked(database: Database, witness: Witness) -> CheckResult:
    name = witness.verifier.name
    with database.transaction() as db:
        log.confirm_durable(db)  # what one machine alone has is not for witnesses
        size, note = log.size_of(db), log.newest_checkpoint(db)
        stored = db.one(q.cosigned_size, witness=name)
    door = WitnessClient(witness.url, witness.verifier)

    def prove(old_size: int) -> list[bytes]:
        with database.snapshot() as db:
            return log.consistency_proof(db, old_size, size)

    try:
        door.cosign(note, size, prove)
    except WitnessError as error:
        with database.snapshot() as db:
            overtaken = error.outcome is Outcome.AHEAD and error.size <= log.size_of(db)
        if not overtaken:  # by a node that brought a newer one meanwhile
            health = Health.WARN if error.outcome is Outcome.UNREACHABLE else Health.FAIL
            return CheckResult(health, f"witness {name}", str(error), FIXES[error.outcome])
    finally:
        door.close()
    kept = stored[0] if stored else 0
    detail = f"cosigns; its cosignatures are stored up to size {kept} of {size}"
    return CheckResult(Health.OK, f"witness {name}", detail)
