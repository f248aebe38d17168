"""A bundle on disk: a flat folder of files whose digests the manifest contains."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spotter.registry.errors import BundleError
from spotter.registry.graph import refuse_external_data
from spotter.registry.manifest import Decoding, FileEntry, Golden, InputSpec, Manifest, check_operators, dumps, loads

MANIFEST = "manifest.json"
MODEL = "model.onnx"
CARD = "MODEL_CARD.md"
DENSE, WORDS = "dense.onnx", "words.onnx"
"""The graph again in two parts, in bundles for GPUs."""
_GRAPH_SUFFIX = ".onnx"
MAX_MANIFEST_BYTES = 1 << 20
MAX_BUNDLE_BYTES = 512 << 20


@dataclass(frozen=True)
class Bundle:
    """A verified bundle with the model's bytes in memory, so that nothing can change between the check and the
    loading."""

    folder: Path
    manifest: Manifest
    model: bytes

    def read(self, file: str) -> bytes:
        """A file's bytes, checked against the manifest. Raises BundleError."""
        return _read(self.folder, file, self.manifest.files[file])

    def parts(self) -> tuple[bytes, bytes] | None:
        """The two parts of the graph, DENSE and WORDS, where the bundle has them. Raises BundleError."""
        if not self.manifest.files.keys() >= {DENSE, WORDS}:
            return None
        return self.read(DENSE), self.read(WORDS)


def open_bundle(folder: Path) -> Bundle:
    """Opens and verifies a bundle: its manifest, each file's size and SHA-256, and that there is nothing
    else.

    Raises BundleError for links, folders and extra files, for files that are missing, of another size or
    content, for more than MAX_BUNDLE_BYTES in all, for weights outside the model file, and for a
    custom-operator ABI that this program does not support.
    """
    manifest = read_manifest(folder)
    check_operators(manifest)
    if manifest.size > MAX_BUNDLE_BYTES:
        raise BundleError(f"the bundle is larger than {MAX_BUNDLE_BYTES} bytes")
    present = set()
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"{path.name} is not a plain file")
        present.add(path.name)
    expected = set(manifest.files) | {MANIFEST}
    if present - expected:
        raise BundleError(f"files that the manifest does not name: {', '.join(sorted(present - expected))}")
    if expected - present:
        raise BundleError(f"missing: {', '.join(sorted(expected - present))}")
    for file, entry in manifest.files.items():
        if file != manifest.model:
            content = _read(folder, file, entry)
            if file.endswith(_GRAPH_SUFFIX):
                refuse_external_data(content)
    model = _read(folder, manifest.model, manifest.files[manifest.model])
    refuse_external_data(model)
    return Bundle(folder, manifest, model)


def read_manifest(folder: Path) -> Manifest:
    """Reads only the manifest, without checking the files that it names. Raises BundleError."""
    path = folder / MANIFEST
    try:
        if path.is_symlink() or path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{MANIFEST} is a link or larger than {MAX_MANIFEST_BYTES} bytes")
        return loads(path.read_bytes())
    except OSError as error:
        raise BundleError(f"{MANIFEST} cannot be read: {error.strerror}") from None


def write_bundle(
    folder: Path,
    *,
    model: Path,
    golden_picture: Path,
    golden_words: Sequence[str],
    name: str,
    version: str,
    charset: str,
    input: InputSpec,
    opset: int,
    provenance: Mapping[str, Any],
    metrics: Mapping[str, Any],
    score_threshold: float,
    card: str,
    parts: tuple[Path, Path] | None = None,
    decoding: Decoding | None = None,
) -> Manifest:
    """Writes a new bundle into `folder`, which must not exist or be empty, and verifies what it wrote.

    The picture keeps its suffix and becomes `golden.*`; `card` becomes MODEL_CARD.md; `parts` are DENSE and WORDS.
    Raises BundleError, and then leaves no folder behind.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BundleError(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        picture = "golden" + golden_picture.suffix.lower()
        shutil.copyfile(model, folder / MODEL)
        shutil.copyfile(golden_picture, folder / picture)
        (folder / CARD).write_text(card, encoding="utf-8")
        written = dict(zip((DENSE, WORDS), parts, strict=True)) if parts else {}
        for file, part in written.items():
            shutil.copyfile(part, folder / file)
        manifest = Manifest(
            name=name,
            version=version,
            files={file: _entry(folder / file) for file in sorted((MODEL, picture, CARD, *written))},
            charset=charset,
            input=input,
            opset=opset,
            golden=Golden(picture, tuple(golden_words)),
            score_threshold=score_threshold,
            provenance=provenance,
            metrics=metrics,
            decoding=decoding,
        )
        (folder / MANIFEST).write_text(dumps(manifest), encoding="utf-8")
        return open_bundle(folder).manifest
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy_bundle(
    bundle: Bundle,
    folder: Path,
    *,
    name: str | None = None,
    version: str | None = None,
    card: str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Manifest:
    """Copies a verified bundle to a new folder, checking every byte; name, version, card and metrics replace its own.

    Raises FileExistsError where the folder exists.
    """
    folder.mkdir(parents=True)
    known = bundle.manifest
    for file in known.files:
        content = bundle.model if file == known.model else bundle.read(file)
        (folder / file).write_bytes(content)
    files = dict(known.files)
    if card is not None:
        (folder / CARD).write_text(card, encoding="utf-8")
        files[CARD] = _entry(folder / CARD)
    manifest = replace(
        known,
        name=known.name if name is None else name,
        version=known.version if version is None else version,
        metrics=known.metrics if metrics is None else metrics,
        files=files,
    )
    (folder / MANIFEST).write_text(dumps(manifest), encoding="utf-8")
    return manifest


def _entry(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(hashlib.sha256(content).hexdigest(), len(content))


def _read(folder: Path, file: str, entry: FileEntry) -> bytes:
    path = folder / file
    try:
        size = path.stat().st_size
        if size != entry.size:
            raise BundleError(f"{file} has {size} bytes, the manifest says {entry.size}")
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BundleError(f"{file} has another SHA-256 than the manifest says")
    return content
