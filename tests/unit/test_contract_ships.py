"""The contract reaches those who write in another language: it is in the wheel, and
other languages' tools take it as it is.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.documents import ROOT

PROTOS = ROOT / "protos"
BIN = Path(sys.executable).parent
SHIPPED = sorted(
    path.relative_to(PROTOS)
    for pattern in ("buf/**/*.proto", "creditbureau/**/*.proto", "vectors/*.json")
    for path in PROTOS.glob(pattern)
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `creditbureau/protos` of a wheel that was just built."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site" / "creditbureau" / "protos"


def test_the_wheel_holds_the_protos_and_the_vectors_as_they_are(shipped: Path) -> None:
    files = {path.relative_to(shipped): path for path in shipped.rglob("*") if path.is_file()}
    assert sorted(files) == SHIPPED
    assert {"creditbureau", "buf", "vectors"} == {path.parts[0] for path in files}
    for name, path in files.items():
        assert path.read_bytes() == (PROTOS / name).read_bytes(), name


def test_the_generated_python_code_stands_beside_them(shipped: Path) -> None:
    assert (shipped.parent / "v1" / "envelope_pb2.py").is_file()


def test_what_was_shipped_builds_with_buf(shipped: Path) -> None:
    image = shipped.parent / "image.binpb"
    run(str(BIN / "buf"), "build", str(shipped), "-o", str(image), cwd=shipped)
    files = {file.name for file in FileDescriptorSet.FromString(image.read_bytes()).file}
    assert files >= {str(name) for name in SHIPPED if name.suffix == ".proto"}


def test_the_repository_is_a_buf_module_of_the_same_files(tmp_path: Path) -> None:
    run(str(BIN / "buf"), "export", ".", "-o", str(tmp_path), cwd=ROOT)
    exported = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.proto"))
    assert exported == [name for name in SHIPPED if name.suffix == ".proto"]


def test_java_and_c_sharp_code_comes_out_in_packages_of_its_own(
    shipped: Path, tmp_path: Path
) -> None:
    for language in ("java", "csharp"):
        (tmp_path / language).mkdir()
    sources = [str(name) for name in SHIPPED if name.parts[0] == "creditbureau"]
    outputs = [f"--java_out={tmp_path / 'java'}", f"--csharp_out={tmp_path / 'csharp'}"]
    run(str(BIN / "protoc"), f"-I{shipped}", *outputs, *sources, cwd=shipped)
    # Each message is a class of its own, not nested in one for its file.
    java = (tmp_path / "java/creditbureau/v1/SubmissionManifest.java").read_text()
    assert "package creditbureau.v1;" in java
    assert "namespace CreditBureau.V1 {" in (tmp_path / "csharp/Record.cs").read_text()


def test_every_file_has_the_same_packages(shipped: Path) -> None:
    image = shipped.parent / "options.binpb"
    run(str(BIN / "buf"), "build", str(shipped), "-o", str(image), cwd=shipped)
    own = [
        file.options
        for file in FileDescriptorSet.FromString(image.read_bytes()).file
        if file.package == "creditbureau.v1"
    ]
    assert len(own) == len(list(PROTOS.glob("creditbureau/v1/*.proto")))
    assert {
        (
            options.go_package,
            options.java_package,
            options.java_multiple_files,
            options.csharp_namespace,
        )
        for options in own
    } == {("creditbureau/v1;creditbureauv1", "creditbureau.v1", True, "CreditBureau.V1")}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
