"""Reading a picture that may be hostile, and writing a small one.

Only pictures of pixels, only in formats that Pillow reads by itself, and none that would unfold to more memory than
`MAX_PIXELS` take.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from web_helper.backend.core.problems import UnprocessableProblem

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# 64 million pixels of four bytes are 256 MB while one is being made.
MAX_PIXELS = 64_000_000
QUALITY = 80

_UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


def shrink(content: bytes, size: int) -> bytes:
    """The picture as a WebP whose longer side has at most `size` pixels, without what the file said about itself.

    It stays as it is stored: annotations count pixels before a camera's orientation is applied.

    Raises:
        UnprocessableProblem: It is no picture, a broken one, or too large a one.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _refuse_large(image)
            image.draft("RGB", (size, size))
            return _encoded(image, size)
    except _UNREADABLE as exc:
        raise UnprocessableProblem("No picture can be made of this file: it cannot be read as an image.") from exc


def _refuse_large(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnprocessableProblem(
            f"No picture is made of an image of {width} by {height} pixels; at most {MAX_PIXELS} are read."
        )


def _encoded(image: Image.Image, size: int) -> bytes:
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    # Sixteen bits of grey would otherwise be cut off at 255.
    plain = _eight_bits(image) if image.mode.startswith(("I", "F")) else image.convert("RGBA" if has_alpha else "RGB")
    plain.thumbnail((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    out = BytesIO()
    plain.save(out, "WEBP", quality=QUALITY, method=2)
    return out.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    grey = image.convert("F")
    lowest, highest = grey.getextrema()
    low, high = float(lowest), float(highest)  # type: ignore[arg-type]  # One band, so two numbers.
    scale = 255 / (high - low) if high > low else 0
    scaled: Callable[[float], float] = lambda value: value * scale - low * scale  # noqa: E731 (Pillow reads it as a formula)
    return grey.point(scaled).convert("RGB")
