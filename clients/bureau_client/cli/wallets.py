"""A wallet on the command line: which folder, and how it opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bureau_client.cli import common
from bureau_client.sync.wallet import Wallet
from bureau_client.wallet_folder import WalletFolder

WalletOption = Annotated[
    Path,
    typer.Option(
        "--wallet", envvar="BUREAU_WALLET", metavar="DIR", help="Folder with your id and key."
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="File with the passphrase of the key, if locked."
    ),
]


def opened(folder: Path, profile: Path, passphrase_file: Path | None) -> Wallet:
    """The wallet of a folder."""
    found = WalletFolder.load(folder, common.read_passphrase(passphrase_file))
    return found.open(common.load_profile(profile))
