"""A keyring: named secrets in one file, encrypted at rest.

The file is JSON with the parameters in clear and one AES-256-GCM ciphertext; its
key comes from a passphrase by scrypt (RFC 7914), once when the ring is opened.
A rotated key stays in the ring under its name with a number, so that what it
signed can still be explained.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bureau_keys.errors import LockedKey
from bureau_keys.signing import SigningKey

SEED_BYTES = 32
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
        """A new, empty ring.

        Raises:
            FileExistsError: There is one.
        """
        path = Path(path)
        if path.exists():
            raise FileExistsError(f"{path} exists")
        salt = secrets.token_bytes(16)
        ring = cls(path, _derive(passphrase, salt), salt, {})
        ring._save()
        return ring

    @classmethod
    def open(cls, path: str | Path, passphrase: bytes) -> Keyring:
        """Opens a ring.

        Raises:
            LockedKey: The passphrase is wrong, or the file was changed.
            FileNotFoundError: There is none.
        """
        path = Path(path)
        stored = json.loads(path.read_text("ascii"))
        salt, sealed = (base64.b64decode(stored[name]) for name in ("salt", "sealed"))
        key = _derive(passphrase, salt)
        try:
            clear = AESGCM(key).decrypt(sealed[:12], sealed[12:], LABEL)
        except InvalidTag as error:
            raise LockedKey(f"the passphrase does not open {path}") from error
        seeds = {name: bytes.fromhex(seed) for name, seed in json.loads(clear).items()}
        return cls(path, key, salt, seeds)

    def names(self) -> list[str]:
        """Names of all secrets, rotated ones too."""
        return sorted(self._seeds)

    def add(self, name: str, key: SigningKey) -> None:
        """Stores a signing key.

        Raises:
            KeyError: The name is taken.
        """
        self.add_seed(name, key.seed)

    def add_seed(self, name: str, seed: bytes) -> None:
        """Stores a secret of 32 bytes.

        Raises:
            KeyError: The name is taken.
        """
        if name in self._seeds:
            raise KeyError(f"the ring has a secret named {name}")
        self._seeds[name] = seed
        self._save()

    def get(self, name: str) -> SigningKey:
        """A signing key.

        Raises:
            KeyError: There is none of this name.
        """
        return SigningKey.from_seed(self._seeds[name])

    def seed(self, name: str) -> bytes:
        """A secret of 32 bytes.

        Raises:
            KeyError: There is none of this name.
        """
        return self._seeds[name]

    def rotate(self, name: str) -> tuple[SigningKey, SigningKey]:
        """Puts a new signing key in a name's place; returns the old and the new."""
        old, new = self.get(name), SigningKey.generate()
        number = sum(known.startswith(f"{name}@") for known in self._seeds) + 1
        self._seeds[f"{name}@{number}"] = old.seed
        self._seeds[name] = new.seed
        self._save()
        return old, new

    def change_passphrase(self, passphrase: bytes) -> None:
        """Encrypts the ring under another passphrase."""
        self._salt = secrets.token_bytes(16)
        self._key = _derive(passphrase, self._salt)
        self._save()

    def _save(self) -> None:
        clear = json.dumps({name: seed.hex() for name, seed in self._seeds.items()}).encode()
        nonce = secrets.token_bytes(12)
        sealed = nonce + AESGCM(self._key).encrypt(nonce, clear, LABEL)
        stored = {
            "format": LABEL.decode(),
            "salt": base64.b64encode(self._salt).decode("ascii"),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        }
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(stored, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase)
