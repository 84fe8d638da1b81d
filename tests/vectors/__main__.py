"""Write `protos/vectors/*.json`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.vectors.files import FOLDER, texts


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = texts()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
