"""The proof of a dispute: what the parties signed, and the statements that bound their keys."""

from __future__ import annotations

from collections.abc import Iterator

from bureau.credit_file.consent_proof import KeyProofs
from bureau.credit_file.subject_state import ANSWER, OF_DISPUTES, OPENING
from bureau.signed_statement import unerased_statement
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.dispute_pb2 import Dispute, DisputeProof
from creditbureau.v1.furnishing_pb2 import WatchDisputesResponse
from creditbureau.v1.members_pb2 import LoggedStatement


def show_dispute(db: Connection, dispute: Dispute, keys: KeyProofs) -> WatchDisputesResponse:
    """Return a dispute with its proof, and with the keys not read before; without a cursor."""
    proof = DisputeProof()
    rows = db.all_in(q.entries_of_dispute, OF_DISPUTES, dispute_id=dispute.dispute_id)
    for entry_key, kind in rows:
        logged = unerased_statement(db, entry_key)
        if kind == OPENING:
            proof.opening.CopyFrom(logged)
        elif kind == ANSWER:
            proof.answer.CopyFrom(logged)
        else:
            proof.additions.append(logged)
    own = list(_key_ids([proof.opening, *proof.additions]))
    return WatchDisputesResponse(
        dispute=dispute, proof=proof, keys=keys.of(dispute.subject_id, own)
    )


def _key_ids(statements: list[LoggedStatement]) -> Iterator[str]:
    """Yield the subject's keys that signed the statements that are shown."""
    for logged in statements:
        if logged.HasField("envelope"):
            yield logged.envelope.signatures[0].keyid
