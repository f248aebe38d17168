"""Converts pixels of any mode to RGB at the size at which a picture is read."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFilter

from spotter.reading.scaling import Box, Pixels, scaled

PROFILE_BYTES = 8 << 20
"""The largest CMYK profile that is used; printers' profiles have up to 3 MB."""
_GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_BACKGROUNDS = (255, 0, 128)
"""Levels of grey to try. White comes first and wins ties, since most lettering is drawn for it."""
_CLEAR = 96.0
"""The difference in grey at which lettering is clear against its background; larger differences count as this."""
_EDGE = 5
"""Side of the window, in pixels, that must hold transparent pixels for its centre to count as an edge."""


def to_rgb(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Pixels:
    """RGB [H, W, 3] at `size` (width, height); box: the part of the source, in its pixels.

    CMYK is converted by the picture's own profile where it has one. Transparent parts get the background with the most
    contrast to the pixels that border on them.
    """
    profile = image.info.get("icc_profile") if image.mode == "CMYK" else None
    if image.mode in _GREY_16:
        image = Image.fromarray(_to_bytes(np.asarray(image)))
    elif image.mode == "LAB":
        image = image.getchannel(0)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB") and not profile:
        image = image.convert("RGB")
    pixels = scaled(image, size, box)
    if profile and image.mode == "CMYK":
        return _by_profile(pixels, profile)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return pixels if pixels.shape[2] == 3 else _on_background(pixels)


def _by_profile(pixels: Pixels, profile: bytes) -> Pixels:
    """CMYK [H, W, 4] to RGB; a profile that is damaged or not for CMYK is ignored."""
    inks = Image.fromarray(np.ascontiguousarray(pixels), "CMYK")
    try:
        if len(profile) > PROFILE_BYTES:
            raise ValueError("the profile is too large")
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        seen = ImageCms.profileToProfile(inks, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        seen = None
    return np.asarray(seen if seen is not None else inks.convert("RGB"))


def _on_background(pixels: Pixels) -> Pixels:
    """RGBA [H, W, 4] on a background of one grey.

    The background is chosen so that most pixels next to transparent parts, of the lettering or of its outline, differ
    clearly from it.
    """
    seen = Image.fromarray(pixels)
    alpha = seen.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return np.asarray(seen.convert("RGB"))
    background = Image.new("RGB", seen.size, (_background_level(seen, alpha),) * 3)
    background.paste(seen, mask=alpha)
    return np.asarray(background)


def _background_level(seen: Image.Image, alpha: Image.Image) -> int:
    least = np.asarray(alpha.filter(ImageFilter.MinFilter(_EDGE)), np.float32)
    weights = np.asarray(alpha, np.float32) * (255.0 - least)
    counts = np.bincount(np.asarray(seen.convert("RGB").convert("L")).ravel(), weights.ravel(), 256)
    levels = np.arange(256)
    clear = [float(counts @ np.minimum(abs(levels - level), _CLEAR)) for level in _BACKGROUNDS]
    return _BACKGROUNDS[clear.index(max(clear))]


def _to_bytes(values: NDArray[Any]) -> Pixels:
    """Scales samples wider than a byte to 0..255: from 0..1, 0..255 or 0..65535 where they fit, else from their own
    range."""
    numbers = values.astype(np.float32)  # the only copy; everything below works in place
    np.nan_to_num(numbers, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind == "u":
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 65535:
        tops = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
        low, high = 0.0, next(top for top in tops if high <= top)
    numbers -= low
    numbers *= 255.0 / max(high - low, 1e-30)
    np.rint(numbers, out=numbers)
    return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
