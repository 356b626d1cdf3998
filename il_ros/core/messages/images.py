# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images: from the bytes of ``sensor_msgs/Image`` and ``CompressedImage`` to what a policy sees, and back.

Live and in bags the same bytes go through the same functions, so driving and training see the same numbers. Pillow
decodes and resizes: decoders of JPEG agree bit for bit, resizing differs between libraries.
"""

from __future__ import annotations

import dataclasses
import io
import struct

import numpy as np
from PIL import Image

from il_ros.core.contract import ImageComponent
from il_ros.core.errors import MessageError
from il_ros.core.messages.headers import (
    STAMP_AT,
    is_little_endian,
    seconds,
    serialized_frame_id,
    serialized_stamp_ns,
)
from il_ros.core.types import Array

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
ENCODINGS = {
    "rgb8": ("RGB", (0, 1, 2)),
    "bgr8": ("RGB", (2, 1, 0)),
    "rgba8": ("RGBX", (0, 1, 2)),
    "bgra8": ("RGBX", (2, 1, 0)),
    "mono8": ("L", (0, 0, 0)),
}
"""The encodings of ``Image`` that are read: the mode of Pillow that holds them, and where red, green and blue are."""
FORMATS = ("JPEG", "PNG")
"""Of ``CompressedImage``."""
CHANNELS = {"L": 1, "RGB": 3, "RGBX": 4}
MOST_PIXELS = 1 << 26
"""A larger image is refused: what is packed in a few bytes may take all memory."""
HEADER_BYTES = 4
"""Of CDR, which says the byte order; alignment counts from its end."""


def decoded_image(data: bytes, component: ImageComponent) -> Array:
    """Return what the policy sees of a serialized image: (height, width, 3) uint8, RGB, cropped and resized.

    Raises:
        MessageError: if it is none of the contract's type, its size and its data do not agree, its encoding is not
            read, or the crop reaches beyond it.
    """
    try:
        image, order = _compressed(data) if component.type == COMPRESSED else _raw(data)
    except MessageError as error:
        raise MessageError(f"image {component.name!r}: {error}") from error
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise MessageError(
            f"image {component.name!r}: {len(data)} bytes are no {component.type} ({error}); check type and publisher"
        ) from error
    pixels: Array = np.asarray(_fitted(image, component))
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels[..., list(order)]) if order != (0, 1, 2) or pixels.shape[2] > 3 else pixels


def unpacked_image(packed: bytes) -> Array:
    """Return the pixels (H, W, 3) uint8, RGB, of a JPEG or PNG.

    Raises:
        MessageError: if it is neither, has more pixels than are read, or not 8 bits a channel.
    """
    return np.asarray(_unpacked(packed, "").convert("RGB"))


def packed_image(pixels: Array) -> bytes:
    """Return pixels (H, W, 3) uint8, RGB, or (H, W, 4), with opacity, as PNG; packed quickly rather than small."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", compress_level=1)
    return png.getvalue()


def fitted_image(pixels: Array, component: ImageComponent) -> Array:
    """Return what the policy sees of pixels (H, W, 3) uint8, RGB: (height, width, 3), cropped and resized.

    Raises:
        MessageError: if the crop reaches beyond it.
    """
    return np.asarray(_fitted(Image.fromarray(pixels), component))


def serialized_image(stamp_ns: int, frame_id: str, pixels: Array) -> bytes:
    """Return the bytes of an ``Image`` of pixels (H, W, 3) uint8, RGB, or (H, W), grey."""
    height, width = pixels.shape[:2]
    encoding = "rgb8" if pixels.ndim == 3 else "mono8"
    writer = _CdrWriter(stamp_ns, frame_id)
    writer.numbers("II", height, width)
    writer.text(encoding)
    writer.numbers("B", 0)
    writer.numbers("I", width * CHANNELS[ENCODINGS[encoding][0]])
    return writer.ended(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())


def serialized_png(stamp_ns: int, frame_id: str, pixels: Array) -> bytes:
    """Return the bytes of a ``CompressedImage`` that holds pixels (H, W, 3) uint8, RGB, without loss."""
    writer = _CdrWriter(stamp_ns, frame_id)
    writer.text("rgb8; png compressed bgr8")  # as image_transport writes it
    return writer.ended(packed_image(pixels))


def jpeg_of_image(data: bytes, quality: int) -> bytes:
    """Return the ``CompressedImage`` of a serialized ``Image``, JPEG of this quality, with the same header.

    Colours have the full resolution: at half of it small coloured things would change by up to 100 levels.

    Raises:
        MessageError: if it is no image of 8 bits a channel.
    """
    try:
        image, order = _raw(data)
        encoding = _CdrReader(data).encoding()
        frame_id, stamp_ns = serialized_frame_id(data), serialized_stamp_ns(data)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise MessageError(f"{len(data)} bytes are no {IMAGE} ({error}); check type and publisher") from error
    if image.mode != "L" and (order != (0, 1, 2) or image.mode != "RGB"):
        image = Image.fromarray(np.ascontiguousarray(np.asarray(image)[..., list(order)]))
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=quality, subsampling=0)
    writer = _CdrWriter(stamp_ns, frame_id)
    writer.text(f"{encoding}; jpeg compressed {'mono8' if image.mode == 'L' else 'bgr8'}")  # as image_transport says it
    return writer.ended(jpeg.getvalue())


def image_form(data: bytes, type_name: str) -> str:
    """Return size and encoding of a serialized image, as a driver's settings name them: ``640 x 480 rgb8``.

    Raises:
        MessageError: if it cannot be read.
    """
    try:
        image, _ = _compressed(data) if type_name == COMPRESSED else _raw(data)
        reader = _CdrReader(data)
        encoding = reader.text() if type_name == COMPRESSED else reader.encoding()
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise MessageError(f"{len(data)} bytes are no {type_name} ({error}); check type and publisher") from error
    return f"{image.width} x {image.height} {encoding}"


def as_recorded(component: ImageComponent, type_name: str) -> ImageComponent:
    """Return a camera as a bag has it, whose recorder may have made JPEGs of raw images."""
    is_jpeg = (component.type, type_name) == (IMAGE, COMPRESSED)
    return dataclasses.replace(component, type=COMPRESSED) if is_jpeg else component


def published_size(component: ImageComponent) -> tuple[int, int]:
    """Return width and height of the image that a simulated camera publishes: the crop is the middle of it."""
    if not component.crop:
        return component.width, component.height
    left, top, width, height = component.crop
    return 2 * left + width, 2 * top + height


def _raw(data: bytes) -> tuple[Image.Image, tuple[int, int, int]]:
    reader = _CdrReader(data)
    height, width = reader.numbers("II")
    encoding = reader.text()
    reader.numbers("B")  # the byte order of pixels of two bytes, of which none are read
    (step,) = reader.numbers("I")
    pixels = reader.rest()
    if encoding not in ENCODINGS:
        choices = ", ".join(ENCODINGS)
        raise MessageError(f"encoding {encoding!r} is not read, only {choices}; set one of them in the camera's driver")
    mode, order = ENCODINGS[encoding]
    row = width * CHANNELS[mode]
    if not (0 < width * height <= MOST_PIXELS and step >= row and len(pixels) >= height * step):
        raise MessageError(
            f"{width} x {height} pixels as {encoding} need {height} rows of {row} bytes or more, and 1 to "
            f"{MOST_PIXELS} pixels are read; it has a step of {step} and {len(pixels)} bytes: check the camera's driver"
        )
    return Image.frombuffer(mode, (width, height), np.frombuffer(pixels, np.uint8), "raw", mode, step, 1), order


def _compressed(data: bytes) -> tuple[Image.Image, tuple[int, int, int]]:
    reader = _CdrReader(data)
    said = reader.text()
    return _unpacked(reader.rest(), said), (0, 1, 2)


def _unpacked(packed: bytes | memoryview, said: str) -> Image.Image:
    """Return a JPEG or PNG as gray levels or RGB; ``said`` is the format that it is said to have."""
    try:
        image = Image.open(io.BytesIO(packed), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS or image.mode not in ("L", "RGB", "RGBA", "P"):
            raise MessageError(
                f"{image.width} x {image.height} pixels of mode {image.mode} are not read; set 8 bits a channel and at "
                f"most {MOST_PIXELS} pixels in the camera's driver"
            )
        return image.convert("L" if image.mode == "L" else "RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise MessageError(
            f"{len(packed)} bytes of format {said!r} are no JPEG or PNG ({error}); check the camera's driver"
        ) from error


def _fitted(image: Image.Image, component: ImageComponent) -> Image.Image:
    """Return the image cropped and resized: by area averaging where it shrinks, by bilinear interpolation else."""
    if component.crop:
        left, top, width, height = component.crop
        if left + width > image.width or top + height > image.height:
            raise MessageError(
                f"image {component.name!r} is {image.width} x {image.height} pixels, and the crop of {width} x "
                f"{height} at {left}, {top} reaches beyond it; correct the contract's crop"
            )
        image = image.crop((left, top, left + width, top + height))
    size = component.width, component.height
    if image.size == size:
        return image
    is_shrunk = image.width >= size[0] and image.height >= size[1]
    return image.resize(size, Image.Resampling.BOX if is_shrunk else Image.Resampling.BILINEAR)


class _CdrReader:
    """Reads the fields of a serialized message one after the other, from behind its stamp."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER_BYTES or data[0] != 0 or data[1] > 1:
            raise ValueError(f"it begins with {data[:HEADER_BYTES].hex()}, which is no plain CDR")
        self._data, self._at = data, STAMP_AT
        self._order = "<" if is_little_endian(data) else ">"
        self.numbers("II")
        self.text()

    def numbers(self, codes: str) -> tuple[int, ...]:
        """Return whole numbers of one size, of the code ``I`` or ``B``."""
        size = struct.calcsize(codes[0])
        self._at += -(self._at - HEADER_BYTES) % size
        values = struct.unpack_from(self._order + codes, self._data, self._at)
        self._at += size * len(codes)
        return values

    def encoding(self) -> str:
        """Return the encoding of an ``Image``, from behind its header."""
        self.numbers("II")
        return self.text()

    def text(self) -> str:
        """Return a text."""
        return bytes(self._sequence()).rstrip(b"\0").decode()

    def rest(self) -> memoryview:
        """Return the sequence of bytes that ends the message, without a copy."""
        return self._sequence()

    def _sequence(self) -> memoryview:
        (size,) = self.numbers("I")
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise ValueError(f"{size} bytes are announced, {len(self._data) - begin} follow")
        return memoryview(self._data)[begin : self._at]


class _CdrWriter:
    """Writes the fields of a message one after the other, header first."""

    def __init__(self, stamp_ns: int, frame_id: str) -> None:
        self._data = bytearray(b"\0\1\0\0" + struct.pack("<iI", *seconds(stamp_ns)))
        self.text(frame_id)

    def numbers(self, codes: str, *values: int) -> None:
        """Write whole numbers of one size."""
        self._data += bytes(-(len(self._data) - HEADER_BYTES) % struct.calcsize(codes[0]))
        self._data += struct.pack("<" + codes, *values)

    def text(self, text: str) -> None:
        """Write a text."""
        encoded = text.encode() + b"\0"
        self.numbers("I", len(encoded))
        self._data += encoded

    def ended(self, content: bytes) -> bytes:
        """Write the sequence of bytes that ends the message; return all of it."""
        self.numbers("I", len(content))
        return bytes(self._data) + content
