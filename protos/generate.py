"""Generates the typed Python code of the contract into `protos/gen`, with the field rules of
records, the SDK's table of methods, and the contract's reference into `docs/contract.md`.

Runs in an environment of its own (`make protos` builds it), because the code
must load on runtimes older than the one the project uses: protoc of
grpcio-tools 1.81 writes code for protobuf 6.33.5 and later.

The dependency on `buf/validate/validate.proto` is taken out before Python code
is written. The rules stay in the descriptors as option bytes, where
protovalidate reads them; but no copy of `buf.validate` is registered in the
process, where a second, differing one from another library would clash.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from field_rules import table as rules_table
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from reference import Page
from sdk_methods import table

PROTOS = Path(__file__).parent
ROOT = PROTOS.parent
GEN = PROTOS / "gen"
REFERENCE = ROOT / "docs" / "contract.md"
SDK_METHODS = ROOT / "clients" / "bureau_client" / "_operations" / "methods.py"
REASONS = Path("creditbureau", "v1", "reason.py")
FIELD_RULES = Path("creditbureau", "v1", "field_rules.py")
RULES = "buf/validate/validate.proto"


def main() -> None:
    files = sorted(str(p.relative_to(PROTOS)) for p in PROTOS.glob("creditbureau/**/*.proto"))
    whole = GEN / "whole.binpb"
    if GEN.exists():
        shutil.rmtree(GEN)  # so that `make check` finds what is not generated
    GEN.mkdir()
    protoc(f"-I{PROTOS}", "--include_imports", "--include_source_info", f"-o{whole}", *files)
    described = whole.read_bytes()
    contract = without_rules_import(described)
    whole.unlink()

    stripped = GEN / "stripped.binpb"
    stripped.write_bytes(contract.SerializeToString())
    services = [file.name for file in contract.file if file.service]
    source = f"--descriptor_set_in={stripped}"
    protoc(source, f"--python_out={GEN}", f"--mypy_out=quiet:{GEN}", *files)
    protoc(source, f"--grpc_python_out={GEN}", f"--mypy_grpc_out=quiet,only_sync:{GEN}", *services)
    stripped.unlink()
    for package in (
        "creditbureau",
        "creditbureau/v1",
        "creditbureau/sandbox",
        "creditbureau/sandbox/v1",
    ):
        (GEN / package / "__init__.py").write_text(
            '"""Generated from `protos/`; never edited."""\n'
        )
    (GEN / "creditbureau" / "py.typed").touch()
    (GEN / REASONS).write_text(reasons(contract), "utf-8")
    load_on_oldest_runtime(files)
    write_derived(described)


def reasons(contract: FileDescriptorSet) -> str:
    """Return the module of the type `Reason`: the enum's names without their prefix, for
    a type checker to hold reasons against.
    """
    names = [
        value.name.removeprefix("REASON_")
        for file in contract.file
        for enum in file.enum_type
        if enum.name == "Reason"
        for value in enum.value
        if value.number
    ]
    lines = [
        '"""Generated from `protos/`; never edited."""',
        "",
        "from typing import Literal, TypeAlias",
        "",
        "Reason: TypeAlias = Literal[",
        *(f'    "{name}",' for name in names),
        "]",
    ]
    return "\n".join(lines) + "\n"


def load_on_oldest_runtime(files: list[str]) -> None:
    """Import every generated module on the oldest protobuf that users have, which runs here."""
    names = [name.removesuffix(".proto").replace("/", ".") + "_pb2" for name in files]
    script = f"import importlib; [importlib.import_module(name) for name in {names}]"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=GEN)


def without_rules_import(serialized: bytes) -> FileDescriptorSet:
    """Return the files without buf.validate and without their imports of it."""
    contract = FileDescriptorSet()
    for file in FileDescriptorSet.FromString(serialized).file:
        if file.name == RULES:
            continue
        kept = [name for name in file.dependency if name != RULES]
        del file.dependency[:]
        file.dependency.extend(kept)
        contract.file.append(file)
    return contract


def write_derived(described: bytes) -> None:
    """Write `docs/contract.md`, the SDK's table of methods, and the field rules of records.

    The generated code is loaded from the tree, and `buf.validate` is compiled aside, so
    that the options of methods and fields parse.
    """
    sys.path.insert(0, str(GEN))
    options = importlib.import_module("creditbureau.v1.options_pb2")
    with tempfile.TemporaryDirectory() as folder:
        protoc(f"-I{PROTOS}", f"--python_out={folder}", RULES)
        sys.path.insert(0, folder)
        validate = importlib.import_module("buf.validate.validate_pb2")
    contract = FileDescriptorSet.FromString(described)
    REFERENCE.parent.mkdir(exist_ok=True)
    page = Page(contract, options, validate).text()
    REFERENCE.write_text(page.rstrip("\n") + "\n", "utf-8")
    # The sandbox's own service is for its operator's commands, not for members.
    members = FileDescriptorSet(file=[f for f in contract.file if f.package == "creditbureau.v1"])
    SDK_METHODS.write_text(table(members, options), "utf-8")
    (GEN / FIELD_RULES).write_text(rules_table(members, validate), "utf-8")


def protoc(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *args], check=True)


if __name__ == "__main__":
    main()
