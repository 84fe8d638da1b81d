"""No personal data in logs, none in the log; no private key in the repository."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

from bureau.admin.bureau_folder import InitOptions
from bureau.testing import free_port, running_bureau
from bureau_client import Lender, SigningKey
from bureau_keys.envelope import seal
from creditbureau.v1 import codes_pb2, consent_pb2, consents_pb2, log_pb2, subjects_pb2
from tests.service.node import PATIENT, Node
from tests.service.raw import Person, Raw, attestation, snapshot

LENDER = ("furnisher", "subscriber", "attester")
IDENTIFIER, ACCOUNT, CREDITOR = "000-98-7654", "CANARY-ACCOUNT-77", "Canary Creditor"
NOTE, LABEL = "canary note", "canary-label"
CANARIES = (IDENTIFIER, "00098", ACCOUNT, CREDITOR, NOTE, LABEL)
PRIVATE_KEY = "PRIVATE " + "KEY-----"


def test_canaries_reach_neither_logs_nor_leaves(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_bureau(tmp_path / "bureau", InitOptions(listen=address), listen=address) as bureau:
        profile = bureau.add_member("acme", LENDER, ["credit-application"])
        agency = bureau.add_member("agent", ["agent"])
    with Node(tmp_path / "bureau", address):
        acme, agent = Raw(profile), Raw(agency)
        with Lender(profile, policy=PATIENT) as lender:
            subject_id = lender.subject_id("US", "SSN", IDENTIFIER)
        person = Person(subject_id, SigningKey.generate(), profile.trust.origin)
        acme.send(
            "Subjects/AttestKey",
            subjects_pb2.AttestKeyRequest(attestation=attestation(acme, person)),
        )
        consents = [
            agent.send(
                "Consents/GrantConsent",
                consents_pb2.GrantConsentRequest(consent=person.consent("acme", action)),
            ).reply.consent.consent_id
            for action in (codes_pb2.ACTION_FURNISH, codes_pb2.ACTION_INQUIRE)
        ]
        good = snapshot(subject_id, account_ref=ACCOUNT, original_creditor=CREDITOR)
        assert acme.submit([good], label=LABEL).code == "OK"
        bad = snapshot(subject_id, account_ref=ACCOUNT, original_creditor=CREDITOR + "\x07")
        assert acme.submit([bad], label=LABEL).code == "INVALID_ARGUMENT"
        assert acme.query(subject_id, consents[1]).code == "OK"
        assert acme.query(subject_id, str(uuid.uuid4())).code == "PERMISSION_DENIED"
        change = consent_pb2.ConsentChange(
            header=person.header(),
            consent_id=consents[1],
            transition=consent_pb2.CONSENT_TRANSITION_REVOKE,
            note=NOTE,
        )
        request = consents_pb2.ChangeConsentRequest(change=seal(change, person.key))
        assert agent.send("Consents/ChangeConsent", request).code == "OK"
        assert acme.query(subject_id, consents[1]).code == "PERMISSION_DENIED"
        assert acme.send("Reporting/QueryReport", ACCOUNT.encode()).code == "INVALID_ARGUMENT"
        leaves = acme.send("Log/ListLeaves", log_pb2.ListLeavesRequest()).reply.commitments

    log_text = (tmp_path / "bureau" / "serve.log").read_text("utf-8")
    assert '"method": "Reporting/QueryReport"' in log_text, "the calls were logged"
    for canary in (*CANARIES, subject_id):
        assert canary not in log_text, canary
    assert leaves
    assert all(len(leaf) == 32 for leaf in leaves)
    assert not any(bytes.fromhex(subject_id) in leaf for leaf in leaves)


# Published test keys: a client in another language reads its PEM by them. They are made from
# fixed seeds by `tests/vectors`, and no bureau or member has ever had one.
PUBLISHED_TEST_KEYS = "protos/vectors/keys.json"


def test_no_private_key_is_in_the_repository() -> None:
    root = Path(__file__).parents[2]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    names = [
        name
        for name in listed.split("\0")
        if name not in {"", PUBLISHED_TEST_KEYS}
        and PRIVATE_KEY in (root / name).read_text("utf-8", errors="ignore")
    ]
    assert not names
