"""The note of a change of a member's state: the operator and the member read it, the log has
its digest.

Every member reads the signed change, so that no suspended member is taken for an active one.
A reason may be a suspicion: the change has a salted digest of it alone. The operator keeps the
opening in a file and gives it to the member, which proves by it what was signed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from bureau_keys.errors import KeysError

_DOMAIN = b"creditbureau/note/v1\n"
SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class StateNote:
    """A note, with what opens its digest.

    Attributes:
        text: The reason in words.
        salt: Random bytes, without which no one can try words against the digest.
    """

    text: str
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 over domain, salt and text: `MemberStateChange.note_digest`."""
        return sha256(_DOMAIN + self.salt + self.text.encode()).digest()

    def to_json(self) -> bytes:
        """Return the content of the note's file."""
        content = {"text": self.text, "salt": self.salt.hex(), "digest": self.digest.hex()}
        return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> StateNote:
        """Read the content of a note's file.

        Raises:
            KeysError: The content is no note, or its digest is of another one.
        """
        try:
            fields = json.loads(content)
            note = cls(str(fields["text"]), bytes.fromhex(fields["salt"]))
            digest = bytes.fromhex(fields["digest"])
        except (ValueError, TypeError, KeyError) as error:
            raise KeysError(f"no note of a change of state: {error}") from error
        if len(note.salt) != SALT_BYTES or note.digest != digest:
            raise KeysError("the note does not open its digest")
        return note
