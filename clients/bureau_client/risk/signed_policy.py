"""Signatures of policies: a DSSE envelope over the canonical document, in a file of its own.

The envelope is the one of signed statements (`bureau_keys.envelope`) in the JSON form of DSSE,
so that other tools verify it too.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf import json_format

from bureau_client.risk.documents import Problem
from bureau_client.risk.policy import Policy, PolicyError, read_policy
from bureau_keys.envelope import pae, verify_signature
from bureau_keys.errors import KeysError
from bureau_keys.signing import SigningKey, VerifyKey
from creditbureau.v1.envelope_pb2 import Envelope, Signature

PAYLOAD_TYPE = "application/vnd.creditbureau.policy.v1+json"


def sign_policy(policy: Policy, key: SigningKey) -> str:
    """Sign a policy with the lender's key, and return the text of the signed file."""
    signature = key.sign(pae(PAYLOAD_TYPE, policy.document))
    envelope = Envelope(
        payload=policy.document,
        payload_type=PAYLOAD_TYPE,
        signatures=[Signature(keyid=key.verify_key.key_id, sig=signature)],
    )
    return json_format.MessageToJson(envelope) + "\n"


def read_signed_policy(text: str | bytes, keys: Mapping[str, VerifyKey]) -> Policy:
    """Read a signed policy and verify its signature.

    Args:
        text: Text of the signed file.
        keys: The lender's keys by key id.

    Raises:
        PolicyError: The file is no envelope of a policy, its signature does not verify under one
            of the keys, or its document is not a policy.
    """
    try:
        envelope = json_format.Parse(text, Envelope())
        if envelope.payload_type != PAYLOAD_TYPE:
            raise PolicyError(
                "?", [Problem("envelope", f"has the payload type {envelope.payload_type!r}")]
            )
        verify_signature(envelope, keys)
    except json_format.ParseError as error:
        message = "is not a signed policy; sign it with `bureau-lender policy sign`"
        raise PolicyError("?", [Problem("envelope", message)]) from error
    except KeysError as error:
        raise PolicyError("?", [Problem("signature", str(error))]) from error
    policy = read_policy(envelope.payload)
    if policy.document != envelope.payload:
        raise PolicyError(policy.name, [Problem("document", "is not in its canonical form")])
    return policy
