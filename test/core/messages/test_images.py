# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images: bytes of every encoding and byte order to what the policy sees, and errors that say what is wrong."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rosbags.typesys import Stores, get_typestore

from il_ros.core.contract import ImageComponent
from il_ros.core.errors import MessageError
from il_ros.core.messages import (
    as_recorded,
    decoded_image,
    jpeg_of_image,
    published_size,
    serialized_frame_id,
    serialized_image,
    serialized_png,
    serialized_stamp_ns,
)

STORE = get_typestore(Stores.ROS2_JAZZY)
RAW, PACKED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
ORDERS = {"rgb8": [0, 1, 2], "bgr8": [2, 1, 0], "rgba8": [0, 1, 2, 3], "bgra8": [2, 1, 0, 3], "mono8": [0]}
STAMP_NS = 12_000_000_345


def header(frame="camera"):
    kinds = STORE.types
    return kinds["std_msgs/msg/Header"](kinds["builtin_interfaces/msg/Time"](12, 345), frame)


def raw(pixels, encoding="rgb8", padding=0, little=True, frame="camera", **changes):
    """Serialize pixels (H, W, 3) with another library."""
    height, width, _ = pixels.shape
    rows = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2)[..., ORDERS.get(encoding, [0])]
    rows = np.pad(rows.reshape(height, -1), ((0, 0), (0, padding)), constant_values=77)
    fields = dict(height=height, width=width, encoding=encoding, is_bigendian=0, step=rows.shape[1], data=rows.ravel())
    message = STORE.types[RAW](header=header(frame), **{**fields, **changes})
    return bytes(STORE.serialize_cdr(message, RAW, little_endian=little))


def packed(data, form="jpeg", little=True):
    message = STORE.types[PACKED](header=header(), format=form, data=np.frombuffer(data, np.uint8))
    return bytes(STORE.serialize_cdr(message, PACKED, little_endian=little))


def pixels_of(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def camera(width, height, **more):
    return ImageComponent("front", "image", width=width, height=height, **more)


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(ORDERS)), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.booleans(),
    st.text("abc_", max_size=9),
)  # fmt: skip
def test_every_encoding_padding_and_byte_order_gives_the_same_pixels(encoding, height, width, padding, little, frame):
    pixels = pixels_of(height, height, width)
    if encoding == "mono8":
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    decoded = decoded_image(raw(pixels, encoding, padding, little, frame), camera(width, height))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous and np.array_equal(decoded, pixels)


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(1, 9), st.integers(1, 9), st.text("abc_", max_size=9))
def test_what_the_simulation_writes_another_library_reads_and_comes_back(seed, height, width, frame):
    pixels = pixels_of(seed, height, width)
    data, png = serialized_image(STAMP_NS, frame, pixels), serialized_png(STAMP_NS, frame, pixels)
    message = STORE.deserialize_cdr(data, RAW)
    assert (message.header.frame_id, message.encoding, message.step) == (frame, "rgb8", 3 * width)
    assert np.array_equal(message.data.reshape(pixels.shape), pixels)
    assert data == raw(pixels, frame=frame) and STORE.deserialize_cdr(png, PACKED).header.frame_id == frame
    assert serialized_stamp_ns(data) == serialized_stamp_ns(png) == STAMP_NS
    assert np.array_equal(decoded_image(data, camera(width, height)), pixels)
    assert np.array_equal(decoded_image(png, camera(width, height, type=PACKED)), pixels)


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_compressed_images_of_every_mode_are_read(mode, little):
    source = Image.fromarray(pixels_of(0, 12, 16)).convert(mode)
    data = io.BytesIO()
    source.save(data, "PNG")
    decoded = decoded_image(packed(data.getvalue(), "png", little), camera(16, 12, type=PACKED))
    assert np.array_equal(decoded, np.asarray(source.convert("RGB")))
    jpeg = io.BytesIO()
    source.convert("RGB").save(jpeg, "JPEG")
    assert np.array_equal(
        decoded_image(packed(jpeg.getvalue(), little=little), camera(16, 12, type=PACKED)),
        np.asarray(Image.open(jpeg)),
    )


@pytest.mark.parametrize("encoding", ["rgb8", "bgra8"])
@pytest.mark.parametrize(("factor_y", "factor_x"), [(1, 2), (3, 3), (5, 4)])
def test_shrinking_averages_areas(encoding, factor_y, factor_x):
    pixels = pixels_of(1, 6 * factor_y, 7 * factor_x)
    means = pixels.reshape(6, factor_y, 7, factor_x, 3).mean(axis=(1, 3))
    decoded = decoded_image(raw(pixels, encoding), camera(7, 6))
    assert np.abs(decoded - means).max() <= 1.0


def test_a_crop_is_cut_before_resizing():
    pixels, crop = pixels_of(2, 40, 50), (10, 4, 20, 30)
    cut = pixels[4:34, 10:30]
    data = raw(pixels, "bgr8", padding=3)
    assert np.array_equal(decoded_image(data, camera(20, 30, crop=crop)), cut)
    assert np.array_equal(decoded_image(data, camera(5, 6, crop=crop)), decoded_image(raw(cut), camera(5, 6)))
    assert published_size(camera(5, 6, crop=crop)) == (40, 38) and published_size(camera(5, 6)) == (5, 6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "16UC1"}, ("16UC1", "rgb8", "driver")),
        ({"step": 11}, ("11", "12", "driver")),
        ({"width": 9}, ("9 x 3", "27", "driver")),
        ({"height": 0}, ("4 x 0", "driver")),
        ({"data": np.zeros(35, np.uint8)}, ("35 bytes", "driver")),
    ],
)
def test_an_image_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(MessageError) as error:
        decoded_image(raw(pixels_of(0, 3, 4), **changes), camera(4, 3))
    assert all(word in str(error.value) for word in ("'front'", *words))


def test_a_crop_beyond_the_image_and_data_that_is_no_picture_are_refused():
    with pytest.raises(MessageError, match="crop of 9 x 2 at 0, 0 reaches beyond it; correct the contract's crop"):
        decoded_image(raw(pixels_of(0, 3, 4)), camera(4, 3, crop=(0, 0, 9, 2)))
    with pytest.raises(MessageError, match="no JPEG or PNG"):
        decoded_image(packed(b"GIF89a" + bytes(40)), camera(4, 3, type=PACKED))


@settings(max_examples=25)
@given(st.integers(0, 200), st.integers(0, 255), st.booleans())
def test_no_damage_raises_anything_else(cut, byte, is_packed):
    data = packed(serialized_png(0, "", pixels_of(0, 4, 4))) if is_packed else raw(pixels_of(0, 4, 4))
    at = cut % len(data)
    part = camera(4, 4, type=PACKED if is_packed else RAW)
    for damaged in (data[:at], data[:at] + bytes([byte]) + data[at + 1 :], struct.pack("<I", byte) + data[:at]):
        try:
            assert decoded_image(damaged, part).shape == (4, 4, 3)
        except MessageError:
            continue


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(ORDERS)), st.integers(1, 40), st.integers(1, 40), st.integers(0, 5), st.booleans(),
    st.integers(80, 100), st.text("abc_", max_size=9),
)  # fmt: skip
def test_the_jpeg_of_an_image_has_its_header_and_nearly_its_pixels(
    encoding, height, width, padding, little, quality, frame
):
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([3 * rows + 60, 2 * columns + 90, 200 - rows - columns], axis=2).astype(np.uint8)
    data = raw(pixels, encoding, padding, little, frame)
    jpeg = jpeg_of_image(data, quality)
    assert serialized_stamp_ns(jpeg) == serialized_stamp_ns(data) and serialized_frame_id(jpeg) == frame
    seen = camera(width, height)
    expected, got = decoded_image(data, seen), decoded_image(jpeg, as_recorded(seen, PACKED))
    assert np.abs(expected.astype(int) - got).mean() < 4.0


def test_an_image_that_jpeg_cannot_hold_is_refused():
    data = raw(pixels_of(0, 4, 4))
    for broken in (data.replace(b"rgb8", b"16UC"), data[:20], data[:-20], b""):
        with pytest.raises(MessageError, match="check|set one of them"):
            jpeg_of_image(broken, 90)


def test_a_camera_is_read_as_it_was_recorded():
    seen = camera(4, 3)
    assert as_recorded(seen, RAW) == seen and as_recorded(seen, PACKED).type == PACKED
    assert as_recorded(camera(4, 3, type=PACKED), RAW).type == PACKED, "the contract's own mistake is told"
