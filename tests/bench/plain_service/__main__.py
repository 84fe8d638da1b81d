"""Serves the plain service: `python -m tests.bench.plain_service FOLDER PORT CREDENTIALS`.

FOLDER is for the database. CREDENTIALS is the folder of a bureau's server: both servers show the
same certificate. The plain service asks for none of its callers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from tests.bench.plain_service.app import create_app


def main(folder: Path, port: int, credentials: Path) -> None:
    uvicorn.run(
        create_app(folder / "plain.db"),
        port=port,
        ssl_keyfile=credentials / "tls.key",
        ssl_certfile=credentials / "tls.pem",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
