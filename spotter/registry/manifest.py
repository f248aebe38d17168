"""The manifest: everything a reader of a bundle must know, in one strictly checked JSON file."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from spotter import OLDEST_OPERATORS_VERSION, OPERATORS_VERSION
from spotter.registry.errors import BundleError

SCHEMA_VERSION = 1

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def is_name(text: str) -> bool:
    """Whether text may name a model, a version or an alias: safe as one path component on any system."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle: its SHA-256 in hex and its size in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        _check(_SHA256.fullmatch(self.sha256) is not None, "files: a sha256 is not 64 hex digits")
        _check(self.size >= 0, "files: a size is negative")


@dataclass(frozen=True)
class InputSpec:
    """How a picture is converted to the graph's input. All lengths are in pixels.

    A picture is scaled so that its long side is at most `max_side`; a small one is enlarged towards a long
    side of `target_side`, at most `max_upscale` times. It is then padded right and below with zeros to a
    bucket: each side to a multiple of the step that `bucket_steps` gives for it, and to `min_side` at least.
    """

    stride: int = 32
    max_side: int = 1280
    target_side: int = 1280
    max_upscale: float = 2.0
    min_side: int = 32
    bucket_steps: tuple[tuple[int, int], ...] = ((960, 32), (65536, 64))
    """Pairs (up to this side, this step), in ascending order; the last pair is used for all larger sides."""

    def __post_init__(self) -> None:
        _check(self.stride >= 1, "input: stride must be positive")
        _check(self.stride <= self.max_side <= 16384, "input: max_side must be between the stride and 16384")
        _check(1 <= self.target_side <= self.max_side, "input: target_side must be between 1 and max_side")
        _check(1.0 <= self.max_upscale <= 16.0, "input: max_upscale must be between 1 and 16")
        _check(self.min_side >= self.stride, "input: min_side must be at least the stride")
        _check(self.min_side % self.stride == 0, "input: min_side must be a multiple of the stride")
        _check(len(self.bucket_steps) > 0, "input: bucket_steps is empty")
        limits = [limit for limit, _ in self.bucket_steps]
        _check(limits == sorted(set(limits)), "input: bucket_steps must grow")
        for _, step in self.bucket_steps:
            _check(step >= 1 and step % self.stride == 0, "input: a bucket step is no multiple of the stride")

    def at(self, side: int) -> "InputSpec":
        """The same for reading pictures at a long side of `side` pixels. Raises BundleError where the model cannot read
        at it."""
        return replace(self, max_side=side, target_side=side)


@dataclass(frozen=True)
class Golden:
    """A picture in the bundle and words that a healthy model must read in it (as a multiset)."""

    picture: str
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        _check(len(self.words) > 0 and all(self.words), "golden: needs at least one word, none of them empty")


@dataclass(frozen=True)
class Decoding:
    """How the graph computes its rows, so that a word's score can be split into its parts and its characters can be
    located.

    A score is sigmoid(bias + detection * logit d + character * log c + text * t + length * log n): d the detector's
    probability, c that of the least certain character, t the log probability of the whole text in nats, n the number
    of its characters, at least 2. margin: how far a region's patch extends beyond each end of the region, as a share of
    the region's height.
    """

    bias: float
    detection: float
    character: float
    text: float
    margin: float
    length: float = 0.0

    def __post_init__(self) -> None:
        least = min(self.detection, self.character, self.text, self.margin, self.length)
        _check(least >= 0, "decoding: a number is negative")


@dataclass(frozen=True)
class Manifest:
    """A bundle's description. Raises BundleError when built from invalid values."""

    name: str
    version: str
    files: Mapping[str, FileEntry]
    charset: str
    """Character i of this string has class i + 1; class 0 is the blank."""
    input: InputSpec
    opset: int
    golden: Golden
    score_threshold: float
    model: str = "model.onnx"
    custom_op_abi: int = OPERATORS_VERSION
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where the weights came from: code commit, data sets, licences."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Its scores by data set."""
    decoding: Decoding | None = None
    """None where it is not known, and where a language model influences the text."""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _check(self.schema_version == SCHEMA_VERSION, f"schema_version {self.schema_version} is not known")
        _check(is_name(self.name), "name must be lower-case letters, digits, '.', '_' or '-'")
        _check(is_name(self.version), "version must be lower-case letters, digits, '.', '_' or '-'")
        for path in self.files:
            _check(_FILE.fullmatch(path) is not None, f"files: {path!r} is not a plain file name")
        for role, path in (("model", self.model), ("golden picture", self.golden.picture)):
            _check(path in self.files, f"the {role} {path!r} is not among the files")
        _check(len(self.charset) > 0, "charset is empty")
        _check(len(set(self.charset)) == len(self.charset), "charset holds a character twice")
        _check(self.opset >= 1, "opset must be positive")
        _check(self.custom_op_abi >= 0, "custom_op_abi must not be negative")
        _check(0.0 <= self.score_threshold <= 1.0, "score_threshold must be between 0 and 1")

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files.values())

    @property
    def digest(self) -> str:
        """`sha256:` and the hash of the canonical manifest; since the manifest contains the files' hashes, it covers
        the whole bundle.
        """
        return "sha256:" + hashlib.sha256(canonical(self)).hexdigest()


def canonical(manifest: Manifest) -> bytes:
    """The canonical bytes of a manifest, from which its digest is computed: JSON with sorted keys and no spaces, in
    UTF-8."""
    document = _document(manifest)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def dumps(manifest: Manifest) -> str:
    """The manifest as indented JSON."""
    return json.dumps(_document(manifest), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str | bytes) -> Manifest:
    """Parses a manifest. Raises BundleError for anything missing, unknown or of the wrong type."""
    from spotter.strict_json import read  # late: processes that only decode pictures need no pydantic

    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the manifest is not JSON: {error}") from None
    if isinstance(document, dict) and document.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise BundleError(f"schema_version {document['schema_version']!r} is not known")
    try:
        manifest = read(Manifest, json.dumps(document))
        canonical(manifest)  # rejects NaN and infinity, which Python's JSON parser accepts
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the manifest is wrong: {error}") from None
    for where, found, kind in (("", document, Manifest), ("input.", document["input"], InputSpec)):
        for each in fields(kind):
            # Defaults are for use in Python only; bundles from before the member `decoding` lack it.
            _check(each.name in found or each.name == "decoding", f"{where}{each.name}: missing")
    return manifest


def check_operators(manifest: Manifest) -> None:
    """Raises BundleError when the graph's operators follow an ABI that this program does not support."""
    if not OLDEST_OPERATORS_VERSION <= manifest.custom_op_abi <= OPERATORS_VERSION:
        known = f"{OLDEST_OPERATORS_VERSION} to {OPERATORS_VERSION}"
        raise BundleError(f"the graph's operators follow ABI {manifest.custom_op_abi}, this program speaks {known}")


def _document(manifest: Manifest) -> dict[str, Any]:
    document = {key: _plain(value) for key, value in asdict(manifest).items()}
    # As in bundles from before these members, so that their digests stay the same.
    if manifest.decoding is None:
        del document["decoding"]
    elif not manifest.decoding.length:
        del document["decoding"]["length"]
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _check(true: bool, reason: str) -> None:
    if not true:
        raise BundleError(reason)
