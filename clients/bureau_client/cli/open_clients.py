"""The clients of both command lines, opened from the folders that options name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau_client.models.statements import BeforeSend, ignore
from bureau_client.sync.lender import Lender
from bureau_client.sync.wallet import Wallet
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.profile import Profile

WalletOption = Annotated[
    Path,
    typer.Option(
        "--wallet", envvar="BUREAU_WALLET", metavar="DIR", help="Folder with your id and key."
    ),
]
WalletPassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="File with the passphrase of the key, if locked."
    ),
]


def open_lender(
    folder: Path, passphrase_file: Path | None, before_send: BeforeSend = ignore
) -> Lender:
    """Open the lender of a profile folder."""
    passphrase = read_passphrase(passphrase_file)
    return Lender(Profile.load(folder), passphrase=passphrase, before_send=before_send)


def open_wallet(folder: Path, profile: Path, passphrase_file: Path | None) -> Wallet:
    """Open the wallet of a wallet folder, through the agent of a profile folder."""
    wallet = WalletFolder.load(folder, read_passphrase(passphrase_file))
    return wallet.open(Profile.load(profile))


def read_passphrase(file: Path | None) -> str | None:
    """Read a passphrase from a file, without the end of the line."""
    return None if file is None else file.read_text("utf-8").rstrip("\r\n")
