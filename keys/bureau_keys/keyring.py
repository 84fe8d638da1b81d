"""A keyring: named secrets in one file, encrypted at rest.

The file is JSON with a salt in clear and one AES-256-GCM ciphertext; its key comes
from a passphrase by scrypt (RFC 7914), once when the ring is opened. A rotated key
stays in the ring under its name with a number, `log@1`, so that what it signed can
still be explained; one that is to come is there beforehand, as `log@next`, so
that others can learn of it.
"""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bureau_keys.errors import LockedKey, MalformedMessage
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey

SEED_BYTES = 32
NONCE_BYTES = 12
LABEL = b"creditbureau keyring v1"
# About 50 ms and 16 MiB (RFC 7914 section 2 names the parameters).
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


class Keyring:
    """Secrets of 32 bytes by name: seeds of signing keys, and other seeds."""

    def __init__(self, path: Path, key: bytes, salt: bytes, seeds: dict[str, bytes]) -> None:
        self._path = path
        self._key = key
        self._salt = salt
        self._seeds = seeds

    @classmethod
    def create(cls, path: str | Path, passphrase: bytes) -> Keyring:
        """Return a new, empty ring.

        Raises:
            FileExistsError: There is one.
            LockedKey: The passphrase is empty: it would protect nothing.
        """
        path = Path(path)
        if path.exists():
            raise FileExistsError(f"{path} exists")
        salt = secrets.token_bytes(16)
        ring = cls(path, _derive(passphrase, salt), salt, {})
        ring._save({})
        return ring

    @classmethod
    def open(cls, path: str | Path, passphrase: bytes) -> Keyring:
        """Open a ring.

        Raises:
            LockedKey: The passphrase is wrong, or the file was changed.
            MalformedMessage: The file is no keyring.
            FileNotFoundError: There is none.
        """
        path = Path(path)
        try:
            stored = json.loads(path.read_text("ascii"))
            salt, sealed = (base64.b64decode(stored[name]) for name in ("salt", "sealed"))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedMessage(f"{path} is no keyring") from error
        key = _derive(passphrase, salt)
        try:
            clear = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], LABEL)
        except (InvalidTag, ValueError) as error:
            raise LockedKey(f"the passphrase does not open {path}") from error
        seeds = {name: bytes.fromhex(seed) for name, seed in json.loads(clear).items()}
        return cls(path, key, salt, seeds)

    def names(self) -> list[str]:
        """Return the names of all secrets, rotated ones too."""
        return sorted(self._seeds)

    def add(self, name: str, key: SigningKey) -> None:
        """Store a signing key.

        Raises:
            KeyError: The name is taken.
            MalformedMessage: See `add_seed`.
        """
        self.add_seed(name, key.seed)

    def add_seed(self, name: str, seed: bytes) -> None:
        """Store a secret of 32 bytes.

        Raises:
            KeyError: The name is taken.
            MalformedMessage: It has not 32 bytes, or the name is that of a rotated key.
        """
        if name in self._seeds:
            raise KeyError(f"the ring has a secret named {name}")
        if len(seed) != SEED_BYTES or "@" in name:
            raise MalformedMessage("a secret has 32 bytes, and a name without @")
        self._save({**self._seeds, name: seed})

    def get(self, name: str) -> SigningKey:
        """Return a signing key.

        Raises:
            KeyError: There is none of this name.
        """
        return SigningKey.from_seed(self._seeds[name])

    def seed(self, name: str) -> bytes:
        """Return a secret of 32 bytes.

        Raises:
            KeyError: There is none of this name.
        """
        return self._seeds[name]

    def prepare(self, name: str) -> SigningKey:
        """Return the signing key that the next rotation puts in a name's place, as `name@next`: a
        new one, or the one that is there already.

        Raises:
            KeyError: There is none of this name.
        """
        self.get(name)
        if f"{name}@next" not in self._seeds:
            self._save({**self._seeds, f"{name}@next": SigningKey.generate().seed})
        return self.get(f"{name}@next")

    def rotate(self, name: str) -> tuple[SigningKey, SigningKey]:
        """Put the prepared signing key in a name's place, or a new one; the old one stays as
        `name@1`, the next as `name@2`.

        Returns:
            The old key and the new.

        Raises:
            KeyError: There is none of this name.
        """
        seeds = dict(self._seeds)
        old, prepared = self.get(name), seeds.pop(f"{name}@next", None)
        new = SigningKey.from_seed(prepared) if prepared else SigningKey.generate()
        numbers = [int(known.partition("@")[2]) for known in seeds if known.startswith(f"{name}@")]
        number = max(numbers, default=0) + 1
        self._save({**seeds, f"{name}@{number}": old.seed, name: new.seed})
        return old, new

    def drop(self, name: str) -> None:
        """Take a rotated key out of the ring: what it signed counts no more.

        Raises:
            KeyError: There is none of this name, or it is no rotated key's.
        """
        if not name.partition("@")[2].isdigit():
            raise KeyError(f"{name} is not the name of a rotated key")
        self._save({known: seed for known, seed in self._seeds.items() if known != name})

    def change_passphrase(self, passphrase: bytes) -> None:
        """Encrypt the ring under another passphrase.

        Raises:
            LockedKey: It is empty: it would protect nothing.
        """
        salt = secrets.token_bytes(16)
        fresh = Keyring(self._path, _derive(passphrase, salt), salt, self._seeds)
        fresh._save(self._seeds)
        self._key, self._salt = fresh._key, fresh._salt

    def _save(self, seeds: dict[str, bytes]) -> None:
        clear = json.dumps({name: seed.hex() for name, seed in seeds.items()}).encode()
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + AESGCM(self._key).encrypt(nonce, clear, LABEL)
        stored = {
            "format": LABEL.decode(),
            "salt": base64.b64encode(self._salt).decode("ascii"),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        }
        write_private(self._path, json.dumps(stored).encode())
        # Only what is on disk is used: nothing is signed with a key that may be lost.
        self._seeds = seeds


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    if not passphrase:
        raise LockedKey("an empty passphrase protects nothing")
    return Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase)
