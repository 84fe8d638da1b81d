"""A wallet on disk: the person's id and key in a folder, used by `bureau-wallet`.

    wallet.json    the subject id
    key.pem        the Ed25519 key (PKCS#8, may be encrypted)
    next-key.pem   during a rotation only: the next key

The newest checkpoint and the newest signed file that the wallet has seen are kept beside them
(`bureau_keys.log_memory`, `bureau_client.verify.event_memory`).

A rotation may be interrupted at any point: the next key is on disk before it is
sent, and `rotate` finds out which of the two keys the bureau knows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from bureau_client._operations import arguments
from bureau_client._operations.context import open_key
from bureau_client._operations.operation import Clock, utc_now
from bureau_client.errors import InvalidRequest, NotAuthenticated, NotWitnessed
from bureau_client.models.receipts import Receipt
from bureau_client.sync.wallet import Wallet
from bureau_keys.profile import Profile
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey
from bureau_keys.whole_files import write_whole

SETTINGS, KEY, NEXT_KEY = "wallet.json", "key.pem", "next-key.pem"


@dataclass(frozen=True, slots=True)
class WalletFolder:
    """One person's wallet on disk.

    Attributes:
        path: The folder.
        subject_id: The person's id.
        passphrase: Passphrase of the key; None for a key that is not locked.
    """

    path: Path
    subject_id: str
    passphrase: str | None = None

    @classmethod
    def create(
        cls, path: str | Path, subject_id: str, passphrase: str | None = None
    ) -> WalletFolder:
        """Make a folder with a new key, readable by its owner only.

        Raises:
            InvalidRequest: The folder holds a wallet, or the subject id is invalid.
        """
        folder = cls(Path(path), arguments.subject_id(subject_id), passphrase)
        folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder.path / KEY).exists():
            raise InvalidRequest(
                f"the folder {folder.path} holds a wallet already",
                reason="ALREADY_EXISTS",
                fix="Choose another folder; a lost key cannot be restored",
            )
        folder._write(KEY, SigningKey.generate())
        settings = json.dumps({"subject_id": subject_id}) + "\n"
        write_whole(folder.path / SETTINGS, settings)
        return folder

    @classmethod
    def load(cls, path: str | Path, passphrase: str | None = None) -> WalletFolder:
        """Load a wallet from its folder.

        Raises:
            InvalidRequest: The folder does not hold a wallet.
        """
        path = Path(path)
        try:
            settings = json.loads((path / SETTINGS).read_text("utf-8"))
            return cls(path, arguments.subject_id(settings["subject_id"]), passphrase)
        except (OSError, ValueError, KeyError, TypeError):
            raise InvalidRequest(
                f"the folder {path} does not hold a wallet",
                reason="NOT_FOUND",
                fix="Make one with `bureau-wallet create`",
            ) from None

    def open(self, profile: Profile, *, clock: Clock = utc_now) -> Wallet:
        """Open the wallet as a client.

        Args:
            profile: Profile of the agent that submits the person's statements.
            clock: Source of the time.

        Raises:
            NotAuthenticated: The passphrase is wrong.
        """
        return self._wallet(profile, KEY, clock)

    def rotate(self, profile: Profile, *, clock: Clock = utc_now) -> Receipt | None:
        """Replace the key, at the bureau and in the folder.

        Returns:
            The receipt; None if an earlier, interrupted rotation had taken effect and
            only the folder needed the change.
        """
        if not (self.path / NEXT_KEY).exists():
            self._write(NEXT_KEY, SigningKey.generate())
        elif self._bureau_knows_next(profile, clock):
            self._promote()
            return None
        with self.open(profile, clock=clock) as wallet:
            try:
                receipt = wallet.rotate_key(self._read(NEXT_KEY))
            except NotWitnessed:
                self._promote()  # the rotation took effect nevertheless
                raise
        self._promote()
        return receipt

    def _bureau_knows_next(self, profile: Profile, clock: Clock) -> bool:
        with self._wallet(profile, NEXT_KEY, clock) as wallet:
            try:
                wallet.inquiries(limit=1)
            except NotAuthenticated as error:
                if error.reason == "BAD_SIGNATURE":
                    return False
                raise
        return True

    def _wallet(self, profile: Profile, name: str, clock: Clock) -> Wallet:
        remembering = replace(profile, memory_folder=self.path)
        return Wallet(remembering, self.subject_id, self._read(name), clock=clock, folder=self.path)

    def _promote(self) -> None:
        (self.path / NEXT_KEY).replace(self.path / KEY)

    def _read(self, name: str) -> SigningKey:
        return open_key((self.path / name).read_bytes(), self.passphrase)

    def _write(self, name: str, key: SigningKey) -> None:
        pem = key.to_pem(self.passphrase.encode() if self.passphrase else None)
        # Exclusively: of two processes at once, one makes the key.
        write_private(self.path / name, pem, exclusive=True)
