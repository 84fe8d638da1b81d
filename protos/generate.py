"""Generates the typed Python code of the contract into `protos/gen`.

Runs in an environment of its own (`make protos` builds it), because the code
must load on runtimes older than the one the project uses: protoc of
grpcio-tools 1.81 writes code for protobuf 6.33.5 and later.

The dependency on `buf/validate/validate.proto` is taken out before Python code
is written. The rules stay in the descriptors as option bytes, where
protovalidate reads them; but no copy of `buf.validate` is registered in the
process, where a second, differing one from another library would clash.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

PROTOS = Path(__file__).parent
GEN = PROTOS / "gen"
RULES = "buf/validate/validate.proto"


def main() -> None:
    files = sorted(str(p.relative_to(PROTOS)) for p in PROTOS.glob("creditbureau/v1/*.proto"))
    whole = GEN / "whole.binpb"
    GEN.mkdir(exist_ok=True)
    protoc(f"-I{PROTOS}", "--include_imports", "--include_source_info", f"-o{whole}", *files)
    contract = without_rules_import(whole.read_bytes())
    whole.unlink()

    stripped = GEN / "stripped.binpb"
    stripped.write_bytes(contract.SerializeToString())
    services = [file.name for file in contract.file if file.service]
    source = f"--descriptor_set_in={stripped}"
    protoc(source, f"--python_out={GEN}", f"--mypy_out=quiet:{GEN}", *files)
    protoc(source, f"--grpc_python_out={GEN}", f"--mypy_grpc_out=quiet:{GEN}", *services)
    stripped.unlink()
    for package in ("creditbureau", "creditbureau/v1"):
        (GEN / package / "__init__.py").write_text('"""Generated from `protos/`; never edited."""\n')
    (GEN / "creditbureau" / "py.typed").touch()


def without_rules_import(serialized: bytes) -> FileDescriptorSet:
    """The files without buf.validate, their imports of it taken out."""
    contract = FileDescriptorSet()
    for file in FileDescriptorSet.FromString(serialized).file:
        if file.name == RULES:
            continue
        kept = [name for name in file.dependency if name != RULES]
        del file.dependency[:]
        file.dependency.extend(kept)
        contract.file.append(file)
    return contract


def protoc(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *args], check=True)


if __name__ == "__main__":
    main()
