"""The operator's certificate, registered at the database itself. By gRPC the operator needs a
certificate in force, and only the operator can register one: once it has ended, this is
the way back in.

The change is a statement that the operator signs, taken by the same journey and into the
same log as any other; serving nodes heed it from the next call on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bureau.admin.admission_request import Signer
from bureau.clock import Clock
from bureau.codes import EMPTY
from bureau.config import Settings
from bureau.context import Bureau, Caller
from bureau.journeys.member import change_credential
from bureau.ledger import checkpoint_file
from bureau.ledger.checked_database import open_database
from bureau.ledger.commit_queue import Ledger
from bureau.ledger.known_checkpoint import KnownCheckpoint
from bureau.ledger.witness_feeder import WitnessFeeders
from bureau.main import LOG_KEY, REPORT_KEY
from bureau.policy import load_policy
from bureau.store.database import Database
from bureau_keys.authority import der_of
from bureau_keys.envelope import seal
from bureau_keys.keyring import Keyring
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import CredentialChange


def register_operator_certificate(settings: Settings, pem: bytes, clock: Clock) -> Receipt:
    """Register a further certificate of the operator, without a call.

    Raises:
        SchemaError, ForkedLogError, LogKeyError: The database is not one to write to.
        Refusal: The operator's signing key is not in force, or the certificate is not
            its own.
    """
    profile = Profile.load(settings.operator_folder)
    keyring = Keyring.open(settings.server_folder / "keyring", settings.passphrase())
    database = open_database(settings, keyring.get(LOG_KEY).verify_key)
    signer = Signer(
        profile.member_id, settings.origin, SigningKey.from_pem(profile.signing_key_pem)
    )
    change = CredentialChange(
        header=signer.header(clock.now_us()),
        member_id=profile.member_id,
        add_certificate=der_of(pem),
    )
    # In its own name, which takes no role: the signature alone opens this.
    caller = Caller(profile.member_id, EMPTY, EMPTY, settings.jurisdiction)
    try:
        with offline_bureau(settings, keyring, database, clock) as bureau:
            _, receipt = change_credential(bureau, caller, seal(change, signer.key))
    finally:
        database.dispose()
    return receipt


@contextmanager
def offline_bureau(
    settings: Settings, keyring: Keyring, database: Database, clock: Clock
) -> Iterator[Bureau]:
    """Yield a bureau's parts with a writer at work, and nothing that listens."""
    known = KnownCheckpoint(*checkpoint_file.read_all(settings).values())
    feeders = WitnessFeeders(settings.witnesses, database, clock, lambda _why: None)
    ledger = Ledger(
        database,
        keyring.get(LOG_KEY),
        settings.origin,
        clock,
        known,
        before_batch=feeders.require_agreement,
    )
    feeders.start()
    ledger.start()
    try:
        yield Bureau(
            origin=settings.origin,
            policy=load_policy(settings.jurisdiction, settings.folder / "policy"),
            database=database,
            ledger=ledger,
            clock=clock,
            limits=settings.limits,
            report_key=keyring.get(REPORT_KEY),
            evaluator=None,
        )
    finally:
        ledger.stop()
        feeders.stop()
