import json
from pathlib import Path

import pytest

from spotter.registry import bundle as bundles
from spotter.registry.bundle import open_bundle
from spotter.registry.errors import BundleError
from tests.registry.conftest import MODEL, WriteBundle


def test_a_written_bundle_opens(write: WriteBundle, tmp_path: Path) -> None:
    manifest = write(tmp_path / "b")
    bundle = open_bundle(tmp_path / "b")
    assert bundle.manifest == manifest
    assert bundle.model == MODEL
    assert bundle.read("MODEL_CARD.md") == b"# Card\n"
    assert set(manifest.files) == {"model.onnx", "golden.png", "MODEL_CARD.md"}


def test_a_used_folder_is_not_overwritten(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    with pytest.raises(BundleError, match="not empty"):
        write(tmp_path / "b")
    open_bundle(tmp_path / "b")


def test_a_failed_write_leaves_nothing(write: WriteBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="charset"):
        write(tmp_path / "b", charset="")
    assert not (tmp_path / "b").exists()


def test_a_changed_byte_is_seen(write: WriteBundle, tmp_path: Path) -> None:
    manifest = write(tmp_path / "b")
    for file in manifest.files:
        path = tmp_path / "b" / file
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises(BundleError, match=r"another SHA-256|not an ONNX"):
            open_bundle(tmp_path / "b")
        path.write_bytes(content)


def test_a_changed_length_is_seen(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "b" / "model.onnx").write_bytes(MODEL + b"x")
    with pytest.raises(BundleError, match="bytes, the manifest says"):
        open_bundle(tmp_path / "b")


def test_extra_and_missing_files_are_refused(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    extra = tmp_path / "b" / "weights.bin"
    extra.write_bytes(b"")
    with pytest.raises(BundleError, match=r"does not name: weights\.bin"):
        open_bundle(tmp_path / "b")
    extra.unlink()
    (tmp_path / "b" / "golden.png").unlink()
    with pytest.raises(BundleError, match=r"missing: golden\.png"):
        open_bundle(tmp_path / "b")


def test_links_and_folders_are_refused(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    model = tmp_path / "b" / "model.onnx"
    model.rename(tmp_path / "model.onnx")
    model.symlink_to(tmp_path / "model.onnx")
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(tmp_path / "b")
    model.unlink()
    model.mkdir()
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(tmp_path / "b")


def test_a_linked_manifest_is_refused(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    manifest.rename(tmp_path / "manifest.json")
    manifest.symlink_to(tmp_path / "manifest.json")
    with pytest.raises(BundleError, match="link"):
        open_bundle(tmp_path / "b")


def test_a_bundle_above_the_cap_is_refused(write: WriteBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "b")
    monkeypatch.setattr(bundles, "MAX_BUNDLE_BYTES", 10)
    with pytest.raises(BundleError, match="larger than 10"):
        open_bundle(tmp_path / "b")


@pytest.mark.parametrize("abi", [0, 99])
def test_another_operator_abi_is_refused(write: WriteBundle, tmp_path: Path, abi: int) -> None:
    write(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "custom_op_abi": abi}))
    with pytest.raises(BundleError, match=f"ABI {abi}, this program speaks 1 to 2"):
        open_bundle(tmp_path / "b")


def test_the_operator_abi_before_is_still_served(write: WriteBundle, tmp_path: Path) -> None:
    write(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "custom_op_abi": 1}))
    assert open_bundle(tmp_path / "b").manifest.custom_op_abi == 1


def test_no_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
        open_bundle(tmp_path / "nowhere")
